"""swept-by-another-pod: group or mode rewritten while in use."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from support.stage import FS_GROUP, Stage, assert_verdict, assessment, volume

from probe.classify.judge import judge_case

pytestmark = pytest.mark.root

OTHER_GROUP = 1000660000


def sweep(workspace: Path, gid: int) -> None:
    """What kubelet does for a pod with this fsGroup: children before the root."""
    time.sleep(0.1)
    for path in (workspace / "oci/image.tar", workspace / "oci", workspace):
        mode = os.stat(path).st_mode & 0o7777
        os.chown(path, -1, gid)
        os.chmod(path, mode | (0o2770 if path.is_dir() else 0o660))


def test_likely_when_the_rewrite_came_after_this_pod_started(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2750)
    document = stage.check(
        f"oci-archive:{workspace}/oci/image.tar", **volume(workspace, lambda: sweep(workspace, OTHER_GROUP))
    )
    found = assessment(document, "swept-by-another-pod")
    assert found.status == "likely"
    assert any("after this container started" in claim.sentence for claim in found.supports)
    assert_verdict(document, "group-not-held")


def test_refuted_when_the_group_is_held(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2700)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", **volume(workspace))
    assert assessment(document, "swept-by-another-pod").status == "refuted"


def test_refuted_when_it_belonged_to_the_other_group_before(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2750)
    sweep(workspace, OTHER_GROUP)
    time.sleep(0.1)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", **volume(workspace))
    assert assessment(document, "swept-by-another-pod").status == "refuted"
    assert_verdict(document, "group-not-held")


def test_confirmed_when_this_process_had_access_before(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2750)
    pids: list[int] = []

    def sweep_soon() -> None:
        pid = os.fork()
        if pid == 0:
            time.sleep(0.6)
            sweep(workspace, OTHER_GROUP)
            os._exit(0)
        pids.append(pid)

    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", gap=1.5, **volume(workspace, sweep_soon))
    assert_verdict(document, "swept-by-another-pod", also={"group-not-held"})
    assert document.verdict.family == "race"
    assert any("had access before" in claim.sentence for claim in document.assessments[0].supports)
    assert assessment(document, "group-not-held").implied_by == "swept-by-another-pod"


# -- over several sources


def test_confirmed_by_an_earlier_report_of_the_same_container(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2750)
    reports = stage.looks(
        f"oci-archive:{workspace}/oci/image.tar", lambda: sweep(workspace, OTHER_GROUP), **volume(workspace)
    )
    document = judge_case(reports)
    assert_verdict(document, "swept-by-another-pod", also={"group-not-held", "dir-search-denied"})
    said = " ".join(claim.sentence for claim in document.assessments[0].supports)
    assert "before the rewrite" in said and f"belonged to group {FS_GROUP}" in said and "bits of a sweep" in said


def test_another_container_that_had_access_makes_it_no_surer(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2750)
    reference = f"oci-archive:{workspace}/oci/image.tar"
    first = stage.looks(reference, **volume(workspace))
    second = stage.looks(reference, **volume(workspace, lambda: sweep(workspace, OTHER_GROUP)))
    document = judge_case([*first, *second])
    assert assessment(document, "swept-by-another-pod").status == "likely"
    assert_verdict(document, "group-not-held")


def test_the_sweep_of_the_own_pod_is_never_the_cause(stage: Stage) -> None:
    """A probe in a new pod: that pod's own sweep came after the reader's failure, and healed what it was."""
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2700)
    reference = f"oci-archive:{workspace}/oci/image.tar"
    first = stage.looks(reference, **volume(workspace))
    time.sleep(0.1)
    sweep(workspace, FS_GROUP)
    time.sleep(0.1)
    second = stage.looks(reference, **volume(workspace))
    document = judge_case([*first, *second])
    assert assessment(document, "swept-by-another-pod").status == "refuted"
    healed = assessment(document, "access-healed")
    assert healed.status == "possible"
    assert any("this pod's own sweep" in claim.sentence for claim in healed.contradicts)
    assert_verdict(document, "dir-search-denied")
