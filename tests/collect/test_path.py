"""The walk, on real inodes and as other identities: what each lookup gave, in order."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.stage import PUSHER, ROOT, STRANGER, Person

from probe.access.acl import encode_acl
from probe.collect.hop import Questions
from probe.collect.mountinfo import read_mount_table
from probe.collect.path import Walk
from probe.evidence.base import path_bytes, path_text
from probe.evidence.observation import NotSeen, Reason, Seen
from probe.evidence.path import Acl, AclEntry, AclTag, Chain, Component, FileType
from probe.evidence.report import Report

Look = Callable[..., Report]
PLAIN = Person(uid=4242, gid=4242, groups=())


def walk(path: str | bytes, *, flags: bool = False) -> Chain:
    """Walk in this process; what was emitted last for each place is what the chain holds."""
    emitted: dict[int, Component] = {}
    walked = Walk(
        read_mount_table(),
        Questions(flags=flags),
        lambda *_: None,
        lambda index, component: emitted.update({index: component}),
    ).run(os.fsencode(path))
    descriptors = (walked.target, walked.directory)
    walked.close()
    assert tuple(emitted[index] for index in sorted(emitted)) == walked.chain.components
    assert (descriptors[0] is None) == (walked.chain.stopped is not None)
    return walked.chain


def steps(chain: Chain) -> list[tuple[str, str]]:
    return [(component.path, component.name) for component in chain.components]


def chain_of(report: Report) -> Chain:
    assert isinstance(report.chain, Seen)
    return report.chain.value


def below(place: Path, chain: Chain) -> list[tuple[str, str]]:
    """The steps from `place` on, shown relative to it."""
    every = steps(chain)
    first = next(index for index, (path, _) in enumerate(every) if path == str(place))
    return [(path.replace(str(place), "P", 1), name) for path, name in every[first:]]


@pytest.fixture(autouse=True)
def no_descriptor_left() -> object:
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert set(os.listdir("/proc/self/fd")) == before


def test_every_directory_from_the_root(place: Path) -> None:
    (place / "a/b").mkdir(parents=True)
    (place / "a/b/f").write_bytes(b"12345")
    chain = walk(f"{place}//a/./b/f")
    assert steps(chain)[0] == ("/", "/")
    assert below(place, chain) == [("P", place.name), ("P/a", "a"), ("P/a", "."), ("P/a/b", "b"), ("P/a/b/f", "f")]
    assert chain.resolved == f"{place}/a/b/f"
    assert chain.working_directory is None
    for component in chain.components:
        assert isinstance(component.inode, Seen)
        seen, status = component.inode.value, os.lstat(component.path)
        assert (seen.mode, seen.uid, seen.gid, seen.inode, seen.links) == (
            stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_ino, status.st_nlink,
        )  # fmt: skip
        assert seen.device == f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
        assert (seen.modified, seen.changed) == (status.st_mtime_ns, status.st_ctime_ns)
        assert component.flags is None
    target = chain.target
    assert target is not None and isinstance(target.inode, Seen)
    assert (target.inode.value.type, target.inode.value.size) == (FileType.REGULAR, 5)


def test_the_root_itself() -> None:
    assert steps(walk("/")) == steps(walk("//")) == [("/", "/")]
    assert steps(walk("/..")) == [("/", "/"), ("/", "..")]


def test_relative_links_are_hops_and_their_parts_lookups(place: Path) -> None:
    (place / "real/deep").mkdir(parents=True)
    (place / "real/deep/f").touch()
    (place / "x").mkdir()
    (place / "x/link").symlink_to("../real/./deep")
    chain = walk(place / "x/link/f")
    assert below(place, chain) == [
        ("P", place.name), ("P/x", "x"), ("P/x/link", "link"), ("P", ".."), ("P/real", "real"), ("P/real", "."),
        ("P/real/deep", "deep"), ("P/real/deep/f", "f"),
    ]  # fmt: skip
    link = next(component for component in chain.components if component.name == "link")
    assert isinstance(link.inode, Seen) and link.inode.value.type is FileType.SYMLINK
    assert link.link_target == "../real/./deep"
    assert isinstance(link.acl, NotSeen) and link.acl.reason is Reason.UNSUPPORTED
    assert chain.resolved == str(place / "real/deep/f")


def test_an_absolute_link_starts_again_at_the_root(place: Path) -> None:
    (place / "t").mkdir()
    (place / "t/f").touch()
    (place / "abs").symlink_to(f"{place}/t/")
    chain = walk(place / "abs/f")
    names = [name for _, name in steps(chain)]
    assert names.count("/") == 2
    assert names[names.index("abs") + 1] == "/"
    assert chain.resolved == str(place / "t/f")


def test_a_link_at_the_end_is_followed(place: Path) -> None:
    (place / "f").touch()
    (place / "l1").symlink_to("l2")
    (place / "l2").symlink_to("f")
    assert [name for _, name in below(place, walk(place / "l1"))][1:] == ["l1", "l2", "f"]


def test_a_dangling_link(place: Path) -> None:
    (place / "l").symlink_to("gone/f")
    chain = walk(place / "l/x")
    assert [name for _, name in below(place, chain)][1:] == ["l", "gone", "f", "x"]
    assert chain.stopped is not None and (chain.stopped.errno, chain.stopped.reason) == ("ENOENT", Reason.ABSENT)
    gone, f, x = chain.components[-3:]
    assert isinstance(gone.inode, NotSeen) and gone.inode.errno == "ENOENT"
    for unseen in (f, x):
        assert isinstance(unseen.inode, NotSeen) and unseen.inode.reason is Reason.SKIPPED
        assert "unobservable below" in unseen.inode.message
    assert x.path == f"{place}/gone/f/x"
    assert chain.resolved is None


def test_a_loop_ends_with_eloop_where_the_kernel_ends_it(place: Path) -> None:
    (place / "loop").symlink_to("loop")
    chain = walk(place / "loop/x")
    assert chain.stopped is not None and chain.stopped.errno == "ELOOP"
    with pytest.raises(OSError, match="symbolic links"):
        os.stat(place / "loop/x")
    assert [name for _, name in below(place, chain)].count("loop") == 41


@pytest.mark.parametrize("count", [40, 41])
def test_forty_links_are_followed_and_no_more(place: Path, count: int) -> None:
    (place / "l0").touch()
    for number in range(1, count + 1):
        (place / f"l{number}").symlink_to(f"l{number - 1}")
    chain = walk(place / f"l{count}")
    try:
        os.stat(place / f"l{count}")
        assert chain.stopped is None
    except OSError:
        assert chain.stopped is not None and chain.stopped.errno == "ELOOP"
    assert (chain.stopped is None) == (count == 40)


@pytest.mark.parametrize("tail", ["f/", "l/", "d/", "f/x", "f/.", "ld/", "slash"])
def test_what_must_be_a_directory_agrees_with_the_kernel(place: Path, tail: str) -> None:
    (place / "f").touch()
    (place / "d").mkdir()
    (place / "l").symlink_to("f")
    (place / "ld").symlink_to("d")
    (place / "slash").symlink_to("f/")
    chain = walk(f"{place}/{tail}")
    try:
        os.stat(f"{place}/{tail}")
        assert chain.stopped is None
    except NotADirectoryError:
        assert chain.stopped is not None and chain.stopped.errno == "ENOTDIR"


def test_names_of_any_bytes(place: Path) -> None:
    names = [b"\xff\xfe", b"new\nline", b"back\\slash", "ü".encode(), b"x" * 255]
    path = os.fsencode(place)
    for name in names:
        path = os.path.join(path, name)
        os.mkdir(path)
    chain = walk(path)
    assert chain.stopped is None
    assert [path_bytes(component.name) for component in chain.components[-5:]] == names
    assert chain.components[-5].name == "\\xff\\xfe"
    assert path_bytes(chain.resolved or "") == path
    Chain.model_validate_json(chain.model_dump_json())


def test_a_name_that_is_too_long(place: Path) -> None:
    chain = walk(place / ("x" * 256))
    assert chain.stopped is not None and chain.stopped.errno == "ENAMETOOLONG"


@pytest.mark.parametrize(("path", "errno"), [("", "ENOENT"), ("/a\0b", None), ("/" + "a/" * 2048, "ENAMETOOLONG")])
def test_paths_that_are_not_started(path: str, errno: str | None) -> None:
    chain = walk(path)
    assert chain.components == ()
    assert chain.stopped is not None and chain.stopped.errno == errno


def test_a_deep_path_and_one_with_more_hops_than_a_chain_holds(place: Path) -> None:
    deep = os.fsencode(place) + b"/d" * 300
    os.makedirs(deep)
    chain = walk(deep)
    assert chain.stopped is None and not chain.truncated
    assert len(chain.components) == len(place.parts) + 300
    deep += b"/d" * 600
    os.makedirs(deep)
    chain = walk(deep)
    assert chain.stopped is None and chain.truncated
    assert len(chain.components) == 512
    assert chain.target is not None and path_bytes(chain.target.path) == deep


def test_a_relative_path_starts_at_the_working_directory(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "a").mkdir()
    (place / "a/f").touch()
    monkeypatch.chdir(place)
    chain = walk("a/../a/f")
    assert isinstance(chain.working_directory, Seen) and chain.working_directory.value == str(place)
    assert steps(chain) == [
        (str(place), "."), (f"{place}/a", "a"), (str(place), ".."), (f"{place}/a", "a"), (f"{place}/a/f", "f"),
    ]  # fmt: skip


def test_a_working_directory_that_was_deleted(place: Path, look: Look) -> None:
    doomed = place / "doomed"
    doomed.mkdir()
    home = os.getcwd()
    os.chdir(doomed)
    try:
        doomed.rmdir()
        report = look("f")
    finally:
        os.chdir(home)
    chain = chain_of(report)
    assert isinstance(chain.working_directory, NotSeen) and chain.working_directory.errno == "ENOENT"
    start = chain.components[0]
    assert start.name == "." and isinstance(start.inode, Seen) and start.inode.value.links == 0
    assert chain.stopped is not None and chain.stopped.errno == "ENOENT"


@pytest.mark.root
def test_a_working_directory_without_search_is_still_seen(place: Path, look_as: Look) -> None:
    closed = place / "closed"
    closed.mkdir()
    (closed / "f").touch()
    closed.chmod(0o700)
    home = os.getcwd()
    os.chdir(closed)
    try:
        chain = chain_of(look_as(PLAIN, "f"))
    finally:
        os.chdir(home)
    start, f = chain.components
    assert isinstance(start.inode, Seen) and start.inode.value.mode == 0o700
    assert isinstance(f.inode, NotSeen) and f.inode.errno == "EACCES"


@pytest.mark.root
@pytest.mark.parametrize(
    ("mode", "inside", "lists"),
    [
        (0o700, "EACCES", False),
        (0o744, "EACCES", True),
        (0o711, None, False),
        (0o710, "EACCES", False),
        (0o755, None, True),
    ],
)
def test_directories_that_others_may_not_enter(
    place: Path, look_as: Look, mode: int, inside: str | None, lists: bool
) -> None:
    directory = place / "d"
    directory.mkdir()
    (directory / "f").write_bytes(b"x")
    directory.chmod(mode)
    report = look_as(PLAIN, directory / "f")
    chain = chain_of(report)
    d, f = chain.components[-2:]
    assert isinstance(d.inode, Seen) and d.inode.value.mode == mode  # it denies, but shows itself
    assert d.inode.value.born is None if inside is None else d.inode.value.born is not None
    assert (f.inode.errno if isinstance(f.inode, NotSeen) else None) == inside
    assert (chain.stopped.errno if chain.stopped else None) == inside
    assert {attempt.errno for attempt in report.attempts if attempt.decisive} == {inside}
    assert isinstance(report.listing, Seen) == lists
    if lists and isinstance(report.listing, Seen):
        (entry,) = report.listing.value.entries
        assert isinstance(entry.inode, Seen) == (inside is None)
    for person in (ROOT, Person(uid=0, gid=0, groups=(), capabilities=("CAP_DAC_READ_SEARCH",))):
        assert chain_of(look_as(person, directory / "f")).stopped is None


@pytest.mark.root
def test_names_below_a_denial_are_unobservable(place: Path, look_as: Look) -> None:
    (place / "d/e/f").mkdir(parents=True)
    (place / "d").chmod(0o700)
    chain = chain_of(look_as(STRANGER, place / "d/e/f/g"))
    e, f, g = chain.components[-3:]
    assert isinstance(e.inode, NotSeen) and (e.inode.reason, e.inode.errno) == (Reason.DENIED, "EACCES")
    for component in (f, g):
        for observation in (component.inode, component.acl, component.label, component.mount_id):
            assert isinstance(observation, NotSeen) and observation.reason is Reason.SKIPPED
            assert observation.message.startswith(f"unobservable below {place}/d/e: ")
    assert g.path == f"{place}/d/e/f/g"


@pytest.mark.root
def test_access_acl_is_read_without_any_right_to_the_file(place: Path, look_as: Look) -> None:
    acl = Acl(
        entries=tuple(
            AclEntry(tag=tag, id=number, permissions=bits)
            for tag, number, bits in (
                (AclTag.OWNER, None, 6),
                (AclTag.USER, 4242, 0),
                (AclTag.OWNING_GROUP, None, 4),
                (AclTag.GROUP, 77, 5),
                (AclTag.MASK, None, 5),
                (AclTag.OTHER, None, 0),
            )
        )
    )
    path = place / "f"
    path.touch()
    try:
        os.setxattr(path, "system.posix_acl_access", encode_acl(acl))
    except OSError as error:
        pytest.skip(f"no ACLs on {path}: {error}")
    assert (
        subprocess.run(["getfacl", "-cpn", str(path)], capture_output=True, text=True).stdout.splitlines()[1]
        == "user:4242:---"
    )
    report = look_as(PLAIN, path)
    target = chain_of(report).target
    assert target is not None and isinstance(target.acl, Seen) and target.acl.value == acl
    parent = chain_of(report).components[-2]
    assert isinstance(parent.acl, Seen) and parent.acl.value == Acl()
    assert report.attempts[0].errno == "EACCES"


@pytest.mark.root
def test_a_security_label_is_read(place: Path) -> None:
    path = place / "f"
    path.touch()
    try:
        os.setxattr(path, "security.selinux", b"system_u:object_r:container_file_t:s0:c1,c2\0")
    except OSError as error:
        pytest.skip(f"no labels on {path}: {error}")
    target = walk(path).target
    assert target is not None and isinstance(target.label, Seen)
    assert target.label.value == "system_u:object_r:container_file_t:s0:c1,c2"
    parent = walk(place).target
    assert parent is not None and isinstance(parent.label, NotSeen) and parent.label.reason is Reason.ABSENT


@pytest.mark.root
def test_flags_are_asked_for_only_to_write(place: Path, look: Look) -> None:
    path = place / "f"
    path.touch()
    if subprocess.run(["chattr", "+i", str(path)], capture_output=True).returncode:
        pytest.skip("no chattr +i here")
    target = chain_of(look(path, want="write")).target
    assert target is not None and isinstance(target.flags, Seen) and target.flags.value == ("immutable",)
    assert chain_of(look(path)).components[-1].flags is None


@pytest.mark.root
def test_mounts_that_are_crossed(place: Path, look_as: Look) -> None:
    for name in ("data/sub", "bind", "tmp", "ro"):
        (place / name).mkdir(parents=True)
    (place / "data/sub/f").write_bytes(b"x")
    os.system(f"chmod -R a+rX {place}")

    def mounts() -> None:
        for command in (
            f"mount --bind {place}/data/sub {place}/bind",
            f"mount -t tmpfs -o size=100k,mode=755 none {place}/tmp",
            f"mkdir {place}/tmp/inner",
            f"mount --bind {place}/data {place}/ro",
            f"mount -o remount,bind,ro {place}/ro",
        ):
            assert os.system(command) == 0, command

    report = look_as(PUSHER, place / "bind/f", prepare=mounts)
    carrying = report.mounts.carrying
    assert isinstance(carrying, Seen)
    assert carrying.value.mount_point == str(place / "bind")
    assert carrying.value.root.endswith("/data/sub")
    assert report.mounts.crossed[-1] == carrying.value
    assert len(report.mounts.crossed) >= 2
    target = chain_of(report).target
    assert target is not None and isinstance(target.mount_id, Seen)
    assert target.mount_id.value == carrying.value.mount_id

    report = look_as(PUSHER, place / "tmp/inner/gone", prepare=mounts)
    assert isinstance(report.mounts.carrying, Seen)
    assert report.mounts.carrying.value.filesystem == "tmpfs"
    assert isinstance(report.mounts.space, Seen) and report.mounts.space.value.total_bytes == 100 * 1024

    report = look_as(ROOT, place / "ro/sub/f", prepare=mounts, want="write")
    assert isinstance(report.mounts.carrying, Seen) and report.mounts.carrying.value.read_only
    assert {attempt.errno for attempt in report.attempts} == {"EROFS"}


@pytest.mark.root
def test_a_mount_behind_a_denial_is_found_by_the_text(place: Path, look_as: Look) -> None:
    (place / "d/vol").mkdir(parents=True)

    def mounts() -> None:
        assert os.system(f"mount -t tmpfs none {place}/d/vol && chmod 700 {place}/d") == 0

    report = look_as(PLAIN, place / "d/vol/f", prepare=mounts)
    assert isinstance(report.mounts.carrying, Seen)
    assert report.mounts.carrying.value.mount_point == str(place / "d/vol")


@pytest.mark.root
def test_magic_links_lead_to_the_object_not_to_their_text(place: Path, look: Look, look_as: Look) -> None:
    """/proc/PID/root of a process in another mount namespace: its text is `/`, its place is not our root."""
    (place / "vol").mkdir()
    process = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", f"mount -t tmpfs none {place}/vol; echo hi > {place}/vol/f; echo; exec sleep 60"],
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        assert not (place / "vol/f").exists()
        chain = walk(f"/proc/{process.pid}/root{place}/vol/f")
        assert chain.stopped is None
        link, jumped = chain.components[3], chain.components[4]
        assert (link.name, link.link_target) == ("root", "/")
        assert (jumped.name, jumped.path) == ("/", f"/proc/{process.pid}/root")
        assert chain.resolved == f"/proc/{process.pid}/root{place}/vol/f"
        report = look(f"/proc/{process.pid}/root{place}/vol/f")
        assert isinstance(report.mounts.carrying, NotSeen)
        assert "another namespace" in report.mounts.carrying.message
        denied = chain_of(look_as(ROOT, f"/proc/{process.pid}/root{place}/vol/f"))
        assert denied.stopped is not None and denied.stopped.message.startswith("readlink /proc")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
    assert [name for _, name in steps(walk("/proc/self/status"))][:4] == ["/", "proc", "self", str(os.getpid())]


@pytest.mark.root
def test_without_proc_the_walk_goes_on(place: Path, look_as: Look) -> None:
    (place / "f").touch()
    report = look_as(ROOT, place / "f", prepare=lambda: os.system("mount -t tmpfs none /proc"))
    chain = chain_of(report)
    assert chain.stopped is None
    target = chain.target
    assert target is not None and isinstance(target.inode, Seen)
    assert isinstance(target.acl, NotSeen) and target.acl.reason is Reason.UNSUPPORTED
    assert isinstance(report.mounts.carrying, NotSeen)
    assert isinstance(report.context.container_started, NotSeen)


def test_the_kind_of_everything(place: Path) -> None:
    os.mkfifo(place / "fifo")
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        home = os.getcwd()
        os.chdir(place)
        listener.bind("s")
        os.chdir(home)
    kinds = {"fifo": FileType.FIFO, "s": FileType.SOCKET, "/dev/null": FileType.CHARACTER_DEVICE}
    for name, kind in kinds.items():
        target = walk(place / name).target
        assert target is not None and isinstance(target.inode, Seen) and target.inode.value.type is kind


def test_path_text_of_a_clipped_path_is_still_json(place: Path) -> None:
    path = os.fsencode(place) + (b"/" + b"\xff" * 250) * 14
    os.makedirs(path)
    chain = walk(path)
    assert chain.stopped is None
    assert len(chain.resolved or "") <= 4096
    assert chain.requested == path_text(path)
    Chain.model_validate_json(chain.model_dump_json())
    shutil.rmtree(place / os.fsdecode(b"\xff" * 250))
