"""One look over a tar archive, compressed or not: its structure, its members, and the small files of a stream.

An uncompressed archive is walked by seeking; its files are read later, where they lie. A compressed one goes by once:
what may be JSON is kept, and what is to be verified is hashed as it passes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from probe.evidence.image import Archive, Ending
from probe.image.cache import ConsiderateReader
from probe.image.compression import UnsupportedError, decompressed, detect
from probe.image.cursor import (
    Bounded,
    ByteReader,
    Cursor,
    FileCursor,
    LimitError,
    Prefixed,
    SeekableFile,
    Sparse,
    StreamCursor,
    StreamError,
    read_all,
)
from probe.image.documents import HEX_LENGTHS
from probe.image.limits import Limits
from probe.image.measure import Measured, measure
from probe.image.members import DOCKER_SAVE, MARKERS, Members
from probe.image.problems import Problems, clean
from probe.image.tar import Member, TarWalk

_SMALL = 64 << 10
_CUT_SHORT = (Ending.MEMBER_BOUNDARY, Ending.HALF_END, Ending.IN_MEMBER, Ending.IN_HEADER)


@dataclass(slots=True)
class Scan:
    """What one walk gave. `kept` and `measured` are by the offset of the member, and only for a compressed archive."""

    file: SeekableFile
    size: int
    compression: str
    members: Members
    walk: TarWalk
    kept: dict[int, bytes] = field(default_factory=dict)
    measured: dict[int, Measured] = field(default_factory=dict)

    @property
    def compressed(self) -> bool:
        """Whether the members can no longer be read where they lie."""
        return self.compression != "none"

    @property
    def partly_seen(self) -> bool:
        """Whether a name that was not met may still be there."""
        return self.members.incomplete or self.walk.ending in (Ending.CAPPED, Ending.UNREADABLE)

    def available(self, member: Member) -> int:
        """How many of the member's stored bytes are there; a file cut off since the walk is taken as it is now."""
        if self.compressed:
            return member.available
        return max(0, min(member.stored, self.file.size - member.offset))

    def contents(self, member: Member) -> ByteReader:
        """The bytes of a member of an uncompressed archive."""
        cursor = FileCursor(self.file)
        cursor.position = member.offset
        return _contents(cursor, member)

    def facts(self) -> Archive:
        """The structure as evidence."""
        return Archive(
            compression=self.compression,
            members=self.walk.members,
            size=self.size,
            unpacked=self.walk.unpacked,
            ending=self.walk.ending,
            end_offset=self.walk.end_offset,
            bytes_read=self.file.bytes_read,
            last_member=clean(self.walk.last_member),
        )


