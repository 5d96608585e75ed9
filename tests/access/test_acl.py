from __future__ import annotations

import os
import shutil
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.access.acl import chmod_acl, decode_acl, encode_acl, mask_of, permissions_text, set_entry
from probe.evidence.path import Acl, AclEntry, AclTag

PERMISSIONS = st.integers(0, 7)
IDS = st.integers(0, 2**32 - 2)
NONE = 0xFFFFFFFF


@st.composite
def acls(draw: st.DrawFn) -> Acl:
    def entry(tag: AclTag, number: int | None = None) -> AclEntry:
        return AclEntry(tag=tag, id=number, permissions=draw(PERMISSIONS))

    users = [entry(AclTag.USER, draw(IDS)) for _ in range(draw(st.integers(0, 3)))]
    groups = [entry(AclTag.GROUP, draw(IDS)) for _ in range(draw(st.integers(0, 3)))]
    masks = [entry(AclTag.MASK)] if users or groups or draw(st.booleans()) else []
    owner, group, other = entry(AclTag.OWNER), entry(AclTag.OWNING_GROUP), entry(AclTag.OTHER)
    return Acl(entries=(owner, *users, group, *groups, *masks, other))


def packed(*entries: tuple[int, int, int], version: int = 2) -> bytes:
    return struct.pack("<I", version) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@given(acls())
def test_what_is_encoded_decodes_to_the_same(acl):
    assert decode_acl(encode_acl(acl)) == acl


@given(acls())
def test_what_is_decoded_encodes_to_the_same_bytes(acl):
    data = encode_acl(acl)
    assert encode_acl(decode_acl(data)) == data


@given(st.binary(max_size=80) | acls().map(encode_acl).flatmap(lambda data: st.binary(min_size=4).map(data.__add__)))
def test_any_bytes_give_an_acl_or_a_value_error(data):
    try:
        acl = decode_acl(data)
    except ValueError as error:
        assert str(error).startswith("ACL ")
    else:
        assert decode_acl(encode_acl(acl)) == acl  # but for the ids of entries that name nobody


@given(acls(), st.data())
def test_a_flipped_bit_gives_an_acl_or_a_value_error(acl, data):
    raw = bytearray(encode_acl(acl))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    try:
        changed = decode_acl(bytes(raw))
    except ValueError as error:
        assert str(error).startswith("ACL ")
    else:
        assert decode_acl(encode_acl(changed)) == changed


OWNER, GROUP, OTHER = (1, 7, NONE), (4, 5, NONE), (32, 0, NONE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "shorter than its header"),
        (b"\2\0\0", "shorter than its header"),
        (packed(version=1), "version 1, known is 2"),
        (packed(version=0x02000000), "version 33554432"),
        (packed(OWNER, GROUP, OTHER)[:-1], "ends inside an entry"),
        (packed(OWNER, GROUP, (64, 0, NONE)), "unknown tag 0x40"),
        (packed(OWNER, (4, 8, NONE), OTHER), "permissions 0x8"),
        (packed(OWNER, GROUP), "0 other entries"),
        (packed(OWNER, OWNER, GROUP, OTHER), "2 user-obj entries"),
        (packed(OWNER, (2, 7, 5), GROUP, OTHER), "0 masks, needs exactly 1"),
        (packed(OWNER, GROUP, (16, 7, NONE), (16, 7, NONE), OTHER), "2 masks, needs at most 1"),
        (packed(GROUP, OWNER, OTHER), "out of order"),
        (packed(OWNER, *[(2, 7, 5)] * 2000, GROUP, (16, 7, NONE), OTHER), "2004 entries, at most 1024"),
    ],
)
def test_hostile_bytes_are_refused_with_what_is_wrong(data, message):
    with pytest.raises(ValueError, match=message):
        decode_acl(data)


def test_a_bare_header_is_no_acl():
    assert decode_acl(packed()) == Acl()
    assert encode_acl(Acl()) == packed()


def test_an_id_that_the_reader_s_namespace_does_not_map_is_kept():
    entries = decode_acl(packed(OWNER, (2, 7, NONE), GROUP, (16, 7, NONE), OTHER)).entries
    assert entries[1] == AclEntry(tag=AclTag.USER, id=NONE, permissions=7)


@pytest.mark.parametrize("number", [None, -1, 2**32])
def test_a_named_entry_needs_an_id_to_be_encoded(number):
    acl = Acl(
        entries=(
            AclEntry(tag=AclTag.OWNER, permissions=7),
            AclEntry(tag=AclTag.USER, id=number, permissions=7),
            AclEntry(tag=AclTag.OWNING_GROUP, permissions=7),
            AclEntry(tag=AclTag.MASK, permissions=7),
            AclEntry(tag=AclTag.OTHER, permissions=7),
        )
    )
    with pytest.raises(ValueError, match="ACL entry user with id"):
        encode_acl(acl)


