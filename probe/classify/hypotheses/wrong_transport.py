"""What lies at the path is another kind of container than the transport reads."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.container import ContainerHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.remedy import reference_words
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.image import Container, Ending, ImageFacts
from probe.evidence.observation import Seen

_RECOGNISED = frozenset({Container.OCI_ARCHIVE, Container.OCI, Container.DIR, Container.DOCKER_ARCHIVE})
_FOR_DIRECTORY = frozenset({"oci", "dir"})


class WrongTransport(ContainerHypothesis):
    """`dir:` where an archive lies, `docker-archive:` on an OCI archive, an archive transport on a directory."""

    cause = Cause.WRONG_TRANSPORT
    rank = 70

    def look_inside(self, reading: Reading, image: ImageFacts, scale: Scale) -> Assessment:
        """Compare what was found with what the transport looks for."""
        reference = reading.report.reference
        pointer = reading.image_at("found")
        if image.readable_as_asked:
            scale.contradict(pointer, f"{reference.transport}: finds the files that it reads")
            return scale.refuted(f"{reference.path} can be read as {reference.transport}:")
        found: str = image.found
        if found == reference.transport:
            scale.contradict(pointer, f"it is the right kind of container ({found}), though not a whole one")
            return scale.refuted(f"{reference.path} is of the kind that {reference.transport}: reads")
        nearby = reading.report.nearby.value if isinstance(reading.report.nearby, Seen) else ()
        below = reference.path.rstrip("/") + "/"
        inside = [(number, one) for number, one in enumerate(nearby) if one.path.startswith(below)]
        statement = f"{reference.path} is {_article(image.found)}, {reference.transport}: reads another kind"
        if image.found in _RECOGNISED:
            scale.support(pointer, f"found {found}, asked for {reference.transport}")
            return scale.confirmed(statement, component=reference.path, remedy=_name(found, reference.path))
        is_directory = image.found is Container.DIRECTORY
        if is_directory and inside:
            first = inside[0][1]
            for number, candidate in inside[:4]:
                scale.support(reading.at("nearby", "value", number), f"{candidate.path} is {candidate.kind}")
            scale.support(pointer, f"a directory without the files that {reference.transport}: reads")
            return scale.confirmed(
                f"{reference.path} is a directory that holds {first.path} ({first.kind}); "
                f"{reference.transport}: reads another kind",
                component=reference.path,
                remedy=_name(first.kind, first.path),
            )
        if is_directory and reference.transport not in _FOR_DIRECTORY:
            scale.support(pointer, f"a directory, and {reference.transport}: reads a file")
            return scale.confirmed(statement, component=reference.path, remedy=_NAME_ONCE)
        if not is_directory and reference.transport in _FOR_DIRECTORY:
            scale.support(pointer, f"a {found}, and {reference.transport}: reads a directory")
            return scale.confirmed(statement, component=reference.path, remedy=_NAME_ONCE)
        ended = image.archive is not None and image.archive.ending is Ending.END_BLOCKS
        if image.found is Container.TAR and ended:
            scale.support(pointer, "a whole tar archive that holds none of an image's members")
            return scale.confirmed(statement, component=reference.path, remedy=_EXPORT)
        scale.miss(pointer, "enough of the container to tell its kind: it is empty, unfinished or damaged")
        return scale.possible(f"{reference.path} holds nothing by which its kind can be told ({found})")


_NAME_ONCE = Remedy(
    smallest=Fix(
        sentence="Name what the build wrote: a file for the archive transports, a directory for oci: and dir:.",
    )
)
_EXPORT = Remedy(
    smallest=Fix(
        sentence="Let the build export an image, not a directory tree.",
        command="skopeo copy SOURCE oci-archive:DIR/image.tar",
    )
)


def _article(found: Container) -> str:
    names = {
        Container.OCI_ARCHIVE: "an OCI archive (oci-archive:)",
        Container.OCI: "an OCI layout directory (oci:)",
        Container.DIR: "a dir: image",
        Container.DOCKER_ARCHIVE: "a docker archive (docker-archive:)",
        Container.TAR: "a plain tar archive",
        Container.DIRECTORY: "a directory",
    }
    return names.get(found, f"a {found}")


def _name(transport: str, path: str) -> Remedy:
    return Remedy(
        smallest=Fix(
            sentence="Name the transport of what lies there.",
            command=f"skopeo inspect {reference_words(transport, path)}",
        ),
        structural=Fix(
            sentence="Write the whole reference, transport included, once: as a parameter that every task uses."
        ),
    )
