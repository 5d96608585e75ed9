"""One tar header block, and what its extensions hold: ustar and pax (POSIX.1-2017 pax), v7, GNU (tar/tar.h).

The rules of what is valid follow Go's archive/tar, because that is what skopeo, buildah and podman read with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

BLOCK = 512
ZERO_BLOCK = bytes(BLOCK)
SIZE_MAX = (1 << 63) - 1
MAX_EXTENTS = 32_768

REGULAR = b"\x0007"
"""Type flags of files with data; `S` (GNU sparse) is one too."""
HEADER_ONLY = b"123456"
"""Links, devices, directories, FIFOs: whatever their size field says, no data follows."""


class HeaderError(ValueError):
    """A block that is no tar header, or an extension that is none."""


class Extent(NamedTuple):
    """One piece of data of a sparse file: where it lies in the file, and its length."""

    offset: int
    length: int


@dataclass(slots=True)
class Header:
    """The fields of a header that say what follows it. `size` is the data's, as stored."""

    name: bytes
    flag: int
    size: int
    link: bytes
    extents: list[Extent] = field(default_factory=list)
    extended: bool = False
    """GNU sparse: a block with more extents follows."""
    real_size: int | None = None
    """GNU sparse: of the file with its holes."""


def parse_header(block: bytes) -> Header:
    """Read one block of 512 bytes. Raises HeaderError when the checksum or a number does not hold."""
    if not _checksum_holds(block):
        raise HeaderError("the checksum differs")
    name, flag = _string(block[:100]), block[156]
    if block[257:265] == b"ustar\00000":
        prefix = _string(block[345:476] if block[508:512] == b"tar\0" else block[345:500])
        if prefix:
            name = prefix + b"/" + name
    if flag == 0 and name.endswith(b"/"):
        flag = ord("5")  # v7 has no flag for a directory
    header = Header(name, flag, number(block[124:136]), _string(block[157:257]))
    if flag == ord("S"):
        header.real_size = number(block[483:495])
        header.extents = sparse_entries(block[386:482])
        header.extended = block[482] != 0
    return header


def number(field_bytes: bytes) -> int:
    """A numeric field: octal digits, or base-256 when the first bit is set. Raises HeaderError, also below zero."""
    if field_bytes[0] & 0x80:
        if field_bytes[0] & 0x40:
            raise HeaderError("a negative number")
        value = int.from_bytes(bytes([field_bytes[0] & 0x7F]) + field_bytes[1:], "big")
        if value > SIZE_MAX:
            raise HeaderError("a number of more than 63 bits")
        return value
    digits = _string(field_bytes.strip(b" \0")).rstrip(b" ")
    if digits.strip(b"01234567"):
        raise HeaderError("a number that is not octal")
    return int(digits or b"0", 8)


def sparse_entries(table: bytes) -> list[Extent]:
    """The extents in a table of 24-byte entries (GNU `struct sparse`); an entry of zeros ends it."""
    found = []
    for start in range(0, len(table) - 23, 24):
        entry = table[start : start + 24]
        if not entry[0]:
            break
        found.append(Extent(number(entry[:12]), number(entry[12:])))
    return found


def check_extents(extents: list[Extent], size: int, stored: int) -> None:
    """Raise HeaderError unless the extents lie in order inside `size` bytes and take no more than what is stored."""
    end = total = 0
    for extent in extents:
        if extent.offset < end or extent.offset + extent.length > size:
            raise HeaderError("sparse extents overlap or leave the file")
        end = extent.offset + extent.length
        total += extent.length
    if total > stored or len(extents) > MAX_EXTENTS:
        raise HeaderError("more sparse data than is stored")


def pax_records(payload: bytes) -> list[tuple[bytes, bytes]]:
    """Keys and values of a pax extended header: `LENGTH KEY=VALUE newline`. Raises HeaderError."""
    records, at = [], 0
    while at < len(payload):
        space = payload.find(b" ", at, at + 20)
        digits = payload[at:space]
        if space < 0 or not digits.isdigit():
            raise HeaderError("a pax record without its length")
        end = at + int(digits)
        if end <= space + 1 or end > len(payload) or payload[end - 1 : end] != b"\n":
            raise HeaderError("a pax record of another length than it says")
        key, equals, value = payload[space + 1 : end - 1].partition(b"=")
        if not equals or not key:
            raise HeaderError("a pax record without a key")
        records.append((key, value))
        at = end
    return records


def decimal(text: bytes) -> int:
    """A decimal number of a pax record. Raises HeaderError for anything else, and for more than 63 bits."""
    if not text.isdigit() or len(text) > 19 or int(text) > SIZE_MAX:
        raise HeaderError("a number that is not decimal, or of more than 63 bits")
    return int(text)


def _string(field_bytes: bytes) -> bytes:
    return field_bytes.partition(b"\0")[0]


def _checksum_holds(block: bytes) -> bool:
    try:
        declared = number(block[148:156])
    except HeaderError:
        return False
    total = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    if total == declared:
        return True
    high = sum(1 for byte in block[:148] if byte > 127) + sum(1 for byte in block[156:] if byte > 127)
    return total - 256 * high == declared  # some old writers summed signed characters
