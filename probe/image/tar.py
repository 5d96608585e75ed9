"""Walk the headers of a tar archive: what it holds, and where and how it ends. Nothing is unpacked.

Global pax headers are walked over but not applied, and unknown types are data, as in Go's archive/tar. Whatever the
bytes are, the walk ends with an `Ending`; only the cursor's own errors stop it early, and they are kept in `trouble`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probe.evidence.image import Ending
from probe.image.cursor import Cursor, LimitError, StreamError
from probe.image.header import (
    BLOCK,
    HEADER_ONLY,
    MAX_EXTENTS,
    REGULAR,
    ZERO_BLOCK,
    Extent,
    Header,
    HeaderError,
    check_extents,
    decimal,
    parse_header,
    pax_records,
    sparse_entries,
)
from probe.image.limits import Limits

_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL = b"LKxg"


@dataclass(slots=True)
class Member:
    """One entry. `size` is that of the file (holes included), `stored` that of its bytes in the archive at `offset`."""

    name: bytes
    flag: int
    size: int
    stored: int
    offset: int
    link: bytes
    extents: tuple[Extent, ...] | None = None
    available: int = 0
    """How many of `stored` bytes are there; known once the walk has gone on."""

    @property
    def is_file(self) -> bool:
        """A regular file, sparse or not."""
        return self.flag in REGULAR or self.flag == ord("S")

    @property
    def is_symlink(self) -> bool:
        """A symbolic link: `link` is relative to the entry's directory."""
        return self.flag == ord("2")

    @property
    def is_hard_link(self) -> bool:
        """A hard link: `link` is a name in the archive."""
        return self.flag == ord("1")


class _Stop(Exception):  # noqa: N818 - how the walk ends, not an error
    def __init__(self, ending: Ending) -> None:
        self.ending = ending


