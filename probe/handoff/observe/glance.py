"""One glance at a target: every name on the way by lstat, the target by stat, and an open as its transport makes it.

Made often, so it is cheap: no descriptors are kept (they would keep a file system from being unmounted), no ACL and no
label is asked for. `probe.collect` has the full look.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from probe.collect.attempt import MARKERS, NOT_OPENED, Attempts
from probe.collect.clock import observe
from probe.collect.inode import to_inode, with_birth
from probe.collect.libc import refresh
from probe.collect.mountinfo import MountTable
from probe.collect.path import MAX_LINKS
from probe.evidence.base import path_bytes, path_text
from probe.evidence.observation import Seen, errno_name
from probe.evidence.path import MAX_COMPONENTS, FileType, Inode, Want
from probe.evidence.report import Reference
from probe.evidence.writer import Sample
from probe.handoff.observe.snapshot import Snapshot, Step

BLOBS = {"oci": b"blobs/sha256"}
"""Where the blobs of an image directory lie, when not beside its marker."""
_SPECIAL = (FileType.FIFO, FileType.SOCKET, FileType.BLOCK_DEVICE, FileType.CHARACTER_DEVICE)

Trace = Callable[[str, str], None]


@dataclass
class Route:
    """How a lookup went: in which directories it looked for which names."""

    lookups: list[tuple[bytes, bytes]] = field(default_factory=list)
    final: tuple[bytes, bytes] | None = None
    """The directory and the name of the last component, links resolved."""
    beside: tuple[bytes, bytes] | None = None
    """The same before the last component is followed, where it is a link: what stands beside the target stands here."""
    resolved: bytes | None = None


class Glancer:
    """Looks at one target, again and again; inodes that did not change are not made anew."""

    def __init__(self, reference: Reference, trace: Trace) -> None:
        self._path, self._transport, self._trace = path_bytes(reference.path), reference.transport, trace
        self._attempts = Attempts(self._path, self._transport, Want.READ)
        self._known: dict[bytes, tuple[os.stat_result, Inode]] = {}
        self.table = MountTable()
        self.route = Route()

    def look(self) -> Snapshot:
        """The state of this moment; never raises for what lies at the path."""
        self.route = Route()
        steps = self._walk()
        text = path_text(self._path)
        remote = self._remote()
        if remote:
            self._refresh(self._path)
        self._trace("stat", text)
        monotonic = time.monotonic()
        inode = observe(Seen[Inode], f"stat {text}", self._stat)
        kind = inode.value.type if isinstance(inode, Seen) else None
        errno = NOT_OPENED if kind in _SPECIAL else self._attempts.make(kind, self._trace)[-1].errno
        parts = self._parts(remote) if kind is FileType.DIRECTORY else ()
        sample = Sample(at=inode.at, monotonic=monotonic, inode=inode, open_errno=errno)
        return Snapshot(sample, tuple(steps), parts, remote=remote)

    def _stat(self) -> Inode:
        try:
            return self._inode(self._path, os.stat(self._path))
        except ValueError as error:  # a NUL byte
            raise OSError(str(error)) from None

    def _inode(self, path: bytes, status: os.stat_result) -> Inode:
        known = self._known.get(path)
        if known is not None and _same(known[0], status):
            return known[1]
        if len(self._known) > 2 * MAX_COMPONENTS:
            self._known.clear()
        self._trace("statx", path_text(path))
        inode = with_birth(path, to_inode(status))  # a number may be given anew
        self._known[path] = status, inode
        return inode

    # -- the way there

    def _walk(self) -> list[Step]:
        """As path_resolution(7) goes; ends with the first name that cannot be looked up."""
        pending = _parts(self._path)
        place = b"/" if self._path.startswith(b"/") else _working_directory()
        steps = [self._step(place, os.lstat)]
        links = 0
        while pending and len(steps) < MAX_COMPONENTS and steps[-1].inode is not None:
            name = pending.popleft()
            if name == b"..":
                place = os.path.dirname(place)
                continue
            here, place = place, os.path.join(place, name)
            self.route.lookups.append((here, name))
            if not pending:
                self.route.final = here, name
                self.route.beside = self.route.beside or self.route.final
            step = self._step(place, os.lstat)
            steps.append(step)
            if step.inode is None or step.inode.type is not FileType.SYMLINK:
                continue
            links += 1
            if links > MAX_LINKS:
                steps.append(Step(path_text(place), None, "ELOOP"))
                return steps
            if here.startswith(b"/proc/"):  # a magic link: its text is only a label
                steps.append(self._step(place, os.stat))
                continue
            try:
                target = os.readlink(place)
            except OSError:  # replaced meanwhile: the next look sees by what
                return steps
            place = b"/" if target.startswith(b"/") else here
            pending.extendleft(reversed(_parts(target)))
        if steps[-1].inode is not None and not pending:
            self.route.resolved = place
        return steps

    def _step(self, path: bytes, ask: Callable[[bytes], os.stat_result]) -> Step:
        text = path_text(path)
        self._trace(ask.__name__, text)
        try:
            return Step(text, self._inode(path, ask(path)))
        except OSError as error:
            return Step(text, None, errno_name(error.errno))
        except ValueError:  # a NUL byte
            return Step(text, None, "EINVAL")

    def _parts(self, remote: bool) -> tuple[Step, ...]:
        marker = MARKERS.get(self._transport)
        if marker is None:
            return ()
        names = (marker, BLOBS[self._transport]) if self._transport in BLOBS else (marker,)
        paths = [os.path.join(self._path, name) for name in names]
        for path in paths if remote else ():
            self._refresh(path)
        return tuple(self._step(path, os.stat) for path in paths)

    def _refresh(self, path: bytes) -> None:
        """What is cached of a remote inode would look like rest: from the server, therefore."""
        self._trace("statx", path_text(path))
        with contextlib.suppress(OSError):  # the stat that comes next says why
            refresh(path)

    def _remote(self) -> bool:
        place = self.route.resolved
        if place is None:
            place = self.route.lookups[-1][0] if self.route.lookups else b"/"
        mount = self.table.covering(path_text(place))
        return mount is not None and mount.remote


def _parts(path: bytes) -> deque[bytes]:
    return deque(part for part in path.split(b"/") if part not in (b"", b"."))


def _working_directory() -> bytes:
    try:
        return os.getcwdb()
    except OSError:  # it was removed
        return b"."


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether nothing differs but when it was last read."""
    return (
        one.st_ino == other.st_ino
        and one.st_dev == other.st_dev
        and one.st_ctime_ns == other.st_ctime_ns
        and one.st_mtime_ns == other.st_mtime_ns
        and one.st_size == other.st_size
        and one.st_mode == other.st_mode
        and one.st_uid == other.st_uid
        and one.st_gid == other.st_gid
        and one.st_blocks == other.st_blocks
        and one.st_nlink == other.st_nlink
    )


