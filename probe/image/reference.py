r"""Image references as containers-transports(5) has them, read exactly as skopeo reads them.

File names are bytes, and an argument vector may hold any: `Reference.text` and `Reference.path` are in the form of
`probe.evidence.base.path_text` (UTF-8 as it is, a backslash doubled, any other byte as `\xNN`), so that they fit into
JSON. The real bytes are `path_bytes(reference.path)`; `format_reference` gives the argument back.
"""

from __future__ import annotations

import os
import re

from probe.evidence.base import path_bytes, path_text
from probe.evidence.report import Reference

TRANSPORTS = ("oci-archive", "oci", "dir", "docker-archive")
"""The transports that read files."""

PATH_TRANSPORT = "path"
"""The transport of a plain path: access and race only, or whatever container lies there."""

REGISTRY_TRANSPORT = "docker"
"""The transport of an image in a registry: for comparison with what was pushed."""

_ADVICE = "write oci-archive:PATH[:TAG], oci:PATH[:TAG], dir:PATH, docker-archive:PATH[:NAME:TAG] or a plain path"
_ELSEWHERE = {
    "atomic": "reads an OpenShift registry",
    "containers-storage": "reads the local container storage",
    "docker": "reads a registry",
    "docker-daemon": "asks a Docker daemon",
    "ostree": "reads an OSTree repository",
    "sif": "reads a Singularity image",
    "tarball": "makes an image of a plain tar archive",
}
"""The transports of skopeo that do not read an image container at a path."""

_MEANT = {
    "oci": ("ocidir", "oci-dir", "oci-layout", "layout"),
    "oci-archive": ("ocitar", "ociarchive", "oci-tar", "oci_archive", "archive", "tar"),
    "docker-archive": ("dockerarchive", "docker-tar", "docker_archive", "docker-save"),
    "dir": ("directory", "folder", "file"),
}

_OCI_NAME = re.compile(
    r"[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*"
)
"""`org.opencontainers.image.ref.name`: OCI image-spec, annotations.md, pre-defined annotation keys."""
_OCI_INDEX = re.compile(r"@[0-9]{1,9}")