class TarWalk:
    """One walk. Iterate over it; between two members the caller may read the payload of the first from the cursor."""

    def __init__(self, cursor: Cursor, limits: Limits) -> None:
        self._cursor = cursor
        self._limits = limits
        self._headers = self._header_bytes = 0
        self.members = self.unpacked = 0
        self.ending = Ending.CAPPED
        self.end_offset = 0
        self.last_member = b""
        self.trouble: OSError | StreamError | LimitError | None = None
        """What stopped the walk before the end was seen."""

    def __iter__(self) -> Iterator[Member]:
        """Give each member; when no more come, `ending` and its neighbours are set."""
        try:
            while True:
                member = self._member()
                self.members += 1
                self.unpacked += member.size
                self.last_member = member.name
                yield member
                self._pass(member)
        except _Stop as stop:
            self.ending = stop.ending
        except HeaderError:
            self.ending = Ending.BAD_HEADER
        except LimitError as error:
            self.ending, self.trouble = Ending.CAPPED, error
        except (OSError, StreamError) as error:
            self.ending, self.trouble = Ending.UNREADABLE, error

    def _pass(self, member: Member) -> None:
        """Go to the end of a member, over what the caller left unread of it."""
        taken = self._cursor.position - member.offset
        try:
            taken += self._cursor.skip(member.stored - taken)
        finally:
            member.available = self._cursor.position - member.offset
        if member.available < member.stored:
            raise _Stop(Ending.IN_MEMBER)
        self._cursor.skip(-member.stored % BLOCK)  # Go's reader too takes a member without all its padding as whole
        self.end_offset = self._cursor.position

    def _member(self) -> Member:
        """The next entry, with all its extension headers applied."""
        records: dict[bytes, bytes] = {}
        sparse_map: list[bytes] = []
        long_name = long_link = None
        extended = False
        while True:
            header = parse_header(self._block(extended))
            if header.flag in (_LONG_NAME, _LONG_LINK):
                text = self._payload(header).partition(b"\0")[0]
                long_name, long_link = (text, long_link) if header.flag == _LONG_NAME else (long_name, text)
            elif header.flag == _PAX:
                records, sparse_map = {}, []
                for key, value in pax_records(self._payload(header)):
                    records[key] = value
                    if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
                        sparse_map.append(value)
            elif header.flag == _PAX_GLOBAL:
                self._payload(header)
                continue
            else:
                break
            extended = True
        header.name = records.get(b"path") or long_name or header.name
        header.link = records.get(b"linkpath") or long_link or header.link
        if records.get(b"size"):
            header.size = decimal(records[b"size"])
        if header.flag in HEADER_ONLY:
            header.size = 0
        return self._sparse(header, records, sparse_map)

    def _block(self, extended: bool) -> bytes:
        """The next header block that is not zero; anything else ends the walk."""
        if self._headers >= self._limits.headers:
            raise LimitError(f"more than {self._limits.headers} headers")
        self._headers += 1
        start = self._cursor.position
        block = self._cursor.read(BLOCK)
        if len(block) == BLOCK and block != ZERO_BLOCK:
            return block
        if extended:  # the entry that the extension belongs to is missing
            raise _Stop(Ending.IN_HEADER if len(block) < BLOCK else Ending.BAD_HEADER)
        if not block:
            raise _Stop(Ending.MEMBER_BOUNDARY if start else Ending.EMPTY)
        if block.strip(b"\0"):
            raise _Stop(Ending.IN_HEADER if start or _begins_header(block) else Ending.BAD_HEADER)
        second = self._cursor.read(BLOCK) if len(block) == BLOCK else b""
        if second.strip(b"\0"):
            raise _Stop(Ending.BAD_HEADER)
        if not start:
            raise _Stop(Ending.ZEROS)
        raise _Stop(Ending.END_BLOCKS if len(second) == BLOCK else Ending.HALF_END)

    def _payload(self, header: Header) -> bytes:
        """The payload of an extension header."""
        self._count(header.size)
        padding = -header.size % BLOCK
        data = self._cursor.read(header.size + padding)
        if len(data) < header.size + padding:
            raise _Stop(Ending.IN_HEADER)
        return data[: header.size]

    def _sparse(self, header: Header, records: dict[bytes, bytes], offsets: list[bytes]) -> Member:
        """The member, its extents read wherever one of the four sparse formats of GNU tar keeps them."""
        extents, size, stored = header.extents, header.size, header.size
        if header.real_size is not None:
            size = header.real_size
            while header.extended:
                block = self._cursor.read(BLOCK)
                if len(block) < BLOCK:
                    raise _Stop(Ending.IN_HEADER)
                self._count(BLOCK)
                extents.extend(sparse_entries(block[:504]))
                header.extended = block[504] != 0
        elif any(key.startswith(b"GNU.sparse.") for key in records):
            size = decimal(records.get(b"GNU.sparse.realsize") or records.get(b"GNU.sparse.size") or b"%d" % size)
            header.name = records.get(b"GNU.sparse.name") or header.name
            if records.get(b"GNU.sparse.major") == b"1":
                extents, used = self._leading_map(stored)
                stored -= used
            else:
                extents = _pairs(offsets or [n for n in records.get(b"GNU.sparse.map", b"").split(b",") if n])
        else:
            return Member(header.name, header.flag, size, stored, self._cursor.position, header.link)
        check_extents(extents, size, stored)
        return Member(header.name, header.flag, size, stored, self._cursor.position, header.link, tuple(extents))

    def _leading_map(self, stored: int) -> tuple[list[Extent], int]:
        """Read the map of pax sparse format 1.0: decimal lines in front of the data, padded to a block."""
        lines: list[bytes] = [b""]
        used, wanted = 0, 1
        while len(lines) <= wanted:
            block = self._cursor.read(BLOCK)
            if len(block) < BLOCK:
                raise _Stop(Ending.IN_MEMBER)
            self._count(BLOCK)
            used += BLOCK
            if used > stored:
                raise HeaderError("a sparse map longer than its data")
            first, *more = block.split(b"\n")
            lines[-1] += first
            lines += more
            if len(lines) > 1:
                wanted = 1 + 2 * decimal(lines[0])
        return _pairs(lines[1:wanted]), used

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if size > self._limits.header_bytes or self._header_bytes > self._limits.header_bytes_total:
            raise LimitError(f"more than {self._limits.header_bytes} bytes of extension headers")


def _pairs(numbers: list[bytes]) -> list[Extent]:
    if len(numbers) % 2 or len(numbers) > 2 * MAX_EXTENTS:
        raise HeaderError("a sparse map with half an entry, or with too many")
    values = [decimal(value) for value in numbers]
    return [Extent(offset, length) for offset, length in zip(values[::2], values[1::2], strict=True)]


def _begins_header(block: bytes) -> bool:
    """Whether a file of less than a block can be the beginning of a header: a name, then zeros."""
    name, zero, rest = block[:100].partition(b"\0")
    return bool(zero and name) and not rest.strip(b"\0")
