"""archive-in-progress from objects: who ran when, and what lets whom wait."""

from __future__ import annotations

from support.objects import BUILD, GROUP, IMAGE, OTHER, PUSH, READER, Task, failed, judged, run, storage
from support.stage import assessment

LATE = {"after": ()}
WRITING = BUILD.but(began=10, ended=40)
EARLY = failed(PUSH, began=12, ended=20, **LATE)
PATIENT = OTHER.but(began=12, ended=45, **LATE)


def led(*tasks: Task) -> tuple[str, str]:
    document = judged(*run(*tasks), *storage())
    return str(document.verdict.cause), str(document.verdict.status)


def test_a_reader_that_fails_while_the_build_runs_and_waits_for_nobody() -> None:
    document = judged(*run(WRITING, EARLY, PATIENT), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("archive-in-progress", "likely")
    found = assessment(document, "archive-in-progress")
    said = " | ".join(claim.sentence for claim in found.supports)
    assert "push-a ran from" in said and "build ended" in said
    assert "nothing lets push-a wait for build" in said
    assert "push-b, with the same rights, succeeded" in said
    assert any("kubectl logs -n ns r-push-a-pod -c step-main" in claim.sentence for claim in found.missing)
    assert found.remedy is not None and "runAfter" in (found.remedy.smallest.yaml or "")


def test_not_where_the_pipeline_orders_the_two_whatever_the_clocks_say() -> None:
    waiting = EARLY.but(after=("build",))
    assert led(WRITING, waiting, PATIENT.but(after=("build",)))[0] == "inconclusive"


def test_order_may_lead_through_other_tasks() -> None:
    between = Task("scan", "true", began=41, ended=42, after=("build",))
    assert led(WRITING, between, EARLY.but(after=("scan",)), PATIENT.but(after=("scan",)))[0] == "inconclusive"


def test_only_possible_where_the_reader_failed_after_the_writer_had_ended() -> None:
    document = judged(*run(BUILD, failed(PUSH, began=12, ended=28, **LATE)), *storage())
    assert document.verdict.cause == "inconclusive"
    found = assessment(document, "archive-in-progress")
    assert found.status == "possible"
    assert any("had ended when push-a failed" in claim.sentence for claim in found.contradicts)


def test_only_possible_where_rights_may_be_what_failed() -> None:
    """Nobody with these rights has read it: the reader may have met a directory that is closed to it."""
    document = judged(*run(WRITING, EARLY), *storage())
    assert document.verdict.cause == "inconclusive"
    assert assessment(document, "archive-in-progress").status == "possible"
    assert assessment(document, "created-after-sweep").status == "possible"


def test_the_maker_itself_lacks_no_rights() -> None:
    assert led(WRITING.but(security=READER), EARLY) == ("archive-in-progress", "likely")


def test_seconds_are_whole_equal_ones_order_nothing() -> None:
    assert led(BUILD, failed(PUSH, began=20, ended=25, **LATE))[0] == "inconclusive"
    document = judged(*run(BUILD, failed(PUSH, began=20, ended=25, **LATE)), *storage())
    assert assessment(document, "archive-in-progress").status != "possible"


def test_two_nodes_may_be_askew() -> None:
    apart = {"node": "node-b"}
    assert led(BUILD.but(ended=24), EARLY.but(**apart), PATIENT.but(**apart))[0] == "inconclusive"
    assert led(WRITING, EARLY.but(**apart), PATIENT.but(ended=50, **apart))[0] == "archive-in-progress"


SUBMITS = BUILD.but(
    script="touch /workspace/source/oci/.submit",
    sidecar=(f"skopeo copy oci:/tmp/layout {IMAGE}:model", 10, 40),
)


def test_a_sidecar_that_outlives_its_task_run() -> None:
    document = judged(*run(SUBMITS, failed(PUSH), OTHER.but(ended=45)), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("archive-in-progress", "likely")
    found = assessment(document, "archive-in-progress")
    assert any("is a sidecar: it ended" in claim.sentence for claim in found.supports)
    assert found.remedy is not None and "last step" in found.remedy.smallest.sentence


def test_a_sidecar_that_ended_with_its_task_is_no_writer_any_more() -> None:
    assert SUBMITS.sidecar is not None
    ended = SUBMITS.but(sidecar=(SUBMITS.sidecar[0], 10, 20))
    assert led(ended, failed(PUSH), OTHER)[0] == "inconclusive"


def test_a_task_that_makes_no_image_is_no_writer() -> None:
    """It merely could write to the volume: that alone accuses nobody."""
    scan = Task("scan", "grep -r secret /workspace/source", began=10, ended=60)
    assert led(BUILD, scan, failed(PUSH), OTHER.but(ended=65))[0] == "inconclusive"


def test_an_image_made_elsewhere_may_come_there_by_a_command_that_is_not_known() -> None:
    slow = WRITING.but(script="skopeo copy oci:/tmp/layout oci-archive:/tmp/image.tar\npython3 /tmp/slow.py")
    assert led(slow, EARLY, PATIENT) == ("archive-in-progress", "likely")


def test_who_all_succeeded_were_lucky_perhaps_and_nothing_more() -> None:
    document = judged(*run(WRITING, PATIENT), *storage())
    assert assessment(document, "archive-in-progress").status == "possible"


def test_another_group_is_another_right() -> None:
    """The patient one could read: with a group that the early one lacks."""
    poor = EARLY.but(pod_security={})
    document = judged(*run(WRITING, poor, PATIENT), *storage())
    assert assessment(document, "archive-in-progress").status == "possible"
    assert GROUP in document.clusters[0].pods[0].security.model_dump().values()  # type: ignore[attr-defined]


def test_a_missing_order_is_noted_though_all_went_well() -> None:
    lucky = PUSH.but(after=())
    notes = judged(*run(BUILD, lucky, OTHER), *storage()).notes
    assert [note for note in notes if "does not wait for build" in note] == [
        "push-a does not wait for build, which makes what it reads: nothing orders them"
    ]
