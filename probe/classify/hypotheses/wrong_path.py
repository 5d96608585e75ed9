"""Nothing at the path (or under the tag), and the evidence names where the image is."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from probe.classify.case import Case, Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.remedy import reference_words
from probe.classify.verdict import MAX_CLAIMS, Assessment, Cause, Claim, Fix, Remedy, Status
from probe.evidence.observation import Seen
from probe.evidence.path import Want
from probe.evidence.report import Reference

_ARCHIVES = frozenset({"oci-archive", "docker-archive"})
_REFERENCE_PROBLEMS = frozenset({"unknown-reference", "ambiguous-reference"})


class WrongPath(ReadingHypothesis):
    """Never confirmed for an absent path by one report: only the producer knows which image was meant."""

    cause = Cause.WRONG_PATH
    rank = 65

    def assess(self, case: Case) -> Assessment:
        """A producer that names this very path speaks against it: then it came later, or lies on another volume."""
        found = super().assess(case)
        named = _named_by_producer(case, found.component) if found.status is Status.LIKELY else None
        if named is None:
            return found
        claim = Claim(pointer=named, sentence=f"the producer names {found.component} too")
        told = (*found.contradicts[: MAX_CLAIMS - 1], claim)
        return found.model_copy(update={"status": Status.POSSIBLE, "contradicts": told})

    def join(self, case: Case) -> Iterator[Assessment]:
        """What a producer names, where a reader finds nothing."""
        from probe.classify.joins import wrong_path

        return wrong_path.join(case)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Absent and something near by; or present without the tag."""
        if reading.report.want is Want.CREATE:
            return scale.refuted("the name is to be made: that it is absent is right")
        if not reading.absent:
            return self._weigh_tag(reading, scale)
        path = reading.report.reference.path
        stopped = reading.stopped
        if stopped is not None:
            scale.support(reading.stopped_at, stopped.message)
        if len(reading.truths) > 1 and reading.granted:
            scale.contradict(reading.truth_at, "it was there a moment later")
            return scale.refuted("the path was absent only at first")
        nearby = reading.report.nearby
        if not isinstance(nearby, Seen) or not nearby.value:
            scale.miss(reading.at("nearby"), f"an image near {path}, or the path that the producer wrote")
            return scale.possible(f"nothing is at {path}")
        for number, candidate in enumerate(nearby.value[:8]):
            scale.support(
                reading.at("nearby", "value", number),
                f"{candidate.path} is an image ({candidate.kind}, {candidate.size} bytes)",
            )
        fitting = [found for found in nearby.value if found.kind == reading.report.reference.transport]
        best = (fitting or list(nearby.value))[0]
        scale.miss(reading.at("nearby"), "the producer's own report, which names the path it wrote")
        statement = f"nothing is at {path}; an image lies at {best.path} ({best.kind})"
        remedy = Remedy(
            smallest=Fix(
                sentence="Name the path that the producer wrote, in every task.",
                command=reference_words(best.kind, best.path),
            ),
            structural=ONE_NAME,
        )
        if len(fitting) == 1 or (not fitting and len(nearby.value) == 1):
            return scale.likely(statement, component=path, remedy=remedy)
        return scale.possible(statement, component=path, remedy=remedy)

    def _weigh_tag(self, reading: Reading, scale: Scale) -> Assessment:
        image, reference = reading.image, reading.report.reference
        if image is None:
            if reading.truth is not None:
                scale.contradict(reading.truth_at, f"something is at {reference.path}")
            return scale.refuted(f"the path is not what fails: something is at {reference.path}")
        for number, problem in enumerate(image.problems):
            if problem.kind in _REFERENCE_PROBLEMS:
                names = sorted({name for found in image.images for name in found.names})
                scale.support(
                    reading.image_at("problems", number),
                    f"{problem.subject}: expected {problem.expected or 'one image'}, found {problem.found or 'none'}",
                )
                return scale.confirmed(
                    _tag_statement(reference, len(image.images), names),
                    component=reference.path,
                    remedy=_tag_remedy(reference, names),
                )
        scale.contradict(reading.image_at("found"), f"{image.found} at {reference.path}")
        return scale.refuted(f"something is at {reference.path}")


def _named_by_producer(case: Case, path: str | None) -> str | None:
    """Where the producer says that it writes to this path."""
    if path is None:
        return None
    for number, seal in enumerate(case.seals):
        if posixpath.normpath(seal.reference.path) == posixpath.normpath(path):
            return f"/seals/{number}/reference/path"
    for reading in case:
        named = reading.report.reference.path
        if reading.is_producer and posixpath.normpath(named) == posixpath.normpath(path):
            return reading.at("reference", "path")
    return None


def _tag_statement(reference: Reference, count: int, names: list[str]) -> str:
    held = ", ".join(names[:8]) or "no named image"
    if reference.tag is None:
        return f"{reference.path} holds {count} images and the reference names none of them (it holds {held})"
    return f"{reference.path} holds no image named {reference.tag} (it holds {held})"


def _tag_remedy(reference: Reference, names: list[str]) -> Remedy:
    wanted = reference_words(reference.transport, reference.path, names[0] if names else None)
    return Remedy(smallest=Fix(sentence="Name an image that the container holds.", command=wanted), structural=ONE_NAME)


ONE_NAME = Fix(
    sentence="Write the reference once, as a pipeline parameter or as a result of the build, and let every task use it."
)
