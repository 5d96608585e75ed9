"""A directory on the way denies search by its mode bits."""

from __future__ import annotations

from probe.classify.denial import Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.verdict import Cause


class DirSearchDenied(DenialHypothesis):
    """The general account of a directory that cannot be traversed (path_resolution(7))."""

    cause = Cause.DIR_SEARCH_DENIED
    rank = 50

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """Any denied search."""
        if not denial.searching:
            scale.contradict(denial.mode_at(), f"every directory on the way grants search; {denial.path} itself denies")
            return None
        listing = denial.reading.report.listing
        if listing.status == "seen":
            scale.support(
                denial.reading.at("listing"),
                "listing names needs r only, opening them needs x: seeing the file with ls does not refute this",
            )
        return f"directory {denial.path} cannot be traversed: {denial.decision.sentence}"
