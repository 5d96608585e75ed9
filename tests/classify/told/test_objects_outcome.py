"""Nothing wrong, or nothing decided: what is said then, of one run and of several."""

from __future__ import annotations

import pytest
from support.objects import (
    BUILD,
    DIGEST,
    OTHER,
    OTHER_DIGEST,
    PUSH,
    failed,
    judged,
    run,
    storage,
    stranger,
    task_run,
    to_come,
)
from support.stage import assessment


def test_all_in_order_on_one_volume_with_one_digest() -> None:
    document = judged(*run(BUILD, PUSH, OTHER), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("healthy", "likely")


def test_digests_that_differ_are_noted() -> None:
    document = judged(*run(BUILD, PUSH, OTHER.but(digest=OTHER_DIGEST)), *storage())
    assert document.verdict.family == "none"
    assert any("another image, or one image in two encodings" in note for note in document.notes)


def test_the_built_digest_counts_too() -> None:
    document = judged(*run(BUILD.but(digest=DIGEST), PUSH), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("healthy", "likely")


def test_a_step_that_failed_and_may() -> None:
    document = judged(*run(BUILD, PUSH, failed(OTHER), outcome="True"), *storage())
    assert document.verdict.cause != "healthy"


def test_names_the_next_observation_with_pod_and_container() -> None:
    document = judged(*run(BUILD, PUSH, failed(OTHER)), *storage())
    assert document.verdict.cause == "inconclusive"
    wanted = "the log of push-b: kubectl logs -n ns r-push-b-pod -c step-main"
    assert wanted in document.verdict.statement
    missing = [claim.sentence for claim in document.assessments[0].missing]
    assert missing[0] == wanted
    assert any("probe check oci-archive:/workspace/source/oci/image.tar in its pod" in one for one in missing)
    assert any("the events of the namespace" in one for one in missing)
    assert any("other pods that mount these claims" in one for one in missing)


def test_does_not_ask_for_what_was_given() -> None:
    document = judged(*run(BUILD, PUSH, failed(OTHER)), *storage(), stranger("x", "other", None, 1))
    missing = " | ".join(claim.sentence for claim in document.assessments[0].missing)
    assert "other pods that mount" not in missing
    assert "the claims:" not in missing


@pytest.mark.parametrize(("kind", "asked"), [("PipelineRun", "get pipelinerun"), ("TaskRun", "get taskrun")])
def test_asks_for_the_kinds_that_are_not_there(kind: str, asked: str) -> None:
    objects = [one for one in run(BUILD, PUSH, failed(OTHER)) if one["kind"] != kind]
    document = judged(*objects)
    assert any(asked in claim.sentence for claim in document.assessments[0].missing)


def test_left_out_is_not_succeeded() -> None:
    objects = run(BUILD, failed(PUSH), to_come(OTHER), outcome="False")
    skipped = [{"name": "push-b", "reason": "PipelineRun was stopping"}]
    objects[0]["status"]["skippedTasks"] = skipped
    objects = [one for one in objects if "push-b" not in one["metadata"]["name"]]
    objects[0]["status"]["childReferences"] = objects[0]["status"]["childReferences"][:2]
    document = judged(*objects)
    assert any("left out push-b (PipelineRun was stopping)" in note for note in document.notes)
    assert document.verdict.cause == "inconclusive"
    objects[0]["status"]["skippedTasks"] = []
    assert any("ended without a TaskRun of push-b" in note for note in judged(*objects).notes)


def test_retries_are_new_pods() -> None:
    objects = run(BUILD, PUSH, OTHER)
    push = next(one for one in objects if one["kind"] == "TaskRun" and one["metadata"]["name"] == "r-push-a")
    push["status"]["retriesStatus"] = [{"podName": "r-push-a-pod", "conditions": []}]
    push["status"]["podName"] = "r-push-a-pod-retry1"
    early = next(one for one in objects if one["kind"] == "Pod" and one["metadata"]["name"] == "r-push-a-pod")
    early["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] = 1
    document = judged(*objects, *storage())
    assert document.verdict.cause != "healthy", "the first try failed"
    assert any("push-a was tried 2 times" in note for note in document.notes)


def test_runs_are_judged_each_by_itself() -> None:
    other = OTHER.but(script="skopeo copy dir:/workspace/source/oci docker://b.example/model:1")
    bad = run(BUILD, PUSH, failed(other), name="bad")
    good = run(BUILD.but(began=1000, ended=1010), PUSH.but(began=1020, ended=1030), name="good")
    document = judged(*bad, *good, *storage())
    assert (document.verdict.cause, document.verdict.status) == ("different-reference", "likely")
    assert document.verdict.statement.startswith("PipelineRun bad: ")
    assert any("evidence of 2 PipelineRuns was given" in note for note in document.notes)


def test_a_good_run_does_not_hide_one_that_failed() -> None:
    document = judged(*run(BUILD, PUSH, OTHER, name="good"), *run(BUILD, failed(PUSH), name="bad"), *storage())
    assert document.verdict.cause == "inconclusive"
    assert "PipelineRun bad: push-a failed" in document.verdict.statement


def test_a_task_run_without_a_pipeline_is_judged_beside_a_run() -> None:
    alone = [task_run(failed(OTHER, script=OTHER.script.replace("oci-archive:", "docker-archive:")), "solo")]
    alone += [task_run(BUILD, "solo")]
    for one in alone:
        del one["metadata"]["labels"]["tekton.dev/pipelineRun"]
    document = judged(*run(BUILD, PUSH), *alone, *storage())
    assert (document.verdict.cause, document.verdict.status) == ("different-reference", "likely")


def test_says_by_which_clocks_times_are_told() -> None:
    document = judged(*run(BUILD, PUSH, OTHER.but(node="node-b")), *storage())
    said = " | ".join(document.clocks)
    assert "whole seconds" in said
    assert "node-a, node-b the skew is unknown" in said


def test_no_objects_say_nothing() -> None:
    document = judged(*storage())
    assert document.verdict.cause == "inconclusive"
    assert assessment(document, "healthy").status != "likely"
