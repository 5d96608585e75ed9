"""Real attempts: the kernel's answer for each want, and that nothing is changed by asking."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.stage import ROOT, Person

from probe.collect.libc import attributes, birth, faccessat
from probe.evidence.observation import NotSeen, Reason, Seen
from probe.evidence.report import Report

Look = Callable[..., Report]
PLAIN = Person(uid=4242, gid=4242, groups=())


def asked(report: Report) -> set[tuple[str, str | None, bool]]:
    return {(attempt.operation, attempt.errno, attempt.decisive) for attempt in report.attempts}


def test_read(place: Path, look: Look) -> None:
    (place / "f").write_bytes(b"x")
    report = look(place / "f")
    assert asked(report) == {("openat O_RDONLY", None, True)}
    assert len(report.attempts) >= 2
    first, last = report.attempts[0], report.attempts[-1]
    assert last.at - first.at >= 0.02e9
    assert isinstance(report.writers, Seen)
    assert [sample.open_errno for sample in report.writers.value.samples] == [None] * len(report.attempts)


def test_absent(place: Path, look: Look) -> None:
    report = look(place / "gone/f")
    assert asked(report) == {("openat O_RDONLY", "ENOENT", True)}
    assert isinstance(report.image, NotSeen) and report.image.reason is Reason.ABSENT
    assert isinstance(report.listing, Seen) and report.listing.value.path == str(place)


@pytest.mark.root
def test_write_opens_for_writing_and_changes_nothing(place: Path, look_as: Look) -> None:
    path = place / "f"
    path.write_bytes(b"content")
    path.chmod(0o644)
    os.utime(path, ns=(10**18, 10**18))
    before = os.stat(path)
    assert asked(look_as(PLAIN, path, want="write")) == {("openat O_WRONLY", "EACCES", True)}
    assert asked(look_as(ROOT, path, want="write")) == {("openat O_WRONLY", None, True)}
    after = os.stat(path)
    assert (after.st_size, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )
    assert path.read_bytes() == b"content"
    assert asked(look_as(ROOT, place / "gone", want="write")) == {("openat O_WRONLY", "ENOENT", True)}
    assert sorted(os.listdir(place)) == ["f"]


@pytest.mark.root
def test_wants_that_cannot_be_tried_are_cross_checks(place: Path, look_as: Look) -> None:
    (place / "d").mkdir()
    (place / "d").chmod(0o755)
    for want, path in (("write", place / "d"), ("create", place / "d/new")):
        assert asked(look_as(PLAIN, path, want=want)) == {("faccessat W_OK|X_OK AT_EACCESS", "EACCES", False)}
        assert asked(look_as(ROOT, path, want=want)) == {("faccessat W_OK|X_OK AT_EACCESS", None, False)}
    assert os.listdir(place / "d") == []


@pytest.mark.root
def test_execute_minds_noexec(place: Path, look_as: Look) -> None:
    def mount() -> None:
        assert os.system(f"mount -t tmpfs -o noexec,mode=755 none {place} && cp /bin/true {place}/t") == 0

    assert asked(look_as(PLAIN, "/bin/true", want="execute")) == {("faccessat X_OK AT_EACCESS", None, False)}
    assert asked(look_as(PLAIN, place / "t", want="execute", prepare=mount)) == {
        ("faccessat X_OK AT_EACCESS", "EACCES", False)
    }


@pytest.mark.root
def test_list_asks_for_read_on_the_directory(place: Path, look_as: Look) -> None:
    (place / "d").mkdir()
    (place / "d").chmod(0o711)
    operation = "openat O_RDONLY|O_DIRECTORY, getdents64"
    assert asked(look_as(PLAIN, place / "d", want="list")) == {(operation, "EACCES", True)}
    (place / "d").chmod(0o744)
    assert asked(look_as(PLAIN, place / "d", want="list")) == {(operation, None, True)}


@pytest.mark.root
def test_an_image_directory_needs_search_and_its_marker(place: Path, look_as: Look) -> None:
    directory = place / "d"
    directory.mkdir()
    marker = directory / "manifest.json"
    directory.chmod(0o711)
    assert asked(look_as(PLAIN, f"dir:{directory}")) == {
        ("openat O_PATH", None, True), ("openat O_RDONLY", "ENOENT", False),
    }  # fmt: skip
    marker.write_bytes(b"{}")
    marker.chmod(0o600)
    report = look_as(PLAIN, f"dir:{directory}")
    assert asked(report) == {("openat O_RDONLY", "EACCES", True)}
    assert report.attempts[0].path == str(marker)
    assert report.marker is not None and isinstance(report.marker.inode, Seen)
    assert report.marker.inode.value.mode == 0o600
    marker.chmod(0o644)
    report = look_as(PLAIN, f"dir:{directory}")  # 0711 cannot be listed, but what is in it can be read
    assert asked(report) == {("openat O_RDONLY", None, True)}
    assert isinstance(report.image, Seen)
    directory.chmod(0o744)
    assert asked(look_as(PLAIN, f"oci:{directory}")) == {("openat O_RDONLY", "EACCES", True)}


@pytest.mark.parametrize("want", ["read", "write"])
def test_a_fifo_is_not_opened(place: Path, look: Look, want: str) -> None:
    fifo = place / "fifo"
    os.mkfifo(fifo)
    writer = subprocess.Popen(["sh", "-c", f"echo x > {fifo}"], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.05)
        report = look(fifo, want=want, deadline=5)
        assert all(not attempt.decisive and attempt.granted for attempt in report.attempts)
        assert isinstance(report.image, NotSeen) and report.image.reason is Reason.SKIPPED
        assert isinstance(report.writers, Seen)
        assert {sample.open_errno for sample in report.writers.value.samples} == {"not-opened"}
        assert writer.poll() is None  # nobody woke it by opening the other end
    finally:
        writer.kill()
        writer.wait()


@pytest.mark.parametrize("device", ["/dev/null", "/dev/tty", "/dev/zero"])
def test_a_device_is_not_opened(look: Look, device: str) -> None:
    report = look(device)
    assert not any(attempt.decisive for attempt in report.attempts)
    assert isinstance(report.image, NotSeen) and report.image.reason is Reason.SKIPPED
    assert report.unfinished == ()


@pytest.mark.root
def test_on_overlay_nothing_is_copied_up(place: Path, look_as: Look) -> None:
    """An open for writing would copy the whole lower file into the upper layer."""
    for name in ("lower", "top"):
        (place / name).mkdir()
    (place / "lower/f").write_bytes(b"x" * 1000)
    probe = place / "top"

    def mount() -> None:
        commands = (
            f"mount -t tmpfs none {probe}", f"mkdir {probe}/upper {probe}/work {probe}/merged",
            f"mount -t overlay -o lowerdir={place}/lower,upperdir={probe}/upper,workdir={probe}/work x {probe}/merged",
        )  # fmt: skip
        for command in commands:
            assert os.system(command) == 0, command

    report = look_as(ROOT, probe / "merged/f", want="write", prepare=mount)
    assert asked(report) == {("faccessat W_OK AT_EACCESS", None, False)}


def test_statx_tells_birth_and_refuses_another_inode(place: Path) -> None:
    path = place / "f"
    before = time.time_ns() - 10**9
    path.touch()
    inode = os.stat(path).st_ino
    born = birth(os.fsencode(path), inode)
    if born is not None:
        assert before <= born <= time.time_ns()
    assert birth(os.fsencode(path), inode + 1) is None
    with pytest.raises(FileNotFoundError):
        birth(os.fsencode(place / "gone"), 1)


def test_faccessat_raises_the_errno(place: Path) -> None:
    with pytest.raises(FileNotFoundError):
        faccessat(os.fsencode(place / "gone"), os.R_OK)
    faccessat(os.fsencode(place), os.R_OK | os.X_OK)


def test_attributes_of_a_descriptor(place: Path) -> None:
    number = os.open(place, os.O_PATH)
    try:
        assert attributes(number) == ()
    finally:
        os.close(number)
    with pytest.raises(OSError, match="Bad file descriptor"):
        attributes(number)
