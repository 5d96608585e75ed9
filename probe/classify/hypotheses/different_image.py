"""Same path and transport, other content: the diff_ids differ."""

from __future__ import annotations

from probe.classify.case import Case
from probe.classify.hypothesis import Hypothesis, Scale, strongest
from probe.classify.verdict import Assessment, Cause


class DifferentImage(Hypothesis):
    """Needs two sides. Another manifest digest alone is no other image: only diff_ids say what is in it."""

    cause = Cause.DIFFERENT_IMAGE
    rank = 62

    def assess(self, case: Case) -> Assessment:
        """The digests of what two sides read, and of what a registry holds."""
        if case.several:
            from probe.classify.joins import different_image

            found = list(different_image.join(case))
            if found:
                return strongest(found)
        return Scale(self.cause).not_assessable("only one side of the hand-over was seen")
