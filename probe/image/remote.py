"""An image that lies elsewhere, by what can be fetched of it: manifest and config, never a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from probe.evidence.image import BlobState, Container, ImageFacts
from probe.image.blobs import Draft, Look
from probe.image.documents import Descriptor
from probe.image.layout import read_manifest
from probe.image.limits import Limits
from probe.image.measure import Measured
from probe.image.problems import Problems
from probe.image.store import Found

_TOP = "manifest"


class Remote(Protocol):
    """Whoever can fetch. What these raise passes through."""

    def manifest(self, digest: str | None) -> bytes:
        """A manifest or an index: the one that the reference names, or one by its digest."""

    def config(self, manifest: str | None) -> bytes:
        """The config of the image whose manifest has this digest; None: of the one that the reference names."""


def inspect_remote(remote: Remote, name: str | None) -> ImageFacts:
    """What the reference leads to, over an index to the instance for this machine; `name` is the tag, if there is one.

    Layers are named and not looked at, so the image is neither `whole` nor `complete`.
    """
    store, problems = _Fetched(remote), Problems()
    look = Look(store, Limits(), problems)
    draft = Draft(names=[name] if name else [], selected=True)
    part, data = look.adopt(_TOP, "manifest")
    read_manifest(look, _place, part, data, draft)
    return ImageFacts(
        found=Container.REGISTRY,
        images=(draft.finish(),) if draft.manifest_digest is not None else (),
        problems=problems.listed(),
        readable_as_asked=draft.understood,
        whole=False,
        complete=False,
        truncated=problems.truncated or draft.cut,
    )


def _place(wanted: Descriptor, role: str) -> str:
    return f"{role} {wanted.digest}"


class _Fetched:
    """A store that fetches what it is asked for, once, when it is asked."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._kept: dict[str, bytes] = {}
        self._manifest: str | None = None
        """The digest of the last one that was fetched by it: the config belongs to that."""

    def find(self, name: str) -> Found:
        """Fetch a manifest or a config; a layer stays where it is."""
        role, _, digest = name.partition(" ")
        if role in ("manifest", "index"):
            self._keep(name, lambda: self._remote.manifest(digest or None))
            self._manifest = digest or None
        elif role == "config":
            self._keep(name, lambda: self._remote.config(self._manifest))
        else:
            return Found(BlobState.UNCHECKED)
        return Found(BlobState.PRESENT, len(self._kept[name]), len(self._kept[name]))

    def _keep(self, name: str, fetch: Callable[[], bytes]) -> None:
        if name not in self._kept:
            self._kept[name] = fetch()

    def read(self, name: str, limit: int) -> bytes | None:
        """What was fetched."""
        return self._kept[name][:limit]

    def measure(self, name: str, algorithm: str, limit: int, progress: object = None) -> Measured | None:  # noqa: ARG002
        """Nothing is hashed in a registry."""
        return None
