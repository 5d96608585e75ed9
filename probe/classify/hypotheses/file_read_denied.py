"""All ancestors can be traversed, the target's own bits deny."""

from __future__ import annotations

from probe.access.quote import quote_path
from probe.classify.case import Reading
from probe.classify.denial import Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.verdict import Assessment, Cause, Fix, Remedy


class FileReadDenied(DenialHypothesis):
    """The general account of a target that refuses reading (or listing, or executing) by its own bits."""

    cause = Cause.FILE_READ_DENIED
    rank = 50

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """As any refusal; or the container opens, and a file in it does not."""
        image = reading.image
        for number, problem in enumerate(image.problems if image is not None else ()):
            inside = problem.subject != "target"  # the directory itself is judged by its bits
            if inside and problem.kind == "unreadable" and problem.found.startswith("EACCES"):
                path = f"{reading.report.reference.path.rstrip('/')}/{problem.subject}"
                scale.support(reading.image_at("problems", number), f"{problem.subject}: {problem.found}")
                return scale.confirmed(
                    f"{path} cannot be read: {problem.found}", component=path, remedy=_open_inside(reading)
                )
        return super().weigh(reading, scale)

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """A denial at the target, for anything but writing."""
        if denial.searching:
            scale.contradict(denial.mode_at(), f"the walk already ends at directory {denial.path}")
            return None
        if denial.writing:
            scale.contradict(denial.mode_at(), "what was denied is a write")
            return None
        return f"{denial.path} itself denies {denial.needs}: {denial.decision.sentence}"


def _open_inside(reading: Reading) -> Remedy:
    path = quote_path(reading.report.reference.path)
    return Remedy(
        smallest=Fix(sentence="Let the group read what lies in the directory.", command=f"chmod -R g+rX {path}")
    )
