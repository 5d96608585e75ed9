"""wrong-path: nothing at the path or under the tag, and the evidence names where the image is."""

from __future__ import annotations

import pytest
from support.stage import Stage, assert_verdict, assessment

pytestmark = pytest.mark.root


def test_likely_when_an_image_lies_near_by(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/image.tar")
    assert_verdict(document, "wrong-path", "likely")
    assert f"{workspace}/oci/image.tar" in document.verdict.statement
    remedy = document.assessments[0].remedy
    assert remedy is not None and remedy.smallest.command == f"oci-archive:{workspace}/oci/image.tar"


def test_fires_for_a_tag_that_is_not_there(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar:nosuch")
    assert_verdict(document, "wrong-path")
    assert "nosuch" in document.verdict.statement


def test_only_possible_when_nothing_is_near(stage: Stage) -> None:
    workspace = stage.workspace()
    (workspace / "oci/image.tar").unlink()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "inconclusive", "not-assessable")
    found = assessment(document, "wrong-path")
    assert found.status == "possible"
    assert any("producer" in claim.sentence for claim in found.missing)


def test_refuted_when_something_is_there(stage: Stage) -> None:
    workspace = stage.workspace()
    assert assessment(stage.check(f"oci-archive:{workspace}/oci/image.tar"), "wrong-path").status == "refuted"
