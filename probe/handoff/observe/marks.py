"""Which inodes are watched for one target, and what an event on one of them means for it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from probe.collect.attempt import MARKERS
from probe.evidence.base import path_text
from probe.evidence.path import FileType
from probe.handoff.observe import wake
from probe.handoff.observe.glance import BLOBS, Route
from probe.handoff.observe.snapshot import Snapshot
from probe.handoff.observe.wake import Event, Inotify

_NAMES = wake.CREATE | wake.MOVED_TO | wake.MOVED_FROM | wake.DELETE | wake.ATTRIB
_SELF = wake.DELETE_SELF | wake.MOVE_SELF
_ON_THE_WAY = _NAMES | _SELF | wake.ONLYDIR
_TARGET = wake.MODIFY | wake.ATTRIB | wake.CLOSE_WRITE | _SELF | wake.DONT_FOLLOW


@dataclass
class _Watched:
    """One watched inode, and what about it is of interest."""

    path: bytes
    mask: int
    names: set[bytes] = field(default_factory=set)
    """Entries whose events count."""
    every: bool = False
    """All of them do."""
    target: bytes | None = None
    """The entry that is the target."""
    marker: bytes | None = None
    """The entry that a reader of an image directory opens first."""
    is_file: bool = False
    """It is the target itself, and no directory."""


@dataclass
class Woken:
    """What a batch of events comes to."""

    look: bool = False
    written: bool = False
    """Somebody writes to the target, or made it."""
    closed: bool = False
    """A writer closed the target, or it was renamed into place, and nothing was written after it."""
    renamed: bool = False
    fresh: bool = False
    """The target's name was made anew."""
    opened: bool = False

    def join(self, later: Woken) -> Woken:
        """This batch and one that came after it."""
        return Woken(
            look=self.look or later.look,
            written=self.written or later.written,
            closed=later.closed or (self.closed and not later.written),
            renamed=self.renamed or later.renamed,
            fresh=self.fresh or later.fresh,
            opened=self.opened or later.opened,
        )


