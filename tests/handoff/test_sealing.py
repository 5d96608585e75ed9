"""What is sealed is whole and on the disk, and what is not is refused with its reason."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.images import ImageFactory, pack
from support.program import COMMAND, ROOT, environment
from support.stage import BARE_ROOT, PUSHER, Person, Stage

from probe.demo.image import DemoImage
from probe.evidence.seal import Seal, seal_path
from probe.handoff.seal.reading import matches, read_seal
from probe.handoff.seal.refused import Misused, Refused, Unable
from probe.handoff.seal.sealing import Wish, seal
from probe.image.reference import parse_reference


def sealed(reference: str | Path, **wish: object) -> Seal:
    return seal(parse_reference(str(reference)), Wish(**wish))  # type: ignore[arg-type]


def refused(reference: str | Path, **wish: object) -> str:
    """The reason; and nothing was left, nothing changed."""
    path = Path(str(reference).split(":")[-1])
    before = sorted(os.listdir(path.parent)) if path.parent.is_dir() else None
    with pytest.raises(Refused) as caught:
        sealed(reference, **wish)
    if before is not None:
        assert sorted(os.listdir(path.parent)) == before
    return str(caught.value)


# -- what is sealed


def test_an_archive(archive: Path, demo_image: DemoImage) -> None:
    made = sealed(f"oci-archive:{archive}", facts={"task": "build"})
    assert read_seal(seal_path(str(archive))) == made
    assert sorted(os.listdir(archive.parent)) == ["image.tar", "image.tar.seal.json"]
    assert made.image is not None
    assert (made.image.found, made.image.manifest_digest) == ("oci-archive", demo_image.manifest_digest)
    assert len(made.image.diff_ids) == 3
    status = os.stat(archive)
    assert (made.inode.inode, made.inode.size, made.inode.modified) == (
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
    )
    assert made.verification is not None and made.verification.agreed, "a small one is hashed unasked"
    assert (made.context.task, made.context.role) == ("build", "producer")
    assert made.changes == () and made.published_from is None
    assert matches(made, made.inode, demo_image.manifest_digest)[0]


@pytest.mark.skopeo
@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("transport", ["oci-archive", "oci", "dir", "docker-archive"])
def test_every_transport(transport: str, plain: bool, image_factory: ImageFactory, place: Path) -> None:
    built = image_factory(transport).copy_to(place)
    made = sealed(built.path if plain else built.reference)
    assert read_seal(seal_path(str(built.path))) == made
    assert made.reference.transport == transport
    assert made.image is not None and made.image.found == transport
    shown = subprocess.run(
        ["skopeo", "--insecure-policy", "inspect", "--format", "{{.Digest}}", built.reference],
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.image.manifest_digest == shown.stdout.strip()
    assert sealed(built.reference, deep=True).verification is not None


def test_a_file_that_is_no_image(place: Path) -> None:
    (place / "notes.txt").write_text("hello\n")
    made = sealed(place / "notes.txt")
    assert made.image is None and made.reference.transport == "path"
    assert matches(made, made.inode, None)[0]


@pytest.mark.parametrize("name", ["a b.tar", "ünï.tar", "new\nline.tar", "col:on.tar", "-x.tar"])
def test_a_name_of_any_kind(name: str, place: Path, demo_image: DemoImage) -> None:
    (place / name).write_bytes(demo_image.archive)
    made = sealed(f"{place}/{name}")
    assert read_seal(str(place / name) + ".seal.json") == made
    assert made.image is not None


def test_a_name_that_is_not_text(place: Path, demo_image: DemoImage) -> None:
    path = os.fsencode(place) + b"/\xff.tar"
    with open(path, "wb") as stream:
        stream.write(demo_image.archive)
    made = sealed(os.fsdecode(path))
    assert read_seal(path + b".seal.json") == made
    assert made.reference.path.endswith("\\xff.tar")


def test_a_relative_name(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(archive.parent)
    assert sealed("oci-archive:image.tar") == read_seal("image.tar.seal.json")


def test_a_link_is_sealed_by_its_own_name(archive: Path) -> None:
    link = archive.with_name("latest.tar")
    link.symlink_to("image.tar")
    assert sealed(f"oci-archive:{link}") == read_seal(str(link) + ".seal.json")


def test_a_seal_is_made_anew(archive: Path, demo_image: DemoImage) -> None:
    first = sealed(f"oci-archive:{archive}")
    archive.write_bytes(demo_image.archive)
    status = os.stat(archive)
    now = first.inode.model_copy(update={"modified": status.st_mtime_ns})
    assert not matches(first, now, demo_image.manifest_digest)[0], "the old one fits no more"
    second = sealed(f"oci-archive:{archive}")
    assert read_seal(seal_path(str(archive))) == second
    assert matches(second, now, demo_image.manifest_digest)[0]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o777])
def test_the_umask_does_not_matter(umask: int, archive: Path) -> None:
    before = os.umask(umask)
    try:
        sealed(f"oci-archive:{archive}")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(seal_path(str(archive))).st_mode) == 0o644


def test_a_write_right_after_the_seal_shows(archive: Path, demo_image: DemoImage) -> None:
    """Times of inodes move by ticks of the kernel: a seal in the tick of the last write would fit the next one too."""
    for _ in range(5):
        archive.write_bytes(demo_image.archive)
        made = sealed(f"oci-archive:{archive}")
        with open(archive, "r+b") as stream:
            stream.write(b"blobs/")
        now = made.inode.model_copy(update={"modified": os.stat(archive).st_mtime_ns})
        assert not matches(made, now, demo_image.manifest_digest)[0]


# -- what is refused


CUTS = {
    "no bytes": (0, "truncated: it has no bytes"),
    "in a header": (700, "truncated: the archive ends inside a"),
    "in a blob": (90_000, "truncated: the archive ends inside a member"),
    "before its end blocks": (-1024, "truncated: the archive ends without the zero blocks"),
    "in its end blocks": (-512, "truncated: the archive ends inside the zero blocks"),
}


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name", CUTS)
def test_a_truncated_archive(name: str, plain: bool, archive: Path, demo_image: DemoImage) -> None:
    end, reason = CUTS[name]
    archive.write_bytes(demo_image.archive[:end] if end else b"")
    assert f"{archive}: not sealed: {reason}" in refused(archive if plain else f"oci-archive:{archive}")


@pytest.mark.parametrize("plain", [False, True])
def test_an_archive_whose_space_was_taken_and_not_written(plain: bool, archive: Path) -> None:
    archive.write_bytes(bytes(1 << 20))
    assert "truncated: it holds nothing but zeros" in refused(archive if plain else f"oci-archive:{archive}")


def test_a_flipped_bit(archive: Path, demo_image: DemoImage) -> None:
    data = bytearray(demo_image.archive)
    data[demo_image.offsets[demo_image.layer_digests[1]] + 1000] ^= 1
    archive.write_bytes(data)
    said = refused(f"oci-archive:{archive}", deep=True)
    assert "not sealed: corrupt: digest-mismatch blobs/sha256/" in said
    assert f"expected {demo_image.layer_digests[1]}" in said
    assert "corrupt" in refused(f"oci-archive:{archive}"), "a small one is hashed unasked"


@pytest.mark.skopeo
@pytest.mark.parametrize("transport", ["oci", "dir"])
def test_a_directory_that_lacks_a_blob(transport: str, image_factory: ImageFactory, place: Path) -> None:
    built = image_factory(transport).copy_to(place)
    blobs = built.path / "blobs/sha256" if transport == "oci" else built.path
    max((path for path in blobs.iterdir() if path.is_file()), key=lambda path: path.stat().st_size).unlink()
    assert "not sealed: incomplete: missing-blob" in refused(built.reference)


def test_an_archive_that_lacks_a_blob(oci_layout: Path, place: Path) -> None:
    shutil.copytree(oci_layout, place / "layout")
    blobs = place / "layout/blobs/sha256"
    max(blobs.iterdir(), key=lambda path: path.stat().st_size).unlink()
    path = pack(place / "layout", place / "image.tar")
    assert "not sealed: corrupt: missing-blob" in refused(f"oci-archive:{path}")


@pytest.mark.skopeo
def test_an_archive_of_another_kind(image_factory: ImageFactory, place: Path) -> None:
    docker = image_factory("docker-archive").copy_to(place)
    said = refused(f"oci-archive:{docker.path}")
    assert "wrong-transport: what lies there is the kind that docker-archive: reads" in said
    assert f"seal docker-archive:{docker.path}," in said
    assert "wrong-transport" in refused(f"dir:{image_factory('oci').copy_to(place).path}")


def test_a_tag_that_is_not_there(oci_layout: Path, place: Path) -> None:
    path = pack(oci_layout, place / "image.tar")
    with pytest.raises(Refused, match="wrong-path: unknown-reference"):
        sealed(f"oci-archive:{path}:localhost/other:2")
    assert os.listdir(place) == ["image.tar"]


def test_what_is_no_image(place: Path) -> None:
    (place / "directory").mkdir()
    (place / "text").write_text("hello")
    os.mkfifo(place / "fifo")
    assert "a directory that holds no image" in refused(place / "directory")
    assert "wrong-transport: no image that oci-archive: reads (file)" in refused(f"oci-archive:{place}/text")
    assert "special files are not opened" in refused(place / "fifo")
    assert "ENOENT" in refused(f"oci-archive:{place}/absent.tar")
    assert "ENOENT" in refused(f"oci-archive:{place}/absent/image.tar")
    assert "its manifest digest is to be written" in refused(place / "text", digest_needed=True)
    with pytest.raises(Misused, match="name it by that"):
        sealed(f"oci:{place}/.")


def _append(path: Path) -> None:
    with open(path, "ab") as stream:
        stream.write(bytes(512))


def _rewrite(path: Path) -> None:
    with open(path, "r+b") as stream:
        stream.write(b"blobs/")


def _replace(path: Path) -> None:
    shutil.copyfile(path, path.with_name("other"))
    os.rename(path.with_name("other"), path)


CHANGES = {
    _append: "archive-in-progress: {} changed while it was sealed (from {} to {} bytes)",
    _rewrite: "archive-in-progress: {} changed while it was sealed (it was written to)",
    _replace: "archive-in-progress: {} changed while it was sealed (another file took its name)",
    Path.unlink: "{}: ENOENT (No such file or directory)",
}


@pytest.mark.parametrize("act", CHANGES)
def test_an_archive_that_changes_while_it_is_verified(act: Callable[[Path], None], archive: Path) -> None:
    """The writer closes it again each time: nothing but the change itself tells."""
    size, done = archive.stat().st_size, []

    def meddle(*_: int) -> None:
        if not done:
            done.append(act(archive))

    with pytest.raises(Refused) as caught:
        sealed(f"oci-archive:{archive}", deep=True, progress=meddle)
    assert CHANGES[act].format(archive, size, size + 512) in str(caught.value)
    assert done and not os.path.lexists(seal_path(str(archive)))


def test_a_directory_that_changes_while_it_is_verified(oci_layout: Path, place: Path) -> None:
    shutil.copytree(oci_layout, place / "image")
    done = []

    def meddle(*_: int) -> None:
        if not done:
            done.append((place / "image/blobs/sha256/new").write_bytes(b"x"))

    with pytest.raises(Refused, match=r"blobs/sha256.* changed while it was sealed"):
        sealed(f"oci:{place}/image", deep=True, progress=meddle)


def test_a_writer_that_never_rests(archive: Path) -> None:
    script = """
