"""The board on a terminal: one line a task in 80 columns, plain letters alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from probe.evidence.base import format_timestamp
from probe.evidence.board import Board, BoardRun, BoardTask
from probe.evidence.cluster import Outcome
from probe.report.layout import Page, Spans, paragraph

_WIDEST_NAME = 24
_STYLES = {
    Outcome.SUCCEEDED: "green",
    Outcome.FAILED: "bold red",
    Outcome.CANCELLED: "yellow",
    Outcome.RUNNING: "cyan",
    Outcome.PENDING: "",
    Outcome.SKIPPED: "dim",
    Outcome.UNKNOWN: "yellow",
}


def board_lines(board: Board, width: int, trouble: str = "") -> Iterator[Spans]:
    """The lines, each a list of pieces with their styles. `trouble`: a sentence about the API, above everything."""
    if trouble:
        yield from paragraph(trouble, style="bold yellow", width=width)
        yield []
    names = [task.name for run in board.runs for task in run.tasks]
    column = min(_WIDEST_NAME, max([len("task"), *map(len, names)]))
    for number, run in enumerate(board.runs):
        if number:
            yield []
        yield from _run(run, column, width)
    if board.problems:
        yield []
    for problem in board.problems:
        yield from paragraph(problem, style="dim", lead="! ", width=width)


def print_board(board: Board, stream: IO[str]) -> None:
    """Write the board once. Colour and width follow the stream, NO_COLOR and COLUMNS."""
    page = Page(stream)
    for spans in board_lines(board, page.width):
        page.line(spans)


def change_lines(before: Board | None, after: Board) -> Iterator[str]:
    """A line for each run and task that stands otherwise than before, for where nothing can be redrawn."""
    known = {
        (run.name, task.name): (task.state, task.now, task.verdict)
        for run in (before.runs if before else ())
        for task in run.tasks
    }
    states = {run.name: run.state for run in (before.runs if before else ())}
    several = len(after.runs) > 1
    moment = clock(after.taken)
    for run in after.runs:
        name = f"{run.name}  " if several else ""
        for task in run.tasks:
            stands = (task.state, task.now, task.verdict)
            if known.get((run.name, task.name)) != stands:
                words = [f"{moment}  {name}{task.name}: {task.state}", _took(task), task.now, _probe(task)]
                yield ", ".join(filter(None, words))
        if states.get(run.name) != run.state:
            yield f"{moment}  {run.name}: {run.state}" + (f", {run.message}" if run.message else "")


def clock(moment: int) -> str:
    """The time of day in UTC."""
    return format_timestamp(moment)[11:19] + "Z"


def _run(run: BoardRun, column: int, width: int) -> Iterator[Spans]:
    state = (str(run.state), _STYLES[run.state])
    since = f", began {clock(run.started)}" if run.started is not None else ""
    took = f", {duration(run.seconds)}" if run.seconds is not None else ""
    yield from paragraph([(run.name, "bold"), (f" in {run.namespace}: ", ""), state, (since + took, "")], width=width)
    if run.message and run.state in (Outcome.FAILED, Outcome.CANCELLED, Outcome.UNKNOWN):
        yield from paragraph(run.message, width=width, style="dim")
    yield [(f"{'task':<{column}} {'state':<9} {'began':<9} {'took':>6}  now", "dim")]
    for task in run.tasks:
        yield from _task(task, column, width)


def _task(task: BoardTask, column: int, width: int) -> Iterator[Spans]:
    name = task.name
    if len(name) > column:
        yield from paragraph(name, width=width)
        name = ""
    began = clock(task.started) if task.started is not None else "-"
    took = duration(task.seconds) if task.seconds is not None else "-"
    lead = [(f"{name:<{column}} ", ""), (f"{task.state:<9}", _STYLES[task.state]), (f" {began:<9} {took:>6}  ", "")]
    body = [(task.now, "")]
    if task.verdict:
        body += [("; " if task.now else "", ""), (_probe(task), "bold")]
    yield from paragraph(body, lead=lead, width=width)


def _probe(task: BoardTask) -> str:
    return f"probe: {task.verdict}" if task.verdict else ""


def _took(task: BoardTask) -> str:
    ended = task.state in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED)
    return f"took {duration(task.seconds)}" if ended and task.seconds is not None else ""


def duration(seconds: float) -> str:
    """At most six characters: `8s`, `12m05s`, `3h07m`, `12d3h`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600}h"
