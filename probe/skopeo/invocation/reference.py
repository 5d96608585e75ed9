"""From an argument to the image reference that it names, with nothing guessed and no secret kept."""

from __future__ import annotations

import os
import posixpath
import re

from probe.evidence.base import clip, path_bytes, path_text
from probe.evidence.report import Reference
from probe.skopeo.invocation.options import LOCAL
from probe.skopeo.invocation.tools import Form, Named
from probe.skopeo.masking import MASK

DOCKER = "docker"
_PLAIN = "path"
_PATH_MAX = 4096
_USERINFO = re.compile(r"^//[^/@]*@(?=[^/]*(?:/|$))")
_TAG = re.compile(r":([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$")
_DIGEST = re.compile(r"@([a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-f]{32,128})$")
_REGISTRY_PATH = re.compile(r"//[A-Za-z0-9*@_./:\[\]-]{1,1000}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+/-]{0,511}|@[0-9]{1,9}")
"""What an image may be called in an archive or a layout."""


def reference_of(named: Named, directory: str | None) -> Reference | None:
    """The reference, its path made absolute where the command's directory is known; None if it is none or hidden."""
    if not named.argument.known:
        return None
    text = named.argument.text
    if named.form is Form.REGISTRY:
        return registry_reference(f"docker://{text}")
    if named.form is Form.REFERENCE and text.startswith("docker:"):
        return registry_reference(text)
    if named.form is Form.PATH:
        path = text if text.startswith("/") else f"./{text.removeprefix('./')}"
        found = _reference(path, _PLAIN, path, None)
    else:
        found = local_reference(text if named.form is Form.REFERENCE else f"{named.form}:{text}")
    return _absolute(found, directory) if found is not None else None


def local_reference(text: str) -> Reference | None:
    """A reference to what lies at a path, as containers-transports(5) has it; None for what skopeo would refuse.

    The path ends at the first colon, but for `dir`, which has no tag.
    """
    transport, colon, rest = text.partition(":")
    if not colon or transport not in LOCAL:
        return None
    if transport == "dir":
        return _reference(text, transport, rest, None)
    path, colon, tag = rest.partition(":")
    if (tag and not _NAME.fullmatch(tag)) or (transport == "docker-archive" and colon and not tag):
        return None
    return _reference(text, transport, path, tag or None)


def registry_reference(text: str) -> Reference | None:
    """`docker://host/repository[:tag][@digest]`: path `//host/repository`, tag `tag`, `@digest` or `tag@digest`.

    None for what is no such reference. A user name or password in it is masked.
    """
    path = text.removeprefix("docker:")
    if not path.startswith("//") or len(path) > 1_500:
        return None
    path = _USERINFO.sub(f"//{MASK}@", path)
    text = f"docker:{path}"
    digest = _DIGEST.search(path)
    path = path[: digest.start()] if digest else path
    tag = _TAG.search(path)
    path = path[: tag.start()] if tag else path
    if not _REGISTRY_PATH.fullmatch(path) or path.endswith("/"):
        return None
    whole = (tag[1] if tag else "") + (f"@{digest[1]}" if digest else "")
    return Reference(text=text, transport=DOCKER, path=path, tag=whole or None)


def _reference(text: str, transport: str, path: str, tag: str | None) -> Reference | None:
    raw = path.encode("utf-8", "surrogateescape")
    if not raw or b"\0" in raw or len(raw) >= _PATH_MAX or path_bytes(path_text(raw)) != raw:
        return None
    return Reference(text=path_text(text), transport=transport, path=path_text(raw), tag=tag)


def _absolute(reference: Reference, directory: str | None) -> Reference:
    path = os.fsdecode(path_bytes(reference.path))
    if path.startswith("/") or not directory:
        return reference
    return reference.model_copy(update={"path": clip(path_text(posixpath.normpath(posixpath.join(directory, path))))})
