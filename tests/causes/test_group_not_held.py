"""group-not-held: the bits are right for the shared group, the identity lacks it."""

from __future__ import annotations

import os

import pytest
from support.stage import FS_GROUP, PUSHER, STRANGER, Stage, assert_verdict, assessment

pytestmark = pytest.mark.root


def test_fires_on_a_directory(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2770)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", by=STRANGER)
    assert_verdict(document, "group-not-held")
    assert str(FS_GROUP) in document.verdict.statement
    general = assessment(document, "dir-search-denied")
    assert (general.status, general.implied_by) == ("confirmed", "group-not-held")


def test_fires_on_a_file(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", 0o640)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", by=STRANGER)
    assert_verdict(document, "group-not-held")
    assert assessment(document, "file-read-denied").implied_by == "group-not-held"


def test_the_fix_names_the_group_and_works(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2770)
    remedy = stage.check(f"oci-archive:{workspace}/oci/image.tar", by=STRANGER).assessments[0].remedy
    assert remedy is not None and remedy.smallest.yaml is not None
    assert f"[{FS_GROUP}]" in remedy.smallest.yaml
    assert_verdict(stage.check(f"oci-archive:{workspace}/oci/image.tar", by=PUSHER), "healthy")


def test_refuted_when_the_group_would_not_help_either(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2700)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", by=STRANGER)
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "group-not-held").status == "refuted"


def test_refuted_for_a_member(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2700)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", by=PUSHER)
    assert assessment(document, "group-not-held").status == "refuted"
    assert "held" in assessment(document, "group-not-held").statement
