"""A blob, manifest or config does not match its digest, or is missing from a finished container."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.remedy import publish
from probe.classify.stability import stability, unfinished
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.image import Container, Problem

_NO_IMAGE = frozenset({Container.DIRECTORY, Container.TAR, Container.EMPTY})
_OTHERS = frozenset({Container.OCI_ARCHIVE, Container.OCI, Container.DIR, Container.DOCKER_ARCHIVE})
_WRONG_BYTES = frozenset(
    {"digest-mismatch", "diff-id-mismatch", "bad-json", "bad-header", "wrong-size", "decompression", "duplicate-member"}
)
_NOT_THERE = frozenset({"missing-blob", "no-index", "no-layout", "no-manifest", "partial-blob", "empty-index"})


class Corrupt(ReadingHypothesis):
    """skopeo inspect reports success for most of these: it does not read the layers."""

    cause = Cause.CORRUPT
    rank = 81

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Problems inside a container that is otherwise the right kind and at rest."""
        image, path = reading.image, reading.report.reference.path
        if image is None:
            if not reading.names_image:
                return scale.refuted("a plain path is not read as an image")
            scale.miss(reading.at("image"), "the image itself: it could not be read")
            return scale.not_assessable("the image could not be read")
        asked: str = reading.report.reference.transport
        another = image.found in _OTHERS and image.found != asked and not image.readable_as_asked
        if another or image.found in _NO_IMAGE:
            scale.contradict(reading.image_at("found"), f"found {image.found}, asked for {asked}")
            return scale.refuted("no container of the kind that was asked for lies there")
        kinds = _WRONG_BYTES if unfinished(reading) is not None else _WRONG_BYTES | _NOT_THERE
        problems = [(n, p) for n, p in enumerate(image.problems) if p.kind in kinds]
        if not problems:
            what = "every blob was hashed and agrees" if image.verification else "manifest and config agree"
            scale.contradict(reading.image_at("problems"), what)
            if image.verification is None:
                scale.miss(reading.image_at("verification"), "the hashes of the layers (--deep)")
            return scale.refuted(what)
        for number, problem in problems[:16]:
            scale.support(reading.image_at("problems", number), _both_sides(problem))
        if stability(reading).changing:
            scale.miss(reading.at("writers"), "a look at it while nobody writes")
            return scale.possible(f"{path} does not add up, while somebody writes to it")
        first = problems[0][1]
        return scale.confirmed(
            f"{path} is damaged: {_both_sides(first)}",
            component=path,
            remedy=Remedy(
                smallest=Fix(sentence="Write the archive again from the source; a damaged blob cannot be repaired."),
                structural=publish(path),
            ),
        )


def _both_sides(problem: Problem) -> str:
    role = f"{problem.role} " if problem.role else ""
    sides = ", ".join(
        side
        for side in (problem.expected and f"expected {problem.expected}", problem.found and f"found {problem.found}")
        if side
    )
    return f"{role}{problem.subject}: {problem.kind}" + (f" ({sides})" if sides else "")
