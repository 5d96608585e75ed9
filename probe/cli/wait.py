"""`probe wait`: the gate in front of a step, in place of a loop that asks whether the file is there."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from probe.cli.exits import ExitStatus, fail, warn
from probe.cli.output import page, print_document
from probe.cli.values import parse_duration, parse_facts

if TYPE_CHECKING:
    from types import FrameType

    from probe.collect.plan import Plan
    from probe.evidence.report import Reference
    from probe.evidence.watch import Timeline
    from probe.handoff.gate.rules import Rules
    from probe.handoff.gate.waiting import Outcome, Patience, Told

_MOST_REFERENCES = 16
"""Each is watched by a child of its own."""
_DEFAULT_MAX = "1h"
_LOOK_SECONDS = 5.0
"""What the look at the end may take for one reference."""
_STUCK_SECONDS = 0.4
"""The same, all in all, where the file system did not answer while there was time."""
_GAP_SECONDS = 0.15
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_EPILOG = """\b
Examples:
  probe wait oci-archive:/workspace/source/oci/image.tar
  probe wait --until sealed --timeout 10m oci-archive:/w/oci/image.tar
  probe wait --while-growing --max 30m oci-archive:/w/oci/image.tar
  probe wait --until readable /workspace/source/ready
"""


def register(application: typer.Typer, verb: str) -> None:
    """Add `wait`."""
    application.command(verb, epilog=_EPILOG, short_help="Wait until REF is finished and can be read.")(wait)


def wait(
    references: Annotated[
        list[str],
        typer.Argument(
            metavar="REF...",
            help="oci-archive:PATH[:TAG], oci:, dir:, docker-archive:, or a plain path. "
            "Several: until all are open in the same moment.",
        ),
    ],
    until: Annotated[
        Literal["readable", "complete", "sealed"],
        typer.Option("--until", help="An open succeeds; or it is also finished and rests; or its seal fits."),
    ] = "complete",
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="DURATION", help="How long to wait; 0 looks once.")
    ] = "60s",
    while_growing: Annotated[
        bool, typer.Option("--while-growing", help="After the time-out go on while bytes still arrive.")
    ] = False,
    longest: Annotated[
        str | None,
        typer.Option(
            "--max", metavar="DURATION", help=f"With --while-growing: how long in all (default {_DEFAULT_MAX})."
        ),
    ] = None,
    settle: Annotated[
        str,
        typer.Option(
            "--settle",
            metavar="DURATION",
            help="How long it must rest unchanged. auto: 10ms after the writer closed it, otherwise 1s, "
            "3s on a remote file system.",
        ),
    ] = "auto",
    digest: Annotated[
        str | None, typer.Option("--digest", metavar="sha256:...", help="The image must have this manifest digest.")
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option("--context", metavar="KEY=VALUE", help="A fact of the place: task=push, fs-group=1000970000, ..."),
    ] = None,
    evidence_dir: Annotated[
        str | None,
        typer.Option("--evidence-dir", metavar="DIR", help="Leave the verdict document there when time is up."),
    ] = None,
    evidence_stderr: Annotated[
        bool | None,
        typer.Option(
            "--evidence-stderr/--no-evidence-stderr",
            help="Leave it on standard error, as one line (default without --evidence-dir and --json, and where "
            "that is no terminal).",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not tell the changes of state.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON: the gate when it opens, the verdict when it does not.")
    ] = False,
) -> None:
    """Wait until REF can be read and is finished; when time is up, say why it is not.

    Exit status: 0 the gate opened, 1 it did not.
    """
    parsed = _parse(references)
    rules = _rules(until, settle, digest, parsed)
    patience = _patience(timeout, while_growing, longest)
    plan = _plan(context)
    with _ending_by_signal():
        outcome = _wait(parsed, rules, patience, quiet)
        if outcome.opened:
            if json:
                print_document(_gate_document(until, outcome, _timelines(parsed, outcome, plan)))
            return
        warn(f"not open after {outcome.seconds:.1f} s: {_summary(parsed, outcome)}")
        _give_up(parsed, outcome, plan, json=json, directory=evidence_dir, line=evidence_stderr)
    raise typer.Exit(int(ExitStatus.FAULT))


# -- the command line


def _parse(texts: Sequence[str]) -> list[Reference]:
    from probe.image.reference import BadReference, parse_reference

    if len(texts) > _MOST_REFERENCES:
        fail(f"{len(texts)} references: at most {_MOST_REFERENCES} are waited for in one run")
    try:
        return [parse_reference(text) for text in texts]
    except BadReference as error:
        fail(str(error))


def _rules(until: str, settle: str, digest: str | None, references: Sequence[Reference]) -> Rules:
    from probe.handoff.gate.rules import Rules, Until
    from probe.image.reference import PATH_TRANSPORT

    if digest is not None:
        if not _DIGEST.fullmatch(digest):
            fail(f"--digest {digest[:100]!r}: write sha256: and 64 hexadecimal digits, in lower case")
        if until == "readable":
            fail("--digest needs a look into the image, and --until readable makes none: leave one of them out")
        plain = next((one.text for one in references if one.transport == PATH_TRANSPORT), None)
        if plain is not None:
            fail(f"--digest: {plain} is a plain path and has no manifest: name its transport, oci-archive:{plain}")
    seconds = None
    if settle != "auto":
        if until != "complete":
            fail(f"--settle belongs to --until complete, not to {until}")
        seconds = _duration("--settle", settle)
    return Rules(Until(until), seconds, digest)


def _patience(timeout: str, while_growing: bool, longest: str | None) -> Patience:
    from probe.handoff.gate.waiting import Patience

    if longest is not None and not while_growing:
        fail("--max belongs to --while-growing")
    seconds = _duration("--timeout", timeout)
    most = _duration("--max", longest or _DEFAULT_MAX)
    if longest is not None and most < seconds:
        fail(f"--max {longest} is shorter than --timeout {timeout}")
    return Patience(seconds, max(most, seconds) if while_growing else None)


def _duration(option: str, text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        fail(f"{option}: {error}")
    if seconds > _LONGEST:
        fail(f"{option} {text}: at most {_LONGEST / 86400:.0f} days")
    return seconds


_LONGEST = 30 * 86400.0


def _plan(context: Sequence[str] | None) -> Plan:
    from probe.collect.plan import Plan

    try:
        facts = parse_facts(list(context or ()))
        return Plan(deadline=_LOOK_SECONDS, gap=_GAP_SECONDS, skopeo="never", facts=facts)
    except ValueError as error:
        fail(str(error))


# -- waiting


@contextlib.contextmanager
def _ending_by_signal() -> Iterator[None]:
    """A signal ends the wait in the ordinary way: children are killed, and the status says which it was.

    Also as process 1 of a container, to which the kernel delivers no signal that has no handler.
    """
    came: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        raise SystemExit(128 + number)

    heeded = [
        number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN
    ]  # nohup(1), `&` in a shell
    before = {number: signal.signal(number, end) for number in heeded}
    try:
        yield
    except BaseException:  # whatever became of the SystemExit: who builds a schema makes a SchemaError of it
        if not came:
            raise
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            warn(f"ended by {signal.Signals(came[0]).name}")
        raise SystemExit(128 + came[0]) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _wait(references: Sequence[Reference], rules: Rules, patience: Patience, quiet: bool) -> Outcome:
    from probe.cli.progress import Growth
    from probe.handoff.gate.waiting import Waiting

    growth = Growth(sys.stderr) if sys.stderr.isatty() and not quiet else None

    def tell(told: Told) -> None:
        if growth is not None:
            growth.clear()
        if not quiet:
            with contextlib.suppress(OSError):  # nobody reads it: the gate works all the same
                warn(_line(references[told.target], told))

    def show(target: int, size: int) -> None:
        if growth is not None:
            growth.show(references[target].text, size)

    try:
        return Waiting(references, rules, patience, tell, show).run()
    except OSError as error:
        fail(f"no process could be started to look with: {error.strerror}", ExitStatus.PROBE_FAILED)
    finally:
        if growth is not None:
            growth.clear()


def _line(reference: Reference, told: Told) -> str:
    from probe.cli.progress import size

    standing = told.standing
    parts = [str(standing.state)]
    if told.size:
        parts.append(size(told.size))
    if standing.detail:
        parts.append(standing.detail)
    return f"{told.seconds:.1f} s  {reference.text}  {', '.join(parts)}"


def _summary(references: Sequence[Reference], outcome: Outcome) -> str:
    from probe.handoff.gate.rules import State

    shut = [
        f"{reference.text} is {standing.state}" + (f" ({standing.detail})" if standing.detail else "")
        for reference, standing in zip(references, outcome.standings, strict=True)
        if standing.state is not State.OPEN
    ]
    return "; ".join(shut) or "no two of them were open in the same moment"


# -- what is said at the end


def _timelines(references: Sequence[Reference], outcome: Outcome, plan: Plan) -> list[Timeline]:
    """What was seen of each target, as a watch would have told it."""
    if outcome.left_out:
        warn(f"{outcome.left_out} changes were too many to be kept: they are not in the timeline")
    from probe.handoff.watch.chronicle import begin_watches, timeline_of

    began = {"started": outcome.began, "started_monotonic": outcome.began_monotonic}
    return [
        timeline_of(watch.model_copy(update=began), (notice for notice in outcome.notices if notice.target == index))
        for index, watch in enumerate(begin_watches(references, plan.facts))
    ]


def _gate_document(
    until: Literal["readable", "complete", "sealed"], outcome: Outcome, timelines: list[Timeline]
) -> str:
    from probe import __version__
    from probe.evidence.gate import GateDocument, GateTarget
    from probe.evidence.report import Tool

    targets = tuple(
        GateTarget(
            reference=target.reference,
            state=str(standing.state),
            inode=target.inode,
            manifest_digest=target.manifest_digest,
            seal=standing.detail if until == "sealed" else None,
        )
        for target, standing in zip(outcome.targets, outcome.standings, strict=True)
    )
    document = GateDocument(
        tool=Tool(version=__version__),
        opened=outcome.opened,
        until=until,
        at=outcome.at,
        waited_seconds=round(outcome.seconds, 3),
        targets=targets,
        timelines=tuple(timelines),
    )
    return document.model_dump_json(by_alias=True, indent=2)


def _give_up(
    references: Sequence[Reference],
    outcome: Outcome,
    plan: Plan,
    *,
    json: bool,
    directory: str | None,
    line: bool | None,
) -> None:
    from dataclasses import replace

    from probe.classify.judge import judge_case
    from probe.cli.leave import leave, to_standard_error
    from probe.collect.gather import gather
    from probe.evidence.base import clip
    from probe.handoff.gate.rules import State

    stuck = [
        standing.state is State.STUCK or target.snapshot is None
        for standing, target in zip(outcome.standings, outcome.targets, strict=True)
    ]
    hurried = replace(plan, deadline=_STUCK_SECONDS / max(1, sum(stuck)))
    reports = [
        gather(reference, hurried if hangs else plan) for reference, hangs in zip(references, stuck, strict=True)
    ]
    seals = [target.seal for target in outcome.targets if target.seal is not None]
    document = judge_case(reports, timelines=_timelines(references, outcome, plan), seals=seals)
    shut = clip(f"the gate stayed shut: {_summary(references, outcome)}")
    document = document.model_copy(update={"notes": (shut, *document.notes)})
    if json:
        print_document(document.model_dump_json(by_alias=True, indent=2))
    else:
        from probe.report.terminal import print_verdict

        with page() as stream:
            print_verdict(document, stream)
    to_stderr = to_standard_error(directory, line) and (line is True or not json)
    left = leave(document, directory, to_stderr, "wait")
    if left is not None:
        warn(f"evidence left in {left}")
