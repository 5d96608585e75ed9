"""Waiting at the gate: notices of the observer go in, and looks are made when a look would decide."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from threading import Thread

from probe.evidence.path import FileType
from probe.evidence.report import Reference
from probe.handoff.gate.confirm import Confirmer
from probe.handoff.gate.rules import ARRIVING_SECONDS, Gate, Rules, Standing, State, Target, Until
from probe.handoff.observe.observer import STALL_SECONDS, Kind, Notice, Observer

MAX_NOTICES = 1024
"""That are kept for the timeline; each may take some 10 kB."""
_GROWTH_GAP, _GROWTH_SHARE = 1.0, 0.02
"""Growth is kept once a second, later once in a fiftieth of the time that has passed: some 250 in an hour."""
FIRST_LOOK = 3.0
"""Seconds that the first look may take when the time-out is shorter: `--timeout 0` is to look once."""
_ONCE = 0.5
_TICK = 1.0
_CALM = 1.0
_PASSING = (State.UNFINISHED, State.WRONG_KIND)
"""A writer that closes the file after each piece shows what is in it so far: that is told when it has been calm."""
_SHORTEST_LOOK = 0.2
_AGAIN_FIRST, _AGAIN_LAST = 0.25, 2.0
_STUCK_FIRST, _STUCK_LAST = 1.0, 60.0


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds."""

    timeout: float = 60.0
    growing: float | None = None
    """At most so long in all, after the time-out only while bytes still arrive; None: the time-out holds."""


@dataclass(frozen=True)
class Told:
    """A target stands in another way than before."""

    seconds: float
    """Since the waiting began."""
    target: int
    standing: Standing
    size: int | None
    """Of what lies there, where that is a file."""


@dataclass
class Outcome:
    """How it ended."""

    opened: bool
    began: int
    """Wall clock, ns."""
    began_monotonic: float
    at: int
    seconds: float
    targets: tuple[Target, ...]
    standings: tuple[Standing, ...]
    notices: list[Notice] = field(default_factory=list)
    """What was noticed of the targets, in order."""
    left_out: int = 0


@dataclass
class _Pause:
    """When a target may be looked at again. Moments of CLOCK_MONOTONIC."""

    again: float = 0.0
    hung: bool = False
    """The last look did not come back."""
    stuck_until: float = 0.0
    """A look that hangs leaves a process behind: so the next one is made ever later."""
    _wait: float = _AGAIN_FIRST
    _stuck_wait: float = _STUCK_FIRST

    def looked(self, now: float, *, changed: bool) -> None:
        """The look came back."""
        self.hung, self._stuck_wait = False, _STUCK_FIRST
        self._wait = _AGAIN_FIRST if changed else min(_AGAIN_LAST, self._wait * 2)
        self.again = now + self._wait

    def stuck(self, now: float) -> None:
        """It did not."""
        self.hung, self.stuck_until = True, now + self._stuck_wait
        self._stuck_wait = min(_STUCK_LAST, self._stuck_wait * 2)


