"""A 14 GB archive costs less than 1 MB of reading, and no temporary file."""

from __future__ import annotations

import gzip
import json
import os
import tarfile
import tempfile
from pathlib import Path

import pytest
from support.images import OCI_CONFIG, OCI_LAYER_PLAIN, OCI_MANIFEST, REF_NAME, Layout, digest, layer_tar, pack

from probe.evidence.image import BlobState, Ending

SIZE = 14 * 10**9
LAYERS = 60


def write(path: Path) -> str:
    """An oci-archive of 14 GB as skopeo lays it out, the layers all holes; its manifest's digest."""
    hashes = [f"{number:064x}" for number in range(LAYERS)]
    each = SIZE // LAYERS
    config = json.dumps({"os": "linux", "rootfs": {"type": "layers", "diff_ids": [f"sha256:{h}" for h in hashes]}})
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "config": {"mediaType": OCI_CONFIG, "digest": digest(config.encode()), "size": len(config)},
            "layers": [{"mediaType": OCI_LAYER_PLAIN, "digest": f"sha256:{h}", "size": each} for h in hashes],
        }
    )
    entry = {"mediaType": OCI_MANIFEST, "digest": digest(manifest.encode()), "size": len(manifest)}
    index = json.dumps({"schemaVersion": 2, "manifests": [{**entry, "annotations": {REF_NAME: "big:1"}}]})
    files: dict[str, bytes | int] = {f"blobs/sha256/{h}": each for h in hashes}
    for text in (config, manifest):
        files[f"blobs/sha256/{digest(text.encode())[7:]}"] = text.encode()
    files = dict(sorted(files.items()))
    files |= {"index.json": index.encode(), "oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    with path.open("wb") as stream:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = data if isinstance(data, int) else len(data)
            stream.write(member.tobuf(tarfile.USTAR_FORMAT))
            if isinstance(data, bytes):
                stream.write(data)
            else:
                stream.seek(data, os.SEEK_CUR)
            stream.seek(-stream.tell() % 512, os.SEEK_CUR)
        stream.truncate(stream.tell() + 1024)
    return digest(manifest.encode())


def read_so_far() -> int:
    """Bytes that this process has read by system calls (proc(5), /proc/pid/io)."""
    return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])


def test_fourteen_gigabytes(look, tmp_path, monkeypatch) -> None:
    path = tmp_path / "big.tar"
    expected = write(path)
    assert path.stat().st_size > SIZE
    assert path.stat().st_blocks * 512 < 10 << 20, "the file system keeps no holes: this would really write 14 GB"
    empty = tmp_path / "tmp"
    empty.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(empty))
    monkeypatch.setenv("TMPDIR", str(empty))
    look(f"oci-archive:{path}")  # what is imported on the way is not counted
    before = read_so_far()
    facts = look(f"oci-archive:{path}:big:1")
    taken = read_so_far() - before
    assert facts.archive.bytes_read < 1_000_000
    assert taken < 1_000_000
    assert facts.archive.bytes_read <= taken, "what the archive says it read is what was read"
    assert list(empty.iterdir()) == []
    assert (facts.whole, facts.complete, facts.problems) == (True, True, ())
    assert (facts.archive.ending, facts.archive.members) == (Ending.END_BLOCKS, LAYERS + 4)
    assert facts.selected.manifest_digest == expected
    assert all(layer.state is BlobState.PRESENT for layer in facts.selected.layers)
    os.truncate(path, SIZE // 2)
    facts = look(f"oci-archive:{path}")
    assert (facts.archive.ending, facts.whole) == (Ending.IN_MEMBER, False)


def test_a_compressed_one_stops_at_its_bound(look, tmp_path) -> None:
    """100 GB of zeros in 100 MB would take minutes: the walk stops at the bound and says so."""
    path = tmp_path / "bomb.tar"
    member = tarfile.TarInfo("blobs/sha256/" + "0" * 64)
    member.size = 100 << 30
    head = member.tobuf(tarfile.GNU_FORMAT)
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(head)
        for _ in range(520):
            stream.write(bytes(1 << 20))
    facts = look(f"oci-archive:{path}")
    assert facts.archive.ending is Ending.CAPPED
    assert [problem.kind for problem in facts.problems] == ["too-large"]
    assert facts.found == "oci-archive"
    assert not facts.whole


@pytest.mark.slow
def test_deep_reads_each_byte_once(look, tmp_path) -> None:
    """A deep look reads what there is: hashing the blob and unpacking it share one pass."""
    layout = Layout(tmp_path / "layout")
    layout.write((None, layout.image([layer_tar(n, 16 << 20) for n in range(4)])))
    path = pack(layout.directory, tmp_path / "big.tar")
    look(f"oci-archive:{path}", deep=True)
    before = read_so_far()
    facts = look(f"oci-archive:{path}", deep=True)
    assert facts.verification.agreed
    assert read_so_far() - before < path.stat().st_size * 1.01
