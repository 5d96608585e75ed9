"""Ended early, no live writer, stable."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.container import ContainerHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.remedy import publish
from probe.classify.stability import live_writer, stability, unfinished, writer_excluded
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.image import ImageFacts
from probe.evidence.observation import NotSeen, Reason, Seen


class Truncated(ContainerHypothesis):
    """The writer died, or the copy was cut. Confirmed only when a pausing writer is excluded."""

    cause = Cause.TRUNCATED
    rank = 80

    def look_inside(self, reading: Reading, image: ImageFacts, scale: Scale) -> Assessment:
        """The archive's end against the samples."""
        path = reading.report.reference.path
        why = unfinished(reading) if image.archive is not None else None
        if why is None:
            scale.contradict(
                reading.image_at("archive" if image.archive else "found"), "the archive has its end blocks"
            )
            return scale.refuted("it does not end early")
        scale.support(reading.image_at("archive", "ending"), why)
        for number, problem in enumerate(image.problems[:4]):
            if problem.kind in ("missing-blob", "partial-blob", "no-index"):
                scale.support(reading.image_at("problems", number), f"{problem.subject}: {problem.kind}")
        rest, writer = stability(reading), live_writer(reading)
        samples = reading.at("writers", "value", "samples")
        if rest.changing or writer is not None:
            scale.contradict(*(writer or (samples, "it changed between the samples: somebody writes to it")))
            return scale.refuted("unfinished, but a writer is at it")
        statement = f"{path} ends early: {why}"
        if image.whole:
            statement += "; every blob that the image needs is there, so skopeo may still accept it"
        remedy = Remedy(
            smallest=Fix(sentence="Write the archive again: what is missing cannot be recovered from it."),
            structural=publish(path),
        )
        if len(rest.inodes) > 1:
            scale.support(samples, "size and modification time did not change between the samples")
        nobody = writer_excluded(reading, rest)
        if nobody is not None:
            scale.support(*nobody)
            return scale.confirmed(statement, component=path, remedy=remedy)
        scale.miss(reading.at("writers"), f"that no writer is pausing: a longer look (--gap 30s){_lease(reading)}")
        return scale.likely(statement, component=path, remedy=remedy)


def _lease(reading: Reading) -> str:
    """The other way to know, or why it did not tell."""
    writers = reading.report.writers
    if not isinstance(writers, Seen) or not isinstance(writers.value.lease, NotSeen):
        return ""
    lease = writers.value.lease
    return " or a lease (--lease)" if lease.reason is Reason.SKIPPED else f"; a lease did not tell: {lease.message}"
