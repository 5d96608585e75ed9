"""selinux-denied: mode bits allow, open refused, and the label is not dominated."""

from __future__ import annotations

import os

import pytest
from support import landlock
from support.stage import PUSHER, Stage, assert_verdict, assessment

from probe.classify.judge import judge_case
from probe.classify.verdict import VerdictDocument
from probe.evidence.identity import Identity

pytestmark = pytest.mark.root

needs_landlock = pytest.mark.skipif(not landlock.available(), reason="this kernel has no Landlock")


@needs_landlock
def test_selinux_denied_is_likely_when_the_categories_are_not_dominated(stage: Stage) -> None:
    """This kernel has no SELinux: the refusal and the file's label are real, the process's label is put in."""
    document = labelled(stage, "system_u:object_r:container_file_t:s0:c5,c9", "system_u:system_r:container_t:s0:c1,c2")
    assert_verdict(document, "selinux-denied", "likely", also={"denied-unexplained"})
    assert "c5,c9" in document.verdict.statement
    assert any("AVC" in claim.sentence for claim in document.assessments[0].missing)


@needs_landlock
def test_selinux_denied_is_likely_for_a_foreign_type(stage: Stage) -> None:
    document = labelled(stage, "system_u:object_r:user_home_t:s0", "system_u:system_r:container_t:s0:c1,c2")
    assert_verdict(document, "selinux-denied", "likely", also={"denied-unexplained"})


@needs_landlock
@pytest.mark.parametrize("level", ["s0", "s0:c1", "s0:c1,c2", "s0:c0.c9"])
def test_selinux_denied_is_not_claimed_when_the_label_is_dominated(stage: Stage, level: str) -> None:
    file = "system_u:object_r:container_file_t:s0:c1" if level == "s0:c0.c9" else f"a:b:container_file_t:{level}"
    process = "system_u:system_r:container_t:" + ("s0:c0.c9" if level == "s0:c0.c9" else "s0:c1,c2")
    document = labelled(stage, file, process)
    assert assessment(document, "selinux-denied").status == "possible"


def labelled(stage: Stage, file: str, process: str) -> VerdictDocument:
    """A real refusal of a really labelled file, judged as if the process carried `process`."""
    workspace = stage.workspace()
    os.setxattr(workspace / "oci/image.tar", "security.selinux", file.encode() + b"\0")
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", by=PUSHER, before=landlock.deny_reading_files)
    report = document.evidence[0]
    label = {"status": "seen", "value": process, "at": report.started}
    identity = Identity.model_validate({**report.identity.model_dump(), "label": label})
    return judge_case([report.model_copy(update={"identity": identity})])


def test_refuted_where_the_process_carries_no_label(stage: Stage) -> None:
    workspace = stage.workspace()
    os.setxattr(workspace / "oci/image.tar", "security.selinux", b"a:b:user_home_t:s0\0")
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert assessment(document, "selinux-denied").status == "refuted"
    assert_verdict(document, "healthy")
