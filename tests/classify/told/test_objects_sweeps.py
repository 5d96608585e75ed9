"""What kubelet does to the volume at the start of each pod, by the specs of the pods that mount it."""

from __future__ import annotations

from typing import Any

import pytest
from support.objects import BUILD, GROUP, OTHER, PUSH, READER, Task, failed, judged, run, storage, stranger
from support.stage import assessment

FOREIGN = 1000660000
LONG = failed(OTHER, began=25, ended=60)


def with_stranger(*tasks: Task, pod: dict[str, Any] | None = None, policy: str = "File", kind: str = "csi") -> Any:
    pod = pod if pod is not None else stranger("notebook-0", "data", FOREIGN, 40)
    return judged(*run(*tasks), pod, *storage(policy=policy, kind=kind))


def test_another_pod_takes_the_volume_while_a_reader_runs() -> None:
    document = with_stranger(BUILD, PUSH, LONG)
    assert (document.verdict.cause, document.verdict.status) == ("swept-by-another-pod", "likely")
    found = assessment(document, "swept-by-another-pod")
    said = " | ".join(claim.sentence for claim in found.supports)
    assert f"pod notebook-0 mounts the same volume with fsGroup {FOREIGN} (policy Always)" in said
    assert "push-a, with the same rights, succeeded" in said
    assert found.remedy is not None and str(GROUP) in (found.remedy.smallest.yaml or "")
    assert any("ls -ldn" in claim.sentence for claim in found.missing)


def test_on_root_mismatch_sweeps_too_the_root_has_another_group() -> None:
    pod = stranger("notebook-0", "data", FOREIGN, 40, security={"fsGroupChangePolicy": "OnRootMismatch"})
    assert with_stranger(BUILD, PUSH, LONG, pod=pod).verdict.cause == "swept-by-another-pod"


@pytest.mark.parametrize(
    "pod",
    [
        stranger("before", "data", FOREIGN, 15),
        stranger("after", "data", FOREIGN, 70),
        stranger("same-group", "data", GROUP, 40),
        stranger("no-group", "data", None, 40),
        stranger("other-claim", "cache", FOREIGN, 40),
        stranger("read-only", "data", FOREIGN, 40, readOnly=True),
    ],
    ids=lambda pod: str(pod["metadata"]["name"]),
)
def test_pods_that_do_nothing_to_it(pod: dict[str, Any]) -> None:
    document = with_stranger(BUILD, PUSH, LONG, pod=pod)
    assert assessment(document, "swept-by-another-pod").status not in ("likely", "possible")
    assert document.verdict.cause == "inconclusive"


@pytest.mark.parametrize(("policy", "kind"), [("None", "csi"), ("File", "nfs"), ("File", "hostPath")])
def test_no_sweep_where_kubelet_applies_no_group(policy: str, kind: str) -> None:
    document = with_stranger(BUILD, PUSH, LONG, policy=policy, kind=kind)
    assert assessment(document, "swept-by-another-pod").status not in ("likely", "possible")


def test_who_reads_afterwards_with_the_same_rights_speaks_against_it() -> None:
    later = PUSH.but(name="push-c", began=50, ended=55)
    document = with_stranger(BUILD, later, LONG)
    assert document.verdict.cause == "inconclusive"
    assert assessment(document, "swept-by-another-pod").status == "possible"


def test_who_failed_before_with_the_same_rights_speaks_against_it() -> None:
    document = with_stranger(BUILD, failed(PUSH), LONG)
    assert document.verdict.cause == "inconclusive"
    found = assessment(document, "swept-by-another-pod")
    assert any("failed before" in claim.sentence for claim in found.contradicts)


def test_root_and_the_owner_do_not_mind() -> None:
    root = LONG.but(security={"runAsUser": 0})
    assert assessment(with_stranger(BUILD, PUSH, root), "swept-by-another-pod").status not in ("likely", "possible")
    mine = with_stranger(BUILD.but(security=READER), PUSH, LONG)
    assert mine.verdict.cause == "inconclusive"


def test_a_user_that_only_the_image_tells_may_be_root() -> None:
    document = with_stranger(BUILD, PUSH.but(security={}), LONG.but(security={}))
    assert document.verdict.cause == "inconclusive"
    assert assessment(document, "swept-by-another-pod").status == "possible"


def test_a_pod_of_the_run_with_another_group_does_the_same() -> None:
    sign = Task("sign", "true", began=40, ended=42, pod_security={"fsGroup": FOREIGN})
    document = judged(*run(BUILD, PUSH, LONG, sign), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("swept-by-another-pod", "likely")


# -- the reader's own sweep: what objects alone leave possible


def lazy(task: Task, **changes: Any) -> Task:
    return failed(task, pod_security={"fsGroup": GROUP, "fsGroupChangePolicy": "OnRootMismatch"}, **changes)


def test_what_an_own_sweep_may_have_left_out() -> None:
    document = judged(*run(BUILD, lazy(PUSH), lazy(OTHER)), *storage())
    assert document.verdict.cause == "inconclusive"
    assert assessment(document, "stale-ownership").status == "possible"
    assert "push-a and push-b failed" in document.verdict.statement
    assert "stale-ownership" in document.verdict.statement


def test_always_leaves_nothing_out() -> None:
    document = judged(*run(BUILD, failed(PUSH), failed(OTHER)), *storage())
    assert assessment(document, "stale-ownership").status not in ("likely", "possible")


def test_the_same_sweep_let_another_one_read() -> None:
    document = judged(*run(BUILD, lazy(PUSH), lazy(OTHER).but(exit_status=0)), *storage())
    assert assessment(document, "stale-ownership").status not in ("likely", "possible")


@pytest.mark.parametrize(("policy", "kind"), [("None", "csi"), ("File", "nfs"), ("File", "hostPath")])
def test_a_driver_without_fs_group(policy: str, kind: str) -> None:
    document = judged(*run(BUILD, failed(PUSH), failed(OTHER)), *storage(policy=policy, kind=kind))
    assert document.verdict.cause == "inconclusive"
    assert assessment(document, "fsgroup-not-applied").status == "possible"
