"""absent-then-present over several sources."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.case import Case
from probe.classify.hypothesis import Scale
from probe.classify.joins.graded import Blame, blame, graded
from probe.classify.order import Order, before
from probe.classify.remedy import RUN_AFTER, publish
from probe.classify.sameness import Place, Sameness
from probe.classify.verdict import Assessment, Cause, Remedy
from probe.classify.witness import Look, Witness
from probe.evidence.base import format_timestamp


def join(case: Case) -> Iterator[Assessment]:
    """A reader's look at which it was absent, and a later one of the same place at which it was there."""
    for reader in case.history.readers:
        gone = next((look for look in reversed(reader.looks) if look.present is False), None)
        if gone is None or (reader.reading is not None and any(look.present for look in reader.looks)):
            continue  # what one report shows alone is weighed alone
        for other, place in case.history.beside(reader):
            came = _came(other, gone, reader)
            if came is not None:
                yield _weigh_pair(case, reader, gone, (other, *came), place)


def _weigh_pair(
    case: Case, reader: Witness, gone: Look, later: tuple[Witness, Look, Order], place: Place
) -> Assessment:
    other, look, order = later
    scale, path = Scale(Cause.ABSENT_THEN_PRESENT), reader.reference.path
    scale.support(gone.pointer, f"{reader.name}: {path} was not there, {format_timestamp(gone.at)}")
    scale.support(look.pointer, f"{other.name}: it was there, {format_timestamp(look.at)}, {order.sentence}")
    scale.support(place.pointer, f"one place: {place.sentence}")
    remedy = Remedy(smallest=RUN_AFTER, structural=publish(path))
    statement = f"{path} was not there when it was read, and came later"
    if reader.reading is None:
        scale.miss(reader.at, "a reader's report: who only watched may well wait for what is to come")
        return scale.possible(f"{path} was made while it was watched: who came earlier found nothing")
    earlier = _was_there(case, reader, gone)
    if earlier is not None:
        scale.contradict(earlier.pointer, f"it had been there before, {format_timestamp(earlier.at)}")
    blamed, command = blame(case, reader, gone, "ENOENT")
    if blamed is Blame.NO:
        scale.contradict(command, f"the command of that time does not say that it was missing: {blamed.value}")
        return scale.possible(f"{path} was not there when the command began, and is there now")
    if blamed is Blame.SILENT:
        scale.miss(command, "a message of the command that it found nothing there")
    elif blamed is Blame.YES:
        scale.support(command, "the command that ran then says that it found nothing there")
    doubts = (blamed is Blame.SILENT, place.sameness is not Sameness.SURE, not order.certain, earlier is not None)
    return graded(scale, statement, remedy, path, place, order, reader.same_run(other), sure=not any(doubts))


def _was_there(case: Case, reader: Witness, gone: Look) -> Look | None:
    """A look of the same place that shows it before the reader came."""
    for other, place in case.history.beside(reader):
        if place.sameness is Sameness.SURE:
            for look in other.looks:
                if look.present and before(other, look, reader, gone) is not None:
                    return look
    return None


def _came(other: Witness, gone: Look, reader: Witness) -> tuple[Look, Order] | None:
    """The first look of another witness that shows it, later than the reader's that did not."""
    for look in other.looks:
        order = before(reader, gone, other, look) if look.present else None
        if order is not None:
            return look, order
    return None
