"""The OCI image layout and the directory transport: from an index or a manifest to the blobs of each image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from probe.evidence.image import MAX_IMAGES, BlobState
from probe.image.blobs import Draft, Look, Part
from probe.image.documents import (
    DOCKER_CONFIG,
    LISTS,
    MANIFESTS,
    OCI_CONFIG,
    Descriptor,
    DocumentError,
    as_dict,
    as_list,
    as_text,
    guess_media_type,
    parse_first,
)
from probe.image.measure import digest_of
from probe.image.platforms import choose_instance, wanted_platforms
from probe.image.selection import choose_descriptor, reference_name

Place = Callable[[Descriptor, str], str]

_IMAGE_CONFIGS = frozenset({OCI_CONFIG, DOCKER_CONFIG})


def oci_place(wanted: Descriptor, role: str) -> str:  # noqa: ARG001 - one signature for both layouts
    """Where an OCI image layout keeps a blob."""
    return f"blobs/{wanted.algorithm}/{wanted.hex}"


def dir_place(wanted: Descriptor, role: str) -> str:
    """Where the directory transport keeps a blob: by bare hex, an instance of a list with a suffix."""
    return f"{wanted.hex}.manifest.json" if role in ("manifest", "index") else wanted.hex


def read_layout(look: Look, tag: str | None, *, must: bool) -> list[Draft]:
    """The images of an OCI image layout, in the order of `index.json`, at most `MAX_IMAGES`, the chosen one marked."""
    _check_marker(look, "oci-layout")
    entries = _index_entries(look)
    chosen = choose_descriptor(entries, tag, look.problems, must=must) if entries else None
    drafts = []
    for number in _shown(len(entries), chosen):
        entry = entries[number]
        name = reference_name(entry)
        draft = Draft(names=[name] if name else [], selected=number == chosen)
        role = "index" if entry.media_type in LISTS else "manifest"
        part, data = look.load(entry, oci_place(entry, role), role)
        _Manifests(look, oci_place, draft).read(part, data, entry.media_type)
        drafts.append(draft)
    look.images_left_out = len(entries) > len(drafts)
    return drafts


def read_dir(look: Look) -> list[Draft]:
    """The image of a directory in the form of the `dir:` transport."""
    _check_marker(look, "version")
    if look.store.find("manifest.json").state is BlobState.MISSING:
        look.problems.add("no-manifest", "manifest.json", expected="manifest.json", found="none")
        return []
    draft = Draft(selected=True)
    part, data = look.adopt("manifest.json", "manifest")
    read_manifest(look, dir_place, part, data, draft)
    return [draft]


def read_manifest(look: Look, place: Place, part: Part, data: bytes | None, draft: Draft) -> None:
    """The image that a manifest or an index leads to, wherever that was found."""
    _Manifests(look, place, draft).read(part, data, "")


def _check_marker(look: Look, name: str) -> None:
    found = look.store.find(name)
    if found.state is not BlobState.PRESENT and not (found.state is BlobState.UNCHECKED and not found.note):
        look.problems.add("no-layout", name, expected=name, found=found.note or found.state.value)


def _index_entries(look: Look) -> list[Descriptor]:
    found = look.store.find("index.json")
    if found.state is BlobState.UNCHECKED and not found.note:
        return []
    if found.state is BlobState.MISSING:
        look.problems.add("no-index", "index.json", expected="index.json", found=found.note)
        return []
    _, data = look.adopt("index.json", "index")
    if data is None:
        return []
    try:
        value, rest = parse_first(data)
    except DocumentError as error:
        look.problems.add("bad-json", "index.json", expected="JSON", found=str(error), role="index")
        return []
    if rest:
        look.problems.add(
            "bad-json", "index.json", expected="one JSON value", found=f"{rest} characters after it", role="index"
        )
    manifests = as_dict(value).get("manifests")
    if not isinstance(value, dict) or not (manifests is None or isinstance(manifests, list)):
        look.problems.add("bad-json", "index.json", expected="an image index", found="another value", role="index")
        return []
    if not manifests:
        look.problems.add("empty-index", "index.json", expected="a manifest", found="none", role="index")
    return look.descriptors(as_list(manifests), "index.json", "index")


def _shown(count: int, chosen: int | None) -> Sequence[int]:
    """The positions that evidence can hold: the first ones, and the chosen one among them."""
    if count <= MAX_IMAGES or chosen is None or chosen < MAX_IMAGES:
        return range(min(count, MAX_IMAGES))
    return [*range(MAX_IMAGES - 1), chosen]


class _Manifests:
    """From the manifest of one image, through the indexes on the way, to its config and layers."""

    def __init__(self, look: Look, place: Place, draft: Draft) -> None:
        self._look = look
        self._place = place
        self._draft = draft
        self._seen: set[str] = set()

    def read(self, part: Part, data: bytes | None, media_type: str) -> None:
        """Read what was found at the image's own place, and what it leads to."""
        if data is not None:
            # skopeo names an image by what its reference leads to, also where that is an index of many platforms.
            self._draft.manifest_digest = digest_of(data)
        self._follow(part, data, media_type)

    def _follow(self, part: Part, data: bytes | None, media_type: str) -> None:
        look, draft = self._look, self._draft
        document = None if data is None else look.parse(data, part.place, part.role)
        if media_type not in LISTS and media_type not in MANIFESTS and document is not None:
            media_type = guess_media_type(document)
        part.blob = part.blob.model_copy(update={"media_type": part.blob.media_type or media_type})
        if media_type in LISTS:
            draft.indexes.append(part)
        else:
            draft.manifest, draft.media_type = part, media_type
        if document is None:
            return
        if media_type in LISTS:
            self._descend(part, as_list(document.get("manifests")), media_type)
        elif media_type in MANIFESTS:
            self._image(part, as_dict(document))
        else:
            look.problems.add(
                "unsupported",
                part.place,
                expected="an OCI or Docker schema 2 manifest",
                found=as_text(document.get("mediaType")) or f"schema {document.get('schemaVersion')!s:.20}",
                role=part.role,
            )

    def _descend(self, part: Part, values: list[object], media_type: str) -> None:
        """Go on with the instance for this machine, as skopeo does without `--override-arch`."""
        look = self._look
        self._seen.add(part.place)
        wanted = wanted_platforms()
        instances = look.descriptors(values, part.place, "index")
        chosen = choose_instance(media_type, instances, wanted)
        if chosen is None:
            offered = ", ".join("/".join(filter(None, entry.platform or ("any",))) for entry in instances[:16])
            look.problems.add(
                "unsupported",
                part.place,
                expected="an image for " + "/".join(filter(None, wanted[0])),
                found=offered or "none",
                role="index",
            )
            return
        role = "index" if chosen.media_type in LISTS else "manifest"
        place = self._place(chosen, role)
        if place in self._seen or len(self._seen) >= look.limits.index_depth:
            found = "an index that holds itself" if place in self._seen else f"{len(self._seen)} nested indexes"
            look.problems.add("unsupported", part.place, expected="an image", found=found, role="index")
            return
        below, data = look.load(chosen, place, role)
        self._follow(below, data, chosen.media_type)

    def _image(self, part: Part, document: dict[str, object]) -> None:
        look, draft = self._look, self._draft
        config = look.descriptors([document.get("config")], f"{part.place} config", "manifest")[0]
        layers = look.descriptors(as_list(document.get("layers")), f"{part.place} layers", "manifest")
        draft.config, data = look.load(config, self._place(config, "config"), "config")
        is_image = config.media_type in _IMAGE_CONFIGS
        settings = None
        if data is not None and is_image:
            settings = look.parse(data, draft.config.place, "config")
        if settings is not None:
            draft.diff_ids = [as_text(value) for value in as_list(as_dict(settings.get("rootfs")).get("diff_ids"))]
            draft.platform = platform_text(settings)
        paired = len(draft.diff_ids) == len(layers)
        if settings is not None and not paired:
            look.problems.add(
                "diff-id-mismatch",
                draft.config.place,
                expected=f"{len(layers)} diff_ids, one for each layer",
                found=str(len(draft.diff_ids)),
                role="config",
            )
        for number, layer in enumerate(layers):
            place = look.locate(layer, self._place(layer, "layer"), "layer")
            place.diff_id = draft.diff_ids[number] if paired and is_image else ""
            draft.layers.append(place)
        draft.understood = settings is not None or (data is not None and not is_image)


def platform_text(settings: dict[str, object]) -> str:
    """`linux/arm64/v8` of an image config; empty when it does not say."""
    parts = [as_text(settings.get(key)) for key in ("os", "architecture", "variant")]
    return "/".join(filter(None, parts))
