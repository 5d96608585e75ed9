"""All ancestors can be traversed, the target's own bits deny."""

from __future__ import annotations

from probe.classify.denial import Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.verdict import Cause


class FileReadDenied(DenialHypothesis):
    """The general account of a target that refuses reading (or listing, or executing) by its own bits."""

    cause = Cause.FILE_READ_DENIED
    rank = 50

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """A denial at the target, for anything but writing."""
        if denial.searching:
            scale.contradict(denial.mode_at(), f"the walk already ends at directory {denial.path}")
            return None
        if denial.writing:
            scale.contradict(denial.mode_at(), "what was denied is a write")
            return None
        return f"{denial.path} itself denies {denial.needs}: {denial.decision.sentence}"
