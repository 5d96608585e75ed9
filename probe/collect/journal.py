"""What the looking child has found so far: an append-only journal in anonymous shared memory.

Memory, not a pipe: an entry costs no system call, never blocks the child, never wakes the parent, and is there for the
parent whatever becomes of the child (stuck in a system call, killed, out of memory). Beside the entries stands the
breadcrumb: the call that the child is in. An entry counts once the length that covers it has been written.
"""

from __future__ import annotations

import json
import mmap
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

CAPACITY = 32 << 20
"""Bytes; only pages that were written take memory. The largest image facts take less than 9 MB."""
_CRUMB, _ENTRIES = 4096, 16384
_CRUMB_LIMIT = _ENTRIES - _CRUMB - 4
_LENGTH, _PHASE, _DONE, _TOTAL, _BEAT = range(5)
_WORD = struct.Struct("Q")  # native and aligned: stored in one piece, so never half a length
_HEAD = struct.Struct("=HI")


class Phase(IntEnum):
    """Which bound holds for the child."""

    LOOK = 0
    """The deadline of the look."""
    DEEP = 1
    """Reading everything may take hours: only standing still counts against the child."""
    AFTER = 2
    """What follows the deep check: as long again as the look had."""


@dataclass(frozen=True)
class Crumb:
    """A call that was begun: its name, the path it is about, and the names that were to be looked up after it."""

    call: str
    path: str
    name: str = ""
    rest: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.call} {self.path}".strip()


class Journal:
    """Made before the fork; the child writes, the parent reads."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._map = mmap.mmap(-1, capacity)
        self._capacity = capacity
        self._end = _ENTRIES
        self._store(_LENGTH, _ENTRIES)

    # -- the child's side

    def append(self, kind: str, body: bytes) -> bool:
        """Add an entry; False when it does not fit."""
        name = kind.encode()
        end = self._end + _HEAD.size + len(name) + len(body)
        if end > self._capacity:
            return False
        self._map[self._end : end] = _HEAD.pack(len(name), len(body)) + name + body
        self._end = end
        self._store(_LENGTH, end)
        return True

    def crumb(self, call: str, path: str, name: str = "", rest: tuple[str, ...] = ()) -> None:
        """Say which call comes next."""
        text = json.dumps([call, path, name, rest]).encode()
        if len(text) > _CRUMB_LIMIT:
            text = json.dumps([call, path[:1024], name[:256], []]).encode()
        self._map[_CRUMB : _CRUMB + 4 + len(text)] = struct.pack("=I", len(text)) + text

    def enter(self, phase: Phase) -> None:
        """A phase begins."""
        self._store(_BEAT, time.monotonic_ns())
        self._store(_PHASE, phase)

    def progress(self, done: int, total: int) -> None:
        """Progress of the deep check, in bytes."""
        self._store(_DONE, done)
        self._store(_TOTAL, total)
        self._store(_BEAT, time.monotonic_ns())

    # -- the parent's side

    def entries(self) -> Iterator[tuple[str, bytes]]:
        """The entries so far, in order."""
        at, end = _ENTRIES, self._load(_LENGTH)
        while at < end:
            name_length, length = _HEAD.unpack_from(self._map, at)
            at += _HEAD.size
            yield self._map[at : at + name_length].decode(), self._map[at + name_length : at + name_length + length]
            at += name_length + length

    def last_crumb(self) -> Crumb | None:
        """The call that was begun last."""
        (length,) = struct.unpack_from("=I", self._map, _CRUMB)
        if not 0 < length <= _CRUMB_LIMIT:
            return None
        try:
            call, path, name, rest = json.loads(self._map[_CRUMB + 4 : _CRUMB + 4 + length])
        except ValueError:  # the child was killed while it wrote
            return None
        return Crumb(call, path, name, tuple(rest))

    @property
    def phase(self) -> Phase:
        """What the child is at."""
        return Phase(self._load(_PHASE))

    @property
    def position(self) -> tuple[int, int]:
        """Bytes done and bytes in all, of the deep check."""
        return self._load(_DONE), self._load(_TOTAL)

    @property
    def beat(self) -> float:
        """CLOCK_MONOTONIC of the last change of phase or progress, in seconds; 0 before any."""
        return self._load(_BEAT) / 1e9

    def close(self) -> None:
        """Release the memory of this side."""
        self._map.close()

    def _store(self, word: int, value: int) -> None:
        _WORD.pack_into(self._map, word * 8, value)

    def _load(self, word: int) -> int:
        value: int = _WORD.unpack_from(self._map, word * 8)[0]
        return value
