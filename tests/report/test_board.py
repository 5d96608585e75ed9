"""The board: the order of tasks, what each waits for, and 80 columns whatever things are called."""

from __future__ import annotations

import io

import pytest

from probe.evidence.board import Board, BoardRun, BoardTask
from probe.evidence.cluster import Cluster, Key, Outcome, PipelineRun, PipelineTask, Result, Skipped, Step, TaskRun
from probe.evidence.report import Tool
from probe.report.board import board_run, in_order
from probe.report.boardpage import board_lines, change_lines, duration, print_board

NS = 10**9
TOOL = Tool(version="1")


def task(name: str, *after: str, results: tuple[str, ...] = (), final: bool = False) -> PipelineTask:
    return PipelineTask(name=name, run_after=after, results_of=results, final=final)


def made(name: str, outcome: Outcome = Outcome.SUCCEEDED, **more: object) -> TaskRun:
    fields = {"pipeline_run": "run", "pipeline_task": name, "started": 10 * NS, "outcome": outcome, **more}
    return TaskRun.model_validate({"key": Key(name=f"run-{name}"), **fields})


def run_of(*tasks: PipelineTask, runs: tuple[TaskRun, ...] = (), **more: object) -> dict[str, BoardTask]:
    fields = {"key": Key(name="run", namespace="ns"), "tasks": tasks, "outcome": Outcome.RUNNING, **more}
    cluster = Cluster(tool=TOOL, runs=(PipelineRun.model_validate(fields),), tasks=runs)
    found = board_run(cluster, "run", 100 * NS)
    assert found is not None
    return {one.name: one for one in found.tasks}


def board(*tasks: BoardTask, state: Outcome = Outcome.RUNNING, taken: int = 0, **more: object) -> Board:
    run = BoardRun.model_validate({"name": "run", "namespace": "ns", "state": state, "tasks": tasks, **more})
    return Board(tool=TOOL, taken=taken, runs=(run,))


def test_tasks_stand_behind_those_that_they_wait_for() -> None:
    tasks = [task("end", final=True), task("c", "b"), task("d", results=("c",)), task("a"), task("b", "a", "gone")]
    assert [one.name for one in in_order(tasks)] == ["a", "b", "c", "d", "end"]


def test_a_circle_is_left_as_written() -> None:
    assert [one.name for one in in_order([task("a", "b"), task("b", "a"), task("c", "a")])] == ["a", "b", "c"]
    assert [one.name for one in in_order([task("a", "a")])] == ["a"]


def test_what_tasks_without_a_task_run_wait_for() -> None:
    tasks = run_of(
        task("a"),
        task("b", "a"),
        task("c", "a", "b", results=("b",)),
        task("tidy", final=True),
        task("left-out"),
        runs=(made("a"),),
        skipped=(Skipped(name="left-out", reason="When Expressions evaluated to false"),),
    )
    assert {name: (one.state, one.now) for name, one in tasks.items()} == {
        "a": (Outcome.SUCCEEDED, ""),
        "b": (Outcome.PENDING, "its TaskRun"),
        "c": (Outcome.PENDING, "result of b"),
        "tidy": (Outcome.PENDING, "finally: after all other tasks"),
        "left-out": (Outcome.SKIPPED, "When Expressions evaluated to false"),
    }


def test_absence_is_not_success() -> None:
    tasks = run_of(task("a"), task("b"), outcome=Outcome.SUCCEEDED, task_runs=(("b", "run-b"),))
    assert (tasks["a"].state, tasks["a"].now) == (Outcome.UNKNOWN, "no TaskRun was made")
    assert (tasks["b"].state, tasks["b"].now) == (Outcome.UNKNOWN, "its TaskRun is not seen")


def test_several_task_runs_of_one_task_and_those_of_none() -> None:
    matrix = (made("push", key=Key(name="run-push-0")), made("push", Outcome.FAILED, key=Key(name="run-push-1")))
    tasks = run_of(task("push"), task("after", "push"), runs=(*matrix, made("added")))
    assert list(tasks) == ["push 1", "push 2", "after", "added"]
    assert tasks["after"].now == "will not start: push failed"


