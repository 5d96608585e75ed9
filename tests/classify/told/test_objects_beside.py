"""A report beside the object of its pod: what the pod asks for need not be told once more."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from support.objects import BUILD, GROUP, cluster, pod, storage
from support.stage import PUSHER, STRANGER, Person, Stage, assert_sound, assessment, volume

from probe.classify.judge import judge_case
from probe.classify.verdict import VerdictDocument
from probe.evidence.report import Report

pytestmark = pytest.mark.root


def looked(stage: Stage, by: Person = PUSHER, mode: int = 0o2775, inner: int = 0o2700) -> Report:
    """A look by the pod `r-build-pod` at a directory that is closed."""
    workspace = stage.workspace(mode)
    os.chmod(workspace / "oci", inner)
    time.sleep(0.1)
    [report] = stage.looks(
        f"oci-archive:{workspace}/oci/image.tar", by=by, facts={"pod": "r-build-pod"}, **volume(workspace)
    )
    return report


def beside(report: Report, sub_path: str = "", **security: Any) -> VerdictDocument:
    mount = report.mounts.carrying.model_dump()["value"]["mount_point"]
    task = BUILD.but(pod_security=security, mount=mount, sub_path=sub_path)
    document = judge_case([report], clusters=[cluster([pod(task), *storage()])])
    assert_sound(document)
    assert document.evidence == (report,), "the report itself stays as it is"
    return document


def test_the_pod_tells_its_fs_group_and_policy(stage: Stage) -> None:
    report = looked(stage)
    found = assessment(beside(report, fsGroup=GROUP, fsGroupChangePolicy="OnRootMismatch"), "stale-ownership")
    assert found.status == "likely"
    assert any(claim.pointer == "/clusters/0/pods/0/security/fs_group_policy" for claim in found.supports)
    assert not any("--context" in claim.sentence for claim in found.missing)


def test_always_leaves_nothing_out(stage: Stage) -> None:
    found = assessment(beside(looked(stage), fsGroup=GROUP), "stale-ownership")
    assert found.status == "refuted"
    assert "Always" in found.statement


def test_a_pod_that_is_not_given_tells_nothing(stage: Stage) -> None:
    report = looked(stage)
    other = judge_case([report], clusters=[cluster([pod(BUILD, "other")])])
    assert any("--context fs-group" in claim.sentence for claim in assessment(other, "stale-ownership").missing)


def test_an_fs_group_that_was_not_applied_is_confirmed_by_the_pods_own_word(stage: Stage) -> None:
    report = looked(stage, STRANGER, mode=0o755, inner=0o2750)
    assert assessment(judge_case([report]), "fsgroup-not-applied").status != "confirmed"
    found = assessment(beside(report, fsGroup=1000660000), "fsgroup-not-applied")
    assert found.status == "confirmed"
    part = assessment(beside(report, sub_path="part", fsGroup=1000660000), "fsgroup-not-applied")
    assert part.status == "likely", "the root that was seen is not the volume's"
