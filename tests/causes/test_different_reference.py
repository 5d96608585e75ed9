"""different-reference: the names of one hand-over differ in path or transport."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from support.commands import copy
from support.stage import Stage, assert_verdict, assessment

from probe.demo.image import build_image

pytestmark = [pytest.mark.root, pytest.mark.skopeo]


def test_fires_for_an_archive_here_and_a_directory_there(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", f"dir:{workspace}/oci")
    assert_verdict(document, "different-reference", also={"wrong-transport"})
    assert assessment(document, "wrong-transport").implied_by == "different-reference"
    assert len(document.evidence) == 2


def test_fires_from_the_failing_commands_own_message(stage: Stage) -> None:
    workspace = stage.workspace()
    ran = subprocess.run(
        ["skopeo", "--insecure-policy", "copy", f"dir:{workspace}/oci", f"dir:{stage.root}/out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", stderr=ran.stderr)
    assert_verdict(document, "different-reference")
    assert f"dir:{workspace}/oci" in document.verdict.statement


def test_refuted_when_both_hold_the_same_image(stage: Stage) -> None:
    workspace = stage.workspace()
    shutil.copy(workspace / "oci/image.tar", workspace / "oci/copy.tar")
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", f"oci-archive:{workspace}/oci/copy.tar")
    assert_verdict(document, "healthy")
    assert assessment(document, "different-reference").status == "refuted"


def test_not_assessable_for_one_reference(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert assessment(document, "different-reference").status == "not-assessable"
    assert_verdict(document, "healthy")


def test_the_same_reference_twice_agrees(stage: Stage) -> None:
    workspace = stage.workspace()
    reference = f"oci-archive:{workspace}/oci/image.tar"
    assert assessment(stage.check(reference, reference), "different-reference").status == "refuted"


@pytest.mark.parametrize("destination", ["dir:{}/oci/out", "oci:{}/oci/out"])
def test_the_commands_destination_is_not_what_it_read(stage: Stage, destination: str) -> None:
    workspace = stage.workspace()
    (workspace / "oci/out").mkdir()
    (workspace / "oci/out/index.json").write_text("{")
    said = subprocess.run(
        [
            "skopeo",
            "--insecure-policy",
            "copy",
            f"oci-archive:{workspace}/oci/image.tar",
            destination.format(workspace),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode != 0
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", stderr=said.stderr)
    assert assessment(document, "different-reference").status != "confirmed"
    assert document.verdict.cause in ("other-path-failed", "inconclusive")


def test_fires_for_two_tags_of_one_layout(stage: Stage) -> None:
    workspace = stage.workspace()
    small = stage.root / "small.tar"
    small.write_bytes(build_image(weights_bytes=4096).archive)
    copy(f"oci-archive:{stage.archive}", f"oci:{workspace}/oci/l:a")
    copy(f"oci-archive:{small}", f"oci:{workspace}/oci/l:b")
    document = stage.check(f"oci:{workspace}/oci/l:a", f"oci:{workspace}/oci/l:b")
    assert_verdict(document, "different-reference")
