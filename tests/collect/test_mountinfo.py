"""The mount table: the kernel's own, hostile lines, masked secrets, lookup by text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.mountinfo import MountTable, mask_source, parse_line, parse_mountinfo, read_mount_table
from probe.evidence.mount import Mount

LINE = b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue\n"


def mount_at(point: str, number: int = 1) -> Mount:
    return Mount(
        mount_id=number, parent_id=0, device="0:1", root="/", mount_point=point, options=(), filesystem="x", source=""
    )


def test_fields_of_a_line_with_optional_fields() -> None:
    mount = parse_line(LINE)
    assert mount is not None
    assert (mount.mount_id, mount.parent_id, mount.device, mount.root, mount.mount_point) == (
        36,
        35,
        "98:0",
        "/mnt1",
        "/mnt2",
    )
    assert mount.options == ("rw", "noatime")
    assert (mount.filesystem, mount.source, mount.super_options) == ("ext3", "/dev/root", ("rw", "errors=continue"))


def test_octal_escapes_and_bytes_that_are_not_utf8() -> None:
    mount = parse_line(rb"1 0 0:1 / /a\040b\011c\012d\134e" + b"\xff rw - tmpfs no\\040ne rw")
    assert mount is not None
    assert mount.mount_point == "/a b\tc\nd\\\\e\\xff"
    assert mount.source == "no ne"


def test_an_empty_source_does_not_shift_the_fields() -> None:
    mount = parse_line(b"1 0 0:1 / /a rw - fuse  rw,user_id=0")
    assert mount is not None
    assert (mount.source, mount.super_options) == ("", ("rw", "user_id=0"))


def test_quoted_label_with_commas_is_one_option() -> None:
    mount = parse_line(b'1 0 0:1 / /a rw - nfs4 s:/x rw,context="system_u:object_r:container_file_t:s0:c1,c2",vers=4.2')
    assert mount is not None
    assert mount.super_options == ("rw", 'context="system_u:object_r:container_file_t:s0:c1,c2"', "vers=4.2")


def test_secrets_in_options_are_masked() -> None:
    mount = parse_line(
        b"1 0 0:1 / /a rw - cifs //srv/share rw,vers=3.0,username=bob,password=hunter2,domain=CORP,uid=0"
    )
    assert mount is not None
    assert mount.super_options == ("rw", "vers=3.0", "username=...", "password=...", "domain=...", "uid=0")
    assert "hunter2" not in mount.model_dump_json()


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("//bob:hunter2@srv/share", "//...@srv/share"),
        ("https://tok3n@host/repo", "https://...@host/repo"),
        ("bob:hunter2@host:/export", "...@host:/export"),
        (":s3,secret_access_key=AKIA:bucket", ":s3,secret_access_key=...:bucket"),
        ("https://host/x?sig=abc", "https://host/x?..."),
        ("10.0.0.1:/export/ws", "10.0.0.1:/export/ws"),
        ("/dev/mapper/vg-lv", "/dev/mapper/vg-lv"),
    ],
)
def test_userinfo_and_keys_in_a_source_are_masked(source: str, shown: str) -> None:
    assert mask_source(source) == shown


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b" - ",
        b"1 0 0:1 / /a rw",
        b"1 0 0:1 / /a rw - ",
        b"one 0 0:1 / /a rw - x y rw",
        b"1 0 01 / /a rw - x y rw",
        b"1 0 0:1:2 / /a rw - x y rw",
        b"9" * 5000 + b" 0 0:1 / /a rw - x y rw",
        b"-1 0 0:1 / /a rw - x y rw",
        b"\xff\xfe \x00 - a b c",
        "1 0 0:1 / /a rw - x y rw".replace("1", "\u0661").encode(),
    ],
)
def test_a_hostile_line_is_skipped_and_counted(line: bytes) -> None:
    table = parse_mountinfo([line, LINE])
    assert [mount.mount_point for mount in table.mounts] == ["/mnt2"]
    assert table.skipped == 1


def test_overlong_paths_and_options_stay_bounded() -> None:
    mount = parse_line(
        b"1 0 0:1 / /" + b"a" * 9000 + b" " + b",".join([b"o" * 300] * 500) + b" - overlay o lowerdir=" + b"/l:" * 9000
    )
    assert mount is not None
    assert len(mount.mount_point) <= 4096
    assert len(mount.options) == 64
    assert mount.super_options == ("lowerdir=...",)


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_no_bytes_raise(lines: list[bytes]) -> None:
    table = parse_mountinfo(lines)
    assert len(table.mounts) + table.skipped == len(lines)


@given(st.lists(st.sampled_from([b"1", b"0:1", b"/", b"/a\\040", b"-", b"rw,a=b", b"x", b""]), max_size=14))
def test_no_line_of_plausible_fields_raises(fields: list[bytes]) -> None:
    mount = parse_line(b" ".join(fields))
    assert mount is None or mount.mount_point.startswith(("/", "1", "0", "-", "r", "x")) or mount.mount_point == ""


def test_covering_takes_the_longest_and_the_latest() -> None:
    table = MountTable(
        (mount_at("/", 1), mount_at("/a", 2), mount_at("/a", 3), mount_at("/a/b", 4), mount_at("/ab", 5))
    )
    assert [table.covering(path).mount_id for path in ("/", "/x", "/a", "/a/c", "/a/b", "/a/b/c", "/abc", "/ab")] == [  # type: ignore[union-attr]
        1, 1, 3, 3, 4, 4, 1, 5,
    ]  # fmt: skip
    assert MountTable((mount_at("/a"),)).covering("/b") is None


def test_the_real_table_covers_every_mount_point() -> None:
    told, table = b"", read_mount_table()
    while told != (now := Path("/proc/self/mountinfo").read_bytes()):  # somebody may mount something meanwhile
        told, table = now, read_mount_table()
    assert table.skipped == 0
    assert len(table.mounts) == len(told.splitlines())
    assert table.covering(os.path.realpath("/proc/self/status")).filesystem == "proc"  # type: ignore[union-attr]
    for mount in table.mounts:
        assert table.by_id(mount.mount_id) == mount
        assert table.covering(mount.mount_point).mount_point == mount.mount_point  # type: ignore[union-attr]
