"""The observer on real files, mounts and identities: what it notices, how it goes on where it cannot be told."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from collect.conftest import mount_fuse  # noqa: F401 - a fixture
from handoff.watching import PATIENCE, following
from support.stage import Person, Stage

from probe.collect.mountinfo import read_mount_table
from probe.demo.image import DemoImage
from probe.evidence.watch import Change
from probe.handoff.observe.glance import Glancer
from probe.handoff.observe.observer import Kind, Notice, Observer
from probe.image.reference import parse_reference

STRANGER = Person(uid=1000970001, groups=(0,))


def first(observer: Observer, kind: Kind, accept: Callable[[Notice], bool] = lambda _: True) -> Notice:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        notice = observer.next(0.2)
        if notice is not None and notice.kind is kind and accept(notice):
            return notice
    raise AssertionError(f"no {kind}")


def rest(observer: Observer) -> None:
    """Until the looks that follow the first one have been."""
    while observer.next(0.3) is not None:
        pass


def test_the_first_notice_is_the_state(archive: Path) -> None:
    with following(archive) as it:
        (state,) = [notice for notice in it.notices if notice.kind is Kind.STATE]
        assert state.snapshot is not None and state.snapshot.readable and not state.closed
        assert state.snapshot.steps[0].path == "/"
        assert state.snapshot.steps[-1].path == str(archive)


def test_a_file_is_closed_and_complete(place: Path, demo_image: DemoImage) -> None:
    path = place / "image.tar"
    with following(f"oci-archive:{path}") as it:
        with open(path, "wb") as stream:
            stream.write(demo_image.archive[:1000])
            stream.flush()
            facts = it.until_notice(Kind.FACTS)
            assert facts.facts is not None and not facts.facts.complete and not facts.closed
            stream.write(demo_image.archive[1000:])
        closed = it.until_notice(Kind.CLOSED)
        assert closed.snapshot is not None and closed.snapshot.inode is not None
        assert closed.snapshot.inode.size == len(demo_image.archive)
        facts = it.until_notice(Kind.FACTS)
        assert facts.facts is not None and facts.facts.complete and facts.closed
        assert facts.snapshot is not None and facts.snapshot.fingerprint == closed.snapshot.fingerprint
        path.chmod(0o600)
        state = it.until_notice(Kind.STATE)
        assert state.closed, "a chmod is no modification"
        with open(path, "ab") as stream:
            stream.write(b"x")
            stream.flush()
            assert not it.until_notice(Kind.STATE).closed


def test_a_rename_into_place_counts_as_closed(archive: Path) -> None:
    with following(f"oci-archive:{archive}") as it:
        shutil.copy(archive, archive.with_name("new"))
        archive.with_name("new").rename(archive)
        renamed = it.until_notice(Kind.RENAMED)
        state = it.until_notice(Kind.STATE)
        assert renamed.snapshot == state.snapshot and state.closed and state.fresh
        assert it.until_notice(Kind.CLOSED).closed


def test_facts_are_of_one_state_and_told_once(archive: Path) -> None:
    with following(f"oci-archive:{archive}") as it:
        it.settle()
        assert [notice.kind for notice in it.notices].count(Kind.FACTS) == 1


def test_a_plain_path_is_not_looked_into(archive: Path) -> None:
    with following(archive) as it:
        archive.write_bytes(b"x")
        it.until_notice(Kind.CLOSED)
        it.settle()
        assert Kind.FACTS not in {notice.kind for notice in it.notices}


def test_an_image_directory_is_closed_by_its_marker(place: Path, oci_layout: Path) -> None:
    target = place / "layout"
    with following(f"oci:{target}:localhost/app:1") as it:
        shutil.copytree(oci_layout, target, ignore=shutil.ignore_patterns("index.json"))
        it.until(Change.APPEARED, path=str(target))
        state = it.until_notice(Kind.FACTS)
        assert state.facts is not None and not state.facts.complete
        shutil.copy(oci_layout / "index.json", target)
        it.until_notice(Kind.CLOSED)
        facts = it.until_notice(Kind.FACTS)
        assert facts.facts is not None and facts.facts.complete
        it.until(Change.APPEARED, path=str(target / "index.json"))
        it.until(Change.COMPLETE)
        blob = next((target / "blobs/sha256").iterdir())
        blob.rename(place / "blob")
        it.until(Change.UNFINISHED)


def test_looking_inside_for_long_does_not_stop_the_watch(place: Path) -> None:
    """A mode that changes and changes back while 16 GB are unpacked: who looks only afterwards never sees it."""
    path = place / "image.tar"
    member = tarfile.TarInfo("blobs/sha256/" + "0" * 64)
    member.size = 16_000 << 20
    head = gzip.compress(member.tobuf(tarfile.GNU_FORMAT), 1)
    path.write_bytes(head + gzip.compress(bytes(1 << 20), 1) * 16_000)
    path.chmod(0o644)
    with following(f"oci-archive:{path}") as it:
        it.settle(0.4)
        path.chmod(0o600)
        time.sleep(1.0)
        path.chmod(0o644)
        closed, opened = it.until(Change.MODE), it.until(Change.MODE)
        assert closed.after is not None and opened.after is not None
        assert (closed.after.mode, opened.after.mode) == (0o600, 0o644)


# -- where inotify says nothing


def in_a_mount_namespace() -> None:
    """For `prepare`: what is mounted elsewhere makes the observer look as well, and that would not be the poll."""


@pytest.mark.root
def test_a_directory_without_read_permission_is_polled(people: Stage, place: Path) -> None:
    """No watch may be made in it; what is at the path is noticed all the same."""
    (place / "shut").mkdir(mode=0o711)
    path = place / "shut" / "f"
    ready = place / "ready"
    ready.mkdir(mode=0o777)
    ready.chmod(0o777)

    def act() -> str:
        with Observer([parse_reference(str(path))]) as observer:
            first(observer, Kind.STATE)
            rest(observer)
            (ready / "now").touch()
            return first(observer, Kind.STATE).noticed

    def make() -> None:
        while not (ready / "now").exists():
            time.sleep(0.01)
        path.touch(mode=0o644)

    maker = threading.Thread(target=make)
    maker.start()
    assert people.run(act, by=STRANGER, prepare=in_a_mount_namespace) == "poll"
    maker.join()


@pytest.mark.root
def test_without_inotify_instances_it_polls(people: Stage, place: Path) -> None:
    """fs.inotify.max_user_instances is of a user: this one has none left."""
    place.chmod(0o777)

    def act() -> str:
        from probe.handoff.observe.wake import Inotify

        kept = []
        try:
            while True:
                kept.append(Inotify())
        except OSError:
            pass
        with Observer([parse_reference(str(place / "f"))]) as observer:
            first(observer, Kind.STATE)
            rest(observer)
            (place / "f").touch()
            return first(observer, Kind.STATE).noticed

    assert people.run(act, by=Person(uid=1000970077, groups=(0,)), prepare=in_a_mount_namespace) == "poll"


@pytest.mark.root
def test_a_mount_over_a_directory_is_noticed(place: Path) -> None:
    """It is no event in the directory; the mount table announces it."""
    path = place / "volume" / "f"
    path.parent.mkdir()
    path.write_text("x")
    with following(path) as it:
        subprocess.run(["mount", "-t", "tmpfs", "none", str(path.parent)], check=True)
        try:
            it.until(Change.REPLACED, path=str(path.parent))
            it.until(Change.VANISHED, path=str(path))
            path.touch()
            it.until(Change.APPEARED, path=str(path))
        finally:
            subprocess.run(["umount", str(path.parent)], check=True)
        it.until(Change.REPLACED, path=str(path.parent))


def test_a_queue_that_overflows_is_no_loss(archive: Path) -> None:
    """So many events while the child is stopped that the kernel drops some, the last ones among them."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    with following(archive) as it:
        (child,) = it.observer.children
        os.kill(child, signal.SIGSTOP)
        try:
            for _ in range(limit // 2 + 16):
                os.utime(archive, (1, 1))
                os.utime(archive.parent, (2, 2))
            archive.chmod(0o640)
        finally:
            os.kill(child, signal.SIGCONT)
        it.until(Change.MODE)


# -- links, and paths that change


def test_a_link_that_is_turned(place: Path, archive: Path) -> None:
    other = place / "other.tar"
    other.write_bytes(b"x")
    (place / "link").symlink_to(archive)
    with following(place / "link") as it:
        (place / "new").symlink_to(other)
        (place / "new").rename(place / "link")
        it.until(Change.REPLACED, path=str(place / "link"))
        it.settle()
        other.write_bytes(b"xy")
        moment = it.until(Change.GREW)
        assert moment.path == str(place / "link") and moment.after is not None and moment.after.size == 2


def test_a_loop_of_links(place: Path) -> None:
    (place / "a").symlink_to("b")
    (place / "b").symlink_to("a")
    with following(place / "a") as it:
        assert it.moments[0].errno == "ELOOP"
        (place / "c").touch()
        (place / "c").rename(place / "a")
        it.until(Change.READABLE)


def test_a_relative_path(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    (place / "x").mkdir()
    with following("x/../y/./f") as it:
        (place / "y").mkdir()
        (place / "y" / "f").touch()
        assert it.until(Change.APPEARED, path="x/../y/./f").tried


@pytest.mark.parametrize("name", [b"\xff\xfe", b"two\nlines", b"n" * 255])
def test_a_name_of_any_bytes(place: Path, name: bytes) -> None:
    path = os.fsencode(place) + b"/" + name
    with following(os.fsdecode(path)) as it:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        it.until(Change.APPEARED)


def test_a_fifo_is_not_opened(place: Path) -> None:
    with following(place / "pipe") as it:
        os.mkfifo(place / "pipe")
        moment = it.until(Change.APPEARED)
        assert not moment.tried and moment.errno is None


# -- the child


@pytest.mark.root
def test_what_the_kernel_keeps_of_a_remote_file_is_no_rest(
    mount_fuse: Callable[..., Path],  # noqa: F811
    place: Path,
) -> None:
    """Its server may show a change only after the attributes have become too old."""
    source = place / "source"
    source.mkdir()
    (source / "f").write_bytes(b"first")
    glancer = Glancer(parse_reference(str(mount_fuse(source, "cache=/=3600") / "f")), lambda *_: None)
    glancer.table = read_mount_table()
    before = glancer.look()
    (source / "f").write_bytes(b"other")
    after = glancer.look()
    assert before.remote and after.remote
    assert before.fingerprint != after.fingerprint


@pytest.mark.root
def test_a_call_that_does_not_return(mount_fuse: Callable[..., Path], place: Path) -> None:  # noqa: F811
    source = place / "source"
    (source / "d").mkdir(parents=True)
    (source / "d/f").write_text("x")
    mount = mount_fuse(source, "getattr=/d/f=hang-after-40")
    with following(mount / "d/f", stall=0.3) as it:
        stuck = it.until(Change.STUCK)
        assert f"{mount}/d/f" in stuck.sentence
        began = time.monotonic()
    assert time.monotonic() - began < 5, "the child is not waited for"


@pytest.mark.root
def test_a_call_that_returns_at_last(mount_fuse: Callable[..., Path], place: Path) -> None:  # noqa: F811
    source = place / "source"
    source.mkdir()
    (source / "f").write_text("x")
    mount = mount_fuse(source, "getattr=/f=hang-after-20")
    with following(mount / "f", stall=0.3) as it, following(source / "f") as other:
        it.until(Change.STUCK)
        (source / "f").write_text("longer")
        other.until(Change.GREW)
        subprocess.run(["umount", "-f", str(mount)], capture_output=True)  # every waiting call comes back
        it.until(Change.ANSWERED)


def test_a_lost_child_is_replaced(archive: Path) -> None:
    with following(archive) as it:
        (child,) = it.observer.children
        os.kill(child, signal.SIGKILL)
        assert "SIGKILL" in it.until(Change.STUCK).sentence
        archive.chmod(0o600)
        it.until(Change.ANSWERED)
        it.until(Change.MODE)
        assert it.observer.children != (child,)


def test_no_child_outlives_its_parent(archive: Path) -> None:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        observer = Observer([parse_reference(str(archive))])
        observer.__enter__()
        os.write(writer, str(observer.children[0]).encode())
        time.sleep(PATIENCE)
        os._exit(0)
    child = int(os.read(reader, 32))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    until = time.monotonic() + PATIENCE
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]:
        assert time.monotonic() < until
        time.sleep(0.02)
    os.close(reader)
    os.close(writer)


def test_no_child_is_left(archive: Path) -> None:
    with following(archive) as it:
        (child,) = it.observer.children
        held = {os.readlink(f"/proc/{child}/fd/{number}") for number in ("0", "1", "2")}
        assert held == {"/dev/null"}
        assert os.getpgid(child) == child
    assert not Path(f"/proc/{child}").exists()


def test_a_file_system_can_be_unmounted_under_the_watch(place: Path) -> None:
    """No descriptor is kept on it."""
    if os.geteuid() != 0:
        pytest.skip("needs root: mounts")
    mount = place / "volume"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(mount)], check=True)
    (mount / "f").touch()
    with following(mount / "f") as it:
        it.settle(0.1)
        subprocess.run(["umount", str(mount)], check=True)
        it.until(Change.VANISHED)


def test_several_targets_do_not_wait_for_each_other(archive: Path, place: Path) -> None:
    references = [parse_reference(f"oci-archive:{archive}"), parse_reference(str(place / "none"))]
    with Observer(references) as observer:
        states = {first(observer, Kind.STATE).target, first(observer, Kind.STATE).target}
        assert states == {0, 1}
        os.kill(observer.children[0], signal.SIGSTOP)
        (place / "none").touch()
        first(observer, Kind.STATE, lambda notice: notice.target == 1)


def test_a_signal_pipe_ends_the_waiting(archive: Path) -> None:
    reader, writer = os.pipe()
    with Observer([parse_reference(str(archive))], wakeup=reader) as observer:
        first(observer, Kind.STATE)
        threading.Timer(0.1, lambda: os.write(writer, b"x")).start()
        assert observer.next(PATIENCE) is None
    os.close(reader)
    os.close(writer)
