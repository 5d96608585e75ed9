"""POSIX access ACLs: the bytes of `system.posix_acl_access`, and what chmod and setfacl make of one.

Source: acl(5), linux/posix_acl_xattr.h, fs/posix_acl.c. The attribute is little-endian on every machine: a version
(2), then entries of tag (16 bits), permissions (16 bits) and id (32 bits).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from probe.evidence.path import Acl, AclEntry, AclTag

ACL_XATTR = "system.posix_acl_access"
UNMAPPED_ID = 0xFFFFFFFF
"""What getxattr shows for a named entry whose id has no mapping in the reader's user namespace."""

_VERSION = 2
_HEADER = struct.Struct("<I")
_ENTRY = struct.Struct("<HHI")
_MAX_ENTRIES = 1024  # what evidence holds; one extended attribute (64 KiB) could hold 8191
_TAGS = {
    0x01: AclTag.OWNER,
    0x02: AclTag.USER,
    0x04: AclTag.OWNING_GROUP,
    0x08: AclTag.GROUP,
    0x10: AclTag.MASK,
    0x20: AclTag.OTHER,
}
_CODES = {tag: code for code, tag in _TAGS.items()}
_NAMED = (AclTag.USER, AclTag.GROUP)
_GROUP_CLASS = (AclTag.USER, AclTag.OWNING_GROUP, AclTag.GROUP)


def decode_acl(data: bytes) -> Acl:
    """The ACL in the bytes of `system.posix_acl_access`; no entries for a bare header.

    Raises ValueError, with what is wrong, for bytes that the kernel itself would not take: a file server or a
    FUSE daemon may answer anything.
    """
    if len(data) < _HEADER.size:
        raise ValueError(f"ACL attribute of {len(data)} bytes is shorter than its header of {_HEADER.size}")
    (version,) = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise ValueError(f"ACL attribute of version {version}, known is {_VERSION}")
    count, rest = divmod(len(data) - _HEADER.size, _ENTRY.size)
    if rest:
        raise ValueError(f"ACL attribute of {len(data)} bytes ends inside an entry")
    if count > _MAX_ENTRIES:
        raise ValueError(f"ACL attribute with {count} entries, at most {_MAX_ENTRIES} are read")
    acl = Acl(entries=tuple(_entries(data)))
    check_acl(acl)
    return acl


def _entries(data: bytes) -> Iterator[AclEntry]:
    for code, permissions, number in _ENTRY.iter_unpack(data[_HEADER.size :]):
        tag = _TAGS.get(code)
        if tag is None:
            raise ValueError(f"ACL entry with unknown tag {code:#x}")
        if permissions > 7:
            raise ValueError(f"ACL entry {tag} with permissions {permissions:#x}, at most 0x7")
        yield AclEntry(tag=tag, id=number if tag in _NAMED else None, permissions=permissions)


def encode_acl(acl: Acl) -> bytes:
    """The bytes of `system.posix_acl_access` for an ACL. Raises ValueError as `decode_acl` does."""
    check_acl(acl)
    return _HEADER.pack(_VERSION) + b"".join(
        _ENTRY.pack(_CODES[entry.tag], entry.permissions, UNMAPPED_ID if entry.id is None else entry.id)
        for entry in acl.entries
    )


def check_acl(acl: Acl) -> None:
    """Raise ValueError unless the entries are what posix_acl_valid() takes: complete, in order, masked where named."""
    tags = [entry.tag for entry in acl.entries]
    if not tags:
        return
    for tag in (AclTag.OWNER, AclTag.OWNING_GROUP, AclTag.OTHER):
        if tags.count(tag) != 1:
            raise ValueError(f"ACL with {tags.count(tag)} {tag} entries, needs exactly 1")
    named = any(tag in _NAMED for tag in tags)
    if tags.count(AclTag.MASK) > 1 or (named and AclTag.MASK not in tags):
        raise ValueError(f"ACL with {tags.count(AclTag.MASK)} masks, needs {'exactly' if named else 'at most'} 1")
    order = [_CODES[tag] for tag in tags]
    if order != sorted(order):
        raise ValueError("ACL entries out of order: owner, users, owning group, groups, mask, other")
    for entry in acl.entries:
        if entry.tag in _NAMED and (entry.id is None or not 0 <= entry.id <= UNMAPPED_ID):
            raise ValueError(f"ACL entry {entry.tag} with id {entry.id}, needs 0..{UNMAPPED_ID}")


def entry_of(acl: Acl, tag: AclTag) -> AclEntry | None:
    """The first entry with this tag."""
    return next((entry for entry in acl.entries if entry.tag is tag), None)


def mask_of(acl: Acl | None) -> int | None:
    """The mask's permissions, 0..7; None when there is no ACL or it has no mask."""
    entry = entry_of(acl, AclTag.MASK) if acl is not None else None
    return None if entry is None else entry.permissions


def permissions_text(bits: int) -> str:
    """Permissions as ls shows them: 5 is `r-x`."""
    return "".join(letter if bits & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))


def chmod_acl(acl: Acl | None, mode: int) -> Acl | None:
    """The ACL after chmod(2) to `mode`: the group bits go to the mask, where there is one (posix_acl_chmod())."""
    if acl is None or not acl.entries:
        return acl
    group = AclTag.OWNING_GROUP if entry_of(acl, AclTag.MASK) is None else AclTag.MASK
    bits = {AclTag.OWNER: mode >> 6 & 7, group: mode >> 3 & 7, AclTag.OTHER: mode & 7}
    return Acl(
        entries=tuple(
            entry.model_copy(update={"permissions": bits[entry.tag]}) if entry.tag in bits else entry
            for entry in acl.entries
        )
    )


def set_entry(acl: Acl | None, mode: int, entry: AclEntry, mask: int | None = None) -> tuple[Acl, int]:
    """The ACL and the permission bits after `setfacl -m` of one entry on an inode with `mode`.

    `mask` sets the mask (`setfacl -n -m ENTRY,m::MASK`); None computes it from the group class, as setfacl does.
    """
    before = acl.entries if acl is not None and acl.entries else _minimal(mode)
    kept = [old for old in before if (old.tag, old.id) != (entry.tag, entry.id) and old.tag is not AclTag.MASK]
    kept.append(entry)
    new_mask = _group_class(kept) if mask is None else mask
    kept.append(AclEntry(tag=AclTag.MASK, permissions=new_mask))
    kept.sort(key=lambda one: _CODES[one.tag])
    return Acl(entries=tuple(kept)), mode & ~0o070 | new_mask << 3


def _minimal(mode: int) -> tuple[AclEntry, ...]:
    shifts = ((AclTag.OWNER, 6), (AclTag.OWNING_GROUP, 3), (AclTag.OTHER, 0))
    return tuple(AclEntry(tag=tag, permissions=mode >> shift & 7) for tag, shift in shifts)


def _group_class(entries: Iterable[AclEntry]) -> int:
    bits = 0
    for entry in entries:
        if entry.tag in _GROUP_CLASS:
            bits |= entry.permissions
    return bits
