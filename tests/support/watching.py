"""A watch made step by step: real inodes and real attempts, at the moments that a test chooses."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

from probe.collect.context import read_context
from probe.collect.frames import Place
from probe.collect.identity import read_identity
from probe.collect.inode import to_inode
from probe.collect.mountinfo import read_mount_table
from probe.evidence.path import Inode
from probe.evidence.report import Tool
from probe.evidence.watch import Change, Met, Moment, Timeline, Watch
from probe.image.reference import parse_reference


class Watching:
    """One process that watches one path. Begin it in the process that is to watch."""

    def __init__(self, reference: str | Path) -> None:
        self._reference = parse_reference(str(reference))
        self._moments: list[Moment] = []
        self._watch: Watch | None = None
        self._last: dict[str, Inode | None] = {}

    def begin(self) -> None:
        """The header and the first moment."""
        self._watch = Watch(
            id=os.urandom(8).hex(),
            tool=Tool(version="0"),
            started=time.time_ns(),
            started_monotonic=time.monotonic(),
            context=read_context(read_mount_table(), Place(), {}),
            reference=self._reference,
            identity=read_identity(),
        )
        way = []
        path = Path(self._reference.path)
        for part in (*reversed(path.parents), path):
            inode = _stat(str(part))
            if inode is None:
                break
            way.append(Met(path=str(part), inode=inode))
        self.see(Change.STARTED, way=tuple(way))

    def see(self, change: Change, path: str | Path | None = None, *, noticed: str = "inotify", way: tuple = ()) -> None:
        """A moment: what lies there now, and whether the target can be opened."""
        assert self._watch is not None
        where, target = str(path or self._reference.path), self._reference.path
        inode = _stat(where)
        moment = Moment(
            watch=self._watch.id,
            number=len(self._moments),
            at=time.time_ns(),
            monotonic=time.monotonic(),
            change=change,
            path=where,
            sentence=f"{change}: {where}",
            noticed=noticed,
            before=self._last.get(where),
            after=inode,
            way=way,
            tried=True,
            errno=_try(target),
        )
        self._last[where] = inode
        self._moments.append(moment)

    def end(self) -> Timeline:
        """The whole of it."""
        self.see(Change.ENDED)
        assert self._watch is not None
        return Timeline(watch=self._watch, moments=tuple(self._moments))


def _stat(path: str) -> Inode | None:
    try:
        return to_inode(os.stat(path))
    except OSError:
        return None


def _try(path: str) -> str | None:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return None