import sys
with open(sys.argv[1], "ab", buffering=0) as stream:
    print("open", flush=True)
    while True:
        stream.write(bytes(512))
"""
    with subprocess.Popen([sys.executable, "-c", script, str(archive)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"open\n"
        try:
            assert "archive-in-progress" in refused(f"oci-archive:{archive}")
        finally:
            writer.kill()


def test_an_archive_that_a_process_still_has_open_for_writing(archive: Path) -> None:
    """It does nothing with it for now; that it is whole at this moment is not its word that it is done."""
    script = "import sys; f = open(sys.argv[1], 'r+b'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(archive)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"open\n"
        said = refused(f"oci-archive:{archive}")
        assert f"archive-in-progress: process {writer.pid} (uid {os.getuid()}) has it open for writing" in said
        writer.communicate(b"")
    sealed(f"oci-archive:{archive}")


@pytest.mark.root
def test_a_writer_in_another_container_of_the_node(archive: Path, people: Stage) -> None:
    """Its process is not to be seen from here; the kernel knows of it all the same."""
    descriptor = os.open(archive, os.O_RDWR)

    def act() -> str:
        os.close(descriptor)
        subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
        try:
            sealed(f"oci-archive:{archive}")
        except Refused as error:
            return str(error)
        return "sealed"

    try:
        said = people.run(
            act, by=Person(uid=0, gid=0, groups=(0,), capabilities=("CAP_LEASE", "CAP_SYS_ADMIN")), container=True
        )
    finally:
        os.close(descriptor)
    assert "a read lease was refused: EAGAIN" in said


@pytest.mark.root
def test_who_may_not_read_it_cannot_seal_it(archive: Path, people: Stage) -> None:
    archive.parent.chmod(0o777)
    archive.chmod(0o600)
    said = people.run(lambda: refused(f"oci-archive:{archive}"))
    assert "openat O_RDONLY" in said and "EACCES" in said


# -- where the seal cannot be written


@pytest.mark.root
@pytest.mark.parametrize("old", [False, True])
def test_a_full_disk(old: bool, archive: Path, people: Stage) -> None:
    small = archive.parent.with_name("small")
    small.mkdir()

    def prepare() -> None:
        assert os.system(f"mount -t tmpfs -o size=400k,mode=777 tmpfs {small}") == 0

    def act() -> str:
        path = small / "image.tar"
        shutil.copyfile(archive, path)
        if old:
            sealed(f"oci-archive:{path}")
        with open(small / "filler", "wb", buffering=0) as stream:
            try:
                while stream.write(bytes(4096)):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC
        before = {one.name: one.read_bytes() for one in small.iterdir()}
        with pytest.raises(Unable) as caught:
            sealed(f"oci-archive:{path}")
        assert {one.name: one.read_bytes() for one in small.iterdir()} == before
        if old:
            read_seal(seal_path(str(path)))
        return str(caught.value)

    said = people.run(act, prepare=prepare)
    assert said.startswith(f"{small}/image.tar.seal.json: cannot write the seal: ENOSPC (No space left on device)")
    assert "free some space" in said


@pytest.mark.root
def test_a_read_only_volume(archive: Path, people: Stage) -> None:
    def prepare() -> None:
        assert (
            os.system(f"mount --bind {archive.parent} {archive.parent} && mount -o remount,ro,bind {archive.parent}")
            == 0
        )

    def act() -> str:
        with pytest.raises(Unable) as caught:
            sealed(f"oci-archive:{archive}")
        return str(caught.value)

    said = people.run(act, by=BARE_ROOT, prepare=prepare)
    assert "cannot write the seal: EROFS (Read-only file system); the volume is mounted read-only here" in said


@pytest.mark.root
def test_a_directory_that_may_not_be_written(archive: Path, people: Stage) -> None:
    def act() -> str:
        with pytest.raises(Unable) as caught:
            sealed(f"oci-archive:{archive}")
        return str(caught.value)

    assert "cannot write the seal: EACCES (Permission denied); the directory wants w and x" in people.run(act)


@pytest.mark.root
def test_an_image_directory_that_is_the_root_of_a_volume(oci_layout: Path, place: Path, people: Stage) -> None:
    volume = place / "volume"
    volume.mkdir()

    def prepare() -> None:
        assert os.system(f"mount -t tmpfs tmpfs {volume} && cp -a {oci_layout}/. {volume}") == 0

    said = people.run(lambda: refused(f"oci:{volume}"), by=BARE_ROOT, prepare=prepare)
    assert "root of a volume, and its seal would stand outside of the volume" in said


@pytest.mark.root
def test_an_ordinary_user_seals_what_it_wrote(place: Path, demo_image: DemoImage, people: Stage) -> None:
    place.chmod(0o777)

    def act() -> str:
        os.umask(0o077)
        path = place / "image.tar"
        path.write_bytes(demo_image.archive)
        sealed(f"oci-archive:{path}")
        return oct(os.stat(seal_path(str(path))).st_mode & 0o7777)

    assert people.run(act, by=PUSHER) == "0o644"


# -- on the disk, and at any moment


_STRACE = ("strace", "-f", "-y", "-e")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("publish", [False, True])
def test_all_is_synced_before_it_is_vouched_for(publish: bool, archive: Path) -> None:
    traced = archive.parent.with_name("trace")
    final = archive.with_name("final.tar") if publish else archive
    options = ["--publish", str(archive)] if publish else []
    subprocess.run(
        [*_STRACE, "trace=fsync,rename,renameat,renameat2", "-o", traced, *COMMAND, "seal", *options, final],
        check=True,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
    )
    calls = [_call(line) for line in traced.read_text().splitlines() if "= 0" in line]
    folder = str(archive.parent)
    vouched = next(index for index, (name, text) in enumerate(calls) if name == "rename" and ".seal.json" in text)
    temporary = calls[vouched][1].split('"')[1]
    assert calls.index(("fsync", f"{folder}/{temporary}")) < vouched
    assert calls.index(("fsync", str(archive))) < calls.index(("fsync", folder)) < vouched
    assert ("fsync", folder) in calls[vouched:], "the seal's own name"
    if publish:
        shown = next(index for index, (name, text) in enumerate(calls) if name == "rename" and 'final.tar"' in text)
        assert calls.index(("fsync", str(archive))) < shown < vouched
        assert ("fsync", folder) in calls[shown:vouched], "the new name, before it is vouched for"
        assert calls.index(("fsync", f"{folder}/{temporary}")) < shown, "there is room for the seal before that"


def _call(line: str) -> tuple[str, str]:
    call = line.split(None, 1)[1]
    name, _, rest = call.partition("(")
    if name == "fsync":
        return name, rest.partition("<")[2].partition(">")[0]
    return "rename", rest


def test_every_file_of_a_directory_is_synced(oci_layout: Path, place: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    shutil.copytree(oci_layout, place / "image")
    subprocess.run(
        [*_STRACE, "trace=fsync", "-o", place / "trace", *COMMAND, "seal", f"oci:{place}/image"],
        check=True,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
    )
    synced = {_call(line)[1] for line in (place / "trace").read_text().splitlines() if "= 0" in line}
    assert {str(path) for path in (place / "image").rglob("*")} | {f"{place}/image", str(place)} <= synced


@pytest.mark.parametrize("publish", [False, True])
def test_killed_at_any_moment(publish: bool, place: Path, demo_image: DemoImage) -> None:
    """Each name holds the old or the new, whole; a seal that is there is whole, and fits or says that it does not."""
    final, temporary = place / "image.tar", place / "image.tar.tmp"
    old = bytes(1024) + demo_image.archive
    contents = {len(data): data for data in (old, demo_image.archive)}
    took = _time_of(lambda: _seal_in_child(final, temporary, demo_image, publish, None))
    outcomes, beside = [], Path(seal_path(str(final)))
    earlier = beside.read_bytes()
    for number in range(60):
        sealed_before = number % 2 == 0
        beside.unlink(missing_ok=True)
        if sealed_before:
            beside.write_bytes(earlier)
        if publish:
            final.unlink()
            final.write_bytes(old)
        _seal_in_child(final, temporary, demo_image, publish, took * 1.2 * number / 59 if number < 59 else None)
        data = final.read_bytes()
        assert contents[len(data)] == data
        try:
            made = read_seal(seal_path(str(final)))  # a torn one would be a ValueError
        except FileNotFoundError:
            assert not sealed_before, "the seal that was there is gone"
            outcomes.append("none")
            continue
        status = os.stat(final)
        now = made.inode.model_copy(
            update={"inode": status.st_ino, "size": status.st_size, "modified": status.st_mtime_ns}
        )
        if matches(made, now, None)[0]:
            assert data == demo_image.archive
            outcomes.append("sealed")
        else:
            assert sealed_before, "a new seal that does not fit"
            outcomes.append("old seal")
    assert outcomes[-1] == "sealed"
    assert {"none", "old seal"} & set(outcomes), "every kill came too late to show anything"


def _seal_in_child(final: Path, temporary: Path, image: DemoImage, publish: bool, after: float | None) -> bool:
    """Seal, and be killed a while after it began; whether it was."""
    (temporary if publish else final).write_bytes(image.archive)
    pid = os.fork()
    if pid == 0:
        try:
            sealed(f"oci-archive:{final}", publish=os.fsencode(temporary) if publish else None)
        finally:
            os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(pid, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def _time_of(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began
