"""The temp directory that skopeo gets: made for one inspection, after a look at the room there, and removed with it.

skopeo unpacks a whole `oci-archive:` (and a compressed `docker-archive:`) into /var/tmp or its `--tmpdir`, ignores
TMPDIR for it, and leaves the files there when it is killed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from probe.skopeo.run import in_child

MARGIN = 1 << 20
"""Bytes beyond the archive's own: directories, block rounding, and a little for others on that file system."""
_PREPARE_SECONDS = 5.0
_REMOVE_SECONDS = 1.0
_PREFIX = b"pod-probe-skopeo-"


class NoRoom(Exception):  # noqa: N818 - not an error of this program
    """Less free space than unpacking takes; both in bytes."""

    def __init__(self, needed: int, available: int) -> None:
        super().__init__(f"{needed} bytes are needed, {available} are free")
        self.needed = needed
        self.available = available


@contextlib.contextmanager
def workspace(parent: str, needed: int, seconds: float) -> Iterator[str]:
    """A directory (0700) of our own below `parent`, removed afterwards even when a killed program filled it.

    Raises NoRoom when `needed` bytes and a margin are more than an unprivileged user may take there, OSError when
    none can be made, TimeoutError when the file system does not answer. Removal is waited for a moment only; a slow
    one goes on alone.
    """
    path = in_child(lambda: _make(os.fsencode(parent), needed), min(seconds, _PREPARE_SECONDS))
    if not path.startswith(b"/"):
        raise NoRoom(needed + MARGIN, int(path))
    try:
        yield os.fsdecode(path)
    finally:
        with contextlib.suppress(OSError):  # TimeoutError too: nothing more can be done about it
            in_child(lambda: _remove(path), _REMOVE_SECONDS, kill=False)


def _make(parent: bytes, needed: int) -> bytes:
    """The new directory's path, or the bytes available as digits when they are too few."""
    import tempfile

    parent = os.path.abspath(parent)
    if needed:
        found = os.statvfs(parent)
        available = found.f_bavail * found.f_frsize
        if available < needed + MARGIN:
            return b"%d" % available
    return tempfile.mkdtemp(prefix=_PREFIX, dir=parent)


def _remove(path: bytes) -> bytes:
    import shutil

    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):  # an archive may hold directories that even their owner may not enter
        _open_up(path)
        shutil.rmtree(path, ignore_errors=True)
    return b""


def _open_up(path: bytes) -> None:
    pending = [path]
    while pending:
        directory = pending.pop()
        with contextlib.suppress(OSError):
            os.chmod(directory, 0o700)
            with os.scandir(directory) as entries:
                pending.extend(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
