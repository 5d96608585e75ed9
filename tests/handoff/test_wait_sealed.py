"""`probe wait --until sealed`: the producer's seal, and the ways in which it does not fit."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from support.gates import Waiting
from support.program import probe

from probe.demo.image import DemoImage, build_image


def seal(path: Path, transport: str = "oci-archive:") -> Path:
    ran = probe("seal", f"{transport}{path}")
    assert ran.status == 0, ran.err
    return path.with_name(path.name + ".seal.json")


def test_it_waits_for_the_seal_and_no_rest(archive: Path, demo_image: DemoImage) -> None:
    waiting = Waiting("--until", "sealed", f"oci-archive:{archive}")
    assert "no seal stands beside it" in waiting.until("unsealed")
    seal(archive)
    document = waiting.opened()
    (target,) = document["targets"]
    assert "as it was sealed" in target["seal"]
    assert target["manifest_digest"] == demo_image.manifest_digest
    assert not any("settling" in state for state in waiting.states)
    assert "sealed" in {moment["change"] for moment in document["timelines"][0]["moments"]}


def test_a_seal_that_is_there_already_opens_at_once(archive: Path) -> None:
    seal(archive)
    waiting = Waiting("--until", "sealed", "--timeout", "0", f"oci-archive:{archive}")
    waiting.opened()
    assert [state.split(",")[0] for state in waiting.states] == ["open"]


def test_rewritten_after_it_was_sealed(archive: Path, demo_image: DemoImage) -> None:
    """The same bytes, the same inode, the same size: but written again, and by whom?"""
    seal(archive)
    with open(archive, "r+b") as stream:
        stream.write(demo_image.archive[:512])
    waiting = Waiting("--until", "sealed", "--timeout", "0", f"oci-archive:{archive}")
    document = waiting.gave_up()
    assert any("not as sealed" in state and "modified after" in state for state in waiting.states)
    assert "the gate stayed shut" in document["notes"][0] and "not as sealed" in document["notes"][0]


def test_another_image_of_another_size(archive: Path) -> None:
    sealed = seal(archive)
    new = build_image(300_000).archive
    archive.write_bytes(new)
    waiting = Waiting("--until", "sealed", f"oci-archive:{archive}")
    line = waiting.until("not as sealed")
    assert str(len(new)) in line
    assert seal(archive) == sealed
    waiting.opened()


def test_another_image_of_the_same_size_in_another_inode(archive: Path, demo_image: DemoImage) -> None:
    seal(archive)
    others = (build_image(size) for size in range(200_001, 200_400))
    other = next(one for one in others if len(one.archive) == len(demo_image.archive))
    assert other.manifest_digest != demo_image.manifest_digest
    (archive.parent / "new").write_bytes(other.archive)
    (archive.parent / "new").rename(archive)
    waiting = Waiting("--until", "sealed", "--timeout", "0", f"oci-archive:{archive}")
    waiting.gave_up()
    (state,) = waiting.states
    assert "not as sealed" in state
    assert demo_image.manifest_digest in state and other.manifest_digest in state


def test_a_copy_with_its_seal_fits_by_size_and_digest(archive: Path, place: Path, demo_image: DemoImage) -> None:
    sealed = seal(archive)
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(archive, elsewhere)
    shutil.copy(sealed, elsewhere)
    document = Waiting("--until", "sealed", f"oci-archive:{elsewhere / archive.name}").opened()
    assert demo_image.manifest_digest in document["targets"][0]["seal"]


def test_the_seal_of_an_earlier_run_and_the_same_image_written_out_of_order(
    archive: Path, demo_image: DemoImage
) -> None:
    """The old seal names the very digest; manifest and headers are there at once, what is in the layers is not."""
    seal(archive)
    data, final = demo_image.archive, archive
    archive.rename(archive.with_name("old.tar"))
    waiting = Waiting("--until", "sealed", f"oci-archive:{final}")
    waiting.until("absent")
    middle = range(40_000, 160_000, 20_000)
    with open(final, "wb", buffering=0) as stream:
        os.pwrite(stream.fileno(), data[middle.stop :], middle.stop)
        os.pwrite(stream.fileno(), data[: middle.start], 0)
        for at in middle:
            time.sleep(0.2)
            assert waiting.process.poll() is None, waiting.lines
            os.pwrite(stream.fileno(), data[at : at + middle.step], at)
    waiting.opened()
    assert sum("growing" in line for line in waiting.lines) == 1, "and said once"


def test_what_is_no_seal_is_said_to_be_none(archive: Path) -> None:
    archive.with_name(archive.name + ".seal.json").write_text("{}")
    waiting = Waiting("--until", "sealed", f"oci-archive:{archive}")
    assert "no seal:" in waiting.until("unsealed")
    seal(archive)
    waiting.opened()


def test_a_seal_for_an_unfinished_archive_does_not_open(archive: Path, demo_image: DemoImage) -> None:
    seal(archive)
    os.truncate(archive, len(demo_image.archive) - 1024)
    waiting = Waiting("--until", "sealed", f"oci-archive:{archive}")
    waiting.until("unfinished")
    archive.write_bytes(demo_image.archive)
    waiting.until("not as sealed")
    seal(archive)
    waiting.opened()


def test_a_plain_file(place: Path) -> None:
    path = place / "model.bin"
    path.write_bytes(b"weights" * 100)
    waiting = Waiting("--until", "sealed", path)
    waiting.until("unsealed")
    seal(path, "")
    waiting.opened()


@pytest.mark.skopeo
def test_published_by_a_rename_and_sealed(archive: Path, demo_image: DemoImage) -> None:
    final = archive.with_name("final.tar")
    waiting = Waiting("--until", "sealed", f"oci-archive:{final}")
    waiting.until("absent")
    ran = probe("seal", "--publish", archive, f"oci-archive:{final}")
    assert ran.status == 0, ran.err
    waiting.opened()


def test_the_seal_of_an_earlier_run_and_a_digest(archive: Path, demo_image: DemoImage) -> None:
    """An old image with its old seal fits: only the digest of this run tells them apart."""
    seal(archive)
    new = build_image(300_000)
    waiting = Waiting("--until", "sealed", "--digest", new.manifest_digest, f"oci-archive:{archive}")
    waiting.until("another image")
    archive.write_bytes(new.archive)
    waiting.until("not as sealed")
    seal(archive)
    assert waiting.opened()["targets"][0]["manifest_digest"] == new.manifest_digest
