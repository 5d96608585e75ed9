"""Reading forward: over a file that can be sought, over a stream that cannot, over the payload of one member."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

from probe.image.header import Extent

PAGE = 4096
CHUNK = 1 << 20


class ByteReader(Protocol):
    """Anything that gives the next bytes: at most `size`, fewer where convenient, none only at the end."""

    def read(self, size: int, /) -> bytes:
        """Give the next bytes."""


class StreamError(Exception):
    """A compressed stream that breaks: `cut` when it merely ends before its end."""

    def __init__(self, message: str, *, cut: bool = False) -> None:
        super().__init__(message)
        self.cut = cut


class LimitError(Exception):
    """A bound of `Limits` stopped the reading; the message names it."""


class Cursor(Protocol):
    """A position in a tar stream."""

    position: int

    def read(self, size: int, /) -> bytes:
        """Give exactly `size` bytes, fewer only where the stream ends."""

    def skip(self, size: int, /) -> int:
        """Go on by `size` bytes, or to the end; how many it were."""


class SeekableFile:
    """A regular file read by pread(2), which leaves the descriptor's own offset alone.

    Looked at as long as it was when first seen: what a writer appends meanwhile is not part of this look, and what
    was cut off shows as an early end. `bytes_read` counts what was asked of the kernel.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = size
        self.bytes_read = 0
        self._window = b""
        self._window_start = 0

    def read_at(self, offset: int, size: int) -> bytes:
        """Give the bytes at `offset`: fewer than `size` only where the file ends. Raises OSError."""
        size = min(size, self.size - offset)
        if size <= 0:
            return b""
        if size >= PAGE:
            return self._pread(offset, size)
        start = offset - self._window_start
        if not (start >= 0 and start + size <= len(self._window)):
            # The kernel fetches whole pages anyway: one call then serves small neighbouring members too.
            self._window_start = offset - offset % PAGE
            end = min(self.size, offset + size + -(offset + size) % PAGE)
            self._window = self._pread(self._window_start, end - self._window_start)
            start = offset - self._window_start
        return self._window[start : start + size]

    def refresh(self) -> None:
        """Take notice of a file that was cut off since it was first seen. Raises OSError."""
        self.size = min(self.size, os.fstat(self.descriptor).st_size)

    def _pread(self, offset: int, size: int) -> bytes:
        data = os.pread(self.descriptor, size, offset)
        while data and len(data) < size:
            more = os.pread(self.descriptor, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        self.bytes_read += len(data)
        if len(data) < size:
            self.size = min(self.size, offset + len(data))
        return data


class FileCursor:
    """A `Cursor` that seeks."""

    def __init__(self, file: SeekableFile) -> None:
        self._file = file
        self.position = 0

    def read(self, size: int, /) -> bytes:
        """Give exactly `size` bytes, fewer only at the end. Raises OSError."""
        data = self._file.read_at(self.position, size)
        self.position += len(data)
        return data

    def skip(self, size: int, /) -> int:
        """Go on without reading."""
        gone = max(0, min(size, self._file.size - self.position))
        self.position += gone
        return gone


class StreamCursor:
    """A `Cursor` over a stream that only goes forward, up to `limit` bytes of it.

    A compressed stream that is cut off ends here as a file would, and `cut` says so. Once it raised (`OSError`,
    `StreamError`, `LimitError`) it raises the same again.
    """

    def __init__(self, source: ByteReader, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._failed: Exception | None = None
        self._buffer = b""
        self._at = 0
        self.position = 0
        self.cut: StreamError | None = None

    def read(self, size: int, /) -> bytes:
        """Give exactly `size` bytes, fewer only at the end."""
        if len(self._buffer) - self._at < size:
            self._fill(size)
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        self.position += len(data)
        return data

    def skip(self, size: int, /) -> int:
        """Go on by reading."""
        gone = 0
        while gone < size:
            data = self.read(min(size - gone, CHUNK))
            gone += len(data)
            if not data:
                break
        return gone

    def _fill(self, size: int) -> None:
        pieces = [self._buffer[self._at :]]
        have = len(pieces[0])
        while have < size:
            piece = self._next(have)
            if not piece:
                break
            pieces.append(piece)
            have += len(piece)
        self._buffer, self._at = b"".join(pieces), 0

    def _next(self, have: int) -> bytes:
        if self._failed is not None:
            raise self._failed
        try:
            left = self._limit - self.position - have
            if left <= 0:
                raise LimitError(f"more than {self._limit} bytes decompressed")
            return self._source.read(min(left, CHUNK // 4))
        except StreamError as error:
            if error.cut:
                self.cut = error
                return b""
            self._failed = error
            raise
        except Exception as error:
            self._failed = error
            raise


class Bounded:
    """The next `size` bytes of a cursor, as a `ByteReader`: the payload of one member."""

    def __init__(self, source: ByteReader, size: int) -> None:
        self._source = source
        self._left = size

    def read(self, size: int, /) -> bytes:
        """Give the next bytes."""
        data = self._source.read(min(size, self._left, CHUNK))
        self._left -= len(data)
        return data


class Sparse:
    """A sparse file read with its holes as zeros: `source` gives the stored bytes, in the order of the extents."""

    def __init__(self, source: ByteReader, extents: Sequence[Extent], size: int) -> None:
        self._source = source
        self._extents = [extent for extent in reversed(extents) if extent.length]
        self._size = size
        self._at = 0

    def read(self, size: int, /) -> bytes:
        """Give the next bytes."""
        while self._extents and self._at >= self._extents[-1].offset + self._extents[-1].length:
            self._extents.pop()
        until = self._extents[-1].offset if self._extents else self._size
        if self._at < until:
            data = bytes(min(size, until - self._at, CHUNK))
        elif self._extents:
            data = self._source.read(min(size, until + self._extents[-1].length - self._at))
        else:
            data = b""
        self._at += len(data)
        return data


class Prefixed:
    """`head`, then what `source` gives."""

    def __init__(self, head: bytes, source: ByteReader) -> None:
        self._head = head
        self._source = source

    def read(self, size: int, /) -> bytes:
        """Give the next bytes."""
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        return self._source.read(size)


def read_all(source: ByteReader, limit: int) -> bytes:
    """Everything that `source` gives, up to `limit` bytes."""
    pieces, have = [], 0
    while have < limit:
        piece = source.read(min(CHUNK, limit - have))
        if not piece:
            break
        pieces.append(piece)
        have += len(piece)
    return b"".join(pieces)
