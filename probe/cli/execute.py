"""`probe exec`: run a command as it is; when it fails, look at once, and leave the evidence."""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from probe.cli.exits import fail, warn
from probe.cli.values import parse_duration, parse_facts
from probe.evidence.path import Want

if TYPE_CHECKING:
    from probe.classify.verdict import VerdictDocument
    from probe.handoff.execute.aftermath import Found, Task
    from probe.handoff.execute.run import Ended

_MOST_REFERENCES = 64
_MOST_RETRIES = 100
_UNREAD_SECONDS = 3.0
_SIZE = re.compile(r"(\d{1,12})([kKmM]?)")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20}
_FAMILIES = {"A": "A: permissions", "B": "B: path or transport", "race": "race", "other": "neither A, B nor race"}
_EPILOG = """\b
Examples:
  probe exec -- skopeo copy oci-archive:/w/image.tar docker://quay.io/t/a:1
  probe exec --evidence-dir /w/evidence --retry 3 -- skopeo copy ...
  probe exec --ref oci-archive:/w/oci/image.tar -- ./push.sh
"""


def register(application: typer.Typer, verb: str) -> None:
    """Add `exec`."""
    application.command(
        verb,
        epilog=_EPILOG,
        short_help="Run a command; when it fails, collect evidence at once.",
        context_settings={"allow_interspersed_args": False},
    )(execute)


def execute(
    command: Annotated[
        list[str], typer.Argument(metavar="CMD...", help="The command and its arguments. No shell is between.")
    ],
    references: Annotated[
        list[str] | None,
        typer.Option("--ref", metavar="REF", help="What it reads. Found in its arguments where none is named."),
    ] = None,
    evidence_dir: Annotated[
        str | None, typer.Option("--evidence-dir", metavar="DIR", help="Leave the verdict document of a failure there.")
    ] = None,
    evidence_stderr: Annotated[
        bool | None,
        typer.Option(
            "--evidence-stderr/--no-evidence-stderr",
            help="Leave it on standard error, as one line (default: without --evidence-dir, but not on a terminal).",
        ),
    ] = None,
    retry: Annotated[
        int, typer.Option("--retry", metavar="N", min=0, max=_MOST_RETRIES, help="Run it at most N times more.")
    ] = 0,
    retry_if: Annotated[  # noqa: ARG001 - there is one choice, which a command line may spell out
        Literal["race"], typer.Option("--retry-if", help="When: after a race that heals by waiting.")
    ] = "race",
    retry_wait: Annotated[
        str, typer.Option("--retry-wait", metavar="DURATION", help="Longest wait for the reference to be finished.")
    ] = "60s",
    tail: Annotated[
        str, typer.Option("--tail", metavar="BYTES", help="How much of its standard error is kept; 0: not touched.")
    ] = "64k",
    want: Annotated[Want, typer.Option("--want", help="What it wants to do with --ref.")] = Want.READ,
    gap: Annotated[str, typer.Option("--gap", metavar="DURATION", help="Time between two samples.")] = "500ms",
    deadline: Annotated[
        str, typer.Option("--deadline", metavar="DURATION", help="Longest wait for a mount that does not answer.")
    ] = "20s",
    context: Annotated[
        list[str] | None, typer.Option("--context", metavar="KEY=VALUE", help="A fact of the place: task=push, ...")
    ] = None,
) -> None:
    """Run CMD with its own input, output, signals and exit status; when it fails, look at once and say why.

    Only standard error passes through the probe, byte for byte; --tail 0 leaves that alone too. The exit status is
    the command's own: 127 when it is not found, 126 when it cannot be run; ended by a signal, the probe ends by the
    same.
    """
    from probe.cli.leave import to_standard_error
    from probe.handoff.execute.desk import Desk
    from probe.handoff.execute.execution import Settings
    from probe.handoff.execute.execution import execute as run
    from probe.handoff.execute.tail import Tail

    kept = _size(tail)
    task = _task(command, references or [], want, gap, deadline, context, retry, retry_wait)
    to_stderr = to_standard_error(evidence_dir, evidence_stderr)

    def look(desk: Desk, kept_tail: Tail | None) -> None:
        from probe.handoff.execute.aftermath import Aftermath

        Aftermath(task, _say, lambda found: _show(found, evidence_dir, to_stderr)).serve(desk, kept_tail)

    status = run([os.fsencode(word) for word in command], Settings(kept, retry > 0, task.patience), look, _say)
    raise typer.Exit(status)


def _task(
    command: list[str],
    references: list[str],
    want: Want,
    gap: str,
    deadline: str,
    context: list[str] | None,
    retry: int,
    retry_wait: str,
) -> Task:
    from probe.collect.plan import Plan
    from probe.handoff.execute.aftermath import Task
    from probe.image.reference import BadReference, parse_reference

    if len(references) > _MOST_REFERENCES:
        fail(f"{len(references)} references: at most {_MOST_REFERENCES} are looked at in one run")
    try:
        return Task(
            command=tuple(command),
            references=tuple(parse_reference(text) for text in references),
            plan=Plan(
                want=want,
                gap=parse_duration(gap),
                deadline=parse_duration(deadline),
                skopeo="never",
                facts=parse_facts(list(context or ())),
            ),
            retries=retry,
            retry_wait=parse_duration(retry_wait),
        )
    except (BadReference, ValueError) as error:
        fail(str(error))


def _size(text: str) -> int:
    from probe.handoff.execute.tail import MAX_TAIL

    match = _SIZE.fullmatch(text.strip())
    if match is None:
        fail(f"--tail {text[:80]!r}: write a number of bytes, such as 65536, 64k or 1m")
    size = int(match[1]) * _UNITS[match[2].lower()]
    if size > MAX_TAIL:
        fail(f"--tail {text}: at most {MAX_TAIL >> 20}m is looked at")
    return size


# -- what is said after a failure


def _say(sentence: str) -> None:
    """Where nobody reads any more, nothing is said: not even where somebody keeps a full pipe open."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr.isatty() or select.select((), (sys.stderr,), (), _UNREAD_SECONDS)[1]:
            warn(sentence)


def _show(found: Found, directory: str | None, to_stderr: bool) -> None:
    from probe.cli.leave import leave

    program = os.path.basename(found.program) or "the command"
    if not found.waited:
        _say(f"{program} {_how(found.ended)}{'' if found.documents else _NOTHING}")
    for document in found.documents:
        _say_verdict(document)
        path = leave(document, directory, to_stderr, f"exec-{program}")
        if path is not None:
            _say(f"evidence: {path}")


_NOTHING = "; its arguments name no local image, so nothing was looked at (--ref REF names what it reads)"


def _how(ended: Ended) -> str:
    how = f"was ended by {ended.signal_name}" if ended.signal_name else f"ended with status {ended.exit_status}"
    seconds = max(0.0, (ended.ended - ended.started) / 1e9)
    return f"{how} after {seconds:.2f} s" + (f" (run {ended.run})" if ended.run > 1 else "")


def _say_verdict(document: VerdictDocument) -> None:
    verdict = document.verdict
    family = _FAMILIES.get(verdict.family.value)
    _say(f"{verdict.cause} {verdict.status}{f' ({family})' if family else ''}: {verdict.statement}")
    remedy = document.assessments[0].remedy if document.assessments else None
    if remedy is not None:
        command = remedy.smallest.command
        _say(f"fix: {remedy.smallest.sentence}" + (f" {command}" if command and "\n" not in command else ""))
