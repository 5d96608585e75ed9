"""The child's work: keep watch over one target, and send what is noticed.

Every name that a lookup of the path passes is watched in its directory, so that what does not exist yet, is replaced,
or turns into a link is noticed; the target itself, for what is written to it. A watch is made before the look that
relies on it: what happens in between wakes. Where a watch is refused (it takes read permission), where the file system
is remote, and as a safety net everywhere, the clock wakes.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections import deque
from dataclasses import replace

from probe.collect.contents import look_into
from probe.collect.mountinfo import MountTable, read_mount_table
from probe.collect.writers import find_holders
from probe.evidence.base import clip, path_bytes, path_text
from probe.evidence.image import ImageFacts
from probe.evidence.observation import Seen
from probe.evidence.path import FileType
from probe.evidence.report import Reference
from probe.evidence.seal import Seal
from probe.evidence.writer import OpenDescriptor
from probe.handoff.observe.glance import Glancer, contents_of, same_state
from probe.handoff.observe.marks import Watches, Woken
from probe.handoff.observe.observer import Kind, Notice, Noticed, Wishes, notice_adapter
from probe.handoff.observe.snapshot import Snapshot
from probe.handoff.observe.wake import Schedule
from probe.handoff.observe.worker import Line
from probe.handoff.seal.reading import read_seal, seal_file
from probe.image.cursor import LimitError
from probe.image.limits import Limits
from probe.image.reference import PATH_TRANSPORT

GROWTH_SECONDS = 0.05
"""Growth is told at most this often; in between writing does not wake."""
REST_SECONDS = 0.1
"""So long without a change, and a target is worth looking into."""
_INSPECT_FACTOR, _INSPECT_PAUSE, _CLOSED_PAUSE = 4, 2.0, 0.25
"""After looking inside: four times as long as that took, but at most so many seconds, until it is done again; and less
when a writer has closed the target. One that changes now and then is not read all the time."""
_SCAN_SECONDS, _SCAN_FACTOR = 1.0, 50
"""Looking through /proc: at most once a second, and a fiftieth of the time."""
_BUSY, _BUSY_SECONDS = 40, 0.01
"""Who is woken more often than so many times a second gathers what happens for a hundredth of a second."""
_MOST_ROUNDS = 8
_NEVER = float("inf")
_LIMITS = Limits(decompressed_bytes=Limits().deep_decompressed_bytes)
"""A compressed archive is read to its end: nothing here waits for it, and only the end says that it is complete."""


class Vigil:
    """One watch over one target, for ever."""

    def __init__(self, index: int, reference: Reference, wishes: Wishes, line: Line) -> None:
        self._index, self._reference, self._line = index, reference, line
        self._path = path_bytes(reference.path)
        self._inside = wishes.look_inside and reference.transport != PATH_TRANSPORT
        self._holders = wishes.holders
        self._seal_path = seal_file(self._path) if wishes.seals else None
        self._glancer = Glancer(reference, line.trace)
        self._watches = Watches(reference.transport, line.trace, opens=wishes.holders, beside=self._seal_path)
        self._schedule = Schedule()
        self._mounts: int | None = None
        self._state: Snapshot | None = None
        """The last look; what was told last differs from it in nothing of note."""
        self._changed_at = 0.0
        self._closed: object = None
        """The contents with which the target was closed."""
        self._closed_at = 0.0
        """When that was told last."""
        self._held_back = Woken()
        """Events that have not been looked into yet."""
        self._look_again: float | None = None
        self._poll_at = 0.0
        self._inspected: object = None
        self._inspect_ended = self._inspect_took = 0.0
        self._inspecting = False
        self._scan_at: float | None = None
        self._scan_from = 0.0
        self._held: set[OpenDescriptor] = set()
        self._seal_seen: object = ()
        self._wakes: deque[float] = deque(maxlen=_BUSY)

    def run(self) -> None:
        """Watch until the process ends."""
        self._watch_mounts()
        self._changed_at = time.monotonic() - REST_SECONDS  # what is found rests, as far as anyone knows
        self._look("look", Woken())
        self._ask_scan()
        while True:
            self._turn(wait=True)
            if self._inspection_due() <= time.monotonic():
                self._inspect()

    def _turn(self, *, wait: bool) -> None:
        """Sleep until something happens or is due, and see to it."""
        mounts, events = self._sleep(wait)
        self._line.check_parent()
        woken = self._held_back.join(self._watches.read() if events else Woken())
        self._held_back = Woken()
        if mounts:
            self._read_mounts()
        now = time.monotonic()
        again = self._look_again is not None and now >= self._look_again
        if self._closed_too_often(woken):
            self._held_back = woken
        elif woken.look or again or mounts:
            self._look_again = None
            if woken.closed:
                self._watches.unmute()  # what is written after the close is to be seen
            self._look("inotify", woken)
        elif now >= self._poll_at:
            self._look("poll", woken)
        if woken.opened or woken.written:
            self._ask_scan()
        if self._scan_at is not None and now >= self._scan_at:
            self._scan()

    def _closed_too_often(self, woken: Woken) -> bool:
        """Somebody opens, writes and closes all the time: that is told as often as growth is."""
        wait = self._closed_at + GROWTH_SECONDS
        if not woken.closed or woken.fresh or time.monotonic() >= wait:
            return False
        self._look_again = wait
        return True

    # -- waiting

    def _sleep(self, wait: bool) -> tuple[bool, bool]:
        """Whether the mounts changed, and whether there are events."""
        self._line.rest()
        timeout = 0.0
        if wait:
            due = min(self._poll_at, self._look_again or _NEVER, self._scan_at or _NEVER, self._inspection_due())
            timeout = max(0.0, due - time.monotonic())
        poll = select.poll()
        poll.register(self._line.fileno, 0)  # an error is reported all the same: the parent is gone
        if self._watches.fileno is not None:
            poll.register(self._watches.fileno, select.POLLIN)
        if self._mounts is not None:
            poll.register(self._mounts, select.POLLPRI)
        ready = {descriptor for descriptor, _ in poll.poll(timeout * 1000)}
        if self._line.fileno in ready:
            os._exit(0)
        if wait and ready:
            self._pace()
        return self._mounts in ready, self._watches.fileno in ready

    def _pace(self) -> None:
        """A busy directory, or somebody who touches the target all the time, must not keep a processor busy here."""
        now = time.monotonic()
        if len(self._wakes) == _BUSY and now - self._wakes[0] < 1.0:
            time.sleep(_BUSY_SECONDS)
        self._wakes.append(now)

    def _watch_mounts(self) -> None:
        """A mount over a directory is no event there; /proc/self/mountinfo announces it (proc_pid_mounts(5))."""
        with contextlib.suppress(OSError):
            self._mounts = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        self._read_mounts()

    def _read_mounts(self) -> None:
        self._watches.disarm()
        try:
            self._glancer.table = read_mount_table()
        except OSError:
            self._glancer.table = MountTable()

    # -- looking

    def _look(self, noticed: Noticed, woken: Woken) -> None:
        """Look, until the watches are those that the path needs; tell what is new."""
        for _ in range(_MOST_ROUNDS):
            snapshot = self._glancer.look()
            if not self._watches.arm(snapshot, self._glancer.route):
                break
        else:
            self._look_again = time.monotonic()
        meanwhile = self._watches.read()
        if meanwhile.look:
            self._look_again = time.monotonic()
        # Own opens are among what came meanwhile: they are no news. What was written since a close is.
        woken = woken.join(meanwhile)
        if self._closed_too_often(woken):
            self._held_back = self._held_back.join(replace(woken, renamed=False))
            woken.closed = False
        self._tell(noticed, snapshot, woken)
        if self._seal_path is not None:
            self._look_for_seal(self._seal_path)
        covered = self._watches.covered and not snapshot.remote
        self._poll_at = time.monotonic() + self._schedule.next(covered=covered)

    def _tell(self, noticed: Noticed, snapshot: Snapshot, woken: Woken) -> None:
        last, self._state = self._state, snapshot
        changed = last is None or not same_state(last, snapshot)
        contents = contents_of(snapshot)
        grown = last is not None and contents_of(last) != contents
        if last is not None and changed:
            self._changed_at = time.monotonic()
            self._schedule.reset()
        if woken.written:
            self._closed = None
        if woken.closed and snapshot.inode is not None:
            self._closed = contents
        closed = self._closed is not None and self._closed == contents
        if woken.fresh or snapshot.inode is None:
            self._closed_at = 0.0
        if woken.renamed and changed and snapshot.inode is not None:
            self._send(Kind.RENAMED, noticed, snapshot, closed=closed)
        if changed:
            fresh = woken.fresh and last is not None and last.inode is not None and snapshot.inode is not None
            self._send(Kind.STATE, noticed, snapshot, closed=closed, fresh=fresh)
        if woken.closed and closed:
            self._send(Kind.CLOSED, noticed, snapshot, closed=True)
            self._closed_at = time.monotonic()
        self._heed_writing(grown and not closed)

    def _heed_writing(self, going_on: bool) -> None:
        """While somebody writes, writing does not wake; the first look that finds nothing new ends that."""
        if going_on and self._watches.mute():
            self._look_again = time.monotonic() + GROWTH_SECONDS
        elif not going_on and self._watches.unmute():
            self._look_again = time.monotonic()  # what was written just before wakes no more

    def _send(
        self,
        kind: Kind,
        noticed: Noticed,
        snapshot: Snapshot | None = None,
        *,
        facts: ImageFacts | None = None,
        holder: OpenDescriptor | None = None,
        seal: Seal | None = None,
        closed: bool = False,
        fresh: bool = False,
        call: str = "",
    ) -> None:
        notice = Notice(
            kind=kind,
            target=self._index,
            at=time.time_ns(),
            monotonic=time.monotonic(),
            noticed=noticed,
            snapshot=snapshot,
            facts=facts,
            holder=holder,
            seal=seal,
            closed=closed,
            fresh=fresh,
            call=call,
        )
        self._line.send(notice_adapter().dump_json(notice, by_alias=True))

    # -- who writes

    def _ask_scan(self) -> None:
        if self._holders and self._scan_at is None:
            self._scan_at = max(time.monotonic(), self._scan_from)

    def _scan(self) -> None:
        """Who has the target open for writing."""
        self._scan_at = None
        began = time.monotonic()
        try:
            self._line.trace("stat", path_text(self._path))
            found = find_holders(os.stat(self._path))
        except (OSError, ValueError):  # it is not there, or not to be reached
            self._held = set()
            return
        now = time.monotonic()
        self._scan_from = now + max(_SCAN_SECONDS, _SCAN_FACTOR * (now - began))
        holders = set(found.value) if isinstance(found, Seen) else set()
        for holder in sorted(holders - self._held, key=lambda one: one.pid):
            self._send(Kind.OPENED, "proc", self._state, holder=holder)
        self._held = holders

    # -- its seal

    def _look_for_seal(self, path: bytes) -> None:
        """Read what stands beside the target as its seal, when it is another one than before."""
        text = path_text(path)
        self._line.trace("stat", text)
        try:
            status = os.stat(path)
            seen: object = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        except (OSError, ValueError):
            seen = None
        if seen == self._seal_seen:
            return
        first = self._seal_seen == ()
        self._seal_seen = seen
        if seen is None:
            if not first:
                self._send(Kind.SEAL, "look", self._state, call="no seal stands beside it")
            return
        self._line.trace("open", text)
        try:
            self._send(Kind.SEAL, "look", self._state, seal=read_seal(path))
        except OSError as error:
            self._send(Kind.SEAL, "look", self._state, call=clip(f"{text}: {error.strerror}", 1024))
        except ValueError as error:
            self._send(Kind.SEAL, "look", self._state, call=clip(str(error), 1024))

    # -- what is inside

    def _inspection_due(self) -> float:
        """When to look into the target (CLOCK_MONOTONIC)."""
        state = self._state
        if not self._inside or self._inspecting or state is None or state.inode is None:
            return _NEVER
        unmarked = state.inode.type is FileType.DIRECTORY and state.sample.open_errno == "ENOENT"
        if not (state.readable or unmarked) or state.fingerprint == self._inspected:
            return _NEVER
        pause = _INSPECT_FACTOR * self._inspect_took
        if contents_of(state) == self._closed:
            return self._inspect_ended + min(pause, _CLOSED_PAUSE)
        return max(self._changed_at + REST_SECONDS, self._inspect_ended + min(pause, _INSPECT_PAUSE))

    def _inspect(self) -> None:
        """Look inside. Where that takes long, the watch goes on meanwhile, and a change ends it."""
        before = self._state
        assert before is not None
        began = checked = time.monotonic()

        def go_on(_done: int, _total: int) -> None:
            nonlocal checked
            self._line.beat()
            if time.monotonic() - checked < GROWTH_SECONDS:
                return
            self._turn(wait=False)
            self._line.trace("read", path_text(self._path))
            checked = time.monotonic()
            if self._state is None or self._state.fingerprint != before.fingerprint:
                raise LimitError("it changed meanwhile")

        self._inspecting = True
        try:
            contents = look_into(self._path, self._reference, trace=self._line.trace, progress=go_on, limits=_LIMITS)
        finally:
            self._inspecting = False
            self._inspect_ended = time.monotonic()
            self._inspect_took = self._inspect_ended - began
        self._look("look", Woken())
        after = self._state
        if contents.change is not None or after is None or after.fingerprint != before.fingerprint:
            return  # what was read is of no one state
        self._inspected = before.fingerprint
        closed = contents_of(after) == self._closed
        if isinstance(contents.facts, Seen):
            self._send(Kind.FACTS, "look", after, facts=contents.facts.value, closed=closed)
        else:
            self._send(Kind.FACTS, "look", after, call=contents.facts.message, closed=closed)
