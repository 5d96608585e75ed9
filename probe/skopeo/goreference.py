"""The image reference that a message of skopeo, buildah or podman names, and whether it is the source or the target."""

from __future__ import annotations

import re
from dataclasses import dataclass

from probe.skopeo.loglines import unquote

_TRANSPORT = r"(?:oci-archive|oci|dir|docker-archive|docker-daemon|docker|containers-storage|sif|tarball|ostree|atomic)"
_GO_STRING = r"\"(?P<quoted>(?:[^\"\\]|\\.)*)\""

_PATTERNS = (
    # The destination first: it is what the message is about whenever it names one.
    (re.compile(rf"initializing destination (?P<bare>{_TRANSPORT}:.*?)(?:: |$)"), True),
    (re.compile(rf"Invalid destination name (?P<bare>{_TRANSPORT}:.*?)(?:: |$)"), True),
    (re.compile(rf"pushing image \"[^\"]*\" to {_GO_STRING}"), True),
    (re.compile(rf"copying layers and metadata from \"[^\"]*\" to {_GO_STRING}"), True),
    (re.compile(rf"getting (?P<kind>OCI archive) ImageReference for \({_GO_STRING}"), True),
    (re.compile(rf"initializing source (?P<bare>{_TRANSPORT}:.*?)(?:: |$)"), False),
    (re.compile(rf"Invalid source name (?P<bare>{_TRANSPORT}:.*?)(?:: |$)"), False),
    (re.compile(rf"determining manifest MIME type for (?P<bare>{_TRANSPORT}:.*?)(?:: |$)"), False),
    (re.compile(rf"parsing image name {_GO_STRING}"), False),
    (re.compile(rf"loading manifest for {_GO_STRING}"), False),
    (
        re.compile(
            r"(?:computing local image name for|resolving local image|pull goal for image|invalid image reference) "
            rf"{_GO_STRING}"
        ),
        False,
    ),
)
_SPLIT = re.compile(r"([a-z][a-z-]{1,31}):(.*)", re.DOTALL)
_PATHS = frozenset({"oci-archive", "oci", "docker-archive"})
"""Transports whose path ends at the first colon (containers-transports(5)); `dir:` keeps its colons."""


@dataclass(frozen=True)
class Named:
    """A reference as a message names it, without `transport:`; for a registry it keeps the `//`."""

    transport: str | None = None
    reference: str | None = None
    destination: bool = False

    @property
    def path(self) -> str | None:
        """The path of a transport that reads files."""
        if not self.reference:
            return None
        if self.transport in _PATHS:
            return self.reference.partition(":")[0]
        return self.reference if self.transport == "dir" else None

    @property
    def host(self) -> str | None:
        """host[:port] of a registry reference."""
        if self.transport != "docker" or not self.reference:
            return None
        return host_of(self.reference.removeprefix("//"))


def named_reference(message: str) -> Named | None:
    """The first reference in a message, by the words around it."""
    for pattern, destination in _PATTERNS:
        found = pattern.search(message)
        if found is None:
            continue
        groups = found.groupdict()
        text = unquote(groups["quoted"]) if groups.get("quoted") is not None else (groups.get("bare") or "")
        return _named(f"oci-archive:{text}" if groups.get("kind") else text, destination)
    return None


def host_of(text: str) -> str | None:
    """The host[:port] that a registry name or address begins with, without user information."""
    host = text.partition("/")[0].rpartition("@")[2]
    return host if re.fullmatch(r"\[[0-9a-fA-F:.%]+\](?::\d+)?|[\w.-]+(?::\d+)?", host) else None


def _named(text: str, destination: bool) -> Named:
    split = _SPLIT.fullmatch(text)
    if split is None or text.startswith("/") or not re.match(rf"{_TRANSPORT}:", text):
        return Named(None, text or None, destination)
    transport, reference = split.groups()
    if transport in _PATHS:
        reference = reference.removesuffix(":")  # an image without a tag is printed as `oci:/path:`
    return Named(transport, reference or None, destination)