class Waiting:
    """One wait. `tell` gets each change of state, `progress` each growth in between."""

    def __init__(
        self,
        references: Sequence[Reference],
        rules: Rules,
        patience: Patience,
        tell: Callable[[Told], None],
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._references, self._rules, self._patience = tuple(references), rules, patience
        self._tell, self._progress = tell, progress
        self._gate = Gate(references, rules)
        self._told: list[tuple[State, str] | None] = [None] * len(self._references)
        self._seals_due = [rules.until is Until.SEALED] * len(self._references)
        self._pauses = [_Pause() for _ in self._references]
        self._confirmer: Confirmer | None = None
        self._began_at, self._began = 0, 0.0
        self._notices: list[Notice] = []
        self._left_out = 0
        self._growth: dict[int, Notice] = {}
        """By target: the state that was kept last, when nothing else was noticed since."""

    def run(self) -> Outcome:
        """Wait until the gate opens, or time is up. Raises OSError when no child can be started."""
        self._began_at, self._began = time.time_ns(), time.monotonic()
        inside, sealed = self._rules.until is not Until.READABLE, self._rules.until is Until.SEALED
        with ExitStack() as stack:
            observer = stack.enter_context(
                Observer(self._references, look_inside=inside, seals=sealed, stall=self._stall())
            )
            self._confirmer = confirmer = stack.enter_context(closing(Confirmer(self._references)))
            outcome = self._until_decided(observer)
            for child in (*observer.children, *confirmer.children):
                with suppress(OSError):
                    os.kill(child, signal.SIGKILL)  # all at once: they are then waited for one after the other
            if outcome.opened:
                # Some milliseconds pass until the kernel has taken a process apart: the reader need not wait for that.
                left = stack.pop_all()
                try:
                    Thread(target=_close, args=(left,), daemon=True).start()
                except RuntimeError:  # no thread to be had (RLIMIT_NPROC, pids.max)
                    _close(left)
            return outcome

    def _until_decided(self, observer: Observer) -> Outcome:
        while True:
            now = time.monotonic()
            decision = self._gate.decide(now)
            self._tell_changes(decision.standings, now)
            until = self._until()
            if decision.opened or now >= until:
                return Outcome(
                    opened=decision.opened,
                    began=self._began_at,
                    began_monotonic=self._began,
                    at=time.time_ns(),
                    seconds=now - self._began,
                    targets=self._gate.targets,
                    standings=decision.standings,
                    notices=self._notices,
                    left_out=self._left_out,
                )
            if self._look({*decision.look, *self._due(now)}, now, until):
                continue
            notice = observer.next(self._wake(now, until, decision.again))
            while notice is not None:
                self._take(notice)
                notice = observer.next(0)

    def _stall(self) -> float:
        """A mount that does not answer is to be named before the time is up."""
        return min(STALL_SECONDS, max(0.5, self._patience.timeout / 2))

    def _until(self) -> float:
        """When time is up, as things stand."""
        timeout = self._patience.timeout
        if timeout < _ONCE and not all(target.known for target in self._gate.targets):
            timeout = FIRST_LOOK
        until = self._began + timeout
        if self._patience.growing is not None and self._gate.arrived is not None:
            until = max(until, min(self._began + self._patience.growing, self._gate.arrived + ARRIVING_SECONDS))
        return until

    # -- what is noticed

    def _take(self, notice: Notice) -> None:
        self._keep(notice)
        target = self._gate.targets[notice.target]
        if notice.kind is Kind.STUCK:
            target.stuck(notice.call)
        elif notice.kind is Kind.ANSWERED:
            target.answered()
        elif notice.kind is Kind.SEAL:
            self._seals_due[notice.target] = True
        if notice.snapshot is not None:
            target.saw(notice.snapshot, closed=notice.closed)
            if notice.kind is Kind.FACTS:
                target.learned(notice.facts, notice.snapshot.fingerprint)

    def _keep(self, notice: Notice) -> None:
        """Keep it for the timeline; of mere growth only now and then, and ever more rarely."""
        last = self._growth.get(notice.target)
        if notice.kind is not Kind.STATE or last is None or not _only_grew(last, notice):
            self._growth.pop(notice.target, None)
            if notice.kind is Kind.STATE:
                self._growth[notice.target] = notice
        elif notice.monotonic - last.monotonic < max(_GROWTH_GAP, (notice.monotonic - self._began) * _GROWTH_SHARE):
            return
        else:
            self._growth[notice.target] = notice
        if len(self._notices) < MAX_NOTICES:
            self._notices.append(notice)
        else:
            self._left_out += 1

    # -- looks that decide

    def _due(self, now: float) -> set[int]:
        """Targets to look at again although nothing was noticed: a new seal, and what does not show from outside."""
        return {index for index, pause in enumerate(self._pauses) if self._is_due(index, pause, now)}

    def _is_due(self, index: int, pause: _Pause, now: float) -> bool:
        if pause.hung:
            return pause.stuck_until <= now
        if self._seals_due[index]:
            return self._gate.targets[index].snapshot is not None
        return self._hides_changes(index) and pause.again <= now

    def _hides_changes(self, index: int) -> bool:
        """An unfinished image directory: a blob that grows in it does not show in the inodes that are watched."""
        target = self._gate.targets[index]
        if not target.is_image or target.inode is None or target.inode.type is not FileType.DIRECTORY:
            return False
        return target.facts is None or not target.facts.complete

    def _wake(self, now: float, until: float, again: float | None) -> float:
        """When to look up although nothing was noticed."""
        moments = [until, now + _TICK]
        if again is not None:
            moments.append(again)
        for index, pause in enumerate(self._pauses):
            if pause.stuck_until > now:
                moments.append(pause.stuck_until)
            elif self._hides_changes(index):
                moments.append(pause.again)
        return max(0.0, min(moments) - now)

    def _look(self, wanted: set[int], now: float, until: float) -> bool:
        """Look at these; False when there is none that may be looked at now."""
        wanted = {index for index in wanted if self._pauses[index].stuck_until <= now}
        for index in sorted(wanted):
            self._confirm(index, max(_SHORTEST_LOOK, min(self._stall(), until - time.monotonic())))
        return bool(wanted)

    def _confirm(self, index: int, seconds: float) -> None:
        target, pause = self._gate.targets[index], self._pauses[index]
        sealed = self._rules.until is Until.SEALED
        inside = target.is_image and target.inode is not None and target.inode.type is FileType.DIRECTORY
        assert self._confirmer is not None
        found = self._confirmer.confirm(index, seconds, seal=sealed, inspect=inside)
        if found.snapshot is None:
            pause.stuck(time.monotonic())
            target.stuck(found.stuck)
            return
        self._seals_due[index] = False
        changed = target.snapshot is None or target.snapshot.fingerprint != found.snapshot.fingerprint
        pause.looked(time.monotonic(), changed=changed)
        target.saw(found.snapshot)
        if found.within is not None:
            target.listed(found.within, found.snapshot.sample.monotonic)
        if found.facts is not None:
            target.learned(found.facts, found.snapshot.fingerprint)
        if found.seal is not None:
            target.sealed(found.seal, found.seal_read)
        elif sealed:
            target.unsealed(found.no_seal)

    # -- what is told

    def _tell_changes(self, standings: Sequence[Standing], now: float) -> None:
        for index, standing in enumerate(standings):
            if standing.state is State.UNSEEN:
                continue
            target, told = self._gate.targets[index], self._told[index]
            if target.arrived is not None and now - target.arrived < _CALM:
                # One that fills a file from both ends lets it rest after every piece.
                going_on = standing.state is State.SETTLING and told is not None and told[0] is State.GROWING
                if going_on or standing.state in _PASSING:
                    standing = Standing(State.GROWING)
            inode = target.inode
            size = inode.size if inode is not None and inode.type is FileType.REGULAR else None
            if told != (standing.state, standing.detail):
                self._told[index] = standing.state, standing.detail
                self._tell(Told(now - self._began, index, standing, size))
            elif standing.state is State.GROWING and size is not None and self._progress is not None:
                self._progress(index, size)


def _close(stack: ExitStack) -> None:
    with suppress(Exception):
        stack.close()


def _only_grew(before: Notice, after: Notice) -> bool:
    """Whether the same inode, with the same rights, merely has other contents."""
    old, new = before.snapshot, after.snapshot
    if old is None or new is None or old.inode is None or new.inode is None or after.fresh:
        return False
    a, b = old.inode, new.inode
    return (
        (a.device, a.inode, a.type, a.mode, a.uid, a.gid) == (b.device, b.inode, b.type, b.mode, b.uid, b.gid)
        and old.sample.open_errno == new.sample.open_errno
        and a.size <= b.size
        and a.modified != b.modified
    )
