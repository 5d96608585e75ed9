"""Files that fail, change or lie in the page cache while they are read."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest
from support.fuse import mirror
from support.images import Layout, layer_tar, pack

from probe.evidence.image import BlobState, Container, Ending
from probe.image import cache
from probe.image.cache import SEGMENT, ConsiderateReader
from probe.image.cursor import SeekableFile, read_all
from probe.image.inspect import inspect_image
from probe.image.reference import parse_reference


@pytest.mark.root
@pytest.mark.parametrize("deep", [False, True])
def test_read_errors_become_problems(look, oci_layout, tmp_path, deep) -> None:
    source = tmp_path / "source"
    source.mkdir()
    pack(oci_layout, source / "image.tar")
    pack(oci_layout, source / "image.tgz", "gzip")
    for number in (errno.EIO, errno.ESTALE):
        name = errno.errorcode[number]
        answers = {("read", "/image.tar"): number, ("read", "/image.tgz"): number}
        with mirror(source, tmp_path / "mounted", answers):
            for file in ("image.tar", "image.tgz"):
                facts = look(f"oci-archive:{tmp_path}/mounted/{file}", deep=deep)
                assert {problem.kind for problem in facts.problems} == {"unreadable"}
                assert facts.problems[0].found.startswith(name)
                assert facts.archive.ending is Ending.UNREADABLE
                assert (facts.whole, facts.complete) == (False, False)


@pytest.mark.root
def test_read_errors_of_single_files(look, oci_layout, tmp_path) -> None:
    manifest = next(path for path in (oci_layout / "blobs/sha256").iterdir() if b'"layers": [' in path.read_bytes())
    layer = next(path for path in (oci_layout / "blobs/sha256").iterdir() if path.read_bytes()[:2] == b"\x1f\x8b")
    for path, role in ((oci_layout / "index.json", "index"), (manifest, "manifest"), (layer, "layer")):
        inside = "/" + str(path.relative_to(oci_layout))
        with mirror(oci_layout, tmp_path / role, {("read", inside): errno.EIO}):
            facts = look(f"oci:{tmp_path}/{role}", deep=True)
        assert [(p.kind, p.role, p.found.partition(" ")[0]) for p in facts.problems] == [("unreadable", role, "EIO")]
        assert not facts.whole
        assert facts.found is Container.OCI
        if role == "layer":
            states = sorted(part.state for part in facts.images[0].layers)
            assert states == [BlobState.UNREADABLE, BlobState.VERIFIED], "what could be read is kept"


class Racing:
    """Changes the file when the look has read for the nth time."""

    def __init__(self, monkeypatch, path: Path, after: int, change) -> None:
        self.left, self.path, self.change, self.lock = after, path, change, threading.Lock()
        real = os.pread

        def pread(descriptor: int, size: int, offset: int) -> bytes:
            with self.lock:
                self.left -= 1
                if self.left == 0:
                    self.change(self.path)
            return real(descriptor, size, offset)

        monkeypatch.setattr(os, "pread", pread)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda path: os.truncate(path, 0), {True, False}),
        (lambda path: os.truncate(path, 1000), {True, False}),
        (lambda path: os.truncate(path, 100_000_000), {True}),
        (lambda path: path.write_bytes(b"\xff" * 20_000), {True, False}),
        (lambda path: path.unlink(), {True}),
    ],
    ids=["emptied", "cut", "grown", "overwritten", "unlinked"],
)
def test_a_file_that_changes_meanwhile(look, tmp_path, monkeypatch, change, seen, deep) -> None:
    layout = Layout(tmp_path / "layout")
    layout.write((None, layout.image([layer_tar(n, 9000) for n in range(6)], compression="none")))
    path = tmp_path / "image.tar"
    outcomes = set()
    for after in range(1, 40):
        pack(layout.directory, path)
        with monkeypatch.context() as patch:
            Racing(patch, path, after, change)
            facts = look(f"oci-archive:{path}", deep=deep)
        outcomes.add(facts.whole)
        assert facts.whole or facts.problems
        if facts.whole and facts.verification is not None and facts.verification.agreed:
            assert all(layer.state is BlobState.VERIFIED for layer in facts.images[0].layers)
    assert outcomes == seen


def test_a_file_cut_after_the_walk_is_not_whole(look, tmp_path, monkeypatch, oci_layout) -> None:
    """The structure was seen complete; then the file was emptied before its end was looked at again."""
    path = pack(oci_layout, tmp_path / "image.tar")
    real = SeekableFile.refresh

    def refresh(file: SeekableFile) -> None:
        os.truncate(path, 512)
        real(file)

    monkeypatch.setattr(SeekableFile, "refresh", refresh)
    facts = look(f"oci-archive:{path}")
    assert not facts.whole
    assert facts.problems


def test_closed_descriptor_is_a_problem_not_an_error(tmp_path) -> None:
    facts = inspect_image(987_654, parse_reference(f"oci-archive:{tmp_path}/x"))
    assert facts.problems[0].found.startswith("EBADF")
    assert not facts.whole


def cached(descriptor: int, offset: int) -> bool:
    try:
        return os.preadv(descriptor, [bytearray(1)], offset, os.RWF_NOWAIT) == 1
    except BlockingIOError:
        return False


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """16 MiB on disk, not in the page cache."""
    path = tmp_path / "big"
    with path.open("wb") as stream:
        stream.write(os.urandom(1 << 20) * 16)
        stream.flush()
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    descriptor = os.open(path, os.O_RDONLY)
    answer = cached(descriptor, 5 << 20)
    os.close(descriptor)
    if answer:
        pytest.skip("this file system keeps everything in memory (tmpfs)")
    return path


def test_segments_that_were_cached_stay_and_others_go(big) -> None:
    descriptor = os.open(big, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
    for _ in range(3):  # where memory is short the kernel drops pages of its own accord, but not each time
        os.pread(descriptor, SEGMENT, SEGMENT)
        assert not cached(descriptor, 2 * SEGMENT + 8192)
        assert read_all(ConsiderateReader(descriptor, 0, 16 << 20), 1 << 30) == os.pread(descriptor, 1 << 20, 0) * 16
        stayed = [cached(descriptor, at) for at in range(SEGMENT + 4096, 2 * SEGMENT - 4096, 65536)]
        gone = [not cached(descriptor, at) for at in range(2 * SEGMENT + 4096, 16 << 20, 65536)]
        if all(stayed):
            break
    os.close(descriptor)
    assert all(stayed)
    assert sum(gone) > 0.9 * len(gone)


def test_a_file_system_that_cannot_tell(big, monkeypatch) -> None:
    monkeypatch.setattr(cache, "_NOWAIT", 0)
    descriptor = os.open(big, os.O_RDONLY)
    assert len(read_all(ConsiderateReader(descriptor, 100, (16 << 20) - 100), 1 << 30)) == (16 << 20) - 100
    os.close(descriptor)


def test_progress_counts_every_byte_once(look, tmp_path) -> None:
    layout = Layout(tmp_path / "layout")
    layout.write((None, layout.image([layer_tar(n, 3_000_000) for n in range(4)], compression="none")))
    plain, packed = pack(layout.directory, tmp_path / "a"), pack(layout.directory, tmp_path / "b", "zstd")
    told: list[tuple[int, int]] = []
    for reference in (f"oci:{layout.directory}", f"oci-archive:{plain}", f"oci-archive:{packed}"):
        told.clear()
        look(reference, deep=True, workers=3, progress=lambda done, total: told.append((done, total)))
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert len({total for _, total in told}) == 1
        assert told[-1][0] == told[-1][1] > 0


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_workers_agree(look, tmp_path, workers) -> None:
    layout = Layout(tmp_path / "layout")
    layout.write((None, layout.image([layer_tar(n, 200_000) for n in range(7)])))
    path = pack(layout.directory, tmp_path / "image.tar")
    facts = look(f"oci-archive:{path}", deep=True, workers=workers)
    assert facts.verification.agreed
    assert facts.verification.blobs == 9
    assert facts.verification.bytes == sum(blob.size for blob in facts.images[0].blobs)
