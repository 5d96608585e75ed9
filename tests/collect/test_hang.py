"""Mounts that do not answer: the report comes in time, keeps what was seen, and names the call and the mount."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.images import ImageFactory

from probe.collect.deadline import _abandoned
from probe.evidence.observation import NotSeen, Reason, Seen
from probe.evidence.path import Chain
from probe.evidence.report import Report

pytestmark = [pytest.mark.root]
Look = Callable[..., Report]
Mount = Callable[..., Path]
DEADLINE = 0.6


@pytest.fixture
def source(place: Path, image_factory: ImageFactory) -> Path:
    if shutil.which("skopeo") is None:
        pytest.skip("needs skopeo")
    directory = place / "source"
    (directory / "d/e").mkdir(parents=True)
    shutil.copy(image_factory("oci-archive").path, directory / "d/e/i.tar")
    (directory / "link").symlink_to("d/e")
    os.utime(directory / "d/e/i.tar", (1, 1))
    return directory


def look_in_time(look: Look, reference: object, **plan: object) -> Report:
    began = time.monotonic()
    report = look(reference, **{"deadline": DEADLINE, **plan})
    assert time.monotonic() - began < DEADLINE + 1
    return report


def chain_of(report: Report) -> Chain:
    assert isinstance(report.chain, Seen)
    return report.chain.value


def assert_hung(report: Report, call: str, mount: Path) -> None:
    assert report.mounts.stuck == (str(mount),)
    (sentence,) = report.unfinished
    assert sentence.startswith(f"{call} {mount}"), sentence
    assert "did not return: no answer within" in sentence


@pytest.mark.parametrize(
    ("answer", "call", "seen"),
    [
        ("getattr=/=hang", "fstat", 0),
        ("getattr=/d=hang", "openat", 1),
        ("getattr=/d/e=hang", "openat", 2),
        ("getattr=/d/e/i.tar=hang", "openat", 3),
        ("getattr=/d/e/i.tar=hang-after-1", "fstat", 3),
        ("getxattr=/d=hang", "getxattr system.posix_acl_access", 2),
        ("getxattr=/d/e/i.tar=hang", "getxattr system.posix_acl_access", 4),
        ("getxattr=/d/e=hang-after-1", "getxattr security.selinux", 3),
    ],
)
def test_a_walk_that_hangs(look: Look, mount_fuse: Mount, source: Path, answer: str, call: str, seen: int) -> None:
    mount = mount_fuse(source, answer)
    report = look_in_time(look, f"oci-archive:{mount}/d/e/i.tar")
    assert_hung(report, call, mount)
    chain = chain_of(report)
    inside = [component for component in chain.components if component.path.startswith(str(mount))]
    assert [Path(component.path).name for component in inside] == [mount.name, "d", "e", "i.tar"]
    assert [isinstance(component.inode, Seen) for component in inside] == [number < seen for number in range(4)]
    assert chain.stopped is not None and chain.stopped.reason is Reason.TIMEOUT
    unseen = [component.inode for component in inside if isinstance(component.inode, NotSeen)]
    assert all(observation.reason is Reason.SKIPPED for observation in unseen[1:])
    if call.startswith("getxattr"):
        partly = inside[seen - 1]
        waited = partly.label if "selinux" in call else partly.acl
        assert isinstance(waited, NotSeen) and waited.reason is Reason.TIMEOUT
        assert isinstance(partly.mount_id, Seen)
    for observation in (report.image, report.writers, report.listing, report.nearby, report.mounts.space):
        assert isinstance(observation, NotSeen) and observation.reason is Reason.TIMEOUT
        assert call in observation.message
    carrying = report.mounts.carrying
    assert isinstance(carrying, Seen) and carrying.value.mount_point == str(mount)
    assert carrying.value.filesystem.startswith("fuse")
    assert report.attempts == ()


def test_a_link_that_hangs(look: Look, mount_fuse: Mount, source: Path) -> None:
    mount = mount_fuse(source, "readlink=/link=hang")
    report = look_in_time(look, f"oci-archive:{mount}/link/i.tar")
    assert_hung(report, "readlink", mount)
    link, rest = chain_of(report).components[-2:]
    assert isinstance(link.inode, Seen) and isinstance(link.label, NotSeen)
    assert isinstance(rest.inode, NotSeen) and rest.name == "i.tar"


def test_an_open_that_hangs(look: Look, mount_fuse: Mount, source: Path) -> None:
    mount = mount_fuse(source, "open=/d/e/i.tar=hang")
    report = look_in_time(look, f"oci-archive:{mount}/d/e/i.tar")
    assert_hung(report, "openat O_RDONLY", mount)
    assert chain_of(report).stopped is None
    assert report.attempts == ()


def test_a_read_that_hangs_leaves_two_samples(look: Look, mount_fuse: Mount, source: Path) -> None:
    mount = mount_fuse(source, "read=/d/e/i.tar=hang")
    report = look_in_time(look, f"oci-archive:{mount}/d/e/i.tar")
    assert_hung(report, "read", mount)
    assert isinstance(report.writers, Seen) and len(report.writers.value.samples) == 2
    assert [attempt.granted for attempt in report.attempts] == [True, True]
    assert isinstance(report.image, NotSeen) and report.image.reason is Reason.TIMEOUT


@pytest.mark.parametrize("call", ["opendir", "readdir"])
def test_a_listing_that_hangs_leaves_the_image(look: Look, mount_fuse: Mount, source: Path, call: str) -> None:
    mount = mount_fuse(source, f"{call}=/d/e=hang")
    report = look_in_time(look, f"oci-archive:{mount}/d/e/i.tar")
    assert_hung(report, call, mount)
    assert isinstance(report.image, Seen) and report.image.value.complete
    assert isinstance(report.listing, NotSeen) and report.listing.reason is Reason.TIMEOUT


def test_a_neighbour_that_hangs_is_not_asked(look: Look, mount_fuse: Mount, source: Path, place: Path) -> None:
    mount = mount_fuse(source, "getattr=/=hang")
    report = look_in_time(look, f"oci-archive:{place}/absent.tar", deadline=5.0)
    assert report.mounts.stuck == () and report.unfinished == ()
    assert isinstance(report.listing, Seen) and isinstance(report.nearby, Seen)
    inodes = {entry.name: entry.inode for entry in report.listing.value.entries}
    neighbour = inodes[mount.name]
    assert isinstance(neighbour, NotSeen) and neighbour.reason is Reason.SKIPPED
    assert isinstance(inodes["source"], Seen)
    assert [candidate.path for candidate in report.nearby.value] == [f"{source}/d/e/i.tar"]


def test_a_temp_directory_that_hangs(look: Look, mount_fuse: Mount, source: Path) -> None:
    mount = mount_fuse(source, "statfs=/=hang")
    report = look_in_time(look, f"oci-archive:{source}/d/e/i.tar", temp_directory=str(mount))
    assert_hung(report, "statvfs", mount)
    assert isinstance(report.image, Seen) and isinstance(report.listing, Seen)
    assert isinstance(report.mounts.temp_space, NotSeen) and isinstance(report.mounts.space, Seen)


def test_a_relative_path_on_a_dead_mount(look: Look, mount_fuse: Mount, source: Path) -> None:
    mount = mount_fuse(source, "getattr=/d/e=hang-after-4")
    home = os.getcwd()
    os.chdir(mount / "d")
    try:
        subprocess.run(["true"], check=True)
        while True:
            report = look_in_time(look, "oci-archive:e/i.tar")
            if report.mounts.stuck:
                break
    finally:
        os.chdir(home)
    assert report.mounts.stuck == (str(mount),)


def test_a_deep_check_that_hangs_keeps_the_shallow_facts(
    look: Look, mount_fuse: Mount, place: Path, monkeypatch: pytest.MonkeyPatch, image_factory: ImageFactory
) -> None:
    (place / "source").mkdir()
    shutil.copytree(image_factory("oci").path, place / "source/l")
    layer = next(path for path in (place / "source/l/blobs/sha256").iterdir() if path.read_bytes()[:2] == b"\x1f\x8b")
    mount = mount_fuse(place / "source", f"read=/l/blobs/sha256/{layer.name}=hang")
    monkeypatch.setattr("probe.collect.gather.STALL_SECONDS", 0.6)
    began = time.monotonic()
    report = look(f"oci:{mount}/l", deadline=1.0, deep=True)
    assert time.monotonic() - began < 1.0 + 0.6 + 1.0
    assert isinstance(report.image, Seen) and report.image.value.verification is None
    assert report.image.value.whole
    (sentence,) = report.unfinished
    assert sentence.startswith(f"read {mount}/l did not return: the deep check made no progress for ")
    assert report.mounts.stuck == (str(mount),)


@pytest.mark.parametrize("number", [5, 116, 112])
def test_errnos_of_a_broken_mount_are_told(look: Look, mount_fuse: Mount, source: Path, number: int) -> None:
    import errno

    name = errno.errorcode[number]
    report = look(f"oci-archive:{mount_fuse(source, f'getattr=/d/e={number}')}/d/e/i.tar")
    stopped = chain_of(report).stopped
    assert stopped is not None and stopped.errno == name
    assert {attempt.errno for attempt in report.attempts} == {name}
    assert report.unfinished == ()
    report = look(f"oci-archive:{mount_fuse(source, f'open=/d/e/i.tar={number}')}/d/e/i.tar")
    assert isinstance(report.image, NotSeen) and report.image.errno == name
    report = look(f"oci-archive:{mount_fuse(source, f'readdir=/d/e={number}')}/d/e/i.tar")
    assert isinstance(report.listing, NotSeen) and report.listing.errno == name
    assert isinstance(report.image, Seen)
    report = look(f"oci-archive:{mount_fuse(source, f'read=/d/e/i.tar={number}')}/d/e/i.tar")
    assert isinstance(report.image, Seen) and not report.image.value.complete


def test_an_abandoned_child_holds_none_of_the_callers_pipes(mount_fuse: Mount, source: Path) -> None:
    """While the daemon lives, the killed child sleeps in the kernel; the caller's output ends all the same."""
    mount = mount_fuse(source, "getattr=/d=hang")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from probe.collect.gather import Plan, gather\n"
        "from probe.collect.deadline import _abandoned\n"
        "from probe.image.reference import parse_reference\n"
        "report = gather(parse_reference(sys.argv[2]), Plan(deadline=0.5, skopeo='never'))\n"
        "print(*report.mounts.stuck, *_abandoned)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(Path(__file__).parents[2]), f"{mount}/d/x"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    said = process.communicate(timeout=10)[0].decode().split()  # returns at the end of the pipe only
    assert process.returncode == 0, said
    assert said[0] == str(mount)
    abandoned = int(said[1])
    assert "State:\tD" in Path(f"/proc/{abandoned}/status").read_text()  # still there, asleep, and no one waits


def test_an_abandoned_child_is_collected_later(look: Look, mount_fuse: Mount, source: Path, place: Path) -> None:
    mount = mount_fuse(source, "getattr=/d=hang")
    look_in_time(look, f"{mount}/d/x")
    assert _abandoned
    (source / "f").touch()
    subprocess.run(["umount", "-f", str(mount)], capture_output=True)  # busy, but every waiting call comes back
    until = time.monotonic() + 5
    while _abandoned and time.monotonic() < until:
        look(source / "f")
    assert not _abandoned
