"""Reading would be allowed, the wanted write, create or delete is not."""

from __future__ import annotations

from probe.classify.denial import Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.verdict import Cause


class WriteDenied(DenialHypothesis):
    """No w on the file, no w and x on the directory, or a flag (immutable, append-only, sticky) that forbids it."""

    cause = Cause.WRITE_DENIED
    rank = 50

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """A denied write at the target or in its directory."""
        want = denial.reading.report.want
        if not denial.writing:
            scale.contradict(denial.mode_at(), f"what was denied is {denial.needs}, not w")
            return None
        return f"{want} is denied at {denial.path}: {denial.decision.sentence}"