def contents_of(snapshot: Snapshot) -> tuple[object, ...]:
    """Which inodes, how large, when written: the fingerprint without what a chmod changes."""
    inodes = (snapshot.inode, *(part.inode for part in snapshot.parts))
    return tuple(None if one is None else (one.device, one.inode, one.size, one.modified) for one in inodes)


def same_state(one: Snapshot, other: Snapshot) -> bool:
    """Whether nothing of note lies between two snapshots.

    A directory on the way gets new times and a new size whenever somebody makes an entry in it: that is not of note. A
    new ctime without a new mtime is.
    """
    if one.fingerprint != other.fingerprint or one.sample.open_errno != other.sample.open_errno:
        return False
    if _outcome(one) != _outcome(other) or _rights(one) != _rights(other):
        return False
    return same_steps(one.steps, other.steps) and one.remote == other.remote


def _rights(snapshot: Snapshot) -> tuple[object, ...]:
    inodes = (snapshot.inode, *(part.inode for part in snapshot.parts))
    return tuple(None if one is None else (one.type, one.mode, one.uid, one.gid) for one in inodes)


def _outcome(snapshot: Snapshot) -> str | None:
    inode = snapshot.sample.inode
    return None if isinstance(inode, Seen) else inode.errno or inode.reason


def same_steps(before: tuple[Step, ...], after: tuple[Step, ...]) -> bool:
    """Whether two walks went the same way, over the same inodes with the same rights."""
    return len(before) == len(after) and all(map(same_step, before, after))


def same_step(before: Step, after: Step) -> bool:
    """Whether one name leads to the same inode with the same rights."""
    if before is after:
        return True
    a, b = before.inode, after.inode
    if before.path != after.path or before.errno != after.errno or a is None or b is None:
        return before.path == after.path and before.errno == after.errno and a is b
    if (a.device, a.inode, a.type, a.mode, a.uid, a.gid) != (b.device, b.inode, b.type, b.mode, b.uid, b.gid):
        return False
    return a.changed == b.changed or a.modified != b.modified