def test_how_a_task_goes_and_ended() -> None:
    steps = (
        Step(name="pull", ended=20 * NS, exit_status=0),
        Step(name="push", started=20 * NS),
        Step(name="sign", started=20 * NS),
    )
    failed = (*steps[:1], Step(name="push", exit_status=7), Step(name="sign", exit_status=1, reason="Skipped"))
    tasks = run_of(
        *map(task, "abcd"),
        runs=(
            made("a", Outcome.RUNNING, steps=steps, retries=2, reason="Running"),
            made("b", Outcome.FAILED, steps=failed, completed=25 * NS),
            made("c", Outcome.FAILED, reason="TaskRunTimeout", message='failed to finish within "1h0m0s"'),
            made("d", Outcome.CANCELLED, reason="TaskRunCancelled", results=(Result(name="CAUSE", value="healthy"),)),
        ),
    )
    assert tasks["a"].now == "step push (2 of 3); retry 2" and tasks["a"].seconds == 90.0
    assert tasks["b"].now == "step push: exit status 7" and tasks["b"].seconds == 15.0
    assert tasks["c"].now == 'TaskRunTimeout: failed to finish within "1h0m0s"'
    assert (tasks["d"].now, tasks["d"].verdict) == ("TaskRunCancelled", "healthy")


def test_a_run_that_is_not_among_the_objects() -> None:
    assert board_run(Cluster(tool=TOOL), "run", 0) is None


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    name = "a-task-whose-name-is-longer-than-any-column-of-a-board-could-be"
    long = BoardTask(name=name, state=Outcome.PENDING, now="FailedMount: " + "no such thing " * 9, verdict="x" * 90)
    shown = board(long, BoardTask(name="b", state=Outcome.SUCCEEDED, seconds=86_399.0, started=0))
    shown = shown.model_copy(update={"problems": ("a sentence " * 20,)})
    lines = ["".join(text for text, _ in spans) for spans in board_lines(shown, width, "API not reachable " * 9)]
    # Below 73 columns there are still twenty for what a task does.
    assert max(map(len, lines)) <= max(width, 73)
    assert name in "".join(lines)


def test_hostile_names_move_no_cursor() -> None:
    out = io.StringIO()
    shown = board(BoardTask(name="\x1b[2Jx", state=Outcome.FAILED, now="a\nb\u202ec", verdict="\x07"))
    print_board(shown, out)
    assert out.getvalue().isascii() and "\x1b" not in out.getvalue() and "\x07" not in out.getvalue()
    assert out.getvalue().count("\n") == 3


def test_only_what_changed_is_said() -> None:
    a, b = BoardTask(name="a", state=Outcome.RUNNING, now="step x"), BoardTask(name="b", state=Outcome.PENDING)
    first = board(a, b)
    assert len(list(change_lines(None, first))) == 3
    later = board(a.model_copy(update={"seconds": 5.0}), b, taken=NS)
    assert list(change_lines(first, later)) == [], "time alone is no change"
    done = board(a.model_copy(update={"state": Outcome.SUCCEEDED, "now": "", "seconds": 61.0}), b, taken=2 * NS)
    assert list(change_lines(later, done)) == ["00:00:02Z  a: succeeded, took 1m01s"]
    over = done.model_copy(
        update={"runs": (done.runs[0].model_copy(update={"state": Outcome.FAILED, "message": "Failed: 1"}),)}
    )
    assert list(change_lines(done, over)) == ["00:00:02Z  run: failed, Failed: 1"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.9, "0s"), (59, "59s"), (60, "1m00s"), (3599, "59m59s"), (3600, "1h00m"), (86_400, "1d0h"), (9e6, "104d4h")],
)
def test_durations_take_six_columns(seconds: float, text: str) -> None:
    assert duration(seconds) == text and len(text) <= 6
