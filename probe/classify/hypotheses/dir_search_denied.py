"""A directory on the way denies search by its mode bits."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.denial import Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.verdict import MAX_CLAIMS, Assessment, Cause, Claim
from probe.evidence.observation import Seen


class DirSearchDenied(DenialHypothesis):
    """The general account of a directory that cannot be traversed (path_resolution(7))."""

    cause = Cause.DIR_SEARCH_DENIED
    rank = 50

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """As any refusal, and a word on what people hold against it."""
        assessment = super().weigh(reading, scale)
        if not assessment.status.holds or not isinstance(reading.report.listing, Seen):
            return assessment
        answer = Claim(
            pointer=reading.at("listing"),
            sentence="listing names needs r only, opening them needs x: seeing the file with ls does not refute this",
        )
        return assessment.model_copy(update={"supports": (*assessment.supports[: MAX_CLAIMS - 1], answer)})

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """Any denied search."""
        if not denial.searching:
            scale.contradict(denial.mode_at(), f"every directory on the way grants search; {denial.path} itself denies")
            return None
        return f"directory {denial.path} cannot be traversed: {denial.decision.sentence}"
