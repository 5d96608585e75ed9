"""Refusals inside a swept volume: left from before this pod, made after its sweep, or never swept."""

from __future__ import annotations

import pytest
from support.logs import COPY, FAILED, ID, REFUSED, SOURCE, found, judged, shown, stamped, stat

from probe import __version__
from probe.classify.verdict import Cause, Status
from probe.evidence.base import parse_timestamp
from probe.evidence.cluster import Cluster, Container, ContainerKind, Key, Pod, PodVolume, SecurityContext, VolumeMount
from probe.evidence.report import Tool

OCI = "/workspace/source/oci"
CLOSED = f"drwx--S--- 2 root 1000970000 23 Nov 21 17:00 {OCI}"
LATE = (COPY, REFUSED, FAILED)


def cluster(started: str, policy: str = "OnRootMismatch", group: int = 1000970000) -> Cluster:
    """The pod of the push, which mounts one claim."""
    step = Container(
        name="step-push",
        kind=ContainerKind.STEP,
        mounts=(VolumeMount(volume="ws", path="/workspace/source"),),
        exit_status=1,
    )
    pod = Pod(
        key=Key(name="run-push-pod", namespace="n"),
        started=parse_timestamp(f"2026-11-21T{started}Z"),
        pipeline_run="run",
        pipeline_task="push",
        security=SecurityContext(fs_group=group, fs_group_policy=policy),
        containers=(step,),
        volumes=(PodVolume(name="ws", kind="persistentVolumeClaim", claim="data"),),
    )
    return Cluster(tool=Tool(version=__version__), pods=(pod,))


def push(*extra: str) -> str:
    return stamped("\n".join((shown(oci=CLOSED, tar=None), *extra, *LATE)))


def test_older_than_the_pod_is_stale() -> None:
    document = judged(push(stat(OCI, "2700", changed="16:59:58.5", born="16:59:58.1")), cluster("17:00:02"))
    assert (document.verdict.cause, document.verdict.status) == ("stale-ownership", "likely")
    assessment = found(document, Cause.STALE_OWNERSHIP)
    assert found(document, Cause.DIR_SEARCH_DENIED).implied_by is Cause.STALE_OWNERSHIP
    assert assessment.remedy is not None
    assert assessment.remedy.smallest.command == f"chmod g+x {OCI}"


def test_a_policy_that_repairs_speaks_against_it() -> None:
    old = push(stat(OCI, "2700", changed="16:59:58.5", born="16:59:58.1"))
    assert judged(old, cluster("17:00:02", policy="Always")).verdict.cause == "dir-search-denied"


def test_without_the_pods_start_the_times_do_not_tell() -> None:
    document = judged(push(stat(OCI, "2700", changed="17:00:05", born="17:00:05")))
    assert document.verdict.cause == "dir-search-denied"
    assessment = found(document, Cause.STALE_OWNERSHIP)
    assert assessment.status is Status.POSSIBLE
    assert any("start of the reader's pod" in claim.sentence for claim in assessment.missing)


def test_long_before_the_script_is_stale_without_any_object() -> None:
    document = judged(push(stat(OCI, "2700", changed="15:00:00", born="15:00:00")))
    assert document.verdict.cause == "stale-ownership"


def test_without_times_of_the_directory_the_general_cause_leads() -> None:
    document = judged(push(), cluster("17:00:02"))
    assert document.verdict.cause == "dir-search-denied"
    assert any("stat" in claim.sentence for claim in found(document, Cause.STALE_OWNERSHIP).missing)


def test_born_after_the_script_began() -> None:
    text = stamped("waiting", "17:00:01") + push(stat(OCI, "2700", changed="17:00:05.3", born="17:00:05.1"))
    document = judged(text)
    assert (document.verdict.cause, document.verdict.status) == ("created-after-sweep", "likely")
    assert found(document, Cause.STALE_OWNERSHIP).status is not Status.LIKELY


def test_absent_while_the_reader_waited() -> None:
    text = stamped(f"{OCI} not there yet\n@17:00:03\n{OCI} is there", "17:00:01") + push()
    assert judged(text).verdict.cause == "created-after-sweep"


def test_a_loop_of_test_r_does_not_tell_that_it_was_absent() -> None:
    text = stamped(f"attempt 1/30: {OCI}/image.tar not readable yet, sleeping 2s", "17:00:01") + push()
    assert judged(text).verdict.cause == "dir-search-denied"


def test_what_is_missing_of_the_mount_leaves_the_general_cause() -> None:
    old = stat(OCI, "2700", changed="15:00:00", born="15:00:00")
    text = stamped("\n".join((shown(oci=CLOSED, tar=None, mount=""), old, *LATE)))
    assert judged(text).verdict.cause == "dir-search-denied"


UNSWEPT = "drwxr-xr-x 4 root root 30 Nov 21 17:00 /workspace/source"
INNER = f"drwxr-x--- 2 root root 23 Nov 21 17:00 {OCI}"


def test_a_root_without_a_sweep() -> None:
    text = stamped(
        "\n".join((shown(source=UNSWEPT, oci=INNER, tar=None, who=ID.replace("gid=0(root)", "gid=100")), *LATE))
    )
    document = judged(text.replace("groups=0(root),", "groups=100,"), cluster("17:00:02"))
    assert document.verdict.cause == "fsgroup-not-applied"


def test_an_emptydir_above_shows_the_fsgroup_where_no_object_does() -> None:
    who = "uid=1000970000 gid=100 groups=100,1000970000"
    document = judged(stamped("\n".join((shown(source=UNSWEPT, oci=INNER, tar=None, who=who), *LATE))))
    assert document.verdict.cause == "fsgroup-not-applied"


@pytest.mark.parametrize("source", [SOURCE])
def test_a_swept_root_shows_that_the_fsgroup_was_applied(source: str) -> None:
    document = judged(stamped("\n".join((shown(source=source, oci=CLOSED, tar=None), *LATE))), cluster("17:00:02"))
    assert found(document, Cause.FSGROUP_NOT_APPLIED).status is not Status.LIKELY
