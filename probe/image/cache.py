"""Read large files without pushing others out of the node's page cache.

Before a segment is read, preadv2(2) with RWF_NOWAIT asks three of its pages whether they are cached: that call never
starts I/O. A segment that was cached stays cached; one that this reading brought in is given back with
POSIX_FADV_DONTNEED once it was used. Where the file system cannot answer, segments are given back. Read-ahead is
asked for segment by segment (POSIX_FADV_WILLNEED), because several threads read one descriptor at different places
and the kernel's own read-ahead would see neither sequence.
"""

from __future__ import annotations

import os

from probe.image.cursor import CHUNK, PAGE

SEGMENT = 4 << 20

_advise = getattr(os, "posix_fadvise", None)
_NOWAIT = getattr(os, "RWF_NOWAIT", 0)


def expect_random(descriptor: int, expected: bool) -> None:
    """Switch the kernel's read-ahead for a descriptor off (tar headers lie far apart), or back to normal."""
    if _advise is not None:
        _advise(descriptor, 0, 0, os.POSIX_FADV_RANDOM if expected else os.POSIX_FADV_NORMAL)


class ConsiderateReader:
    """The bytes from `offset` on, `size` of them, as a `ByteReader`. Raises OSError."""

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self._descriptor = descriptor
        self._at = offset
        self._end = offset + size
        self._segment_end = offset
        self._was_cached = True
        self._next_cached = self._prepare(offset)

    def read(self, size: int, /) -> bytes:
        """Give the next bytes."""
        if self._at >= self._segment_end:
            self._was_cached = self._next_cached
            self._segment_end = min(self._at + SEGMENT, self._end)
            self._next_cached = self._prepare(self._segment_end)
        start = self._at
        data = os.pread(self._descriptor, min(size, CHUNK, self._segment_end - start), start)
        self._at += len(data)
        if not self._was_cached and data:
            self._give_back(start, self._at)
        return data

    def _prepare(self, start: int) -> bool:
        """Whether the segment from `start` is cached; if not, ask the kernel to begin reading it."""
        length = min(SEGMENT, self._end - start)
        if length <= 0 or _advise is None:
            return True
        if all(self._cached(at) for at in (start, start + length // 2, start + length - 1)):
            return True
        _advise(self._descriptor, start, length, os.POSIX_FADV_WILLNEED)
        return False

    def _cached(self, at: int) -> bool:
        try:
            return os.preadv(self._descriptor, [bytearray(1)], at, _NOWAIT) == 1 if _NOWAIT else False
        except OSError:  # EAGAIN: not cached; EOPNOTSUPP: the file system cannot say
            return False

    def _give_back(self, start: int, end: int) -> None:
        # Only whole pages can be given back: the page that the last call split goes with this one.
        if _advise is not None:
            _advise(self._descriptor, start - start % PAGE, end - start + start % PAGE, os.POSIX_FADV_DONTNEED)
