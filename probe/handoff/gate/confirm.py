"""One look more, at the moment that decides: by a child that may hang, waited for no longer than it is told to.

The observer tells of changes. That nothing changed it cannot tell: between two looks of a poll nothing is known, and a
child that is busy is silent, too. So before a gate opens the target is looked at again, and where a seal is asked for
that is read at the same time. What lies inside a directory does not show in its inode: that is inspected anew.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NoReturn

from pydantic import TypeAdapter, ValidationError

from probe.collect.contents import look_into
from probe.collect.deadline import detach, end_child, fork
from probe.collect.journal import Journal
from probe.collect.mountinfo import read_mount_table
from probe.evidence.base import clip, path_bytes, path_text
from probe.evidence.image import ImageFacts
from probe.evidence.observation import Seen, errno_name
from probe.evidence.report import Reference
from probe.evidence.seal import Seal
from probe.handoff.observe.glance import BLOBS, Glancer
from probe.handoff.observe.snapshot import Snapshot
from probe.handoff.observe.wake import die_with_parent
from probe.handoff.seal.reading import read_seal, seal_file

_ABSENT = ("ENOENT", "ENOTDIR")
_HEAD = struct.Struct("=I")
_CHUNK = 1 << 18
_MEMORY = 32 << 10
_MOST_FILES = 2000
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@dataclass(frozen=True)
class Confirmed:
    """What was found."""

    snapshot: Snapshot | None = None
    facts: ImageFacts | None = None
    """Of this snapshot; None when they were not asked for, or the target changed while they were read."""
    seal: Seal | None = None
    seal_read: float = 0.0
    """When the seal was read (CLOCK_MONOTONIC): before the look at the target."""
    no_seal: str = ""
    """Why there is none."""
    within: tuple[int, int, int] | None = None
    """Of an image directory that was inspected: how many files lie in it, their bytes, and when one was last written. A
    blob that grows shows nowhere else."""
    stuck: str = ""
    """The call that did not return in time, or what else became of the child."""


@dataclass(frozen=True)
class _Wish:
    """What is to be done, and at which target."""

    target: int
    seal: bool = False
    inspect: bool = False


class Confirmer:
    """One child, made before it is needed: a fork in the moment that decides would take longer than the look."""

    def __init__(self, references: Sequence[Reference]) -> None:
        """Start the child. Raises OSError."""
        _confirmed(), _wishes()  # built before the fork: parent and child share them
        self._references = tuple(references)
        self._child: _Child | None = _Child(self._references)

    def confirm(self, target: int, seconds: float, *, seal: bool = False, inspect: bool = False) -> Confirmed:
        """Look now. Returns about a quarter of a second after `seconds` at the latest."""
        try:
            child = self._child = self._child or _Child(self._references)
        except OSError as error:
            return Confirmed(stuck=f"no process could be started: {error.strerror}")
        said = child.ask(_wishes().dump_json(_Wish(target, seal, inspect)), seconds)
        if said is not None:
            with contextlib.suppress(ValidationError):
                return _confirmed().validate_json(said)
        self.close()
        return Confirmed(stuck=child.why)

    @property
    def children(self) -> tuple[int, ...]:
        """The process id of the child."""
        return (self._child.pid,) if self._child is not None else ()

    def close(self) -> None:
        """Kill the child. One that sleeps in the kernel is not waited for."""
        if self._child is not None:
            self._child.end()
            self._child = None


class _Child:
    def __init__(self, references: Sequence[Reference]) -> None:
        self._journal = Journal(_MEMORY)
        parent, before = os.getpid(), signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            self._ours, theirs = socket.socketpair()
            with theirs:
                self.pid = fork()
                if self.pid == 0:
                    _serve(theirs, references, self._journal, parent)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def ask(self, wish: bytes, seconds: float) -> bytes | None:
        """The answer, or None when none came in time."""
        until = time.monotonic() + seconds
        try:
            self._ours.sendall(_HEAD.pack(len(wish)) + wish)
            head = self._receive(_HEAD.size, until)
            return self._receive(_HEAD.unpack(head)[0], until)
        except (OSError, EOFError):  # TimeoutError among them
            return None

    def _receive(self, length: int, until: float) -> bytes:
        pieces: list[bytes] = []
        while length > 0:
            self._ours.settimeout(max(0.001, until - time.monotonic()))
            piece = self._ours.recv(min(length, _CHUNK))
            if not piece:
                raise EOFError
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    @property
    def why(self) -> str:
        """What it is at, when it does not answer."""
        crumb = self._journal.last_crumb()
        return str(crumb) if crumb is not None else "the looking process"

    def end(self) -> None:
        end_child(self.pid)
        self._ours.close()


def _serve(theirs: socket.socket, references: Sequence[Reference], journal: Journal, parent: int) -> NoReturn:
    """(Child.) One wish after the other, until the parent goes."""
    try:
        detach(theirs.fileno())
        die_with_parent(parent)
        stream = theirs.makefile("rwb")
        _look(Reference(text="/", transport="path", path="/"), _Wish(0), journal)  # the first look takes longest
        while head := stream.read(_HEAD.size):
            wish = _wishes().validate_json(stream.read(_HEAD.unpack(head)[0]))
            said = _confirmed().dump_json(_look(references[wish.target], wish, journal), by_alias=True)
            stream.write(_HEAD.pack(len(said)) + said)
            stream.flush()
    finally:
        os._exit(1)


@cache
def _confirmed() -> TypeAdapter[Confirmed]:
    return TypeAdapter(Confirmed)


@cache
def _wishes() -> TypeAdapter[_Wish]:
    return TypeAdapter(_Wish)


def _look(reference: Reference, wish: _Wish, journal: Journal) -> Confirmed:
    """(Child.) Look, and say what there is."""
    seal, why, read = None, "", time.monotonic()
    if wish.seal:
        seal, why = _read_seal(reference, journal)
    glancer = Glancer(reference, journal.crumb)
    with contextlib.suppress(OSError):  # then nothing is known to be remote, as in the observer
        glancer.table = read_mount_table()
    snapshot, facts, within = glancer.look(), None, None
    if wish.inspect:
        within = _within(reference, journal)
    if wish.inspect and snapshot.inode is not None and snapshot.readable:
        contents = look_into(path_bytes(reference.path), reference, trace=journal.crumb)
        before, snapshot = snapshot, glancer.look()
        if isinstance(contents.facts, Seen) and before.fingerprint == snapshot.fingerprint:
            facts = contents.facts.value
    return Confirmed(snapshot, facts, seal, read, why, within)


def _within(reference: Reference, journal: Journal) -> tuple[int, int, int]:
    """(Child.) What lies in an image directory and among its blobs, as far as it can be listed."""
    path = path_bytes(reference.path)
    places = [path]
    if reference.transport in BLOBS:
        places.append(os.path.join(path, BLOBS[reference.transport]))
    found = []
    for place in places:
        journal.crumb("readdir", path_text(place))
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            for entry in itertools.islice(entries, _MOST_FILES):
                with contextlib.suppress(OSError):  # renamed meanwhile
                    found.append(entry.stat(follow_symlinks=False))
    return len(found), sum(one.st_size for one in found), max((one.st_mtime_ns for one in found), default=0)


def _read_seal(reference: Reference, journal: Journal) -> tuple[Seal | None, str]:
    path = seal_file(path_bytes(reference.path))
    journal.crumb("open", path.decode("utf-8", "backslashreplace"))
    try:
        return read_seal(path), ""
    except OSError as error:
        name = errno_name(error.errno)
        return None, "no seal stands beside it" if name in _ABSENT else f"its seal cannot be read: {name}"
    except ValueError as error:
        return None, clip(str(error), 1024)
