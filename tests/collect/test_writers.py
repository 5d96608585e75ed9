"""Live writers: real ones, in other processes, seen by samples, leases and descriptors."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from support.fuse import mirror
from support.stage import PUSHER, Person

from probe.evidence.observation import NotSeen, Reason, Seen
from probe.evidence.report import Report
from probe.evidence.writer import Writers

Look = Callable[..., Report]
APPENDER = """
import sys, time
with open(sys.argv[1], "ab", buffering=0) as file:
    print(flush=True)
    while True:
        file.write(b"x" * 512)
        time.sleep(0.01)
"""
HOLDER = """
import sys, time
file = open(sys.argv[1], sys.argv[2])
print(flush=True)
time.sleep(60)
"""
REPLACER = """
import os, sys, time
with open(sys.argv[1] + ".new", "w") as file:
    file.write("new one")
print(flush=True)
time.sleep(0.3)
os.rename(sys.argv[1] + ".new", sys.argv[1])
"""


@contextmanager
def running(code: str, *arguments: object) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def writers_of(report: Report) -> Writers:
    assert isinstance(report.writers, Seen)
    return report.writers.value


def sizes(report: Report) -> list[int]:
    return [sample.inode.value.size for sample in writers_of(report).samples if isinstance(sample.inode, Seen)]


def test_growth_shows_in_the_samples(place: Path, look: Look) -> None:
    path = place / "image.tar"
    path.touch()
    with running(APPENDER, path):
        report = look(f"oci-archive:{path}", gap=0.1)
    assert len(sizes(report)) == 3  # not ended, and just modified: one more
    assert sizes(report) == sorted(set(sizes(report)))
    samples = writers_of(report).samples
    for before, after in pairwise(samples):
        assert after.monotonic - before.monotonic >= 0.1
    assert writers_of(report).gap_seconds == 0.1
    assert any("size was" in change for change in report.unstable)


def test_a_file_at_rest_is_stable(place: Path, look: Look) -> None:
    path = place / "f"
    path.write_bytes(b"x")
    os.utime(path, (1, 1))
    report = look(path)
    assert sizes(report) == [1, 1]
    assert report.unstable == ()
    assert report.chain_after is None


def test_absent_then_present(place: Path, look: Look) -> None:
    path = place / "f"
    with running("import sys, time; print(flush=True); time.sleep(0.25); open(sys.argv[1], 'w').write('x')", path):
        report = look(path, gap=0.8)
    assert [attempt.errno for attempt in report.attempts][:2] == ["ENOENT", None]
    assert report.chain_after is not None and report.chain_after.stopped is None
    assert any("ENOENT" in change for change in report.unstable)
    assert isinstance(report.image, Seen)


@pytest.mark.root
def test_access_that_heals_in_between(place: Path, look_as: Look) -> None:
    (place / "d").mkdir()
    (place / "d/f").write_bytes(b"x")
    (place / "d").chmod(0o700)
    with running("import os, sys, time; print(flush=True); time.sleep(0.3); os.chmod(sys.argv[1], 0o755)", place / "d"):
        report = look_as(PUSHER, place / "d/f", gap=0.9)
    errnos = [attempt.errno for attempt in report.attempts]
    assert (errnos[0], errnos[-1]) == ("EACCES", None)
    assert isinstance(report.chain, Seen) and report.chain.value.stopped is not None
    before, after = report.chain.value, report.chain_after
    assert after is not None
    old, new = before.components[-2].inode, after.components[-2].inode
    assert isinstance(old, Seen) and isinstance(new, Seen)
    assert (old.value.mode, new.value.mode) == (0o700, 0o755)
    assert report.attempts[0].at < new.value.changed < report.attempts[-1].at
    assert f"{place}/d: mode was 0700, then 0755" in report.unstable


def test_a_file_that_is_replaced(place: Path, look: Look) -> None:
    path = place / "f"
    path.write_bytes(b"old")
    os.utime(path, (1, 1))
    with running(REPLACER, path):
        report = look(path, gap=0.9)
    assert any(": inode was" in change for change in report.unstable)
    assert report.chain_after is not None


@pytest.mark.root
def test_a_lease_tells_the_owner_whether_somebody_writes(place: Path, look: Look, look_as: Look) -> None:
    path = place / "f"
    path.write_bytes(b"x")
    path.chmod(0o666)
    assert isinstance(writers_of(look(path)).lease, NotSeen)  # not unless asked
    lease = writers_of(look(path, lease=True)).lease
    assert isinstance(lease, Seen) and lease.value is False
    with running(HOLDER, path, "rb"):
        lease = writers_of(look(path, lease=True)).lease
        assert isinstance(lease, Seen) and lease.value is False
    with running(HOLDER, path, "ab"):
        lease = writers_of(look(path, lease=True)).lease
        assert isinstance(lease, Seen) and lease.value is True
        lease = writers_of(look_as(PUSHER, path, lease=True)).lease
        assert isinstance(lease, NotSeen) and (lease.reason, lease.errno) == (Reason.DENIED, "EACCES")
    os.chown(path, PUSHER.uid, 0)
    lease = writers_of(look_as(PUSHER, path, lease=True)).lease
    assert isinstance(lease, Seen) and lease.value is False
    with open(path, "ab"):  # the lease was given back: this would block or break it
        pass


@pytest.mark.root
def test_no_lease_is_asked_for_where_a_server_decides(place: Path, look: Look) -> None:
    (place / "source").mkdir()
    (place / "source" / "f").write_bytes(b"x")
    with mirror(place / "source", place / "mount", {}):
        lease = writers_of(look(place / "mount" / "f", lease=True)).lease
    assert isinstance(lease, NotSeen) and lease.reason is Reason.UNSUPPORTED and "fuse" in lease.message


@pytest.mark.root
def test_holders_are_writers_only_and_say_only_who(place: Path, look: Look) -> None:
    path = place / "f"
    path.write_bytes(b"x")
    path.chmod(0o666)
    with running(HOLDER, path, "rb"), running(HOLDER, path, "ab") as writer:
        holders = writers_of(look(path)).holders
        assert isinstance(holders, Seen)
        assert [(holder.pid, holder.uid) for holder in holders.value] == [(writer, 0)]
    other = place / "g"
    other.write_bytes(b"x")
    with running(HOLDER, other, "ab"):
        holders = writers_of(look(path)).holders
        assert isinstance(holders, Seen) and holders.value == ()


@pytest.mark.root
def test_other_users_descriptors_are_not_ours_to_see(place: Path, look_as: Look) -> None:
    path = place / "f"
    path.write_bytes(b"x")
    with running(HOLDER, path, "ab"):
        holders = writers_of(look_as(Person(uid=4242, gid=4242, groups=()), path)).holders
    assert isinstance(holders, Seen) and holders.value == ()


def test_a_plain_directory_is_not_waited_for(place: Path, look: Look) -> None:
    began = time.monotonic()
    report = look(place, gap=30, deadline=60)
    assert time.monotonic() - began < 15  # far from the gap
    assert len(writers_of(report).samples) == 2


def test_the_gap_does_not_eat_the_deadline(place: Path, look: Look) -> None:
    (place / "f").write_bytes(b"x")
    report = look(place / "f", gap=60, deadline=1.0)
    assert report.unfinished == ()
    assert isinstance(report.mounts.temp_space, Seen)
