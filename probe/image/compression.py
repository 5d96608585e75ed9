"""Compressed streams read forward: gzip, bzip2, xz, zstd, told apart by magic as containers/image does.

Output comes in bounded pieces, so a decompression bomb costs time up to the reader's bound and no memory. Faster or
missing codecs are taken when importable: `isal` for gzip; `compression.zstd` (Python 3.14) or `zstandard` for zstd.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from typing import Any, Protocol

from probe.image.cursor import CHUNK, ByteReader, StreamError

MAGIC = {
    "gzip": b"\x1f\x8b\x08",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "zstd": b"\x28\xb5\x2f\xfd",
}
_SKIPPABLE_FRAME = b"\x2a\x4d\x18"  # RFC 8878 section 3.1.2, after a first byte of 50 to 5f
_INPUT = 256 << 10
_XZ_MEMORY = 256 << 20
_ZSTD_WINDOW_LOG = 27
"""The largest window that the zstd tool itself takes without `--long`: 128 MiB."""


class UnsupportedError(Exception):
    """A compression that nothing installed here can read; the message says what to install."""


class _Codec(Protocol):
    """One stream's decompressor, with the interface of `bz2.BZ2Decompressor`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def detect(head: bytes) -> str:
    """The compression of a stream by its first bytes; `none` for any other."""
    return next((name for name, magic in MAGIC.items() if head.startswith(magic)), "none")


def decompressed(name: str, source: ByteReader) -> ByteReader:
    """A reader of what `source` holds. Its `read` raises StreamError; this raises UnsupportedError."""
    if name == "gzip":
        return _Streams(source, name, _gzip_codec())
    if name == "bzip2":
        import bz2

        return _Streams(source, name, bz2.BZ2Decompressor)
    if name == "xz":
        import lzma

        return _Streams(source, name, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY))
    return _zstd_reader(source)


class _Streams:
    """One or several streams of one kind after another, as gzip(1), xz(1) and the others concatenate."""

    def __init__(self, source: ByteReader, name: str, new: Callable[[], _Codec]) -> None:
        self._source = source
        self._name = name
        self._new = new
        self._codec = new()
        self._waiting = b""
        self._ended = False

    def read(self, size: int, /) -> bytes:
        while not self._ended:
            if self._codec.eof:
                self._next_stream()
                continue
            data = b""
            if self._codec.needs_input:
                data, self._waiting = self._waiting or self._source.read(_INPUT), b""
                if not data:
                    self._ended = True
                    raise StreamError(f"the {self._name} stream ends before its end", cut=True)
            try:
                out = self._codec.decompress(data, min(size, CHUNK))
            except Exception as error:  # zlib.error, OSError (bz2), LZMAError, ZstdError: all mean bad data
                self._ended = True
                raise StreamError(f"{self._name}: {error}") from None
            if out:
                return out
        return b""

    def _next_stream(self) -> None:
        """Go on to the next stream; zeros may pad the last one."""
        rest = self._codec.unused_data.lstrip(b"\0")
        while not rest:
            more = self._source.read(_INPUT)
            if not more:
                self._ended = True
                return
            rest = more.lstrip(b"\0")
        while len(rest) < 8 and (more := self._source.read(_INPUT)):
            rest += more
        if not rest.startswith(MAGIC[self._name]) and not (self._name == "zstd" and rest[1:4] == _SKIPPABLE_FRAME):
            self._ended = True
            raise StreamError(f"other bytes after the end of the {self._name} stream")
        self._codec, self._waiting = self._new(), rest


class _ZlibCodec:
    """zlib's interface made that of the others."""

    def __init__(self, decompressor: Any) -> None:
        self._zlib = decompressor
        self._full = False

    @property
    def eof(self) -> bool:
        return bool(self._zlib.eof)

    @property
    def needs_input(self) -> bool:
        return not self._full and not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return bytes(self._zlib.unused_data)

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        out = self._zlib.decompress(data or self._zlib.unconsumed_tail, max_length)
        self._full = len(out) >= max_length  # zlib may hold more output without any input left
        return bytes(out)


def _gzip_codec() -> Callable[[], _Codec]:
    library: Any = _optional("isal.isal_zlib") or zlib
    return lambda: _ZlibCodec(library.decompressobj(31))  # 31: gzip header and trailer, 32 KiB window


def _zstd_reader(source: ByteReader) -> ByteReader:
    module: Any = _optional("compression.zstd")
    if module is not None:
        options = {module.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        return _Streams(source, "zstd", lambda: module.ZstdDecompressor(options=options))
    module = _optional("zstandard")
    if module is None:
        raise UnsupportedError("zstd needs Python 3.14 or the package zstandard: pip install 'pod-probe[zstd]'")
    return _Zstandard(source, module)


class _Zstandard:
    """The package `zstandard`: only its stream reader bounds the output of one call."""

    def __init__(self, source: ByteReader, module: Any) -> None:
        self._bad = module.ZstdError
        self._guard = _Guard(source)
        decompressor = module.ZstdDecompressor(max_window_size=1 << _ZSTD_WINDOW_LOG)
        self._reader = decompressor.stream_reader(self._guard, read_size=_INPUT, read_across_frames=True, closefd=False)

    def read(self, size: int, /) -> bytes:
        try:
            out = bytes(self._reader.read(min(size, CHUNK)))
        except self._bad as error:
            raise StreamError(f"zstd: {error}") from None
        if self._guard.error is not None:
            raise self._guard.error
        return out


class _Guard:
    """Keeps the source's own error, which must not pass through a C extension as bad data."""

    def __init__(self, source: ByteReader) -> None:
        self._source = source
        self.error: Exception | None = None

    def read(self, size: int, /) -> bytes:
        try:
            return self._source.read(size)
        except Exception as error:
            self.error = error
            return b""


def _optional(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
