"""stale-ownership: volume root swept, inner inode wrong and older than this pod."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from support.handover import look_in_pod
from support.stage import FS_GROUP, STRANGER, Stage, assert_verdict, assessment, bind, volume

from probe.classify.judge import judge_case

pytestmark = pytest.mark.root


def old_directory(stage: Stage, mode: int = 0o2700) -> Path:
    """A swept root and an inner directory that was made wrong before the reader's container starts."""
    workspace = stage.workspace()
    os.chmod(workspace / "oci", mode)
    time.sleep(0.1)
    return workspace


def test_likely_when_the_fs_group_was_told(stage: Stage) -> None:
    workspace = old_directory(stage)
    document = stage.check(
        f"oci-archive:{workspace}/oci/image.tar", facts={"fs-group": str(FS_GROUP)}, **volume(workspace)
    )
    assert_verdict(document, "dir-search-denied")
    found = assessment(document, "stale-ownership")
    assert found.status == "likely"
    assert any("before this container started" in claim.sentence for claim in found.supports)
    assert any("fsGroupChangePolicy" in claim.sentence for claim in found.missing)


def test_says_that_the_fs_group_was_not_told(stage: Stage) -> None:
    workspace = old_directory(stage)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", **volume(workspace))
    assert_verdict(document, "dir-search-denied")
    found = assessment(document, "stale-ownership")
    assert found.status == "likely"
    assert any("--context fs-group" in claim.sentence for claim in found.missing)


def test_refuted_when_the_directory_is_younger_than_the_container(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(
        f"oci-archive:{workspace}/oci/image.tar",
        facts={"fs-group": str(FS_GROUP)},
        **volume(workspace, lambda: (time.sleep(0.1), os.chmod(workspace / "oci", 0o2700))[1]),
    )
    assert assessment(document, "stale-ownership").status == "refuted"
    assert document.verdict.family in ("A", "race")


def test_refuted_when_the_root_was_not_swept(stage: Stage) -> None:
    workspace = old_directory(stage)
    os.chmod(workspace, 0o755)
    document = stage.check(
        f"oci-archive:{workspace}/oci/image.tar", facts={"fs-group": str(FS_GROUP)}, by=STRANGER, **volume(workspace)
    )
    assert assessment(document, "stale-ownership").status == "refuted"


def test_not_claimed_outside_a_container(stage: Stage) -> None:
    workspace = old_directory(stage)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", prepare=lambda: bind(workspace))
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "stale-ownership").status == "refuted"


def test_an_earlier_look_of_another_pod_shows_that_this_pods_start_touched_nothing(stage: Stage) -> None:
    workspace = old_directory(stage)
    reference, facts = f"oci-archive:{workspace}/oci/image.tar", {"fs_group": str(FS_GROUP)}
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer", **facts)
    time.sleep(0.1)
    push = look_in_pod(stage, "push", reference, workspace, workspace, **facts)
    document = judge_case([build, push])
    found = assessment(document, "stale-ownership")
    assert found.status == "likely"
    assert any("before this container began" in claim.sentence for claim in found.supports)
    assert any("start of this pod did not touch it" in claim.sentence for claim in found.supports)
    os.chmod(workspace, 0o2775)
    time.sleep(0.1)
    swept = look_in_pod(stage, "push", reference, workspace, workspace, **facts)
    later = assessment(judge_case([build, swept]), "stale-ownership")
    assert not any("start of this pod did not touch it" in claim.sentence for claim in later.supports), (
        "its root was changed since"
    )
