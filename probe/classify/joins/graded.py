"""How far a join of two sources carries a cause: never further than place, order and distance in time are shown."""

from __future__ import annotations

from enum import Enum

from probe.classify.case import Case
from probe.classify.hypothesis import Scale
from probe.classify.order import Order
from probe.classify.sameness import Place, Sameness
from probe.classify.verdict import Assessment, Remedy
from probe.classify.witness import FAR, NEAR, SECOND, Look, Witness

_BEFORE = 5 * SECOND
"""How long before its start a look may be made to be one at its start."""


def graded(
    scale: Scale,
    statement: str,
    remedy: Remedy,
    path: str,
    place: Place,
    order: Order,
    same_run: bool | None,
    *,
    sure: bool,
) -> Assessment:
    """`confirmed` where the caller is `sure` and all three are; `possible` where place or nearness is not shown."""
    far = order.seconds * SECOND > FAR and not same_run
    if place.sameness is Sameness.WEAK:
        scale.miss(place.pointer, "that both saw one volume: race not shown")
        return scale.possible(f"race not shown: {statement}", component=path, remedy=remedy)
    if far:
        scale.miss(place.pointer, f"what happened in the {order.seconds / 3600:.1f} hours in between: race not shown")
        return scale.possible(f"race not shown: {statement}", component=path, remedy=remedy)
    if place.sameness is Sameness.ACROSS or not order.certain:
        scale.miss(place.pointer, "two looks by one clock: these are from two nodes")
    elif order.seconds * SECOND > NEAR and not same_run:
        scale.miss(place.pointer, f"that both are of one run: {order.seconds / 60:.0f} minutes lie in between")
    elif sure:
        return scale.confirmed(statement, component=path, remedy=remedy)
    return scale.likely(statement, component=path, remedy=remedy)


class Blame(Enum):
    """What the command says, in whose time a look was made, of what that look met."""

    NO_COMMAND = "no command"
    """The look was made by itself: what it met is a reader's failure."""
    YES = "it failed by this"
    SILENT = "it failed, and said nothing that could be understood"
    NO = "it failed by something else, or not at all"


def blame(case: Case, witness: Witness, look: Look, *errnos: str) -> tuple[Blame, str]:
    """The answer, and the pointer of the command.

    A look at the start of a command shows how things stood then. Whether they stopped the command only it can say.
    """
    own = witness.reading
    if own is not None and own.report.command is not None:  # a look after its own command had failed
        if own.messages.about_target(*errnos) is not None:
            return Blame.YES, witness.at + "/command"
        return (Blame.NO if own.messages.failures else Blame.NO_COMMAND), witness.at + "/command"
    for other in case.history.reports:
        reading = other.reading
        command = reading.report.command if reading is not None else None
        if reading is None or command is None or command.ended is None or not other.same_process(witness):
            continue
        if other is witness or look.tick > other.clock.monotonic(command.ended):
            continue
        if command.started is not None and look.tick < other.clock.monotonic(command.started) - _BEFORE:
            continue
        if reading.messages.about_target(*errnos) is not None:
            return Blame.YES, other.at + "/command"
        silent = not reading.messages.failures and command.exit_status != 0
        return Blame.SILENT if silent else Blame.NO, other.at + "/command"
    return Blame.NO_COMMAND, ""
