"""The members of a tar archive by name, as a reader that looks for one name would find them."""

from __future__ import annotations

import re

from probe.image.tar import Member

MARKERS = frozenset({b"index.json", b"oci-layout", b"manifest.json", b"repositories", b"version"})
"""The files by which a container is known."""

_NAME_LIMIT = 512
_LINKS = 8
_BLOB = re.compile(rb"blobs/[a-z0-9]+/[0-9a-f]{32,128}")
DOCKER_SAVE = re.compile(rb"[0-9a-f]{64}(\.tar|\.json|/layer\.tar|/VERSION|/json)")
"""Names as `docker save` gave them before it wrote OCI layouts, and as containers/image still gives them."""


def clean_name(name: bytes) -> bytes:
    """A name with `.`, `..` and doubled slashes resolved, relative to the archive's root.

    Empty for one that leaves the root: a reader that unpacks refuses it.
    """
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if not parts:
                return b""
            parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


class Members:
    """What the walk met. Of several members of one name the first and the last are kept.

    containers/image takes the first in a docker-archive, and unpacks an oci-archive, where the last stays.
    """

    def __init__(self, limit: int) -> None:
        self._first: dict[bytes, Member] = {}
        self._last: dict[bytes, Member] = {}
        self._limit = limit
        self.incomplete = False
        """Not all members were kept: a name that is not found may still be there."""
        self.has_blobs = False
        """A name as in an OCI image layout was met."""
        self.has_docker_names = False
        """A name as `docker save` gives them was met."""

    def add(self, member: Member) -> bytes:
        """Keep a member, and give its clean name; empty when it is not kept."""
        name = clean_name(member.name)
        if name.startswith(b"blobs/") or (name == b"blobs" and member.flag == ord("5")):
            self.has_blobs = True
        elif DOCKER_SAVE.fullmatch(name):
            self.has_docker_names = True
        if not name or not (member.is_file or member.is_symlink or member.is_hard_link):
            return b""
        if name not in MARKERS and name not in self._first and len(self._first) >= self._limit:
            self.incomplete = True
            return b""
        if len(name) > _NAME_LIMIT:
            return b""
        self._first.setdefault(name, member)
        self._last[name] = member
        return name

    def has(self, name: str) -> bool:
        """Whether a file of this name was met, whole or not."""
        return name.encode() in self._first

    def duplicates(self) -> list[bytes]:
        """Names that stand for more than one member, where it matters which one counts.

        A blob that was written twice with the same size is the same blob: its name is its digest.
        """
        return [
            name
            for name, first in self._first.items()
            if (last := self._last[name]) is not first
            and (name in MARKERS or (_BLOB.fullmatch(name) and last.size != first.size))
        ]

    def stored(self, name: bytes, *, first: bool = False) -> Member | None:
        """The member of this name, a link not followed."""
        return (self._first if first else self._last).get(name)

    def find(self, name: bytes, *, first: bool = False) -> Member | None:
        """The regular file that a name leads to, over links inside the archive."""
        for _ in range(_LINKS):
            member = self.stored(name, first=first)
            if member is None or member.is_file:
                return member
            parent = name.rpartition(b"/")[0] + b"/" if member.is_symlink else b""
            if member.link.startswith(b"/"):
                return None
            name = clean_name(parent + member.link)
        return None
