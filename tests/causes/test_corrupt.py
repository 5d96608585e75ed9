"""corrupt: a blob, manifest or config does not match its digest, or is missing."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest
from support.stage import Stage, assert_verdict, assessment

pytestmark = pytest.mark.root


def largest(archive: Path) -> tarfile.TarInfo:
    with tarfile.open(archive) as tar:
        return max(tar.getmembers(), key=lambda member: member.size)


def without(archive: Path, name: str) -> None:
    """Take one member out and leave a properly ended archive."""
    kept = archive.with_suffix(".new")
    with tarfile.open(archive) as old, tarfile.open(kept, "w", format=tarfile.USTAR_FORMAT) as new:
        for member in old:
            if member.name != name:
                new.addfile(member, old.extractfile(member) if member.isfile() else None)
    shutil.copymode(archive, kept)
    kept.replace(archive)


def flip(path: Path, offset: int) -> None:
    with open(path, "r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes([byte ^ 1]))


def test_fires_for_a_flipped_byte_in_a_layer(stage: Stage) -> None:
    workspace = stage.workspace()
    layer = largest(stage.archive)
    flip(workspace / "oci/image.tar", layer.offset_data + layer.size // 2)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", deep=True)
    assert_verdict(document, "corrupt")
    assert "expected" in document.verdict.statement


def test_fires_for_a_missing_layer(stage: Stage) -> None:
    workspace = stage.workspace()
    without(workspace / "oci/image.tar", largest(stage.archive).name)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "corrupt")
    assert "missing-blob" in document.verdict.statement


def test_fires_for_a_missing_index(stage: Stage) -> None:
    workspace = stage.workspace()
    without(workspace / "oci/image.tar", "index.json")
    assert_verdict(stage.check(f"oci-archive:{workspace}/oci/image.tar"), "corrupt")


def test_refuted_for_a_whole_archive(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", deep=True)
    assert_verdict(document, "healthy")
    assert assessment(document, "corrupt").status == "refuted"
