"""JSON from hostile places: indexes, manifests, configs and their descriptors (OCI image-spec, Docker schema 2)."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

LISTS = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})

REF_NAME = "org.opencontainers.image.ref.name"
HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
INT64_MAX = (1 << 63) - 1

_HEX = re.compile(r"[a-f0-9]+")


class DocumentError(ValueError):
    """Text that is not the JSON that was expected; the message says where it breaks."""


class Descriptor(NamedTuple):
    """A content descriptor. `algorithm` and `hex` are empty when `digest` is no digest that skopeo would take."""

    digest: str
    algorithm: str
    hex: str
    size: int | None
    media_type: str
    annotations: dict[str, Any]
    platform: tuple[str, str, str] | None
    """Operating system, architecture, variant."""
    foreign: bool
    """Has URLs: the bytes may lie elsewhere."""


def parse(data: bytes) -> Any:
    """The value of a JSON text, as Go's encoding/json reads it: bytes that are not UTF-8 become U+FFFD.

    Raises DocumentError for anything else, nesting and digits without end included.
    """
    return _decode(data, whole=True)[0]


def parse_first(data: bytes) -> tuple[Any, int]:
    """The first JSON value and how many characters follow it that are not white space.

    skopeo reads `index.json` with a Go Decoder, which stops after the first value.
    """
    return _decode(data, whole=False)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _decode(data: bytes, *, whole: bool) -> tuple[Any, int]:
    text = data.decode("utf-8", "replace")
    start = len(text) - len(text.lstrip(" \t\r\n"))
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        raise DocumentError("nested too deeply") from None
    except ValueError as error:
        raise DocumentError(_why(error, data)) from None
    rest = len(text[end:].strip(" \t\r\n"))
    if whole and rest:
        raise DocumentError(f"{rest} characters after the JSON value")
    return value, rest


def _why(error: ValueError, data: bytes) -> str:
    if not data:
        return "no bytes"
    if not any(data):
        return f"{len(data)} zero bytes"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos} of {len(error.doc)}"
    return str(error)


def as_dict(value: Any) -> dict[str, Any]:
    """`value` if it is an object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """`value` if it is an array, otherwise an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """`value` if it is a string, otherwise an empty one."""
    return value if isinstance(value, str) else ""


def split_digest(digest: str) -> tuple[str, str]:
    """Algorithm and hex of a digest of a registered algorithm, or two empty strings."""
    algorithm, _, value = digest.partition(":")
    if HEX_LENGTHS.get(algorithm) != len(value) or not _HEX.fullmatch(value):
        return "", ""
    return algorithm, value


def descriptor(value: Any) -> Descriptor | None:
    """The descriptor in `value`; None when it is not one: no object, no digest, or a size that is no int64."""
    fields = as_dict(value)
    digest, size = fields.get("digest"), fields.get("size")
    if not isinstance(digest, str):
        return None
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= INT64_MAX):
        return None
    algorithm, hexadecimal = split_digest(digest)
    platform = fields.get("platform")
    return Descriptor(
        digest=digest,
        algorithm=algorithm,
        hex=hexadecimal,
        size=size,
        media_type=as_text(fields.get("mediaType")),
        annotations=as_dict(fields.get("annotations")),
        platform=_platform(platform) if isinstance(platform, dict) else None,
        foreign=bool(as_list(fields.get("urls"))),
    )


def _platform(fields: dict[str, Any]) -> tuple[str, str, str]:
    return as_text(fields.get("os")), as_text(fields.get("architecture")), as_text(fields.get("variant"))


def guess_media_type(document: dict[str, Any]) -> str:
    """The kind of a manifest from its fields, as containers/image guesses it; empty for one that it cannot name.

    Docker schema 1 comes out as empty: no tool of today writes it, and its digest leaves out a signature.
    """
    declared = as_text(document.get("mediaType"))
    if declared in LISTS or declared in MANIFESTS:
        return declared
    if document.get("schemaVersion") != 2:
        return ""
    config = as_text(as_dict(document.get("config")).get("mediaType"))
    if config == DOCKER_CONFIG:
        return DOCKER_MANIFEST
    if not config and as_list(document.get("manifests")):
        return OCI_INDEX
    return OCI_MANIFEST
