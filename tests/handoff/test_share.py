"""A group gets what it needs to read the target, really, and nobody gets more."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.stage import BARE_ROOT, FS_GROUP, ROOT, Person, Stage

from probe.access.acl import decode_acl
from probe.demo.image import DemoImage
from probe.evidence.seal import Seal, seal_path
from probe.handoff.seal.refused import Unable
from probe.handoff.seal.sealing import Wish, seal
from probe.image.reference import parse_reference

pytestmark = [pytest.mark.root]
READER = Person(uid=1234, gid=FS_GROUP, groups=())
"""The group and nothing else."""
STRANGER = Person(uid=4321, gid=4321, groups=(4321,))
OWNER = Person(uid=1500, gid=0, groups=(0, FS_GROUP))
"""Who made it, and holds the group."""
LONER = Person(uid=1500, gid=0, groups=(0,))
"""Who made it, and does not."""
POWERFUL = Person(0, 0, (0,), (*ROOT.capabilities, "CAP_CHOWN", "CAP_FOWNER", "CAP_FSETID"))
"""A container's root with its runtime's usual capabilities."""


def own(path: Path, uid: int, gid: int, mode: int) -> None:
    os.chown(path, uid, gid)
    path.chmod(mode)


def mode_of(path: Path) -> tuple[str, int]:
    status = os.stat(path)
    return f"{stat.S_IMODE(status.st_mode):04o}", status.st_gid


class Sharer:
    """Seals with `--share-with` as somebody, and asks who can read then."""

    def __init__(self, people: Stage) -> None:
        self.people = people

    def seal(self, reference: str | Path, by: Person, **wish: object) -> Seal:
        def act() -> str:
            made = seal(parse_reference(str(reference)), Wish(share_with=FS_GROUP, **wish))  # type: ignore[arg-type]
            return made.model_dump_json(by_alias=True)

        return Seal.model_validate_json(self.people.run(act, by=by))

    def fail(self, reference: str | Path, by: Person) -> str:
        def act() -> str:
            with pytest.raises(Unable) as caught:
                seal(parse_reference(str(reference)), Wish(share_with=FS_GROUP))
            return str(caught.value)

        return self.people.run(act, by=by)

    def can(self, person: Person, path: Path, how: Callable[[Path], object] = Path.read_bytes) -> bool:
        """By a real open."""

        def act() -> str:
            try:
                how(path)
            except PermissionError:
                return ""
            return "yes"

        return bool(self.people.run(act, by=person))


@pytest.fixture
def sharer(people: Stage) -> Sharer:
    return Sharer(people)


def test_the_incident(archive: Path, sharer: Sharer) -> None:
    """A directory 2700 of the right group: the bit that is missing, and nothing else."""
    own(archive, 0, FS_GROUP, 0o640)
    own(archive.parent, 0, FS_GROUP, 0o2700)
    assert not sharer.can(READER, archive)
    made = sharer.seal(f"oci-archive:{archive}", ROOT)
    assert len(made.changes) == 1 and made.changes[0].endswith(f" on {archive.parent}")
    assert sharer.can(READER, archive) and sharer.can(READER, Path(seal_path(str(archive))))
    assert not sharer.can(STRANGER, archive) and not sharer.can(STRANGER, Path(seal_path(str(archive))))
    assert not sharer.can(READER, archive.parent, lambda path: os.listdir(path)), "search was needed, not r"
    assert mode_of(archive) == ("0640", FS_GROUP)


@pytest.mark.parametrize("by", [POWERFUL, OWNER], ids=["root", "owner"])
def test_setgid_is_kept_where_the_kernel_lets(by: Person, archive: Path, sharer: Sharer) -> None:
    own(archive, by.uid, FS_GROUP, 0o600)
    own(archive.parent, by.uid, FS_GROUP, 0o2700)
    made = sharer.seal(f"oci-archive:{archive}", by)
    assert made.changes == (f"mode 0600 -> 0640 on {archive}", f"mode 2700 -> 2710 on {archive.parent}")
    assert mode_of(archive.parent) == ("2710", FS_GROUP)
    assert sharer.can(READER, archive)


def test_setgid_that_the_kernel_takes_is_told(archive: Path, sharer: Sharer) -> None:
    """uid 0 without capabilities and not in the group: chmod(2) clears setgid for it. That must not go unsaid."""
    own(archive, 0, FS_GROUP, 0o640)
    own(archive.parent, 0, FS_GROUP, 0o2700)
    made = sharer.seal(f"oci-archive:{archive}", BARE_ROOT)
    (change,) = made.changes
    assert change.startswith("mode 2700 -> 0710 (the kernel takes setgid from who is not in the group")
    assert mode_of(archive.parent) == ("0710", FS_GROUP)
    assert sharer.can(READER, archive)


def test_nothing_is_changed_where_nothing_is_needed(archive: Path, sharer: Sharer) -> None:
    before = [os.stat(path).st_ctime_ns for path in (archive, archive.parent.parent)]
    assert sharer.seal(f"oci-archive:{archive}", ROOT).changes == ()
    assert [os.stat(path).st_ctime_ns for path in (archive, archive.parent.parent)] == before


def test_another_group_is_given_only_what_is_needed(archive: Path, sharer: Sharer) -> None:
    """Made under umask 077 by uid 0: nobody is in a class that had something, so the group can change."""
    own(archive, 0, 0, 0o600)
    own(archive.parent, 0, 0, 0o2700)
    made = sharer.seal(f"oci-archive:{archive}", POWERFUL)
    assert made.changes == (
        f"group 0 -> {FS_GROUP}, mode 0600 -> 0640 on {archive}",
        f"group 0 -> {FS_GROUP}, mode 2700 -> 2710 on {archive.parent}",
    )
    assert (mode_of(archive), mode_of(archive.parent)) == (("0640", FS_GROUP), ("2710", FS_GROUP))
    assert sharer.can(READER, archive) and not sharer.can(STRANGER, archive)
    assert not sharer.can(READER, archive, lambda path: path.open("r+b").close())


def test_who_could_read_before_still_can(archive: Path, sharer: Sharer) -> None:
    """Members of group 0 had r and x: a new group would take it from them, so an ACL entry gives it to the other."""
    member = Person(uid=77, gid=0, groups=())
    own(archive, 1500, 0, 0o640)
    own(archive.parent, 1500, 0, 0o750)
    made = sharer.seal(f"oci-archive:{archive}", OWNER)
    assert made.changes == (
        f"ACL entry g:{FS_GROUP}:r-- on {archive}",
        f"ACL entry g:{FS_GROUP}:--x on {archive.parent}",
    )
    assert sharer.can(READER, archive) and sharer.can(member, archive) and not sharer.can(STRANGER, archive)
    assert sharer.can(member, archive.parent, lambda path: os.listdir(path))
    assert not sharer.can(READER, archive.parent, lambda path: os.listdir(path))


def test_an_owner_who_may_not_change_the_group_adds_an_entry(archive: Path, sharer: Sharer) -> None:
    own(archive, 1500, 0, 0o600)
    own(archive.parent, 1500, 0, 0o700)
    made = sharer.seal(f"oci-archive:{archive}", LONER)
    assert made.changes == (
        f"ACL entry g:{FS_GROUP}:r--, mode 0600 -> 0640 on {archive}",
        f"ACL entry g:{FS_GROUP}:--x, mode 0700 -> 0710 on {archive.parent}",
    )
    assert sharer.can(READER, archive) and not sharer.can(STRANGER, archive)
    assert not sharer.can(Person(uid=77, gid=0, groups=()), archive)


@pytest.mark.parametrize(
    "spec",
    [
        "u:4321:rwx,m::---",
        "u:4321:rwx,g:99:---,m::---,o::r--",
        "u:4321:rwx,g:99:r-x,m::r--",
        f"g:{FS_GROUP}:--x,m::--x",
        "g::r-x,m::---",
    ],
)
@pytest.mark.parametrize("gid", [0, FS_GROUP])
def test_an_acl_gives_the_group_its_part_and_nobody_more(gid: int, spec: str, archive: Path, sharer: Sharer) -> None:
    """To widen a mask would give the other entries what it kept from them."""
    if shutil.which("setfacl") is None:
        pytest.skip("needs setfacl")
    others = [
        STRANGER,
        Person(uid=77, gid=99, groups=()),
        Person(uid=78, gid=0, groups=()),
        Person(uid=79, gid=79, groups=()),
    ]
    own(archive, 1500, gid, 0o640)
    own(archive.parent, 1500, gid, 0o711)
    subprocess.run(["setfacl", "-n", "-m", spec, str(archive)], check=True)
    inside = [lambda path: path.open("rb").close(), lambda path: path.open("r+b").close()]
    before = [[sharer.can(one, archive, how) for how in inside] for one in others]
    needed = not sharer.can(READER, archive)
    made = sharer.seal(f"oci-archive:{archive}", LONER)
    assert bool(made.changes) is needed
    assert all("ACL entry g:" in change for change in made.changes)
    assert sharer.can(READER, archive) and not sharer.can(READER, archive, inside[1])
    assert [[sharer.can(one, archive, how) for how in inside] for one in others] == before
    decode_acl(os.getxattr(archive, "system.posix_acl_access"))


def test_without_acls_the_group_is_changed_and_that_is_said(place: Path, demo_image: DemoImage, people: Stage) -> None:
    """ramfs has none."""
    volume = place / "volume"
    volume.mkdir()

    def prepare() -> None:
        assert os.system(f"mount -t ramfs -o mode=755 ramfs {volume}") == 0
        (volume / "image.tar").write_bytes(demo_image.archive)
        own(volume / "image.tar", 0, 0, 0o660)

    def act() -> str:
        made = seal(parse_reference(f"oci-archive:{volume}/image.tar"), Wish(share_with=FS_GROUP))
        return "\n".join((*made.changes, str(mode_of(volume / "image.tar"))))

    said = people.run(act, by=POWERFUL, prepare=prepare)
    assert said == (
        f"group 0 -> {FS_GROUP} (members of group 0 now have the bits of others), mode 0660 -> 0640 on "
        f"{volume}/image.tar\n"
        f"('0640', {FS_GROUP})"
    )


def test_components_of_others_are_all_named_and_nothing_is_changed(place: Path, archive: Path, sharer: Sharer) -> None:
    outer = archive.parent
    inner = outer / "inner"
    inner.mkdir()
    target = inner / "image.tar"
    os.rename(archive, target)
    own(outer, 0, 0, 0o2750)
    own(inner, 0, 5, 0o770)
    own(target, 1500, 0, 0o600)
    owner = Person(uid=1500, gid=0, groups=(0, 5))
    said = sharer.fail(f"oci-archive:{target}", owner)
    assert said.startswith(
        f"{target}: cannot be shared with group {FS_GROUP}: {inner} (mode 0770, owner 0, group 5) needs "
    )
    assert f"; {outer} (mode 2750, owner 0, group 0) needs " in said
    assert "which uid 1500 may not change, not being its owner; its owner or root can: setfacl -n -m g:" in said
    assert str(place) + " (" not in said
    assert mode_of(target) == ("0600", 0), "its own part was not done, as it would not be enough"
    assert not os.path.lexists(seal_path(str(target)))
    # What it says helps.
    for command in (part.split(";")[0] for part in said.split("can: ")[1:]):
        subprocess.run(["sh", "-c", command], check=True)
    assert sharer.seal(f"oci-archive:{target}", owner).changes
    assert sharer.can(READER, target) and not sharer.can(STRANGER, target)


def test_an_image_directory(oci_layout: Path, place: Path, sharer: Sharer) -> None:
    image = place / "image"
    shutil.copytree(oci_layout, image)
    for path in (image, *image.rglob("*")):
        own(path, 0, FS_GROUP, 0o2700 if path.is_dir() else 0o600)
    made = sharer.seal(f"oci:{image}", POWERFUL)
    count = len(list((image / "blobs/sha256").iterdir()))
    assert set(made.changes) == {
        f"mode 0600 -> 0640 on {count} files in {image}/blobs/sha256",
        f"mode 0600 -> 0640 on 2 files in {image}",
        f"mode 2700 -> 2750 on {image}/blobs/sha256",
        f"mode 2700 -> 2750 on {image}/blobs",
        f"mode 2700 -> 2750 on {image}",
    }
    assert made.changes[-1].endswith(f" on {image}"), "the door last: nobody meets half of it"
    for path in (image, *image.rglob("*")):
        how = os.listdir if path.is_dir() else Path.read_bytes
        assert sharer.can(READER, path, how) and not sharer.can(STRANGER, path, how)


def test_published_open_from_its_first_moment(archive: Path, sharer: Sharer) -> None:
    """The old file of that name is none of the readers' business; the new one is opened before it has the name."""
    temporary = archive.with_name("tmp")
    os.rename(archive, temporary)
    archive.write_bytes(b"old")
    own(archive, 1500, 0, 0o600)
    own(temporary, 1500, FS_GROUP, 0o600)
    own(archive.parent, 1500, FS_GROUP, 0o2700)
    made = sharer.seal(f"oci-archive:{archive}", OWNER, publish=os.fsencode(temporary))
    assert made.changes == (f"mode 0600 -> 0640 on {temporary}", f"mode 2700 -> 2710 on {archive.parent}")
    assert mode_of(archive) == ("0640", FS_GROUP)
    assert sharer.can(READER, archive) and not sharer.can(STRANGER, archive)


