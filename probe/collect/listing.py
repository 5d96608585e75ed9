"""The names in a directory, as far as this process may see them: bounded in names and in calls."""

from __future__ import annotations

import os
from collections.abc import Callable

from probe.collect.clock import missing, observe
from probe.collect.inode import to_inode
from probe.evidence.base import clip, path_text
from probe.evidence.observation import Observation, Reason, Seen
from probe.evidence.path import MAX_LISTED, Entry, Inode, Listing

MAX_COUNTED = 10_000
_NAME_LIMIT = 256

Trace = Callable[[str, str], None]
"""Called before each call with its name and the path."""


def open_directory(descriptor: int, path: bytes) -> int:
    """Open for reading the directory behind an O_PATH descriptor: asks for r on it, not for x. Raises OSError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(f"/proc/self/fd/{descriptor}", flags)
    except FileNotFoundError:  # no /proc
        return os.open(path, flags)


def list_directory(
    descriptor: int, path: bytes, trace: Trace, keep: bytes | None = None, points: frozenset[str] = frozenset()
) -> Observation[Listing]:
    """The first names of the directory behind an O_PATH descriptor, sorted, each with its inode.

    `keep` is a name that is listed even when it sorts behind the bound: the one that was looked for. Of other names
    that are mount points (`points`, as `path_text`) no inode is asked for: a neighbour's mount may hang.
    """
    text = path_text(path)
    trace("opendir", text)
    opened = observe(Seen[int], f"opendir {text}", lambda: open_directory(descriptor, path))
    if not isinstance(opened, Seen):
        return opened
    try:
        return observe(Seen[Listing], f"readdir {text}", lambda: _read(opened.value, path, trace, keep, points))
    finally:
        os.close(opened.value)


def _read(number: int, path: bytes, trace: Trace, keep: bytes | None, points: frozenset[str]) -> Listing:
    text = path_text(path)
    trace("readdir", text)
    names: list[bytes] = []
    complete = True
    with os.scandir(number) as entries:
        for entry in entries:
            if len(names) == MAX_COUNTED:
                complete = False
                break
            names.append(os.fsencode(entry.name))
    names.sort()
    shown = names[:MAX_LISTED]
    if keep is not None and keep not in shown and keep in names:
        shown[-1] = keep
    trace("fstatat", text)
    found = tuple(_entry(number, name, path, frozenset() if name == keep else points) for name in shown)
    return Listing(path=text, entries=found, counted=len(names), complete=complete)


def _entry(number: int, name: bytes, path: bytes, points: frozenset[str]) -> Entry:
    text = path_text(os.path.join(path, name))
    inode: Observation[Inode]
    if text in points:
        inode = missing(Reason.SKIPPED, f"{text} is another mount")
    else:
        inode = observe(
            Seen[Inode], f"fstatat {text}", lambda: to_inode(os.stat(name, dir_fd=number, follow_symlinks=False))
        )
    return Entry(name=clip(path_text(name), _NAME_LIMIT), inode=inode)
