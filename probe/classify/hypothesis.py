"""What a hypothesis is: it weighs the evidence for one cause, and says what supports, contradicts and is missing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from probe.classify.case import Case, Reading
from probe.classify.verdict import MAX_CLAIMS, STRENGTH, Assessment, Cause, Claim, Remedy, Status


@dataclass
class Scale:
    """Collects the claims for one cause, then gives the assessment that they add up to."""

    cause: Cause
    supports: list[Claim] = field(default_factory=list)
    contradicts: list[Claim] = field(default_factory=list)
    missing: list[Claim] = field(default_factory=list)

    def support(self, pointer: str, sentence: str) -> None:
        """Note a fact that speaks for the cause."""
        self.supports.append(Claim(pointer=pointer, sentence=sentence))

    def contradict(self, pointer: str, sentence: str) -> None:
        """Note a fact that speaks against the cause."""
        self.contradicts.append(Claim(pointer=pointer, sentence=sentence))

    def miss(self, pointer: str, sentence: str) -> None:
        """Note an observation that would decide, and that is not there."""
        self.missing.append(Claim(pointer=pointer, sentence=sentence))

    def confirmed(self, statement: str, *, component: str | None = None, remedy: Remedy | None = None) -> Assessment:
        """A decisive observation was made."""
        return self._assessment(Status.CONFIRMED, statement, component, remedy)

    def likely(self, statement: str, *, component: str | None = None, remedy: Remedy | None = None) -> Assessment:
        """The evidence points here; something that would decide is missing."""
        return self._assessment(Status.LIKELY, statement, component, remedy)

    def possible(self, statement: str, *, component: str | None = None, remedy: Remedy | None = None) -> Assessment:
        """Nothing rules it out; little speaks for it."""
        return self._assessment(Status.POSSIBLE, statement, component, remedy)

    def refuted(self, statement: str) -> Assessment:
        """The evidence excludes it."""
        return self._assessment(Status.REFUTED, statement, None, None)

    def not_assessable(self, statement: str) -> Assessment:
        """What would be needed was not seen."""
        return self._assessment(Status.NOT_ASSESSABLE, statement, None, None)

    def _assessment(self, status: Status, statement: str, component: str | None, remedy: Remedy | None) -> Assessment:
        return Assessment(
            cause=self.cause,
            family=self.cause.family,
            status=status,
            statement=statement,
            component=component,
            supports=tuple(self.supports[:MAX_CLAIMS]),
            contradicts=tuple(self.contradicts[:MAX_CLAIMS]),
            missing=tuple(self.missing[:MAX_CLAIMS]),
            remedy=remedy,
        )


class Hypothesis(ABC):
    """One cause.

    `rank` orders causes that hold at once: the lower one stopped the reader earlier, or is the more specific account
    of the same refusal.
    """

    cause: ClassVar[Cause]
    rank: ClassVar[int]
    refines: ClassVar[tuple[Cause, ...]] = ()
    """General causes that follow when this one holds for the same component."""

    @abstractmethod
    def assess(self, case: Case) -> Assessment:
        """Weigh the whole case."""


class ReadingHypothesis(Hypothesis):
    """A cause that one report can decide: each report is weighed alone, the strongest result stands."""

    harms_readers: ClassVar[bool] = False
    """Whether it is a fault only for who reads: a producer's own look at its unfinished work shows none."""

    @abstractmethod
    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Weigh one report."""

    def assess(self, case: Case) -> Assessment:
        """Weigh each report, then what several sources show together, and keep the strongest result."""
        joined = self.join(case) if case.several else ()
        weighed = [*joined, *(self._weigh(reading) for reading in case)]  # among equals what shows more goes first
        return strongest(weighed) if weighed else Scale(self.cause).not_assessable("there is no report")

    def join(self, case: Case) -> Iterator[Assessment]:  # noqa: ARG002
        """What only several sources, or one over time, can show."""
        return iter(())

    def _weigh(self, reading: Reading) -> Assessment:
        assessment = self.weigh(reading, Scale(self.cause))
        if reading.predicted and assessment.status is Status.CONFIRMED:
            missing = Claim(
                pointer=reading.identity_at,
                sentence="an observation made with that identity itself: this is a prediction from recorded inodes",
            )
            lacking = (*assessment.missing[: MAX_CLAIMS - 1], missing)
            return assessment.model_copy(update={"status": Status.LIKELY, "missing": lacking})
        if self.harms_readers and reading.is_producer and assessment.status.holds:
            missing = Claim(
                pointer=reading.at("context", "role"), sentence="a reader's report: this look is its producer's own"
            )
            lacking = (*assessment.missing[: MAX_CLAIMS - 1], missing)
            return assessment.model_copy(update={"status": Status.POSSIBLE, "missing": lacking})
        return assessment


def strongest(assessments: Iterable[Assessment]) -> Assessment:
    """The assessment with the strongest status; the first among equals."""
    return min(assessments, key=lambda assessment: STRENGTH[assessment.status])
