"""A blob, manifest or config does not match its digest, or is missing from a finished container."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.container import ContainerHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.remedy import publish
from probe.classify.stability import live_writer, stability, unfinished, writer_excluded
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.image import Container, ImageFacts, Problem

_NO_IMAGE = frozenset({Container.DIRECTORY, Container.TAR, Container.EMPTY})
_OTHERS = frozenset({Container.OCI_ARCHIVE, Container.OCI, Container.DIR, Container.DOCKER_ARCHIVE})
_WRONG_BYTES = frozenset(
    {"digest-mismatch", "diff-id-mismatch", "bad-json", "bad-header", "wrong-size", "decompression"}
)
_ODD = frozenset({"duplicate-member", "no-layout"})
"""Against the layout, and read by skopeo all the same."""
_NOT_THERE = frozenset({"missing-blob", "no-index", "no-manifest", "partial-blob", "empty-index"})
_LAST_WRITTEN = frozenset({"no-index", "no-manifest"})
"""What skopeo writes into a directory when everything else is there."""


class Corrupt(ContainerHypothesis):
    """skopeo inspect reports success for most of these: it does not read the layers."""

    cause = Cause.CORRUPT
    rank = 81

    def look_inside(self, reading: Reading, image: ImageFacts, scale: Scale) -> Assessment:
        """Problems inside a container that is otherwise the right kind and at rest."""
        path = reading.report.reference.path
        asked: str = reading.report.reference.transport
        another = image.found in _OTHERS and image.found != asked and not image.readable_as_asked
        if another or image.found in _NO_IMAGE:
            scale.contradict(reading.image_at("found"), f"found {image.found}, asked for {asked}")
            return scale.refuted("no container of the kind that was asked for lies there")
        if image.found is Container.FILE:
            scale.miss(reading.image_at("found"), "a tar header at the start: damaged there, or never an archive")
            return scale.possible(f"{path} is no archive that could be recognised")
        problems = _concerning(reading, image)
        if not problems:
            what = "every blob was hashed and agrees" if image.verification else "what was read of it agrees"
            scale.contradict(reading.image_at("problems"), what)
            if image.verification is None:
                scale.miss(reading.image_at("verification"), "the hashes of the layers (--deep)")
            return scale.refuted(what)
        for number, problem in problems[:16]:
            scale.support(reading.image_at("problems", number), _both_sides(problem))
        return self._grade(reading, scale, problems[0][1])

    def _grade(self, reading: Reading, scale: Scale, first: Problem) -> Assessment:
        """Firm only when nobody can be at work on it: a writer leaves the same picture for a while."""
        path, rest, writer = reading.report.reference.path, stability(reading), live_writer(reading)
        if writer is not None or rest.changing:
            scale.contradict(*(writer or (reading.at("writers"), "it changed while it was looked at")))
            scale.miss(reading.at("writers"), "a look at it while nobody writes")
            return scale.possible(f"{path} does not add up, while somebody writes to it")
        statement = f"{path} is damaged: {_both_sides(first)}"
        remedy = Remedy(
            smallest=Fix(sentence="Write it again from the source; a damaged blob cannot be repaired."),
            structural=publish(path),
        )
        if first.kind in _ODD:
            statement = f"{path} is not as the layout wants it ({_both_sides(first)}); skopeo may read it all the same"
            remedy = Remedy(smallest=Fix(sentence="Write it again with a tool that keeps to the OCI image layout."))
            return scale.likely(statement, component=path, remedy=remedy)
        nobody = writer_excluded(reading, rest)
        if nobody is not None:
            scale.support(*nobody)
            return scale.confirmed(statement, component=path, remedy=remedy)
        scale.miss(reading.at("writers"), "that nobody writes to it at this moment: a later look, or a lease (--lease)")
        if first.kind in _LAST_WRITTEN and reading.image is not None and reading.image.archive is None:
            return scale.possible(f"{path} lacks what is written last ({first.subject})", component=path)
        return scale.likely(statement, component=path, remedy=remedy)


def _concerning(reading: Reading, image: ImageFacts) -> list[tuple[int, Problem]]:
    """The problems of the image that was asked for, and of the container, the worst first."""
    kinds = _WRONG_BYTES | _ODD
    if image.archive is None or unfinished(reading) is None:
        kinds |= _NOT_THERE
    wanted = {_hex(blob.digest) for blob in image.selected.blobs} if image.selected is not None else set()
    others = {_hex(blob.digest) for one in image.images for blob in one.blobs} - wanted if wanted else set()
    found = [
        (number, problem)
        for number, problem in enumerate(image.problems)
        if problem.kind in kinds
        and not any(name in problem.subject for name in others)
        and (problem.kind != "duplicate-member" or not image.complete)
    ]
    return sorted(found, key=lambda pair: (pair[1].kind in _ODD, pair[0]))


def _hex(digest: str) -> str:
    return digest.partition(":")[2] or digest


def _both_sides(problem: Problem) -> str:
    role = f"{problem.role} " if problem.role else ""
    sides = ", ".join(
        side
        for side in (problem.expected and f"expected {problem.expected}", problem.found and f"found {problem.found}")
        if side
    )
    return f"{role}{problem.subject}: {problem.kind}" + (f" ({sides})" if sides else "")
