"""What an image is by its contents, whoever saw it: a report, a seal, a registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from probe.evidence.image import BlobState, Image

if TYPE_CHECKING:
    from probe.classify.case import Case, Reading
    from probe.classify.witness import Witness

_DAMAGED = (BlobState.CORRUPT, BlobState.WRONG_SIZE, BlobState.PARTIAL)


@dataclass(frozen=True)
class Contents:
    """The digests of one image at three levels, with the field of the evidence that holds each."""

    pointer: str
    manifests: tuple[str, ...] = ()
    """What it goes by: the digest of its manifest, and of the index that leads to it where there is one."""
    config: str | None = None
    diff_ids: tuple[str, ...] = ()
    platform: str = ""
    names: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether it can be compared with another one."""
        return bool(self.diff_ids)


class Level(Enum):
    """At which level two images are the same."""

    MANIFEST = "manifest"
    CONFIG = "config"
    LAYERS = "diff_ids"
    NONE = "none"
    UNKNOWN = "unknown"


def compare(a: Contents, b: Contents) -> Level:
    """The highest level at which they agree. Only `NONE` says that the contents differ: both have diff_ids."""
    if set(a.manifests) & set(b.manifests):
        return Level.MANIFEST
    if a.config is not None and a.config == b.config:
        return Level.CONFIG
    if not (a.known and b.known):
        return Level.UNKNOWN
    return Level.LAYERS if a.diff_ids == b.diff_ids else Level.NONE


EXPLAINED = {
    Level.MANIFEST: "their manifests are one, byte for byte",
    Level.CONFIG: "config digest and so every diff_id are equal; the manifest was written anew (layers compressed "
    "again, schema 2 instead of OCI, annotations)",
    Level.LAYERS: "every diff_id is equal; config and manifest were written anew (a docker-archive round trip, another "
    "schema, changed metadata)",
}
"""Why two images that go by other digests are the same one."""


def of_image(image: Image, pointer: str) -> Contents:
    """Of one image in a container; without what a damaged config says."""
    sound = image.config is None or image.config.state not in _DAMAGED
    named = (image.manifest_digest, image.manifest.digest if image.manifest is not None else None)
    return Contents(
        pointer=pointer,
        manifests=tuple(dict.fromkeys(digest for digest in named if digest)),
        config=image.config.digest if image.config is not None and sound and image.diff_ids else None,
        diff_ids=image.diff_ids if sound and all(image.diff_ids) else (),
        platform=image.platform,
        names=image.names,
    )


def of_reading(reading: Reading) -> Contents | None:
    """Of the image that a report's reference names."""
    found = all_of(reading)
    image = reading.image
    if image is None:
        return None
    return next((one for one, held in zip(found, image.images, strict=True) if held.selected), None)


def all_of(reading: Reading) -> Sequence[Contents]:
    """Of every image in the container that a report looked into."""
    images = reading.image.images if reading.image is not None else ()
    return [of_image(image, reading.image_at("images", number)) for number, image in enumerate(images)]


def of_witness(case: Case, witness: Witness) -> Contents | None:
    """Of what a report or a seal names; None where neither says."""
    if witness.reading is not None:
        return of_reading(witness.reading)
    if witness.kind != "seal":
        return None
    image = case.seals[witness.number].image
    if image is None:
        return None
    return Contents(
        pointer=f"{witness.at}/image",
        manifests=(image.manifest_digest,) if image.manifest_digest else (),
        config=image.config_digest,
        diff_ids=image.diff_ids if all(image.diff_ids) else (),
    )
