"""inotify by the real kernel, and the clock beside it."""

from __future__ import annotations

import itertools
import os
import struct
from pathlib import Path

import pytest

from probe.handoff.observe import wake
from probe.handoff.observe.wake import Event, Inotify, Schedule, parse_events


def test_events_of_one_read() -> None:
    raw = struct.pack("=iIII", 1, wake.CREATE, 0, 16) + b"image.tar".ljust(16, b"\0")
    raw += struct.pack("=iIII", 2, wake.MODIFY, 0, 0)
    assert parse_events(raw) == [Event(1, wake.CREATE, b"image.tar"), Event(2, wake.MODIFY)]
    assert parse_events(raw[:-1]) == [Event(1, wake.CREATE, b"image.tar")]


def test_what_the_kernel_tells(tmp_path: Path) -> None:
    inotify = Inotify()
    try:
        assert inotify.read() == []
        directory = inotify.watch(os.fsencode(tmp_path), wake.CREATE | wake.MOVED_TO | wake.CLOSE_WRITE)
        name = b"\xff\nname"
        with open(os.fsencode(tmp_path) + b"/" + name, "wb") as stream:
            assert inotify.read() == [Event(directory, wake.CREATE, name)]
            stream.write(b"x")
        assert inotify.read() == [Event(directory, wake.CLOSE_WRITE, name)]
        inotify.forget(directory)
        assert inotify.read() == [Event(directory, wake.IGNORED)]
        with pytest.raises(OSError):
            inotify.forget(directory)
        with pytest.raises(FileNotFoundError):
            inotify.watch(b"/no/such/path", wake.CREATE)
    finally:
        inotify.close()


def test_a_queue_that_overflows_says_so(tmp_path: Path) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    inotify = Inotify()
    try:
        for name in ("a", "b"):
            (tmp_path / name).touch()
        inotify.watch(os.fsencode(tmp_path), wake.ATTRIB)
        for _ in range(limit // 2 + 16):  # in turn: the same event twice would be one
            os.utime(tmp_path / "a")
            os.utime(tmp_path / "b")
        events = list(itertools.chain.from_iterable(iter(inotify.read, [])))
        assert events[-1].mask & wake.OVERFLOW
    finally:
        inotify.close()


def test_the_clock_slows_down_and_starts_again() -> None:
    schedule = Schedule()
    waits = [schedule.next(covered=False) for _ in range(20)]
    assert waits[0] == 0.05 and waits == sorted(waits) and waits[-1] == 2.0
    assert schedule.next(covered=True) == 10.0
    schedule.reset()
    assert schedule.next(covered=False) == 0.05
