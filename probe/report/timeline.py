"""The moments of a case on a terminal: those that matter, in seconds from the first, and what the clocks are worth."""

from __future__ import annotations

from collections.abc import Sequence

from probe.classify.verdict import JoinedEvent, VerdictDocument
from probe.evidence.base import format_timestamp
from probe.report.layout import Page

_MOST = 20
_MOST_CLOCKS = 6
_MOST_SOURCES = 8
_NS = 1e9


def print_timeline(page: Page, document: VerdictDocument) -> None:
    """Write the joined timeline, and below it the clocks."""
    events = _chosen(document)
    if events:
        first = events[0].at
        sources = len({event.source for event in document.timeline})
        items = [f"from {format_timestamp(first)}"]
        items += [_line(event, first, several=sources > 1) for event in events]
        if len(events) < len(document.timeline):
            items.append(f"and {len(document.timeline) - len(events)} more moments (--json)")
        page.line()
        page.entry("Time", items)
    clocks = document.clocks if len(document.clocks) > 1 else ()
    if clocks:
        page.line()
        more = [f"and {len(clocks) - _MOST_CLOCKS} more (--json)"] if len(clocks) > _MOST_CLOCKS else []
        page.entry("Clocks", [*clocks[:_MOST_CLOCKS], *more])


def print_sources(page: Page, document: VerdictDocument) -> None:
    """Who watched, and who sealed: one line each."""
    timelines, seals = getattr(document, "timelines", ()), getattr(document, "seals", ())
    lines = []
    for number, timeline in enumerate(timelines[:_MOST_SOURCES]):
        watch, moments = timeline.watch, timeline.moments
        seconds = moments[-1].monotonic - watch.started_monotonic if moments else 0.0
        lines.append(
            f"watch {number + 1}: {watch.reference.text}, by uid {watch.identity.uid.filesystem}, "
            f"{len(moments)} moment{'' if len(moments) == 1 else 's'} in {seconds:.1f} s"
        )
    for number, seal in enumerate(seals[:_MOST_SOURCES]):
        digest = seal.image.manifest_digest if seal.image is not None else None
        lines.append(
            f"seal {number + 1}: {seal.reference.text}, by uid {seal.identity.uid.filesystem}, "
            f"{format_timestamp(seal.at)}" + (f", {digest}" if digest else "")
        )
    if lines:
        page.line()
    for line in lines:
        page.line(line, style="dim")


def _line(event: JoinedEvent, first: int, *, several: bool) -> str:
    who = f"{event.source}: " if several else ""
    return f"{(event.at - first) / _NS:+.3f} s  {who}{event.what}"


def _chosen(document: VerdictDocument) -> Sequence[JoinedEvent]:
    """What the leading cause rests on, then what somebody did or saw, then the last changes; in their order."""
    claims = document.assessments[0].supports if document.assessments else ()
    rests_on = [claim.pointer for claim in claims]

    def weight(numbered: tuple[int, JoinedEvent]) -> tuple[int, int]:
        number, event = numbered
        if any(event.pointer.startswith(pointer) or pointer.startswith(event.pointer) for pointer in rests_on):
            return 0, number
        if "/chain" in event.pointer:
            return 2, -number
        return 1, number

    kept = sorted(enumerate(document.timeline), key=weight)[:_MOST]
    return [event for _, event in sorted(kept, key=lambda numbered: numbered[0])]
