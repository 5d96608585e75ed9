"""The archive of `docker save`, and the manifest that containers/image makes up for it.

Such an archive holds no manifest of its own: `docker/internal/tarfile` generates one of Docker schema 2 from the
config and the layers' diff_ids and unpacked sizes, and skopeo reports that one's digest.
"""

from __future__ import annotations

import json
import re
from typing import Any

from probe.evidence.image import MAX_IMAGES, Blob, BlobState
from probe.image.blobs import Draft, Look, Part
from probe.image.compression import detect
from probe.image.documents import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    Descriptor,
    DocumentError,
    as_dict,
    as_list,
    as_text,
    parse,
    split_digest,
)
from probe.image.layout import platform_text
from probe.image.measure import Measured, digest_of
from probe.image.members import clean_name
from probe.image.problems import SHORT, clean
from probe.image.selection import choose_tagged
from probe.image.store import ArchiveStore

_NAMED_BY_DIGEST = re.compile(r"(?:blobs/(?P<algorithm>[a-z0-9]+)/|)(?P<hex>[0-9a-f]{64,128})(?:\.json)?")


def read_docker(look: Look, store: ArchiveStore, tag: str | None, *, must: bool, deep: bool) -> list[Draft]:
    """The images of a docker-archive, at most `MAX_IMAGES`, the chosen one marked.

    `store` is the one that `look` looks into. Layers that are compressed are unpacked to learn their sizes; a deep
    look leaves that to the verification that follows.
    """
    items = _items(look)
    drafts = [
        Draft(names=[as_text(tag) for tag in as_list(item.get("RepoTags"))], media_type=DOCKER_MANIFEST)
        for item in items
    ]
    chosen = choose_tagged(drafts, tag, look.problems, must=must) if drafts else None
    left = look.limits.decompressed_bytes
    kept: list[Draft] = []
    for number, (item, draft) in enumerate(zip(items, drafts, strict=True)):
        if number != chosen and len(kept) >= MAX_IMAGES - (chosen is not None and chosen > number):
            continue
        draft.selected = number == chosen
        _read_image(look, draft, item)
        for part in draft.layers if not deep and chosen in (number, None) else []:
            left -= _measure_compressed(look, store, part, left)
        kept.append(draft)
    look.images_left_out = len(items) > len(kept)
    return kept


def generate_manifest(draft: Draft, store: ArchiveStore) -> bytes | None:
    """The manifest that containers/image generates; None while a config, a layer or its size is missing.

    The size of a layer is that of its content, or when it is not compressed the size in the header of the first member
    of its name: zero where that is a link.
    """
    if draft.config is None or draft.config.blob.computed is None or not draft.understood:
        return None
    places: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for diff_id, part in zip(draft.diff_ids, draft.layers, strict=True):
        if diff_id in sizes:
            continue
        size = store.header_size(part.place) if part.content_size is None else part.content_size
        if size is None or part.content_unknown or not split_digest(diff_id)[0]:
            return None
        if places.setdefault(part.place, diff_id) != diff_id:
            return None
        sizes[diff_id] = size
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {
            "mediaType": DOCKER_CONFIG,
            "size": draft.config.blob.found_size,
            "digest": draft.config.blob.computed,
        },
        "layers": [
            {"mediaType": DOCKER_LAYER, "size": sizes[diff_id], "digest": diff_id} for diff_id in draft.diff_ids
        ],
    }
    return json.dumps(manifest, separators=(",", ":")).encode()


def _items(look: Look) -> list[dict[str, Any]]:
    found = look.store.find("manifest.json")
    if found.state is BlobState.UNCHECKED and not found.note:
        return []
    if found.state is BlobState.MISSING:
        look.problems.add("no-manifest", "manifest.json", expected="manifest.json", found=found.note)
        return []
    _, data = look.adopt("manifest.json", "manifest")
    if data is None:
        return []
    try:
        value = parse(data)
    except DocumentError as error:
        look.problems.add("bad-json", "manifest.json", expected="JSON", found=str(error), role="manifest")
        return []
    if not isinstance(value, list):
        look.problems.add("bad-json", "manifest.json", expected="an array", found="another value", role="manifest")
    items = [as_dict(item) for item in as_list(value)]
    if not items:
        look.problems.add("empty-index", "manifest.json", expected="an image", found="none", role="manifest")
    return items


