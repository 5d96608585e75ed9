"""May the command be run again? Decided from the verdict alone: only what waiting heals is a reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from probe.classify.verdict import Assessment, Cause, Status, VerdictDocument

HEALING = frozenset({Cause.ARCHIVE_IN_PROGRESS, Cause.ABSENT_THEN_PRESENT, Cause.ACCESS_HEALED})
"""The races that end by themselves. An ownership that was swept, or that a file never got, stays as it is."""
_APPEARANCES = frozenset({Cause.WRONG_PATH, Cause.TRUNCATED, Cause.CORRUPT, Cause.WRONG_TRANSPORT})
"""What an unfinished hand-over looks like, too, as long as it is no more than likely."""


class Step(StrEnum):
    """What comes next."""

    AGAIN = "again"
    """Wait until the reference is finished, then run the command again."""
    SEE = "see"
    """Wait until the reference is finished, and judge once more with a further report: that decides."""
    STOP = "stop"


@dataclass(frozen=True)
class Decision:
    """What comes next, and why."""

    step: Step
    sentence: str


def decide(documents: Sequence[VerdictDocument], *, waited: bool = False) -> Decision:
    """What the verdicts on one failure allow. `waited`: they have the report in them that was made after waiting."""
    holding = [found for document in documents for found in _holding(document)]
    other = next((found for found in holding if not _may_heal(found)), None)
    if other is not None:
        return Decision(Step.STOP, f"not run again: {other.cause} does not heal by waiting")
    race = next((found for found in holding if found.cause in HEALING), None)
    if race is not None:
        return Decision(Step.AGAIN, f"{race.cause} ({race.status}) heals by waiting")
    if waited:
        return Decision(Step.STOP, "not run again: the wait did not show a race")
    possible = next((found for found in _open(documents) if found.cause in HEALING), None)
    if possible is not None:
        return Decision(Step.SEE, f"{possible.cause} is possible: waiting would show it")
    return Decision(Step.STOP, "not run again: nothing points to a race that heals by waiting")


def _holding(document: VerdictDocument) -> Iterable[Assessment]:
    """The faults found, without those that another one implies."""
    for found in document.assessments:
        if found.status.holds and found.implied_by is None and found.cause is not Cause.HEALTHY:
            yield found


def _may_heal(found: Assessment) -> bool:
    return found.cause in HEALING or (found.cause in _APPEARANCES and found.status is Status.LIKELY)


def _open(documents: Sequence[VerdictDocument]) -> Iterable[Assessment]:
    for document in documents:
        yield from (found for found in document.assessments if found.status is Status.POSSIBLE)
