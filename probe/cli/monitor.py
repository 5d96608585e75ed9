"""`probe monitor`: the board of one or several runs, once or until they have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.cluster import ContextOption, KubeconfigOption, NamespaceOption, reach_api
from probe.cli.exits import ExitStatus, fail
from probe.cli.output import page, print_document

if TYPE_CHECKING:
    from probe.cli.desk import Desk
    from probe.evidence.board import Board

_MOST_RUNS = 64
_LEAST_INTERVAL = 0.5
_EPILOG = """\b
Examples:
  probe monitor build-and-push-x7k2p -n user1-tenant
  probe monitor build-and-push-x7k2p build-and-push-9wq4c --watch
  probe monitor build-and-push-x7k2p --json
"""


def register(application: typer.Typer, verb: str) -> None:
    """Add `monitor`."""
    application.command(verb, epilog=_EPILOG, short_help="The board: tasks, states, times, what each waits for.")(
        monitor
    )


def monitor(
    pipeline_runs: Annotated[list[str], typer.Argument(metavar="PIPELINERUN...", help="Their names.")],
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until all runs have ended.")] = False,
    interval: Annotated[
        str, typer.Option("--interval", metavar="DURATION", help="Between two looks with --watch.")
    ] = "2s",
    timeout: Annotated[str, typer.Option("--timeout", metavar="DURATION", help="For one look.")] = "30s",
    json: Annotated[
        bool, typer.Option("--json", help="Print the board as JSON; with --watch once, at the end.")
    ] = False,
) -> None:
    """Show each task of a run: state, start, duration, what it waits for, the last verdict of a probe in it.

    Exit status: 0 all succeeded, 1 one failed, 3 one still runs or is not known, 4 the API did not answer.
    """
    from probe.cli.values import parse_duration

    names = list(dict.fromkeys(pipeline_runs))
    if len(names) > _MOST_RUNS:
        fail(f"{len(names)} runs: at most {_MOST_RUNS} fit on a board")
    try:
        seconds = parse_duration(interval)
    except ValueError as error:
        fail(f"--interval: {error}")
    if not _LEAST_INTERVAL <= seconds <= 3600:
        fail(f"--interval {interval}: at least {_LEAST_INTERVAL:g}s, at most 1h")

    from probe.cli.desk import Desk

    desk = Desk(*reach_api(names, namespace, context, kubeconfig, timeout), names)
    if watch:
        from probe.cli.following import follow

        board = follow(desk, seconds, talk=json)
    else:
        board = _first_board(desk)
    if json:
        print_document(board.model_dump_json(by_alias=True, indent=2))
    elif not watch:
        from probe.report.boardpage import print_board

        with page() as stream:
            print_board(board, stream)
    raise typer.Exit(int(outcome(board)))


def _first_board(desk: Desk) -> Board:
    """The board after one look; what fails then ends the run."""
    from probe.cluster.failures import ApiError
    from probe.cluster.fetch import NoRunError

    try:
        desk.look()
    except NoRunError as error:
        fail(str(error))
    except ApiError as error:
        fail(str(error), ExitStatus.PROBE_FAILED)
    return desk.board()


def outcome(board: Board) -> ExitStatus:
    """The exit status that the runs stand for: a failed one decides, then one that has not ended."""
    from probe.evidence.cluster import Outcome

    states = {run.state for run in board.runs}
    if states & {Outcome.FAILED, Outcome.CANCELLED}:
        return ExitStatus.FAULT
    return ExitStatus.HEALTHY if states == {Outcome.SUCCEEDED} else ExitStatus.INCONCLUSIVE
