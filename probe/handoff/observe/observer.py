"""An observer of targets: a child for each looks, woken by inotify or by the clock, and sends what it notices.

Use::

    with Observer(references, wakeup=descriptor) as observer:
        while (notice := observer.next(timeout)) is not None or ...:

The parent never touches the mount. The first notice of every target is a `STATE`. What a notice of each kind carries:

- `STATE`: `snapshot`, the new state, sent only when it differs from the one sent last (growth at most every 50 ms);
  `closed` tells whether a writer has closed the file, or it was renamed into place, since its last modification.
- `RENAMED`: something was renamed onto the target's name; `snapshot` as it is since then. Its `STATE` comes next.
- `CLOSED`: a writer closed the target (IN_CLOSE_WRITE), or it was renamed into place; `snapshot` is the state that it
  has since then. It follows the `STATE`. Another writer may still have it open.
- `FACTS`: what the container holds, for an image reference: sent when the target rests (at once after a close, or after
  some 100 ms without a change), once for a fingerprint; `snapshot` is the state that it is of: the fingerprint was the
  same before and after. `facts` is None when it could not be read (`call` says why).
- `SEAL`: what stands beside the target as its seal: `seal`, or None with a sentence in `call`. Only with `seals`.
- `OPENED`: `holder` has the target open for writing (only where /proc shows other processes).
- `STUCK`: `call` has not returned for `stall` seconds, or the looking process is gone (it is started again). Nothing is
  known of the target until `ANSWERED`.

`next` returns None at the time-out, and as soon as `wakeup` (such as the pipe of signal.set_wakeup_fd) is readable.
Call it at least every few seconds: that a call does not return is only noticed there.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, partial
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from probe.evidence.image import ImageFacts
from probe.evidence.report import Reference
from probe.evidence.seal import Seal
from probe.evidence.writer import OpenDescriptor
from probe.handoff.observe.snapshot import Snapshot
from probe.handoff.observe.worker import Line, Worker

STALL_SECONDS = 5.0
_TICK = 0.1
"""While a call hangs: how soon it is noticed that it came back."""
_AGAIN = 1.0
_AGAIN_AT_MOST = 60.0


class Kind(StrEnum):
    """What a notice tells."""

    STATE = "state"
    CLOSED = "closed"
    RENAMED = "renamed"
    OPENED = "opened"
    STUCK = "stuck"
    ANSWERED = "answered"
    FACTS = "facts"
    SEAL = "seal"


Noticed = Literal["look", "inotify", "poll", "proc"]


@dataclass(frozen=True)
class Notice:
    """Something was noticed: at wall time `at` (ns), and `monotonic` (CLOCK_MONOTONIC, s)."""

    kind: Kind
    target: int
    """Index of the reference."""
    at: int
    monotonic: float
    noticed: Noticed = "look"
    snapshot: Snapshot | None = None
    facts: ImageFacts | None = None
    holder: OpenDescriptor | None = None
    seal: Seal | None = None
    closed: bool = False
    fresh: bool = False
    """Of a STATE: the name was made anew since the last one, even if the new inode has the number of the old one."""
    call: str = ""


@dataclass(frozen=True)
class Wishes:
    """What is wanted beside the state: what the target holds, who writes to it, its seal."""

    look_inside: bool = True
    holders: bool = False
    seals: bool = False


@cache
def notice_adapter() -> TypeAdapter[Notice]:
    """Reads and writes notices as JSON."""
    return TypeAdapter(Notice)


@dataclass
class _Post:
    """The watching of one target."""

    worker: Worker | None
    stuck: bool = False
    lost: bool = False
    """The child was lost, and the one started after it has not said anything yet."""
    again: float = 0.0
    """When to start it again (CLOCK_MONOTONIC)."""
    wait: float = _AGAIN


class Observer:
    """Watches targets from `__enter__` to `__exit__`."""

    def __init__(
        self,
        references: Sequence[Reference],
        *,
        look_inside: bool = True,
        holders: bool = False,
        seals: bool = False,
        stall: float = STALL_SECONDS,
        wakeup: int | None = None,
    ) -> None:
        """`holders`: find out who opens a target for writing, where /proc shows it. `seals`: read its seal."""
        self._references, self._stall, self._wakeup = tuple(references), stall, wakeup
        self._wishes = Wishes(look_inside, holders, seals)
        self._posts: list[_Post] = []
        self._waiting: deque[Notice] = deque()
        self._poll: select.epoll | None = None

    def __enter__(self) -> Observer:
        """Start the children. Raises OSError when there are no processes to be had."""
        notice_adapter()  # built before the fork: parent and children share it
        from probe.handoff.observe import vigil  # noqa: F401 - likewise

        self._poll = select.epoll()
        if self._wakeup is not None:
            self._poll.register(self._wakeup, select.EPOLLIN)
        try:
            for index in range(len(self._references)):
                self._posts.append(_Post(self._start(index)))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the children. One that sleeps in the kernel is not waited for."""
        for post in self._posts:
            if post.worker is not None:
                post.worker.end()
        self._posts.clear()
        if self._poll is not None:
            self._poll.close()
            self._poll = None

    @property
    def fileno(self) -> int:
        """Readable when something came; for select(2) with other descriptors."""
        assert self._poll is not None
        return self._poll.fileno()

    @property
    def children(self) -> tuple[int, ...]:
        """The process ids of the children."""
        return tuple(post.worker.pid for post in self._posts if post.worker is not None)

    def next(self, timeout: float | None) -> Notice | None:
        """The next notice; None when none came in `timeout` seconds, or `wakeup` is readable."""
        assert self._poll is not None
        until = None if timeout is None else time.monotonic() + timeout
        while not self._waiting:
            self._check()
            if self._waiting:
                break
            left = None if until is None else max(0.0, until - time.monotonic())
            tick = _TICK if any(post.stuck for post in self._posts) else self._stall / 2
            ready = {descriptor for descriptor, _ in self._poll.poll(tick if left is None else min(tick, left))}
            self._receive(ready)
            if self._wakeup in ready or (until is not None and time.monotonic() >= until):
                break
        return self._waiting.popleft() if self._waiting else None

    # -- the children

    def _start(self, index: int) -> Worker:
        worker = Worker(partial(_watch, index, self._references[index], self._wishes))
        assert self._poll is not None
        self._poll.register(worker.fileno, select.EPOLLIN)
        return worker

    def _receive(self, ready: set[int]) -> None:
        for index, post in enumerate(self._posts):
            worker = post.worker
            if worker is None or worker.fileno not in ready:
                continue
            for body in worker.receive():
                self._take(index, post, body)
            if worker.ended:
                self._lost(index, post, worker)

    def _take(self, index: int, post: _Post, body: bytes) -> None:
        try:
            notice = notice_adapter().validate_json(body)
        except ValidationError as error:
            self._say(index, Kind.STUCK, f"a message of the looking process is not valid: {error.error_count()} errors")
            return
        post.lost, post.wait = False, _AGAIN
        self._answered(index, post)
        self._waiting.append(notice if notice.target == index else replace(notice, target=index))

    def _lost(self, index: int, post: _Post, worker: Worker) -> None:
        """A child is gone: out of memory, or somebody killed it."""
        assert self._poll is not None
        with contextlib.suppress(OSError):
            self._poll.unregister(worker.fileno)
        worker.end()  # after which it is known why
        post.worker, post.lost, post.again = None, True, time.monotonic() + post.wait
        post.wait = min(post.wait * 2, _AGAIN_AT_MOST)
        if not post.stuck:
            post.stuck = True
            self._say(index, Kind.STUCK, worker.ended)

    def _check(self) -> None:
        """Which calls do not return, and which did at last; start again what is gone."""
        for index, post in enumerate(self._posts):
            if post.worker is None:
                if time.monotonic() >= post.again:
                    self._restart(index, post)
                continue
            call = post.worker.overdue(self._stall)
            if call is None:
                if not post.lost:
                    self._answered(index, post)
            elif not post.stuck:
                post.stuck = True
                self._say(index, Kind.STUCK, call)

    def _restart(self, index: int, post: _Post) -> None:
        try:
            post.worker = self._start(index)
        except OSError:
            post.again = time.monotonic() + post.wait

    def _answered(self, index: int, post: _Post) -> None:
        if post.stuck:
            post.stuck = False
            self._say(index, Kind.ANSWERED, "")

    def _say(self, index: int, kind: Kind, call: str) -> None:
        self._waiting.append(Notice(kind, index, time.time_ns(), time.monotonic(), call=call))


def _watch(index: int, reference: Reference, wishes: Wishes, line: Line) -> None:
    """(Child.) Its work is loaded only here: it needs what stands above."""
    from probe.handoff.observe.vigil import Vigil

    Vigil(index, reference, wishes, line).run()
