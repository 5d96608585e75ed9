"""Same path, another device, root or inode than the producer's: the tasks look into two volumes."""

from __future__ import annotations

from probe.classify.case import Case
from probe.classify.hypothesis import Hypothesis, Scale, strongest
from probe.classify.verdict import Assessment, Cause


class DifferentVolume(Hypothesis):
    """Needs two sides: one look alone cannot know what another pod has mounted there."""

    cause = Cause.DIFFERENT_VOLUME
    rank = 41
    refines = (Cause.DIFFERENT_IMAGE, Cause.WRONG_PATH)

    def assess(self, case: Case) -> Assessment:
        """The roots of the volumes, as the two sides met them."""
        if case.several:
            from probe.classify.joins import different_volume

            found = list(different_volume.join(case))
            if found:
                return strongest(found)
        return Scale(self.cause).not_assessable("only one side of the hand-over was seen")