_DOMAIN = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_DOCKER_NAME = re.compile(
    rf"{_DOMAIN}(?:\.{_DOMAIN})*(?::[0-9]+)?/{_COMPONENT}(?:/{_COMPONENT})*(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?"
)
"""A full name of distribution/reference, domain included, without a digest."""
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}")
_REGISTRY_ADVICE = (
    "write docker://HOST/REPOSITORY:TAG or docker://HOST/REPOSITORY@sha256:..., in lower case, without user name or "
    "password (skopeo login keeps those)"
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_NAME_LIMIT = 512
_PATH_MAX = 4096  # limits.h: the terminating null included


class BadReference(ValueError):  # noqa: N818 - a reference that is bad, as users of the library read it
    """A text that is no reference to an image at a path. The message says what was tried and what to write instead."""


def parse_reference(text: str, *, registries: bool = False) -> Reference:
    """The reference that `text` names; `text` as `sys.argv` has it (surrogateescape for bytes that are not UTF-8).

    For `oci`, `oci-archive` and `docker-archive` the path ends at the first colon, as for skopeo; `dir` has no tag and
    keeps its colons. A text without a colon before its first slash is a plain path: `/a/b`, `./oci:x`, `image.tar`.
    A relative path stays relative. With `registries` also `docker://HOST/REPOSITORY[:TAG|@DIGEST]` is one: its path is
    `//HOST/REPOSITORY`, its tag `TAG` or `@DIGEST`. Raises `BadReference`.
    """
    if not text:
        raise BadReference(f"an empty reference; {_ADVICE}")
    word, colon, rest = text.partition(":")
    if not colon or "/" in word:
        return _reference(text, PATH_TRANSPORT, text, None)
    if word == REGISTRY_TRANSPORT and registries:
        return _in_registry(text, rest)
    if word not in TRANSPORTS:
        raise BadReference(_unknown(text, word, rest))
    if word == "dir":
        return _reference(text, word, rest, None)
    path, colon, tag = rest.partition(":")
    if word == "docker-archive":
        if colon:
            _check_docker_tag(text, tag)
    elif tag and not (_OCI_NAME.fullmatch(tag) or (word == "oci" and _OCI_INDEX.fullmatch(tag))):
        raise BadReference(
            f"{_shown(text)}: the path ends at its first colon, and {_shown(tag)!r} cannot be an image name "
            f"(letters and digits with - . _ : @ + / between them); {_colon_advice(word)}"
        )
    return _reference(text, word, path, tag or None)


def format_reference(reference: Reference) -> str:
    """The reference as one argument of a command line, for skopeo too (a plain path stays one)."""
    path = os.fsdecode(path_bytes(reference.path))
    if reference.transport == PATH_TRANSPORT:
        return path
    if reference.transport == REGISTRY_TRANSPORT and (reference.tag or "").startswith("@"):
        return f"{reference.transport}:{path}{reference.tag}"
    return f"{reference.transport}:{path}" + (f":{reference.tag}" if reference.tag else "")


def normalized_name(name: str) -> str | None:
    """A Docker image name in full, as distribution/reference normalises it: `docker.io/library/busybox:latest`.

    None for a text that is no such name, or names a digest.
    """
    if len(name) > _NAME_LIMIT or _IDENTIFIER.fullmatch(name):
        return None
    domain, slash, remainder = name.partition("/")
    if not slash or not ("." in domain or ":" in domain or domain == "localhost"):
        domain, remainder = "docker.io", name
    if domain == "index.docker.io":
        domain = "docker.io"
    if domain == "docker.io" and "/" not in remainder:
        remainder = f"library/{remainder}"
    full = f"{domain}/{remainder}"
    match = _DOCKER_NAME.fullmatch(full)
    if match is None:
        return None
    return full if match["tag"] else f"{full}:latest"


def _in_registry(text: str, rest: str) -> Reference:
    name, at, digest = rest.removeprefix("//").partition("@")
    tagged = ":" in name.rpartition("/")[2]
    full = normalized_name(name)
    if not rest.startswith("//") or full is None or (at and (tagged or not _DIGEST.fullmatch(digest))):
        raise BadReference(f"{_shown(text)}: {_REGISTRY_ADVICE}")
    repository, _, tag = full.rpartition(":")
    chosen = f"@{digest}" if at else tag if tagged else None
    return Reference(text=text, transport=REGISTRY_TRANSPORT, path=f"//{repository}", tag=chosen)


def _reference(text: str, transport: str, path: str, tag: str | None) -> Reference:
    raw = path.encode("utf-8", "surrogateescape")
    if not raw:
        raise BadReference(f"{_shown(text)}: no path after {transport}:; {_ADVICE}")
    if b"\0" in raw:
        raise BadReference(f"{_shown(text)}: a path cannot hold a null byte")
    shown = path_text(raw)
    if len(raw) >= _PATH_MAX or path_bytes(shown) != raw:
        raise BadReference(f"a path of {len(raw)} bytes is longer than the kernel takes ({_PATH_MAX - 1})")
    return Reference(text=path_text(text), transport=transport, path=shown, tag=tag)


def _check_docker_tag(text: str, tag: str) -> None:
    if tag.startswith("@"):
        if re.fullmatch(r"@\+?[0-9]{1,9}", tag):
            return
        raise BadReference(f"{_shown(text)}: after @ stands the number of the image in the archive, from 0")
    if normalized_name(tag) is None:
        raise BadReference(
            f"{_shown(text)}: the path ends at its first colon, and {_shown(tag)!r} is no image name with a tag "
            f"(such as localhost/app:1, or @0 for the first image); {_colon_advice('docker-archive')}"
        )


def _colon_advice(transport: str) -> str:
    return f"{transport}: cannot name a path with a colon in it: rename the file, or name it through a symbolic link"


def _unknown(text: str, word: str, rest: str) -> str:
    shown = _shown(text)
    if not word:
        return f"{shown}: no transport before the colon; {_ADVICE} (./{shown} for a file of that name)"
    if word in _ELSEWHERE:
        return f"{shown}: the transport {word} {_ELSEWHERE[word]}, not a file or directory; {_ADVICE}"
    plain = re.sub(r"[^a-z_-]", "", word.lower())
    meant = next((name for name, others in _MEANT.items() if plain == name or plain in others), None)
    if meant is not None:
        return f"{shown}: no transport is named {_shown(word)}; did you mean {meant}:{_shown(rest)} ?"
    return f"{shown}: no transport is named {_shown(word)}; {_ADVICE} (./{shown} for a file of that name)"


def _shown(text: str) -> str:
    """Printable, short, and without the user name and password that may stand in a registry address."""
    masked = path_text(re.sub(r"//.*@", "//***@", text))
    return masked if len(masked) <= 200 else masked[:200] + "..."
