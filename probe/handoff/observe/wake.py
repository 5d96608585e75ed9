"""What wakes the looker: inotify(7) where the kernel lets it, and a clock that slows down while nothing changes."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

MODIFY, ATTRIB, CLOSE_WRITE, OPEN = 0x2, 0x4, 0x8, 0x20
MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x40, 0x80, 0x100, 0x200
DELETE_SELF, MOVE_SELF = 0x400, 0x800
UNMOUNT, OVERFLOW, IGNORED = 0x2000, 0x4000, 0x8000
ONLYDIR, DONT_FOLLOW, MASK_ADD = 0x1000000, 0x2000000, 0x20000000

_HEAD = struct.Struct("=iIII")
_READ_BYTES = 64 << 10
_MOST_READS = 16
"""In one go: who makes events faster than they are read does not keep the looker from looking."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: the watch it is of, what happened, and the name in the watched directory."""

    watch: int
    mask: int
    name: bytes = b""


class Inotify:
    """One inotify instance. Raises OSError when the kernel gives none (fs.inotify.max_user_instances)."""

    def __init__(self) -> None:
        self._descriptor = _call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)

    @property
    def fileno(self) -> int:
        """Readable when something happened."""
        return self._descriptor

    def watch(self, path: bytes, mask: int) -> int:
        """The watch of the inode at `path`, made or changed. It takes read permission on the inode. Raises OSError."""
        import ctypes

        return _call("inotify_add_watch", self._descriptor, ctypes.c_char_p(path), ctypes.c_uint32(mask))

    def forget(self, watch: int) -> None:
        """End a watch. Raises OSError when the kernel has ended it already."""
        _call("inotify_rm_watch", self._descriptor, watch)

    def read(self) -> list[Event]:
        """What happened since the last call; empty when nothing did."""
        events: list[Event] = []
        for _ in range(_MOST_READS):
            try:
                raw = os.read(self._descriptor, _READ_BYTES)
            except BlockingIOError:
                break
            events += parse_events(raw)
            if len(raw) < _READ_BYTES // 2:
                break
        return events

    def close(self) -> None:
        """Give the instance back."""
        os.close(self._descriptor)


def parse_events(raw: bytes) -> list[Event]:
    """The events in what one read(2) gave: struct inotify_event, the name padded with null bytes."""
    events, at = [], 0
    while at + _HEAD.size <= len(raw):
        watch, mask, _cookie, length = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        events.append(Event(watch, mask, raw[at : at + length].rstrip(b"\0")))
        at += length
    return events


class Schedule:
    """When to look again without being woken: soon after a change, then ever more rarely."""

    def __init__(self, first: float = 0.05, last: float = 2.0, covered: float = 10.0, factor: float = 1.4) -> None:
        self._first, self._last, self._covered, self._factor = first, last, covered, factor
        self._wait = first

    def reset(self) -> None:
        """Something changed."""
        self._wait = self._first

    def next(self, *, covered: bool) -> float:
        """Seconds to wait. `covered`: the kernel announces every change, this is for what it might not."""
        if covered:
            return self._covered
        wait, self._wait = self._wait, min(self._last, self._wait * self._factor)
        return wait


@cache
def _libc() -> ctypes.CDLL:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> int:
    import ctypes
    import errno

    function = getattr(_libc(), name, None)
    if function is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    answer = int(function(*arguments))
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def die_with_parent(parent: int) -> None:
    """(Child.) Be killed when the parent ends (PR_SET_PDEATHSIG); end now when it already has."""
    import contextlib
    import signal

    with contextlib.suppress(OSError):
        _call("prctl", 1, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
