"""Events, of the core API and of events.k8s.io."""

from __future__ import annotations

from probe.cluster.raw import Raw, mapping, message, moment, number, text, within
from probe.evidence.cluster import Notice


def notice_of(raw: Raw, source: str) -> Notice:
    """One Event."""
    about = mapping(raw.get("involvedObject")) or mapping(raw.get("regarding"))
    series = mapping(raw.get("series"))
    once = _first(raw.get("eventTime"), within(raw, "metadata").get("creationTimestamp"))
    counts = (raw.get("count"), series.get("count"), raw.get("deprecatedCount"), 1)
    return Notice(
        kind=text(about.get("kind")),
        name=text(about.get("name")),
        namespace=text(about.get("namespace")) or text(within(raw, "metadata").get("namespace")),
        reason=text(raw.get("reason")),
        message=message(raw.get("message")) or message(raw.get("note")),
        warning=raw.get("type") == "Warning",
        first=_first(raw.get("firstTimestamp"), raw.get("deprecatedFirstTimestamp")) or once,
        last=_first(raw.get("lastTimestamp"), series.get("lastObservedTime"), raw.get("deprecatedLastTimestamp"))
        or once,
        count=next((count for value in counts if (count := number(value)) is not None and count > 0), 1),
        source=source,
    )


def _first(*values: object) -> int | None:
    return next((when for value in values if (when := moment(value)) is not None), None)
