"""A cause that lies inside the container: there is something to weigh only when it could be read."""

from __future__ import annotations

from abc import abstractmethod

from probe.classify.case import Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.verdict import Assessment
from probe.evidence.image import ImageFacts


class ContainerHypothesis(ReadingHypothesis):
    """A cause about what lies at the path."""

    @abstractmethod
    def look_inside(self, reading: Reading, image: ImageFacts, scale: Scale) -> Assessment:
        """Weigh the image facts of one report."""

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Settle what all these causes share: whether an image was asked for, and could be read."""
        if not reading.names_image:
            return scale.refuted("a plain path names no transport, and is not read as an image")
        if reading.image is None:
            scale.miss(reading.at("image"), "what lies at the path: it could not be read")
            return scale.not_assessable("what lies at the path was not read")
        return self.look_inside(reading, reading.image, scale)
