"""The blobs that an image needs: where each should be, what is there, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from probe.evidence.image import MAX_LAYERS, Blob, BlobState, Image
from probe.image.documents import Descriptor, DocumentError, descriptor, parse
from probe.image.limits import Limits
from probe.image.measure import digest_of
from probe.image.problems import SHORT, Problems, clean
from probe.image.store import Store

UNNAMED = "(named by no digest)"

_MAX_NAMES = 64
_NOT_LOOKED_AT = (BlobState.UNCHECKED, BlobState.UNREADABLE)


@dataclass(slots=True)
class Part:
    """One blob in one role (`index`, `manifest`, `config`, `layer`); `place` is its name in the store."""

    blob: Blob
    place: str
    role: str
    diff_id: str = ""
    """Of a layer: what the config says that its content hashes to; empty when it says nothing."""
    foreign: bool = False
    """A layer that may lie elsewhere (its descriptor has URLs) and is not here."""
    by_content: bool = False
    """The digest is that of the content, not of the bytes as stored: the layers of a docker-archive."""
    content_size: int | None = None
    """Of a layer: its size when unpacked, where it had to be unpacked to know it."""
    content_unknown: bool = False
    """Of a layer: it should have been unpacked, and could not be."""

    @property
    def intact(self) -> bool:
        """There, with the declared size, and with the declared digest where it was hashed."""
        return self.foreign or self.blob.state in (BlobState.PRESENT, BlobState.VERIFIED)

    def update(self, state: BlobState, computed: str | None = None) -> None:
        """Replace the state, and note what was computed."""
        self.blob = self.blob.model_copy(update={"state": state, "computed": computed or self.blob.computed})


@dataclass(slots=True)
class Draft:
    """An image as far as it is known; `finish` makes the evidence of it."""

    names: Sequence[str] = ()
    media_type: str = ""
    manifest_digest: str | None = None
    indexes: list[Part] = field(default_factory=list)
    manifest: Part | None = None
    config: Part | None = None
    layers: list[Part] = field(default_factory=list)
    diff_ids: list[str] = field(default_factory=list)
    platform: str = ""
    selected: bool = False
    understood: bool = False
    """Manifest and config were read, so the parts are all that the image needs."""

    @property
    def parts(self) -> list[Part]:
        """All parts that are known."""
        return [part for part in (*self.indexes, self.manifest, self.config, *self.layers) if part is not None]

    @property
    def whole(self) -> bool:
        """Whether everything that the image needs is known, and there."""
        return self.understood and all(part.intact for part in self.parts)

    @property
    def cut(self) -> bool:
        """Whether evidence cannot hold all of it."""
        return max(len(self.layers), len(self.diff_ids)) > MAX_LAYERS or len(self.names) > _MAX_NAMES

    def finish(self) -> Image:
        """The evidence."""
        return Image(
            names=tuple(clean(name) for name in self.names[:_MAX_NAMES]),
            media_type=clean(self.media_type, SHORT),
            manifest_digest=self.manifest_digest,
            index=self.indexes[0].blob if self.indexes else None,
            manifest=self.manifest.blob if self.manifest else None,
            config=self.config.blob if self.config else None,
            layers=tuple(layer.blob for layer in self.layers[:MAX_LAYERS]),
            diff_ids=tuple(clean(diff_id, SHORT) for diff_id in self.diff_ids[:MAX_LAYERS]),
            platform=clean(self.platform, SHORT),
            selected=self.selected,
        )


class Look:
    """One look into one store: finds blobs, reads the small ones, and notes what is wrong."""

    def __init__(self, store: Store, limits: Limits, problems: Problems) -> None:
        self.store = store
        self.limits = limits
        self.problems = problems
        self.images_left_out = False
        """The container holds more images than evidence can."""
        self._json_left = limits.json_bytes_total

    def locate(self, wanted: Descriptor, place: str, role: str) -> Part:
        """Look a blob up and compare its size; the bytes are not read."""
        found = self.store.find(place) if wanted.hex else None
        state = BlobState.MISSING if found is None else found.state
        part = Part(_blob(wanted, state), place, role)
        if found is None:
            self.problems.add("bad-json", clean(wanted.digest), expected="a digest", found="not one", role=role)
            return part
        size = found.available if state is BlobState.PARTIAL else found.size
        if state is BlobState.MISSING:
            part.foreign = wanted.foreign
            if part.foreign:
                state = BlobState.UNCHECKED
            else:
                self.problems.add("missing-blob", place, expected=wanted.digest, found=found.note, role=role)
        elif state is BlobState.PARTIAL:
            self.problems.add("partial-blob", place, expected=_bytes(wanted.size), found=_bytes(size), role=role)
        elif state in _NOT_LOOKED_AT:
            if found.note:
                self.problems.add("unreadable", place, expected=wanted.digest, found=found.note, role=role)
        elif wanted.size is not None and wanted.size != size:
            state = BlobState.WRONG_SIZE
            self.problems.add("wrong-size", place, expected=_bytes(wanted.size), found=_bytes(size), role=role)
        part.blob = part.blob.model_copy(update={"state": state, "found_size": size})
        return part

    def load(self, wanted: Descriptor, place: str, role: str) -> tuple[Part, bytes | None]:
        """As `locate`, then read and hash a small blob, whatever its size turned out to be."""
        part = self.locate(wanted, place, role)
        if part.blob.state not in (BlobState.PRESENT, BlobState.WRONG_SIZE):
            return part, None
        data = self.read(place, role, part.blob.found_size)
        if isinstance(data, BlobState):
            part.update(data)
            return part, None
        computed = digest_of(data, wanted.algorithm)
        if part.blob.state is BlobState.WRONG_SIZE:
            part.update(BlobState.WRONG_SIZE, computed)
        elif computed == wanted.digest:
            part.update(BlobState.VERIFIED, computed)
        else:
            part.update(BlobState.CORRUPT, computed)
            self.problems.add("digest-mismatch", place, expected=wanted.digest, found=computed, role=role)
        return part, data

    def adopt(self, place: str, role: str) -> tuple[Part, bytes | None]:
        """As `load`, for a file that nothing names by digest: it is PRESENT, under the digest that it has."""
        part = self.locate(Descriptor(UNNAMED, "sha256", "-", None, "", {}, None, False), place, role)
        if part.blob.state is not BlobState.PRESENT:
            return part, None
        data = self.read(place, role, part.blob.found_size)
        if isinstance(data, BlobState):
            part.update(data)
            return part, None
        computed = digest_of(data)
        part.blob = part.blob.model_copy(update={"digest": computed, "size": len(data), "computed": computed})
        return part, data

    def read(self, place: str, role: str, size: int | None) -> bytes | BlobState:
        """Read a whole small file that is there; its state, with the problem noted, when that is not possible."""
        size = size or 0
        bound = min(self.limits.json_bytes, self._json_left)
        if size > bound:
            self.problems.add("too-large", place, expected=f"at most {bound} bytes", found=_bytes(size), role=role)
            return BlobState.UNCHECKED
        self._json_left -= size
        try:
            data = self.store.read(place, size)
        except OSError as error:
            self.problems.unreadable(place, error, role)
            return BlobState.UNREADABLE
        if data is None:
            self.problems.add("too-large", place, found="not kept while the stream was read", role=role)
            return BlobState.UNCHECKED
        if len(data) < size:
            self.problems.add("partial-blob", place, expected=_bytes(size), found=_bytes(len(data)), role=role)
            return BlobState.PARTIAL
        return data

    def parse(self, data: bytes, place: str, role: str) -> dict[str, Any] | None:
        """The JSON object in `data`; None, with the problem noted, for anything else."""
        try:
            value = parse(data)
        except DocumentError as error:
            self.problems.add("bad-json", place, expected="JSON", found=str(error), role=role)
            return None
        if not isinstance(value, dict):
            self.problems.add("bad-json", place, expected="an object", found=type(value).__name__, role=role)
            return None
        return value

    def descriptors(self, values: list[Any], place: str, role: str) -> list[Descriptor]:
        """The descriptors of a list; one that is none is noted and comes out as one that names nothing."""
        found = []
        for number, value in enumerate(values):
            entry = descriptor(value)
            if entry is None:
                self.problems.add("bad-json", f"{place} [{number}]", expected="a descriptor", found="none", role=role)
                entry = Descriptor("", "", "", None, "", {}, None, False)
            found.append(entry)
        return found


def _blob(wanted: Descriptor, state: BlobState) -> Blob:
    return Blob(
        digest=clean(wanted.digest, SHORT),
        size=wanted.size,
        media_type=clean(wanted.media_type, SHORT),
        state=state,
    )


def _bytes(size: int | None) -> str:
    return "unknown" if size is None else f"{size} bytes"
