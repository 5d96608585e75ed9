"""corrupt: a blob, manifest or config does not match its digest, or is missing."""

from __future__ import annotations

import os
import shutil
import tarfile
import time
from pathlib import Path

import pytest
from support.commands import copy
from support.stage import ROOT, Stage, assert_verdict, assessment

from probe.demo.image import build_image

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


def rest(path: Path) -> str:
    """Let it look as if nobody had written to it for a while; give its reference."""
    then = time.time() - 2 * 3600
    os.utime(path, (then, then))
    return f"oci-archive:{path}"


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
    document = stage.check(rest(workspace / "oci/image.tar"), deep=True)
    assert_verdict(document, "corrupt")
    assert "expected" in document.verdict.statement


def test_fires_for_a_missing_layer(stage: Stage) -> None:
    workspace = stage.workspace()
    without(workspace / "oci/image.tar", largest(stage.archive).name)
    document = stage.check(rest(workspace / "oci/image.tar"))
    assert_verdict(document, "corrupt")
    assert "missing-blob" in document.verdict.statement


def test_fires_for_a_missing_index(stage: Stage) -> None:
    workspace = stage.workspace()
    without(workspace / "oci/image.tar", "index.json")
    assert_verdict(stage.check(rest(workspace / "oci/image.tar")), "corrupt")


def test_refuted_for_a_whole_archive(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", deep=True)
    assert_verdict(document, "healthy")
    assert assessment(document, "corrupt").status == "refuted"


def test_only_likely_while_a_writer_is_not_excluded(stage: Stage) -> None:
    workspace = stage.workspace()
    without(workspace / "oci/image.tar", largest(stage.archive).name)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "corrupt", "likely")
    assert any("--lease" in claim.sentence for claim in document.assessments[0].missing)


def test_confirmed_at_once_by_a_granted_lease(stage: Stage) -> None:
    workspace = stage.workspace()
    without(workspace / "oci/image.tar", largest(stage.archive).name)
    assert_verdict(stage.check(f"oci-archive:{workspace}/oci/image.tar", by=ROOT, lease=True), "corrupt")


def test_not_claimed_while_somebody_has_it_open_for_writing(stage: Stage) -> None:
    workspace = stage.workspace()
    archive = workspace / "oci/image.tar"
    flip(archive, largest(stage.archive).offset_data + 5)
    with open(archive, "r+b"):
        document = stage.check(rest(archive), by=ROOT, lease=True)
    assert assessment(document, "corrupt").status == "possible"
    assert document.verdict.cause != "corrupt"


def test_a_layout_directory_without_its_index_may_still_be_written(stage: Stage) -> None:
    workspace = stage.workspace()
    copy(f"oci-archive:{stage.archive}", f"oci:{workspace}/oci/l")
    (workspace / "oci/l/index.json").unlink()
    document = stage.check(f"oci:{workspace}/oci/l")
    assert assessment(document, "corrupt").status != "confirmed"
    assert document.verdict.status != "confirmed"


def test_a_missing_layer_of_a_directory_is_named(stage: Stage) -> None:
    workspace = stage.workspace()
    layout = workspace / "oci/l"
    copy(f"oci-archive:{stage.archive}", f"oci:{layout}")
    max((layout / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size).unlink()
    then = time.time() - 2 * 3600
    os.utime(layout, (then, then))
    document = stage.check(f"oci:{layout}")
    assert_verdict(document, "corrupt")


def test_another_image_of_the_same_layout_is_another_matter(stage: Stage) -> None:
    workspace = stage.workspace()
    layout = workspace / "oci/l"
    small = stage.root / "small.tar"
    small.write_bytes(build_image(weights_bytes=4096).archive)
    for tag, source in (("a", stage.archive), ("b", small)):
        copy(f"oci-archive:{source}", f"oci:{layout}:{tag}")
    digest = build_image(weights_bytes=4096).layer_digests[1].removeprefix("sha256:")
    (layout / "blobs/sha256" / digest).unlink()
    then = time.time() - 2 * 3600
    os.utime(layout, (then, then))
    assert assessment(stage.check(f"oci:{layout}:a"), "corrupt").status == "refuted"
    assert_verdict(stage.check(f"oci:{layout}:b"), "corrupt")


def test_a_text_file_is_not_a_damaged_archive(stage: Stage) -> None:
    workspace = stage.workspace()
    (workspace / "oci/notes.tar").write_text("nothing of the kind\n" * 100)
    document = stage.check(rest(workspace / "oci/notes.tar"))
    assert assessment(document, "corrupt").status == "possible"
    assert_verdict(document, "inconclusive", "not-assessable")
