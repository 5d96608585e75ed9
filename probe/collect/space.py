"""Room on a file system (statvfs(3)), and whether skopeo's temp directory can be written to."""

from __future__ import annotations

import os

from probe.collect.clock import observe
from probe.evidence.base import path_text
from probe.evidence.mount import Space
from probe.evidence.observation import Observation, Seen


def space_at(place: int | bytes, path: bytes) -> Observation[Space]:
    """Bytes and inodes of the file system behind a descriptor (O_PATH is enough) or a path."""
    text = path_text(path)
    return observe(Seen[Space], f"statvfs {text}", lambda: _space(place, text))


def _space(place: int | bytes, text: str) -> Space:
    found = os.statvfs(place)
    return Space(
        path=text,
        total_bytes=found.f_blocks * found.f_frsize,
        available_bytes=found.f_bavail * found.f_frsize,
        total_inodes=found.f_files,
        available_inodes=found.f_favail,
    )


def writable(directory: bytes) -> Observation[bool]:
    """Whether the effective ids may create entries in a directory; not seen when it is not there.

    access(2) asks without changing anything; a full disk or a quota shows only when something is written.
    """
    text = path_text(directory)

    def ask() -> bool:
        os.stat(directory)
        return os.access(directory, os.W_OK | os.X_OK, effective_ids=True)

    return observe(Seen[bool], f"access {text}", ask)