def test_published_from_a_closed_directory_that_stays_closed(archive: Path, sharer: Sharer) -> None:
    aside = archive.parent.with_name("aside")
    aside.mkdir()
    os.rename(archive, aside / "tmp")
    own(aside / "tmp", 1500, FS_GROUP, 0o600)
    own(aside, 1500, FS_GROUP, 0o700)
    own(archive.parent, 1500, FS_GROUP, 0o700)
    made = sharer.seal(f"oci-archive:{archive}", OWNER, publish=os.fsencode(aside / "tmp"))
    assert len(made.changes) == 2
    assert (mode_of(aside)[0], mode_of(archive.parent)[0]) == ("0700", "0710")
    assert sharer.can(READER, archive)


def test_through_a_symbolic_link(archive: Path, place: Path, sharer: Sharer) -> None:
    (place / "link").symlink_to("oci")
    own(archive, 1500, FS_GROUP, 0o600)
    own(archive.parent, 1500, FS_GROUP, 0o700)
    made = sharer.seal(f"oci-archive:{place}/link/image.tar", OWNER)
    assert made.changes == (f"mode 0600 -> 0640 on {archive}", f"mode 0700 -> 0710 on {archive.parent}")
    assert sharer.can(READER, place / "link/image.tar")


def test_by_a_relative_name(archive: Path, sharer: Sharer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directories above the working directory are on the readers' way too."""
    own(archive.parent, 1500, FS_GROUP, 0o700)
    monkeypatch.chdir(archive.parent)
    assert sharer.seal("oci-archive:image.tar", OWNER).changes == (f"mode 0700 -> 0710 on {archive.parent}",)


def test_what_no_permission_gives_is_refused(archive: Path, place: Path, sharer: Sharer) -> None:
    """fs.protected_symlinks: a stranger's link in a sticky world-writable directory is followed by nobody else."""
    sticky = place / "sticky"
    sticky.mkdir()
    own(sticky, 0, 0, 0o1777)
    (sticky / "image.tar").symlink_to(archive)
    os.chown(sticky / "image.tar", 1500, 0, follow_symlinks=False)
    said = sharer.fail(f"oci-archive:{sticky}/image.tar", OWNER)
    assert "no permission can open it" in said and "fs.protected_symlinks" in said


def test_an_inode_that_nobody_can_change(archive: Path, sharer: Sharer) -> None:
    own(archive.parent, 1500, FS_GROUP, 0o700)
    own(archive, 1500, FS_GROUP, 0o600)
    if subprocess.run(["chattr", "+i", str(archive)], check=False, capture_output=True).returncode:
        pytest.skip("no immutable attribute here")
    said = sharer.fail(f"oci-archive:{archive}", OWNER)
    subprocess.run(["chattr", "-i", str(archive)], check=True)
    assert "cannot be shared" in said and "mode 0600 -> 0640: EPERM" in said and f"chmod 0640 {archive}" in said
    assert mode_of(archive.parent)[0] == "0700", "from the inside out: the door stayed shut"


def test_what_is_above_the_volume_in_a_container(archive: Path, place: Path, people: Stage) -> None:
    """A reader's container has its own directories there; those of this one are left alone, and that is said."""
    closed = place / "closed"
    (closed / "volume").mkdir(parents=True)
    own(archive.parent, 0, FS_GROUP, 0o2700)
    told: list[str] = []

    def prepare() -> None:
        assert os.system(f"mount --bind {archive.parent.parent}/oci {closed}/volume") == 0
        closed.chmod(0o700)

    def act() -> str:
        made = seal(
            parse_reference(f"oci-archive:{closed}/volume/image.tar"), Wish(share_with=FS_GROUP, tell=told.append)
        )
        return "\n".join((*made.changes, "--", *told))

    changes, _, notes = people.run(act, by=POWERFUL, prepare=prepare, container=True).partition("--")
    assert changes.strip() == f"mode 2700 -> 2710 on {closed}/volume"
    assert f"{closed}, mode 0700, closed to group {FS_GROUP}, is on this container's own root file system" in notes
    assert mode_of(closed)[0] == "0700"


def test_a_link_out_of_the_image_directory_opens_nothing(oci_layout: Path, place: Path, sharer: Sharer) -> None:
    """Another task may have put it there, for root to open a secret."""
    image, aside = place / "image", place / "aside"
    shutil.copytree(oci_layout, image)
    own(image, 0, FS_GROUP, 0o2700)
    aside.mkdir()
    (aside / "secret").write_text("secret")
    own(aside, 0, 0, 0o711)
    own(aside / "secret", 0, 0, 0o600)
    for link, target in (("blobs/sha256/0", aside / "secret"), ("more", aside), ("more", Path("../aside/secret"))):
        (image / link).symlink_to(target)
        said = sharer.fail(f"oci:{image}", POWERFUL)
        assert "leads out of it" in said and str(aside) in said
        assert mode_of(aside) == ("0711", 0) and mode_of(aside / "secret") == ("0600", 0)
        assert mode_of(image) == ("2700", FS_GROUP), "nothing is half done"
        (image / link).unlink()
    (image / "open").symlink_to("/etc/passwd")
    (image / "inside").symlink_to("index.json")
    assert sharer.seal(f"oci:{image}", POWERFUL).changes
    assert sharer.can(READER, image / "index.json")