def scan_archive(
    file: SeekableFile,
    limits: Limits,
    problems: Problems,
    *,
    hash_all: bool = False,
    as_docker: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Scan:
    """Walk an archive. Whatever stops the walk early becomes a problem, never an exception.

    Of a compressed archive, `hash_all` hashes every member that passes; `as_docker` those that are compressed
    themselves, because a docker-archive's digest needs their unpacked sizes. `progress` is told how many bytes of the
    compressed file each read took.
    """
    size = file.size
    members = Members(limits.kept_members)
    try:
        compression = detect(file.read_at(0, 8))
        if compression == "none":
            scan = Scan(file, size, compression, members, TarWalk(FileCursor(file), limits))
            for member in scan.walk:
                members.add(member)
            file.refresh()
        else:
            limit = limits.deep_decompressed_bytes if hash_all else limits.decompressed_bytes
            cursor = StreamCursor(decompressed(compression, _Counted(file, progress)), limit)
            scan = Scan(file, size, compression, members, TarWalk(cursor, limits))
            _Stream(scan, cursor, limits, limit, hash_all, as_docker).run(problems)
    except UnsupportedError as error:
        problems.add("unsupported", "archive", expected=f"a decompressor for {compression}", found=str(error))
        return Scan(file, size, compression, members, TarWalk(FileCursor(file), limits))
    except OSError as error:
        problems.unreadable("archive", error)
        walk = TarWalk(FileCursor(file), limits)
        walk.ending = Ending.UNREADABLE
        return Scan(file, size, "none", members, walk)
    _note_structure(scan, problems)
    return scan


class _Stream:
    """A compressed archive as it goes by."""

    def __init__(
        self, scan: Scan, cursor: StreamCursor, limits: Limits, limit: int, hash_all: bool, as_docker: bool
    ) -> None:
        self._scan = scan
        self._cursor = cursor
        self._limits = limits
        self._budget = {True: limits.json_bytes_total, False: limits.json_bytes_total}
        self._inner = limit
        self._hash_all = hash_all
        self._as_docker = as_docker

    def run(self, problems: Problems) -> None:
        for member in self._scan.walk:
            name = self._scan.members.add(member)
            if name and member.is_file:
                try:
                    self._take(member, name)
                except (OSError, StreamError, LimitError):  # the walk meets it again, and notes it
                    continue
        if self._cursor.cut is None and self._scan.walk.ending is Ending.END_BLOCKS:
            try:  # what follows the end blocks is padding; reading it meets the checksum of the stream
                self._cursor.skip(self._limits.json_bytes)
            except (OSError, LimitError):
                pass
            except StreamError as error:
                problems.add("decompression", "archive", found=str(error))
        if self._cursor.cut is not None:
            problems.add("decompression", "archive", expected="a whole stream", found=str(self._cursor.cut))
        if min(self._budget.values()) < 0:
            problems.add("too-large", "archive", found=f"more than {self._limits.json_bytes_total} bytes of JSON files")

    def _take(self, member: Member, name: bytes) -> None:
        payload = _contents(self._cursor, member)
        if member.size <= self._limits.json_bytes:
            data = read_all(payload, member.size)
            if len(data) == member.size:
                self._keep(member, name, data)
            payload = Prefixed(data, payload)
        if self._hash_all or self._as_docker or DOCKER_SAVE.fullmatch(name):
            self._measure(member, name, payload)

    def _keep(self, member: Member, name: bytes, data: bytes) -> None:
        if name in MARKERS or len(data) <= _SMALL or data[:1] in (b"{", b"["):
            marker = name in MARKERS
            self._budget[marker] -= len(data)
            if self._budget[marker] >= 0:
                self._scan.kept[member.offset] = data

    def _measure(self, member: Member, name: bytes, payload: ByteReader) -> None:
        head = read_all(payload, 8)
        if self._hash_all or detect(head) != "none":
            directory = name.split(b"/")[-2:-1]
            algorithm = directory[0].decode("ascii", "replace") if directory else ""
            done = measure(
                Prefixed(head, payload), algorithm if algorithm in HEX_LENGTHS else "sha256", max(0, self._inner)
            )
            self._scan.measured[member.offset] = done
            if not self._hash_all and done.compression != "none":
                self._inner -= done.content_size or self._inner


class _Counted:
    """The whole file from its start, each read counted."""

    def __init__(self, file: SeekableFile, progress: Callable[[int], None] | None) -> None:
        self._file = file
        self._source = ConsiderateReader(file.descriptor, 0, file.size)
        self._progress = progress

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._file.bytes_read += len(data)
        if self._progress is not None and data:
            self._progress(len(data))
        return data


def _contents(cursor: Cursor, member: Member) -> ByteReader:
    stored = Bounded(cursor, member.stored)
    return stored if member.extents is None else Sparse(stored, member.extents, member.size)


def _note_structure(scan: Scan, problems: Problems) -> None:
    walk = scan.walk
    where = f"{walk.ending.value} after {walk.end_offset} of {scan.size} bytes"
    if scan.compressed:
        where = f"{walk.ending.value} after {walk.end_offset} bytes of the decompressed stream"
    if isinstance(walk.trouble, OSError):
        problems.unreadable("archive", walk.trouble)
    elif walk.trouble is not None:
        kind = "too-large" if isinstance(walk.trouble, LimitError) else "decompression"
        problems.add(kind, "archive", found=f"{walk.trouble}: {where}")
    elif walk.ending is Ending.BAD_HEADER:
        problems.add("bad-header", "archive", expected="a tar header or two zero blocks", found=where)
    elif walk.ending in _CUT_SHORT:
        problems.add("no-end-blocks", "archive", expected="two zero blocks of 512 bytes", found=where)
    if scan.members.incomplete:
        problems.add("too-large", "archive", found=f"{walk.members} members: not all were remembered")
    for name in scan.members.duplicates():
        problems.add("duplicate-member", name, expected="one member", found="several")
