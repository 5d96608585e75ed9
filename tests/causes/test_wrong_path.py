"""wrong-path: nothing at the path or under the tag, and the evidence names where the image is."""

from __future__ import annotations

import shutil

import pytest
from support.handover import look_in_pod, seal_in_pod
from support.stage import Stage, assert_verdict, assessment

from probe.classify.judge import judge_case

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


# -- with the producer's word


def test_the_producer_names_where_it_is(stage: Stage) -> None:
    """Nothing near: without the producer there is nothing to go by."""
    workspace = stage.workspace()
    (workspace / "elsewhere").mkdir()
    shutil.move(workspace / "oci/image.tar", workspace / "elsewhere/built.tar")
    made = seal_in_pod(stage, f"oci-archive:{workspace}/elsewhere/built.tar", workspace, task="build")
    push = look_in_pod(stage, "push", f"oci-archive:{workspace}/oci/image.tar", workspace, workspace)
    document = judge_case([push], seals=[made])
    assert_verdict(document, "wrong-path", "likely")
    assert f"build wrote oci-archive:{workspace}/elsewhere/built.tar" in document.verdict.statement
    assert any(claim.pointer == "/seals/0/reference/path" for claim in document.assessments[0].supports)
    remedy = document.assessments[0].remedy
    assert remedy is not None and remedy.smallest.command == f"oci-archive:{workspace}/elsewhere/built.tar"


def test_the_producers_path_as_the_reader_sees_it(stage: Stage) -> None:
    workspace, shared = stage.workspace(), stage.root / "shared"
    shared.mkdir()
    shutil.move(workspace / "oci/image.tar", workspace / "oci/built.tar")
    build = look_in_pod(stage, "build", f"oci-archive:{shared}/oci/built.tar", workspace, shared, role="producer")
    push = look_in_pod(stage, "push", f"oci-archive:{workspace}/image.tar", workspace, workspace)
    document = judge_case([build, push])
    found = assessment(document, "wrong-path")
    assert found.status == "likely"
    assert found.remedy is not None and found.remedy.smallest.command == f"oci-archive:{workspace}/oci/built.tar"


def test_two_producers_name_two_paths(stage: Stage) -> None:
    workspace = stage.workspace()
    for name in ("a", "b"):
        shutil.copy(workspace / "oci/image.tar", workspace / f"{name}.tar")
    (workspace / "oci/image.tar").unlink()
    made = [seal_in_pod(stage, f"oci-archive:{workspace}/{name}.tar", workspace, task=name) for name in ("a", "b")]
    (workspace / "deep").mkdir()
    push = look_in_pod(stage, "push", f"oci-archive:{workspace}/deep/image.tar", workspace, workspace)
    found = assessment(judge_case([push], seals=made), "wrong-path")
    assert not any(claim.pointer.startswith("/seals") for claim in found.supports), "which one was meant?"
