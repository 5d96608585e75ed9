"""different-volume, not-mounted and read-only from the specs: which volume each task really has."""

from __future__ import annotations

from support.objects import (
    BUILD,
    DIGEST,
    OTHER,
    OTHER_DIGEST,
    PUSH,
    failed,
    judged,
    pod,
    run,
    storage,
    task_run,
)
from support.stage import assessment

ELSEWHERE = OTHER.but(claim="cache", digest=OTHER_DIGEST)


def test_another_claim_though_everything_succeeded() -> None:
    document = judged(*run(BUILD, PUSH, ELSEWHERE), *storage(), *storage("cache"))
    assert (document.verdict.cause, document.verdict.status) == ("different-volume", "likely")
    found = assessment(document, "different-volume")
    said = " | ".join(claim.sentence for claim in found.supports)
    assert "in push-b that is /oci/image.tar of claim cache" in said
    assert "in build that is /oci/image.tar of claim data" in said
    assert "claim cache is bound to volume pv-cache" in said
    assert f"push-b handed on {OTHER_DIGEST}" in said
    assert found.remedy is not None and "claim data" in found.remedy.smallest.sentence


def test_task_runs_show_it_without_their_pods() -> None:
    objects = [one for one in run(BUILD, PUSH, ELSEWHERE) if one["kind"] != "Pod"]
    document = judged(*objects)
    assert (document.verdict.cause, document.verdict.status) == ("different-volume", "likely")


def test_pods_show_it_without_their_task_runs() -> None:
    document = judged(*(pod(task) for task in (BUILD, PUSH, ELSEWHERE)))
    assert (document.verdict.cause, document.verdict.status) == ("different-volume", "likely")


def test_another_directory_of_one_claim() -> None:
    document = judged(*run(BUILD, failed(OTHER, sub_path="old")), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("different-volume", "likely")
    assert "/old/oci/image.tar of claim data" in document.verdict.statement


def test_without_a_maker_the_claim_that_no_other_task_has() -> None:
    prepare = BUILD.but(name="prepare", script="true")
    document = judged(*run(prepare, PUSH, ELSEWHERE), *storage(), *storage("cache"))
    assert (document.verdict.cause, document.verdict.status) == ("different-volume", "likely")
    assert document.verdict.statement.startswith("push-b reads")


def test_one_digest_speaks_against_another_volume() -> None:
    document = judged(*run(BUILD, PUSH, ELSEWHERE.but(digest=DIGEST)), *storage(), *storage("cache"))
    assert assessment(document, "different-volume").status == "possible"


def test_one_claim_is_one_volume() -> None:
    document = judged(*run(BUILD, PUSH, OTHER), *storage())
    assert assessment(document, "different-volume").status not in ("likely", "possible")


def test_two_claims_of_one_export_are_one_volume() -> None:
    shared = [*storage(kind="nfs"), *storage("cache", kind="nfs")]
    document = judged(*run(BUILD, PUSH, ELSEWHERE.but(digest=DIGEST)), *shared)
    assert assessment(document, "different-volume").status not in ("likely", "possible")


def test_a_workspace_that_the_task_did_not_bind() -> None:
    document = judged(*run(BUILD, PUSH, failed(OTHER, bound=False)), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("not-mounted", "likely")
    found = assessment(document, "not-mounted")
    assert any("emptyDir tekton-internal-workspace" in claim.sentence for claim in found.supports)
    assert any("in build it lies on claim data" in claim.sentence for claim in found.supports)


def test_steps_of_one_pod_may_hand_over_in_an_empty_dir() -> None:
    both = pod(BUILD.but(bound=False))
    reader = pod(failed(PUSH, bound=False))["spec"]["containers"][0]
    both["spec"]["containers"].append({**reader, "name": "step-push"})
    document = judged(both)
    assert assessment(document, "not-mounted").status not in ("likely", "possible")


def test_making_on_a_read_only_mount() -> None:
    document = judged(*run(failed(BUILD, read_only=True)), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("read-only", "likely")
    document = judged(*run(BUILD, PUSH.but(read_only=True)), *storage())
    assert assessment(document, "read-only").status != "likely", "reading needs no write"


def test_a_task_run_that_binds_nothing_tells_nothing_of_the_path() -> None:
    document = judged(task_run(BUILD), task_run(failed(OTHER, bound=False)))
    assert document.verdict.cause == "inconclusive"