class Watches:
    """The watches of one target. Without inotify there are none, and nothing is covered."""

    def __init__(self, transport: str, trace: Callable[[str, str], None], *, opens: bool, beside: bytes | None) -> None:
        """`opens`: opening counts. `beside`: a path in the same directory whose changes count too."""
        self._transport, self._trace, self._opens = transport, trace, opens
        self._beside = os.path.basename(beside) if beside is not None else None
        self._watched: dict[int, _Watched] = {}
        self._armed: object = None
        self._muted = False
        self._inotify: Inotify | None = None
        with contextlib.suppress(OSError):
            self._inotify = Inotify()
        self.covered = False
        """Whether the kernel announces whatever happens on this node to the target and on the way to it."""

    @property
    def fileno(self) -> int | None:
        """Readable when something happened."""
        return self._inotify.fileno if self._inotify is not None else None

    # -- what happened

    def read(self) -> Woken:
        """What happened since the last call."""
        woken = Woken()
        if self._inotify is not None:
            for event in self._inotify.read():
                self._weigh(event, woken)
        return woken

    def _weigh(self, event: Event, woken: Woken) -> None:
        if event.mask & wake.OVERFLOW:  # events were lost: anything may have happened
            woken.look = woken.opened = woken.written = True
            woken.closed = False
            return
        watched = self._watched.get(event.watch)
        if watched is None:
            return
        if event.mask & (wake.IGNORED | wake.UNMOUNT):
            if event.mask & wake.IGNORED:
                del self._watched[event.watch]
            self.disarm()
            woken.look = True
        elif not event.name:
            self._weigh_own(event, watched, woken)
        elif watched.every or event.name in watched.names:
            self._weigh_entry(event, watched, woken)

    def _weigh_own(self, event: Event, watched: _Watched, woken: Woken) -> None:
        """Something happened to the watched inode itself."""
        woken.opened = woken.opened or bool(event.mask & wake.OPEN)
        woken.look = woken.look or bool(event.mask & ~wake.OPEN)
        if watched.is_file:
            _weigh_writing(event, woken)

    def _weigh_entry(self, event: Event, watched: _Watched, woken: Woken) -> None:
        """Something happened to an entry of a watched directory."""
        woken.look = True
        if event.name not in (watched.target, watched.marker):
            return
        _weigh_writing(event, woken)
        if event.mask & (wake.CREATE | wake.MOVED_TO):
            woken.written, woken.closed = True, bool(event.mask & wake.MOVED_TO)
            if event.name == watched.target:
                woken.fresh, woken.renamed = True, woken.closed

    # -- what is watched

    def disarm(self) -> None:
        """Make all watches anew with the next look."""
        self._armed = None

    def arm(self, snapshot: Snapshot, route: Route) -> bool:
        """Watch what the path needs as it is now; whether anything is watched anew, so that another look is due."""
        if self._inotify is None:
            return False
        needs = tuple(
            (step.path, step.errno, *((i.device, i.inode, i.mode, i.uid, i.gid) if (i := step.inode) else ()))
            for step in (*snapshot.steps, *snapshot.parts)
        )
        if needs == self._armed:
            return False
        self._armed = needs
        before, self._watched = self._watched, {}
        self._muted, self.covered = False, True
        for wanted in self._wanted(snapshot, route):
            self._add(wanted)
        for number in before.keys() - self._watched.keys():
            with contextlib.suppress(OSError):
                self._inotify.forget(number)
        return bool(self._watched.keys() - before.keys())

    def _wanted(self, snapshot: Snapshot, route: Route) -> list[_Watched]:
        ways: dict[bytes, _Watched] = {}
        for place, name in route.lookups:
            ways.setdefault(place, _Watched(place, _ON_THE_WAY)).names.add(name)
        if route.final is not None:
            way = ways[route.final[0]]
            way.mask, way.target = way.mask | wake.CLOSE_WRITE, route.final[1]
        if route.beside is not None and self._beside is not None:
            way = ways[route.beside[0]]
            way.mask |= wake.CLOSE_WRITE
            way.names.add(self._beside)
        target = snapshot.inode
        if target is None or route.resolved is None:
            return list(ways.values())
        if target.type is FileType.DIRECTORY:
            return [*ways.values(), *self._inside(route.resolved)]
        mask = _TARGET | (wake.OPEN if self._opens else 0)
        return [*ways.values(), _Watched(route.resolved, mask, is_file=True)]

    def _inside(self, directory: bytes) -> list[_Watched]:
        """An image directory: its marker, and what is made in it and among its blobs."""
        mask = _ON_THE_WAY | wake.CLOSE_WRITE
        inside = [_Watched(directory, mask, every=True, marker=MARKERS.get(self._transport))]
        if self._transport in BLOBS:
            blobs = os.path.join(directory, BLOBS[self._transport])
            above, name = os.path.split(blobs)
            inside += [_Watched(above, _ON_THE_WAY, {name}), _Watched(blobs, _ON_THE_WAY, every=True)]
        return inside

    def _add(self, wanted: _Watched) -> None:
        assert self._inotify is not None
        self._trace("inotify_add_watch", path_text(wanted.path))
        try:
            number = self._inotify.watch(wanted.path, wanted.mask)
            same = self._watched.get(number)
            if same is not None:  # one inode by two ways: the second mask has replaced the first
                same.mask |= wanted.mask
                self._inotify.watch(wanted.path, same.mask)
        except OSError:  # not there, no read permission, or fs.inotify.max_user_watches
            self.covered = False
            return
        if same is None:
            self._watched[number] = wanted
            return
        same.names |= wanted.names
        same.every = same.every or wanted.every
        same.target, same.marker = same.target or wanted.target, same.marker or wanted.marker

    # -- a fast writer

    def mute(self) -> bool:
        """Let writing to the target not wake; closing it does. False when there is no such watch."""
        if not self._muted:
            self._muted = self._set(wake.MODIFY)
        return self._muted

    def unmute(self) -> bool:
        """Let writing wake again; whether it did not."""
        was, self._muted = self._muted, False
        if was:
            self._set(0)
        return was

    def _set(self, without: int) -> bool:
        for number, watched in self._watched.items():
            if watched.is_file and self._inotify is not None:
                self._trace("inotify_add_watch", path_text(watched.path))
                try:
                    if self._inotify.watch(watched.path, watched.mask & ~without) == number:
                        return True
                except OSError:
                    pass
                self.disarm()  # another inode has the name
        return False


def _weigh_writing(event: Event, woken: Woken) -> None:
    if event.mask & wake.MODIFY:
        woken.written, woken.closed = True, False
    if event.mask & wake.CLOSE_WRITE:
        woken.written = woken.closed = True
