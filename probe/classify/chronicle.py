"""One timeline of a case: the moments of all its sources in order, each with its source, its clock and its pointer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probe.classify.case import Case
from probe.classify.history import History
from probe.classify.verdict import MAX_JOINED, JoinedEvent
from probe.classify.witness import Clock, Witness, ticks
from probe.evidence.base import clip

_PLAIN = frozenset({"grew", "touched", "rewritten"})
"""Changes of a watch that are many and say little: the first to be left out."""


@dataclass(frozen=True)
class _Event:
    order: int
    weight: int
    event: JoinedEvent


def chronicle(case: Case) -> tuple[JoinedEvent, ...]:
    """All events of a case in order, the weightiest where there are too many.

    What one boot's clocks saw is ordered by CLOCK_MONOTONIC. Between boots only wall time orders; `clocks` says how far
    that can be trusted.
    """
    history = case.history
    boots: dict[str, Clock] = {}
    for witness in history.all:
        if witness.clock.boot is not None:
            boots.setdefault(witness.clock.boot, witness.clock)
    names = _clock_names(history)
    found: dict[tuple[int, str], _Event] = {}
    for witness in history.all:
        clock = witness.clock
        base = boots.get(clock.boot or "", clock)
        for at, tick, what, pointer, weight in _moments(case, witness):
            order = (tick if tick is not None else clock.monotonic(at)) + base.ahead
            event = JoinedEvent(
                at=at, source=witness.name[:256], clock=names[witness.at], what=clip(what), pointer=pointer
            )
            found.setdefault((at, what), _Event(order, weight, event))
    kept = sorted(found.values(), key=lambda one: -one.weight)[:MAX_JOINED]
    return tuple(one.event for one in sorted(kept, key=lambda one: (one.order, one.event.pointer)))


def _clock_names(history: History) -> dict[str, str]:
    """By source: a word for the boot whose clocks it has."""
    boots: dict[str | None, str] = {None: "clock unknown"}
    for witness in history.all:
        boots.setdefault(witness.clock.boot, f"clock {len(boots)}")
    return {witness.at: boots[witness.clock.boot] for witness in history.all}


def _moments(case: Case, witness: Witness) -> Iterator[tuple[int, int | None, str, str, int]]:
    """Wall time, CLOCK_MONOTONIC where it was read, sentence, pointer, weight."""
    if witness.kind == "seal":
        yield witness.looks[0].at, witness.looks[0].tick, _sealed(case, witness), f"{witness.at}/at", 4
    elif witness.kind == "watch":
        timeline = case.timelines[witness.number]
        for index, moment in enumerate(timeline.moments):
            weight = 1 if moment.change in _PLAIN else 3
            pointer = f"{witness.at}/moments/{index}"
            yield moment.at, ticks(moment.monotonic), moment.sentence, pointer, weight
    elif witness.reading is not None:
        yield from _told(witness)


def _sealed(case: Case, witness: Witness) -> str:
    seal = case.seals[witness.number]
    digest = seal.image.manifest_digest if seal.image is not None else None
    return f"{seal.reference.path} was sealed" + (f" as {digest}" if digest else f", {seal.inode.size} bytes")


def _told(witness: Witness) -> Iterator[tuple[int, int | None, str, str, int]]:
    """The events of a report, and of the command that the probe ran."""
    assert witness.reading is not None
    report = witness.reading.report
    for event in report.timeline:
        tail = event.pointer.startswith(("/attempts", "/command", "/writers"))
        yield event.at, None, event.what, f"{witness.at}{event.pointer}", 4 if tail else 2
    command = report.command
    if command is None:
        return
    name = command.program or "the command"
    run = f" (run {command.run})" if command.run > 1 else ""
    if command.started is not None:
        yield command.started, None, f"{name} started{run}", f"{witness.at}/command/started", 4
    if command.ended is not None:
        how = f"by {command.signal}" if command.signal else f"with status {command.exit_status}"
        yield command.ended, None, f"{name} ended {how}{run}", f"{witness.at}/command/ended", 4