def _read_image(look: Look, draft: Draft, item: dict[str, Any]) -> None:
    place = _place(as_text(item.get("Config")))
    named = digest_in_name(place)
    wanted = Descriptor(f"{named[0]}:{named[1]}", *named, None, DOCKER_CONFIG, {}, None, False) if named else None
    draft.config, data = look.load(wanted, place, "config") if wanted else look.adopt(place, "config")
    settings = None if data is None else look.parse(data, place, "config")
    if settings is not None and data is not None:
        draft.config.blob = draft.config.blob.model_copy(
            update={"size": len(data), "media_type": DOCKER_CONFIG, "computed": digest_of(data)}
        )
        draft.diff_ids = [as_text(value) for value in as_list(as_dict(settings.get("rootfs")).get("diff_ids"))]
        draft.platform = platform_text(settings)
    layers = [_place(as_text(name)) for name in as_list(item.get("Layers"))]
    paired = len(layers) == len(draft.diff_ids)
    if settings is not None and not paired:
        look.problems.add(
            "diff-id-mismatch",
            place,
            expected=f"{len(layers)} diff_ids, one for each layer",
            found=str(len(draft.diff_ids)),
            role="config",
        )
    draft.understood = settings is not None and paired
    draft.layers = [
        _locate_layer(look, layer, draft.diff_ids[number] if paired else "") for number, layer in enumerate(layers)
    ]


def _locate_layer(look: Look, place: str, diff_id: str) -> Part:
    found = look.store.find(place)
    part = Part(
        Blob(digest=clean(diff_id or place, SHORT), media_type=DOCKER_LAYER, state=found.state),
        place,
        "layer",
        diff_id=diff_id,
        by_content=True,
    )
    part.blob = part.blob.model_copy(update={"found_size": found.available, "size": found.size})
    if found.state is BlobState.MISSING:
        look.problems.add("missing-blob", place, expected=diff_id or place, found=found.note, role="layer")
    elif found.state is BlobState.PARTIAL:
        look.problems.add(
            "partial-blob", place, expected=f"{found.size} bytes", found=f"{found.available} bytes", role="layer"
        )
    return part


def _measure_compressed(look: Look, store: ArchiveStore, part: Part, limit: int) -> int:
    """Unpack a layer that is compressed in the archive, as skopeo does; how many bytes of the limit that took."""
    if part.blob.state is not BlobState.PRESENT:
        return 0
    try:
        head = store.read(part.place, 8)
        if not store.scan.compressed and detect(head or b"") == "none":
            return 0
        done = store.measure(part.place, "sha256", max(0, limit))
    except OSError as error:
        look.problems.unreadable(part.place, error, "layer")
        part.update(BlobState.UNREADABLE)
        return 0
    if done is None or done.compression == "none":
        return 0
    judge_content(look, part, done)
    return limit if done.content_size is None else done.content_size


def judge_content(look: Look, part: Part, done: Measured) -> None:
    """Compare a layer's content with the diff_id that it is named by."""
    if done.compression != "none":
        part.content_size = done.content_size
        part.content_unknown = done.content_size is None
    if done.trouble:
        look.problems.add(done.trouble, part.place, found=done.trouble_text, role="layer")
        if done.trouble == "decompression":
            part.update(BlobState.CORRUPT)
    elif done.content_digest == part.diff_id:
        part.update(BlobState.VERIFIED, done.content_digest)
    else:
        part.update(BlobState.CORRUPT, done.content_digest)
        found = done.content_digest or ""
        look.problems.add(
            "diff-id-mismatch", part.place, expected=part.diff_id or "a diff_id", found=found, role="layer"
        )


def _place(name: str) -> str:
    return clean_name(name.encode("utf-8", "replace")).decode("utf-8", "replace")


def digest_in_name(place: str) -> tuple[str, str] | None:
    """Algorithm and hex that a file of a docker-archive is named by; None for a name that is no digest."""
    match = _NAMED_BY_DIGEST.fullmatch(place)
    if match is None:
        return None
    algorithm, value = split_digest(f"{match['algorithm'] or 'sha256'}:{match['hex']}")
    return (algorithm, value) if algorithm else None