def test_permissions_read_as_ls_shows_them():
    assert [permissions_text(bits) for bits in (0, 1, 2, 4, 5, 7)] == ["---", "--x", "-w-", "r--", "r-x", "rwx"]


# -- the same on real inodes


@pytest.fixture
def inode(kernel, each_floor):
    if shutil.which("setfacl") is None:
        pytest.skip("needs setfacl (package acl)")
    path = each_floor / "inode"
    kernel.make(path, 0o640, content=b"x")
    try:
        kernel.set_acl(str(path), *kernel.acl(6, 4, 6, 0, users={1000: 7}))
    except OSError as error:
        pytest.skip(f"no ACLs on this file system: {error}")
    return path


@pytest.mark.root
def test_the_bytes_are_those_that_setfacl_stores(inode):
    subprocess.run(["setfacl", "-b", "-m", "u:1000:r-x,g:77:-wx,g::r--,m::rwx,o::--x", inode], check=True)
    decoded = decode_acl(os.getxattr(inode, "system.posix_acl_access"))
    shown = [(entry.tag.value, entry.id, permissions_text(entry.permissions)) for entry in decoded.entries]
    assert shown == [
        ("user-obj", None, "rw-"),
        ("user", 1000, "r-x"),
        ("group-obj", None, "r--"),
        ("group", 77, "-wx"),
        ("mask", None, "rwx"),
        ("other", None, "--x"),
    ]


@pytest.mark.root
def test_the_kernel_takes_what_is_encoded(inode):
    before = decode_acl(os.getxattr(inode, "system.posix_acl_access"))
    changed = Acl(
        entries=tuple(
            entry.model_copy(update={"permissions": 1}) if entry.tag is AclTag.MASK else entry
            for entry in before.entries
        )
    )
    os.setxattr(inode, "system.posix_acl_access", encode_acl(changed))
    assert decode_acl(os.getxattr(inode, "system.posix_acl_access")) == changed
    assert inode.stat().st_mode & 0o070 == 0o010


@pytest.mark.root
@pytest.mark.parametrize("mode", [0o777, 0o700, 0o651, 0o000])
def test_chmod_changes_the_mask_and_not_the_group_entry_as_modelled(inode, mode):
    before = decode_acl(os.getxattr(inode, "system.posix_acl_access"))
    inode.chmod(mode)
    after = decode_acl(os.getxattr(inode, "system.posix_acl_access"))
    assert chmod_acl(before, mode) == after
    assert mask_of(after) == mode >> 3 & 7


@pytest.mark.root
@pytest.mark.parametrize("spec", [(2000, 5, None), (1000, 1, None), (2000, 1, 7), (2000, 4, 4)])
def test_setfacl_makes_of_an_acl_what_is_modelled(inode, spec):
    uid, permissions, mask = spec
    found = inode.stat().st_mode & 0o7777
    before = decode_acl(os.getxattr(inode, "system.posix_acl_access"))
    entry = AclEntry(tag=AclTag.USER, id=uid, permissions=permissions)
    text = f"u:{uid}:{permissions_text(permissions)}"
    if mask is None:
        subprocess.run(["setfacl", "-m", text, inode], check=True)
    else:
        subprocess.run(["setfacl", "-n", "-m", f"{text},m::{permissions_text(mask)}", inode], check=True)
    after, mode = set_entry(before, found, entry, mask)
    assert _sorted(after) == _sorted(decode_acl(os.getxattr(inode, "system.posix_acl_access")))
    assert mode == inode.stat().st_mode & 0o7777


@pytest.mark.root
@pytest.mark.parametrize("mode", [0o700, 0o750, 0o640, 0o2770])
def test_setfacl_makes_of_a_plain_mode_what_is_modelled(inode, mode):
    subprocess.run(["setfacl", "-b", inode], check=True)
    inode.chmod(mode)
    after, new_mode = set_entry(None, mode, AclEntry(tag=AclTag.USER, id=1000, permissions=1))
    subprocess.run(["setfacl", "-m", "u:1000:--x", inode], check=True)
    assert after == decode_acl(os.getxattr(inode, "system.posix_acl_access"))
    assert new_mode == inode.stat().st_mode & 0o7777


def _sorted(acl: Acl) -> list[tuple[str, int, int]]:
    return sorted((entry.tag.value, entry.id or 0, entry.permissions) for entry in acl.entries)
