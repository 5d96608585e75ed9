"""What an undecided verdict says: the message that nobody explains, who ran unseen, and whose end is not told."""

from __future__ import annotations

from support.logs import ARCHIVE, COPY, PUSHED, fatal, shown, stamped
from support.logs import judged as judged_logs
from support.objects import BUILD, OTHER, PUSH, failed, judged, run, storage, to_come

from probe.classify.judge import judge_case
from probe.transcript.importing import import_text

GOOD = stamped(f"{shown()}\n{COPY}\n{PUSHED}")
COMMAND = f"+ skopeo copy {ARCHIVE} docker://quay.lab/org/model:1"
CONFIG = "Copying config sha256:" + "7c" * 32
WRITTEN = "Writing manifest to image destination\nStoring signatures"


def test_quotes_a_message_that_nobody_explains() -> None:
    text = f"{shown()}\n{COPY}\n{fatal('something entirely new went wrong')}"
    document = judged_logs(stamped(text))
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "entirely new" in one)
    assert f'line {line} of run-push-pod.step-push.log says "something entirely new' in document.verdict.statement
    assert "without saying why" not in document.model_dump_json()


def test_clips_a_long_message() -> None:
    document = judged_logs(stamped(f"{shown()}\n{COPY}\n{fatal('something new ' * 100)}"))
    assert '..."; probe check' in document.verdict.statement


def test_a_log_without_a_message_ends_without_one() -> None:
    document = judged_logs(stamped(f"{shown()}\n{COPY}\nskopeo exit code: 1"))
    assert "its log ends without saying why" in document.verdict.statement


def test_progress_to_the_end_shows_success() -> None:
    assert judged_logs({"a": stamped(f"{COMMAND}\n{CONFIG}\n{WRITTEN}"), "b": GOOD}).verdict.cause == "healthy"


def test_progress_that_stops_or_fails_shows_none() -> None:
    cut = judged_logs({"a": stamped(f"{COMMAND}\n{CONFIG}"), "b": GOOD})
    assert cut.verdict.cause == "inconclusive"
    refused = judged_logs(
        {"a": stamped(f"{COMMAND}\n{CONFIG}\n{WRITTEN}\n{fatal('writing manifest: new')}"), "b": GOOD}
    )
    assert refused.verdict.cause != "healthy"


def test_a_reader_that_says_nothing_did_run() -> None:
    document = judged_logs({"a": stamped(COMMAND), "b": GOOD})
    assert document.verdict.statement.startswith("nothing tells how run-a-pod/step-a ended")


def test_a_log_cut_off_is_named_by_its_container() -> None:
    killed = f"{shown()}\n/tekton/scripts/script-0: line 14: 15584 Killed"
    logs = [import_text(text, f"run-{name}-pod.step-push.log") for name, text in (("a", GOOD), ("b", stamped(killed)))]
    document = judge_case((), (), (), tuple(one for several in logs for one in several), ())
    assert document.verdict.statement.startswith("nothing tells how run-b-pod/step-push ended")


def test_tasks_of_which_only_the_run_tells() -> None:
    pipeline = run(BUILD, PUSH, OTHER)[0]
    said = judged(pipeline).verdict.statement
    assert "push-a and push-b ran, and no TaskRun, pod or log tells of it" in said
    for task in pipeline["spec"]["pipelineSpec"]["tasks"]:
        del task["taskSpec"]
    assert "its tasks build, push-a, push-b have TaskRuns, and none of them was given" in (
        judged(pipeline).verdict.statement
    )


def test_tasks_that_did_not_run() -> None:
    pipeline = run(BUILD, to_come(PUSH))[0]
    pipeline["status"]["childReferences"] = pipeline["status"]["childReferences"][:1]
    assert "no reader ran (push-a)" in judged(pipeline).verdict.statement


def test_several_good_runs_are_healthy() -> None:
    later = (BUILD.but(began=1000, ended=1010), PUSH.but(began=1020, ended=1030))
    assert judged(*run(BUILD, PUSH, OTHER), *run(*later, name="s"), *storage()).verdict.cause == "healthy"


def test_the_run_that_failed_is_asked_about_first() -> None:
    bad = (BUILD.but(began=1000, ended=1010), failed(PUSH, began=1020, ended=1030))
    said = judged(*run(BUILD, PUSH, OTHER), *run(*bad, name="s"), *storage()).verdict.statement
    assert "PipelineRun r: push-a and push-b did not fail; PipelineRun s: push-a failed" in said
    assert "needed: the log of push-a: kubectl logs -n ns s-push-a-pod" in said
