"""Hash a blob and the content inside it in one pass: the digest of the bytes as stored, and of the same unpacked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from probe.image.compression import UnsupportedError, decompressed, detect
from probe.image.cursor import CHUNK, ByteReader, Prefixed, StreamError


@dataclass(frozen=True, slots=True)
class Measured:
    """What one pass over a blob gave. Sizes in bytes, digests as `algorithm:hex`."""

    size: int
    digest: str
    """Of the bytes as stored."""
    compression: str
    content_size: int | None
    """Of the content: decompressed, or as stored when it is not compressed. None when it could not be unpacked."""
    content_digest: str | None
    """The sha256 of the content, which is a layer's diff_id."""
    trouble: str = ""
    """Why the content could not be unpacked: the kind of problem (`decompression`, `too-large`, `unsupported`) ..."""
    trouble_text: str = ""
    """... and a sentence."""


def measure(source: ByteReader, algorithm: str, limit: int, progress: Callable[[int], None] | None = None) -> Measured:
    """Read `source` to its end. `algorithm` is that of the declared digest, `limit` bounds the decompressed bytes.

    `progress` is told the number of bytes of each read. Raises what `source` raises.
    """
    stored = _Hashed(source, algorithm, progress)
    head = stored.read(CHUNK)
    while head and len(head) < 8 and (more := stored.read(CHUNK)):
        head += more
    compression = detect(head)
    if compression == "none":
        content = stored if algorithm == "sha256" else _Hashed(Prefixed(head, stored), "sha256", None)
        while content.read(CHUNK):
            pass
        return Measured(stored.size, stored.digest, compression, stored.size, content.digest)
    trouble = text = ""
    unpacked = None
    try:
        unpacked = _Hashed(decompressed(compression, Prefixed(head, stored)), "sha256", None)
        while unpacked.read(CHUNK // 2):
            if unpacked.size > limit:
                trouble, text = "too-large", f"more than {limit} bytes decompressed"
                break
    except StreamError as error:
        trouble, text = "decompression", str(error)
    except UnsupportedError as error:
        trouble, text = "unsupported", str(error)
    while stored.read(CHUNK):
        pass
    if trouble or unpacked is None:
        return Measured(stored.size, stored.digest, compression, None, None, trouble, text)
    return Measured(stored.size, stored.digest, compression, unpacked.size, unpacked.digest)


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """`algorithm:hex` of some bytes; `algorithm` is one of the registered ones (sha256, sha384, sha512)."""
    return f"{algorithm}:{hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()}"


class _Hashed:
    """Hashes and counts what passes through."""

    def __init__(self, source: ByteReader, algorithm: str, progress: Callable[[int], None] | None) -> None:
        self._source = source
        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm, usedforsecurity=False)
        self._progress = progress
        self.size = 0

    @property
    def digest(self) -> str:
        return f"{self._algorithm}:{self._hash.hexdigest()}"

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        self.size += len(data)
        if self._progress is not None and data:
            self._progress(len(data))
        return data
