"""Where a container keeps its files: one interface over the members of a tar archive and over a directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from probe.evidence.image import BlobState
from probe.image.cache import ConsiderateReader
from probe.image.cursor import ByteReader, Sparse, read_all
from probe.image.measure import Measured, measure
from probe.image.scan import Scan
from probe.image.tar import Member

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What a store knows of one name without reading it: `state` is never VERIFIED or CORRUPT. Sizes in bytes."""

    state: BlobState
    size: int | None = None
    available: int | None = None
    note: str = ""
    """What stands there in place of a regular file, or what hides it; empty when the look did not get that far."""


class Store(Protocol):
    """The files of one container, by the name that they have in it."""

    def find(self, name: str) -> Found:
        """Look a name up, as the container's reader would."""

    def read(self, name: str, limit: int) -> bytes | None:
        """The first `limit` bytes of a file; None when they are gone. Raises OSError."""

    def measure(self, name: str, algorithm: str, limit: int, progress: Progress | None = None) -> Measured | None:
        """Hash a file (`probe.image.measure`); None when that is not possible any more. Raises OSError."""


class ArchiveStore:
    """The members of a tar archive; `first` says whether the first or the last of one name counts."""

    def __init__(self, scan: Scan, *, first: bool = False) -> None:
        self.scan = scan
        self._first = first

    def find(self, name: str) -> Found:
        """Look a name up, over links inside the archive."""
        member = self._member(name)
        if member is None:
            if self.scan.partly_seen:
                return Found(BlobState.UNCHECKED)
            return Found(BlobState.MISSING, note="not in the archive")
        available = self.scan.available(member)
        state = BlobState.PRESENT if available == member.stored else BlobState.PARTIAL
        return Found(state, member.size, available)

    def header_size(self, name: str) -> int | None:
        """The size in the header of this very name: zero for a link."""
        member = self.scan.members.stored(name.encode("utf-8", "replace"), first=self._first)
        return None if member is None else member.size

    def read(self, name: str, limit: int) -> bytes | None:
        """The first bytes of a file, holes as zeros."""
        member = self._member(name)
        if member is None:
            return None
        if self.scan.compressed:
            kept = self.scan.kept.get(member.offset)
            return None if kept is None else kept[:limit]
        return read_all(self.scan.contents(member), limit)

    def measure(self, name: str, algorithm: str, limit: int, progress: Progress | None = None) -> Measured | None:
        """Hash a file; in a compressed archive that was done as the stream went by, or never."""
        member = self._member(name)
        if member is None:
            return None
        if self.scan.compressed:
            done = self.scan.measured.get(member.offset)
            return done if done is not None and done.digest.startswith(f"{algorithm}:") else None
        source: ByteReader = ConsiderateReader(self.scan.file.descriptor, member.offset, member.stored)
        if member.extents is not None:
            source = Sparse(source, member.extents, member.size)
        return measure(source, algorithm, limit, progress)

    def _member(self, name: str) -> Member | None:
        return self.scan.members.find(name.encode("utf-8", "replace"), first=self._first)
