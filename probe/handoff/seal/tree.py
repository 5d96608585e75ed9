"""All that a target consists of: one file, or a directory with everything in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from probe.evidence.base import path_text
from probe.handoff.seal.durable import sync
from probe.handoff.seal.refused import Refused

MAX_NODES = 20_000
"""Files and directories of one image directory; an image has at most some hundreds."""
MAX_DEPTH = 16
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
Print = tuple[bytes, int, int, int, int]


@dataclass(frozen=True)
class Node:
    """One file or directory, under the name by which a reader of the image gets to it."""

    path: bytes
    status: os.stat_result

    @property
    def is_directory(self) -> bool:
        """Whether it is one."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def print(self) -> Print:
        """Equal for equal bytes, as far as stat can tell. Not ctime: a sweep of ownership changes no bytes."""
        one = self.status
        return (self.path, one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns)


def walk(path: bytes) -> Iterator[Node]:
    """The target, and everything below it where it is a directory, links followed; what is no file is left out.

    Raises OSError for what cannot be listed, Refused beyond the bounds.
    """
    seen: set[tuple[int, int]] = set()
    found = 0
    pending = [(path, 0)]
    while pending:
        place, depth = pending.pop()
        try:
            status = os.stat(place)
        except FileNotFoundError:
            if depth == 0:
                raise
            continue  # a link that leads nowhere, or what is gone: whether the image needs it, the look inside says
        node = Node(place, status)
        if not (node.is_directory or stat.S_ISREG(status.st_mode)):
            continue
        found += 1
        if found > MAX_NODES or depth > MAX_DEPTH:
            raise Refused(
                f"{path_text(path)}: more than {MAX_NODES} files, or more than {MAX_DEPTH} levels of directories: "
                "this is more than an image directory, and is not sealed"
            )
        yield node
        if node.is_directory and (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            pending += [(os.path.join(place, name), depth + 1) for name in sorted(os.listdir(place), reverse=True)]


def prints(path: bytes) -> tuple[Print, ...]:
    """What to compare before and after. Raises as `walk` does."""
    return tuple(node.print for node in walk(path))


def sync_all(path: bytes, tell: Callable[[str], None]) -> None:
    """Put every file and directory on the disk (fsync(2)), the files first. Raises OSError and Refused.

    A write that the kernel put off may fail only now, for want of space or by a broken disk. It tells that to a
    descriptor that is opened later too, once.
    """
    nodes = list(walk(path))
    for node in sorted(nodes, key=lambda node: node.is_directory):
        try:
            descriptor = os.open(node.path, _OPEN)
        except PermissionError:
            # To sync a directory takes r on it, which its readers do not need, nor the one who writes in it.
            if not node.is_directory:
                raise
            tell(f"{path_text(node.path)}: not synced: this process may not list it")
            continue
        try:
            sync(descriptor)
        finally:
            os.close(descriptor)
