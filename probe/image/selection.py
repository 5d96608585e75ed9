"""Which of the images in a container a reference names: as containers/image chooses."""

from __future__ import annotations

from collections.abc import Sequence

from probe.image.blobs import Draft
from probe.image.documents import LISTS, MANIFESTS, REF_NAME, Descriptor, as_text
from probe.image.problems import Problems
from probe.image.reference import normalized_name

_SHOWN = 16


def choose_descriptor(
    descriptors: Sequence[Descriptor], tag: str | None, problems: Problems, *, must: bool
) -> int | None:
    """The position of the descriptor in `index.json` that a tag names, or of the only one.

    `must`: the reader would fail without one, so note why there is none.
    """
    if tag is None or tag.startswith("@"):
        return _by_number(len(descriptors), tag, [reference_name(entry) for entry in descriptors], problems, must)
    for number, entry in enumerate(descriptors):
        if reference_name(entry) == tag and entry.media_type in LISTS | MANIFESTS:
            return number
    if must:
        _unknown(tag, [reference_name(entry) for entry in descriptors], problems)
    return None


def choose_tagged(drafts: Sequence[Draft], tag: str | None, problems: Problems, *, must: bool) -> int | None:
    """The position in a docker-archive's `manifest.json` of the image that a tag names, or of the only one."""
    names = [name for draft in drafts for name in draft.names]
    if tag is None or tag.startswith("@"):
        return _by_number(len(drafts), tag, names, problems, must)
    wanted = normalized_name(tag)
    for number, draft in enumerate(drafts):
        if any(normalized_name(name) == wanted for name in draft.names):
            return number
    if must:
        _unknown(tag, names, problems)
    return None


def reference_name(entry: Descriptor) -> str:
    """The name that a descriptor in `index.json` gives to its image; empty for none."""
    return as_text(entry.annotations.get(REF_NAME))


def _by_number(count: int, tag: str | None, names: list[str], problems: Problems, must: bool) -> int | None:
    if tag is not None:
        number = int(tag[1:])
        if number < count:
            return number
        if must:
            _unknown(tag, [f"@{position}" for position in range(min(count, _SHOWN))], problems)
        return None
    if count == 1:
        return 0
    if must and count:
        problems.add(
            "ambiguous-reference", "tag", expected="a tag, or one image", found=f"{count} images: {_listed(names)}"
        )
    return None


def _unknown(tag: str, names: list[str], problems: Problems) -> None:
    problems.add("unknown-reference", "tag", expected=tag, found=_listed(names))


def _listed(names: list[str]) -> str:
    shown = [name or "(no name)" for name in names[:_SHOWN]]
    return ", ".join(shown + ["..."] * (len(names) > _SHOWN)) or "no name"
