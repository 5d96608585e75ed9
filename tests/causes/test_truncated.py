"""truncated: ended early, no live writer, stable."""

from __future__ import annotations

import os
import time

import pytest
from support.stage import ROOT, Stage, assert_verdict, assessment

pytestmark = pytest.mark.root

HOUR = 3600


def cut(stage: Stage, size: int | None, age: float = HOUR) -> str:
    workspace = stage.workspace()
    path = workspace / "oci/image.tar"
    whole = path.stat().st_size
    os.truncate(path, whole // 2 if size is None else size if size >= 0 else whole + size)
    os.utime(path, (time.time() - age, time.time() - age))
    return f"oci-archive:{path}"


@pytest.mark.parametrize("size", [None, 0, 100, 512, 5000, -1, -512, -1024])
def test_fires_for_a_cut_archive_that_has_rested(stage: Stage, size: int | None) -> None:
    document = stage.check(cut(stage, size))
    assert_verdict(document, "truncated")
    assert assessment(document, "archive-in-progress").status == "refuted"


def test_confirmed_at_once_by_a_granted_lease(stage: Stage) -> None:
    assert_verdict(stage.check(cut(stage, None, age=0), by=ROOT, lease=True), "truncated")


def test_only_likely_when_a_writer_may_be_pausing(stage: Stage) -> None:
    document = stage.check(cut(stage, None, age=0))
    assert_verdict(document, "truncated", "likely")
    assert assessment(document, "archive-in-progress").status == "possible"
    assert any("--lease" in claim.sentence for claim in document.assessments[0].missing)


def test_says_when_skopeo_would_still_accept_it(stage: Stage) -> None:
    assert "skopeo may still accept" in stage.check(cut(stage, -1024)).verdict.statement


def test_refuted_for_a_whole_archive(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "healthy")
    assert assessment(document, "truncated").status == "refuted"
