from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.evidence.image import Ending
from probe.image.cursor import FileCursor, SeekableFile, read_all
from probe.image.limits import Limits
from probe.image.members import Members, clean_name
from probe.image.scan import Scan
from probe.image.tar import Member, TarWalk

LONG = "d" * 90 + "/" + "n" * 150


class Opened:
    """An archive on disk and one walk over it."""

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)
        self.file = SeekableFile(self.descriptor, path.stat().st_size)
        self.walk = TarWalk(FileCursor(self.file), limits or Limits())
        self.members = list(self.walk)
        self.scan = Scan(self.file, self.file.size, "none", Members(1000), self.walk)

    def contents(self, member: Member) -> bytes:
        return read_all(self.scan.contents(member), 1 << 30)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[object]:
    """Walk bytes, or a path."""
    made: list[Opened] = []

    def make(data: bytes | Path, limits: Limits | None = None) -> Opened:
        path = data if isinstance(data, Path) else tmp_path / f"{len(made)}.tar"
        if isinstance(data, bytes):
            path.write_bytes(data)
        made.append(Opened(path, limits))
        return made[-1]

    yield make
    for each in made:
        os.close(each.descriptor)


def header(name: bytes = b"f", size: bytes = b"00000000000", flag: bytes = b"0", **fields: bytes) -> bytes:
    """A header block with any content; `at_N=bytes` puts bytes at offset N. The checksum is right."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:107], block[108:115], block[116:123] = b"0000644", b"0000000", b"0000000"
    block[124 : 124 + len(size)] = size
    block[136:147] = b"00000000000"
    block[156:157] = flag
    block[257:265] = b"ustar\x0000"
    for where, data in fields.items():
        start = int(where.removeprefix("at_"))
        block[start : start + len(data)] = data
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def entry(name: bytes, data: bytes, **fields: bytes) -> bytes:
    return header(name, b"%011o" % len(data), **fields) + data + bytes(-len(data) % 512)


def pax(records: bytes) -> bytes:
    return header(b"PaxHeader", b"%011o" % len(records), b"x") + records + bytes(-len(records) % 512)


def record(key: str, value: str) -> bytes:
    body = f" {key}={value}\n".encode()
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length += 1
    return str(length).encode() + body


END = bytes(1024)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (form, name)
        for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
        for name in ("short", "sub/" * 30 + "leaf", LONG, "ü" * 60)
        if form != tarfile.USTAR_FORMAT or name not in (LONG, "ü" * 60)  # which ustar cannot hold
    ],
    ids=range(10),
)
def test_agrees_with_tarfile(opened, form, name) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for number, size in enumerate((0, 1, 511, 512, 513, 5000)):
            member = tarfile.TarInfo(f"{name}{number}")
            member.size = size
            tar.addfile(member, io.BytesIO(os.urandom(size)))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, name if form != tarfile.USTAR_FORMAT else name[:90]
        tar.addfile(link)
        hard = tarfile.TarInfo("hard")
        hard.type, hard.linkname = tarfile.LNKTYPE, link.linkname
        tar.addfile(hard)
    found = opened(stream.getvalue())
    with tarfile.open(fileobj=io.BytesIO(stream.getvalue())) as tar:
        expected = [(m.name.encode(), m.size, m.offset_data, m.linkname.encode()) for m in tar]
        last = tar.offset
    assert [(m.name, m.size, m.offset, m.link) for m in found.members] == expected
    assert all(m.available == m.stored for m in found.members)
    assert (found.walk.ending, found.walk.members) == (Ending.END_BLOCKS, 8)
    assert found.walk.end_offset <= last


def test_v7_and_gnu_tar_agree(opened, tmp_path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "a").write_bytes(b"x" * 700)
    for form in ("v7", "oldgnu", "gnu", "ustar", "posix"):
        archive = tmp_path / f"{form}.tar"
        subprocess.run(["tar", "-C", tmp_path / "in", f"--format={form}", "-cf", archive, "sub"], check=True)
        found = opened(archive)
        assert [(m.name, m.size) for m in found.members] == [(b"sub/", 0), (b"sub/a", 700)], form
        assert not found.members[0].is_file, form
        assert found.walk.ending is Ending.END_BLOCKS


@pytest.mark.parametrize("form", ["gnu", "0.0", "0.1", "1.0"])
@pytest.mark.parametrize("pieces", [1, 3, 60])
def test_sparse_members_of_gnu_tar(opened, tmp_path, form, pieces) -> None:
    path = tmp_path / "holes"
    with path.open("wb") as stream:
        for number in range(pieces):
            stream.seek(number * 300_000 + 4096)
            stream.write(bytes([number + 1]) * 5000)
        stream.truncate(pieces * 300_000 + 77)
    options = ["--format=gnu"] if form == "gnu" else ["--format=posix", f"--sparse-version={form}"]
    archive = tmp_path / "s.tar"
    (tmp_path / "after").write_bytes(b"after")
    subprocess.run(["tar", "-C", tmp_path, "-S", *options, "-cf", archive, "holes", "after"], check=True)
    found = opened(archive)
    assert [m.name for m in found.members] == [b"holes", b"after"]
    holes, after = found.members
    assert holes.stored < holes.size == path.stat().st_size
    assert found.contents(holes) == path.read_bytes()
    assert found.contents(after) == b"after"


def test_global_pax_headers_are_not_applied(opened) -> None:
    records = record("path", "elsewhere") + record("size", "5")
    glob = header(b"g", b"%011o" % len(records), b"g") + records + bytes(-len(records) % 512)
    found = opened(glob + entry(b"mine", b"x" * 600) + END)
    assert [(m.name, m.size) for m in found.members] == [(b"mine", 600)]
    assert found.walk.ending is Ending.END_BLOCKS


def test_pax_and_long_name_override_the_header(opened) -> None:
    data = pax(record("size", "700") + record("path", "new")) + header(b"old") + b"x" * 700 + bytes(324) + END
    found = opened(data)
    assert [(m.name, m.size) for m in found.members] == [(b"new", 700)]
    long = header(b"././@LongLink", b"%011o" % 5, b"L") + b"long\0" + bytes(507)
    assert [m.name for m in opened(long + entry(b"short", b"") + END).members] == [b"long"]


def test_base_256_sizes_and_signed_checksums(opened) -> None:
    big = header(b"big", b"\x80" + (10 << 30).to_bytes(11, "big"))
    found = opened(big + b"x" * 100)
    assert (found.members[0].size, found.members[0].available) == (10 << 30, 100)
    assert found.walk.ending is Ending.IN_MEMBER
    block = bytearray(header(b"\xe9\xff", b"00000000000"))
    signed = sum(b - 256 if b > 127 else b for b in bytes(block[:148]) + b" " * 8 + bytes(block[156:]))
    block[148:156] = b"%06o\0 " % signed
    assert [m.name for m in opened(bytes(block) + END).members] == [b"\xe9\xff"]


@pytest.mark.parametrize(
    "first",
    [
        header(size=b"\xff" * 11 + b"\xfe"),  # a negative base-256 size
        header(size=b"\x80" + b"\x7f" * 11),  # more than 63 bits
        header(size=b"9999"),
        header(size=b"-1"),
        header()[:148] + b"0000000\0" + header()[156:],
        pax(record("size", "9" * 30)) + header(),
        pax(record("size", "-5")) + header(),
        pax(b"99 path=x\n") + header(),
        pax(b"5 a=b\n") + header(),
        pax(b"x path=y\n") + header(),
        pax(b"0 path=y\n") + header(),
        pax(record("GNU.sparse.map", "0,5,3")) + header(),
        pax(record("GNU.sparse.map", "10,5,0,5") + record("GNU.sparse.realsize", "20")) + header(size=b"00000000012"),
        pax(record("GNU.sparse.map", "0,500") + record("GNU.sparse.realsize", "500")) + header(),
        pax(record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0")) + entry(b"s", b"99999\n1\n2\n"),
        header(flag=b"S", at_386=b"00000000000\0" + b"00000001000\0", at_483=b"00000000010\0"),
        b"\x01" * 512,
    ],
    ids=range(17),
)
def test_bad_headers_end_the_walk(opened, first) -> None:
    good = entry(b"good", b"x" * 10)
    for prefix, end in ((b"", 0), (good, len(good))):
        found = opened(prefix + first + END)
        assert found.walk.ending is Ending.BAD_HEADER
        assert found.walk.end_offset == end


@pytest.mark.parametrize(
    ("data", "ending", "end"),
    [
        (b"", Ending.EMPTY, 0),
        (bytes(1), Ending.ZEROS, 0),
        (bytes(512), Ending.ZEROS, 0),
        (bytes(1024), Ending.ZEROS, 0),
        (bytes(10_000), Ending.ZEROS, 0),
        (entry(b"a", b"x"), Ending.MEMBER_BOUNDARY, 1024),
        (entry(b"a", b"x") + bytes(5), Ending.HALF_END, 1024),
        (entry(b"a", b"x") + bytes(512), Ending.HALF_END, 1024),
        (entry(b"a", b"x") + bytes(1023), Ending.HALF_END, 1024),
        (entry(b"a", b"x") + bytes(1024), Ending.END_BLOCKS, 1024),
        (entry(b"a", b"x") + bytes(1024) + b"what follows does not count", Ending.END_BLOCKS, 1024),
        (entry(b"a", b"x") + bytes(512) + entry(b"b", b""), Ending.BAD_HEADER, 1024),
        (entry(b"a", b"x")[:513], Ending.MEMBER_BOUNDARY, 513),
        (entry(b"a", b"xy")[:513], Ending.IN_MEMBER, 0),
        (entry(b"a", b"xy")[:512], Ending.IN_MEMBER, 0),
        (entry(b"a", b"")[:511], Ending.IN_HEADER, 0),
        (entry(b"a", b"")[:50], Ending.IN_HEADER, 0),
        (b"hello", Ending.BAD_HEADER, 0),
        (b"hello" * 1000, Ending.BAD_HEADER, 0),
        (entry(b"a", b"x") + entry(b"b", b"")[:300], Ending.IN_HEADER, 1024),
        (entry(b"a", b"x") + pax(record("path", "z")), Ending.IN_HEADER, 1024),
        (entry(b"a", b"x") + pax(record("path", "z"))[:600], Ending.IN_HEADER, 1024),
        (entry(b"a", b"x") + pax(record("path", "z")) + END, Ending.BAD_HEADER, 1024),
    ],
)
def test_endings(opened, data, ending, end) -> None:
    walk = opened(data).walk
    assert (walk.ending, walk.end_offset) == (ending, end)


def test_bounds(opened) -> None:
    data = b"".join(entry(b"f%d" % n, b"") for n in range(50)) + END
    found = opened(data, Limits(headers=20))
    assert (found.walk.ending, len(found.members)) == (Ending.CAPPED, 20)
    assert "20 headers" in str(found.walk.trouble)
    long = header(b"L", b"%011o" % (2 << 20), b"L") + b"x" * (2 << 20) + entry(b"f", b"") + END
    assert opened(long).walk.ending is Ending.CAPPED
    many = pax(record("comment", "x" * 900_000)) * 30 + entry(b"f", b"") + END
    found = opened(many)
    assert found.walk.ending is Ending.CAPPED
    assert found.file.bytes_read < 18 << 20


def test_reads_headers_only(opened, tmp_path) -> None:
    path = tmp_path / "big.tar"
    with path.open("wb") as stream:
        for number in range(10):
            stream.write(header(b"f%d" % number, b"%011o" % (1 << 30)))
            stream.seek(1 << 30, os.SEEK_CUR)
        stream.write(END)
    found = opened(path)
    assert found.walk.ending is Ending.END_BLOCKS
    assert found.walk.end_offset == 10 * (512 + (1 << 30))
    assert found.file.bytes_read <= 11 * 4096


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        (b"./a//b/.", b"a/b"),
        (b"/a", b"a"),
        (b"a/../b", b"b"),
        (b"../a", b""),
        (b"a/../../b", b""),
        (b"", b""),
        (b"..", b""),
    ],
)
def test_clean_name(name, clean) -> None:
    assert clean_name(name) == clean


def test_links_and_duplicates() -> None:
    members = Members(100)

    def add(name: bytes, flag: bytes = b"0", link: bytes = b"", size: int = 1) -> Member:
        member = Member(name, flag[0], size, size, 0, link)
        members.add(member)
        return member

    first, last = add(b"index.json"), add(b"./index.json")
    target = add(b"sub/target")
    add(b"sub/soft", b"2", b"target")
    add(b"hard", b"1", b"sub/target")
    add(b"up", b"2", b"../out")
    add(b"absolute", b"2", b"/etc/passwd")
    add(b"loop", b"2", b"loop")
    add(b"dangling", b"2", b"nothing")
    assert members.find(b"index.json", first=True) is first
    assert members.find(b"index.json") is last
    assert members.duplicates() == [b"index.json"]
    assert members.find(b"sub/soft") is target
    assert members.find(b"hard") is target
    assert [members.find(name) for name in (b"up", b"absolute", b"loop", b"dangling", b"none")] == [None] * 5


def test_members_are_bounded_but_markers_are_kept() -> None:
    members = Members(10)
    for number in range(100):
        members.add(Member(b"f%d" % number, ord("0"), 0, 0, 0, b""))
    members.add(Member(b"index.json", ord("0"), 0, 0, 0, b""))
    assert members.incomplete
    assert members.find(b"index.json") is not None
    assert members.find(b"f99") is None
