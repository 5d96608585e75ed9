"""different-reference: the names of one hand-over differ in path or transport."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from support.stage import Stage, assert_verdict, assessment

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
