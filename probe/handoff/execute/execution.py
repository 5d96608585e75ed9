"""A command run as if the probe were not there, and looked after: `execute`.

Its standard input and output, its descriptors, environment, signal mask, process group and terminal are those that the
probe got; its standard error is copied on its way. What the terminal or a runner does to the whole process group
(Ctrl-C, Ctrl-Z) reaches it by itself; what is sent to the probe alone is passed on. The probe stops when it stops, and
ends as it ended.

This process does nothing else: it loads nothing, touches no file, and waits for signals. What may fail, hang or crash
is done by others (`desk`, `copier`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from probe.handoff.execute.copier import Copier
from probe.handoff.execute.desk import AGAIN, FINAL, FIRST, Desk
from probe.handoff.execute.run import Ended
from probe.handoff.execute.spawn import NOT_EXECUTABLE, NOT_FOUND, Inherited, Start, die_of, let_go
from probe.handoff.execute.tail import Tail
from probe.handoff.execute.witness import Witness

_KERNEL = 0x80
"""`si_code` of a signal that the kernel made (SI_KERNEL): a key on the terminal, a hang-up, a timer."""
_TIMERS = frozenset({signal.SIGALRM})
"""A timer that was set before the exec (alarm(2)) counts for this process alone."""
_BY_HAND = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGHUP})
"""Somebody does not want it any more: nothing has failed that a look could explain."""
_ENDS = frozenset({*_BY_HAND, signal.SIGTERM})
_JOB_CONTROL = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
"""A stop by SIGSTOP is for who gets it: somebody who continues the command alone would leave the probe stopped."""
_AT_ONCE = 0.005
_TICK = 5.0
_FAREWELL = 0.5
_STUCK = 2.0
"""Who takes nothing from a full pipe for so long reads no more, as far as one who is to end is concerned."""


@dataclass(frozen=True)
class Settings:
    """How it is run."""

    tail: int
    """Bytes of standard error that are kept; 0: it is not copied at all."""
    repeats: bool
    """Whether it may be run again: then what it was given is kept open."""
    patience: float
    """Seconds that looking and waiting may take after a failure, all in all."""


Work = Callable[[Desk, Tail | None], None]
"""Done by the looking process: it takes orders from the desk."""


def execute(command: Sequence[bytes], settings: Settings, work: Work | None, say: Callable[[str], None]) -> int:
    """Run it. Gives its exit status; when a signal ended it, this process ends by the same signal.

    `say` gets a sentence where it cannot be started, and where the looking failed.
    """
    return _Execution(command, settings, work, say).run()


class _Execution:
    def __init__(
        self, command: Sequence[bytes], settings: Settings, work: Work | None, say: Callable[[str], None]
    ) -> None:
        self._command, self._settings, self._work, self._say = command, settings, work, say
        self._inherited = Inherited.read()
        self._tail: Tail | None = None
        self._start: Start | None = None
        self._copier: Copier | None = None
        self._witness: Witness | None = None
        self._desk: Desk | None = None
        self._status: int | None = None
        """Wait status of the command when it has ended, None while it runs."""
        self._interrupted = False
        """Somebody pressed Ctrl-C, or sent as much."""
        self._ending = False
        """Somebody wanted the command to end while it ran."""
        self._give_up = False
        """Somebody wants the probe itself to end, after its command has."""

    def run(self) -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        if self._inherited.ignores_children:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with contextlib.suppress(OSError, ValueError):
            if self._settings.tail and self._inherited.stderr_open:
                self._tail = Tail(self._settings.tail)
        with contextlib.suppress(OSError):
            self._witness = Witness()
        number = 1
        while True:
            ended = self._run_once(number)
            if isinstance(ended, int):
                return ended
            if not (self._is_a_case(ended) and self._follow_up()):
                break
            number += 1
        if self._desk is not None:
            self._desk.close()
        if ended.signal is not None:
            die_of(ended.signal)
        return ended.exit_status or 0

    # -- one run

    def _run_once(self, number: int) -> Ended | int:
        """How it ended, or the exit status when it could not be started."""
        self._status, self._interrupted, self._ending, self._copier = None, False, False, None
        started = time.time_ns()
        try:
            self._start = self._begin()
        except OSError as error:
            self._say(f"cannot start {self._name}: no process to be had: {error.strerror}")
            return NOT_EXECUTABLE
        self._look_in(number)
        if not self._settings.repeats:
            let_go(self._needed())
        status = self._wait_for_end()
        ended = Ended(number, started, time.time_ns(), status)
        failure = self._start.failure()
        if self._desk is not None and failure is None and self._is_a_case(ended):
            self._desk.interrupt(FIRST)
            self._desk.send(run=ended.run, started=ended.started, ended=ended.ended, status=ended.status)
        self._wait_for_copier()
        return ended if failure is None else self._cannot_start(failure)

    def _begin(self) -> Start:
        """The command, with its standard error copied; where processes are short, it goes before those beside it."""
        try:
            if self._tail is not None:
                with contextlib.suppress(OSError):  # no pipe, no pseudo-terminal: then nothing is kept
                    self._copier = Copier(self._tail)
            if self._copier is None:
                return Start(self._command, self._inherited, None)
            try:
                return Start(self._command, self._inherited, self._copier.inlet)
            finally:
                os.close(self._copier.inlet)
        except OSError:
            if self._copier is None and self._witness is None:
                raise
            self._do_without()
            return Start(self._command, self._inherited, None)

    def _do_without(self) -> None:
        """Send those away who help."""
        helpers = [helper for helper in (self._copier, self._witness) if helper is not None]
        for helper in helpers:
            helper.dismiss()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(helper.pid, 0)
        self._copier = self._witness = self._tail = None

    def _wait_for_end(self) -> int:
        """Its wait status."""
        while True:
            status = self._status
            if status is not None:
                return status
            self._attend(None)

    def _is_a_case(self, ended: Ended) -> bool:
        """Whether it failed by itself."""
        by_hand = self._interrupted or ended.signal in _BY_HAND or (ended.exit_status or 0) - 128 in _BY_HAND
        return ended.failed and not by_hand

    def _look_in(self, number: int) -> None:
        """The looking process begins, while the command already runs."""
        if self._work is None:
            return
        if self._desk is not None:
            self._desk.resume()
            self._desk.send(begun=number)
            return
        work, tail = self._work, self._tail
        desk = None
        try:
            desk = Desk()
            desk.open(lambda opened: work(opened, tail))
        except OSError as error:
            self._say(f"no evidence will be collected should it fail: no process to be had: {error.strerror}")
            return
        self._desk = desk
        desk.send(begun=number)

    def _needed(self) -> set[int]:
        """What this process itself needs."""
        needed = {2}
        if self._start is not None:
            needed.add(self._start.descriptor)
        for holder in (self._copier, self._witness, self._desk):
            if holder is not None:
                needed.update(holder.descriptors)
        return needed

    def _wait_for_copier(self) -> None:
        """Until what the command wrote has been written: as long as it would have had to wait itself.

        Who is told to end does not wait for one who reads no more; the copier stays, and goes on.
        """
        copier = self._copier
        if copier is None:
            return
        copier.end()
        copier.news()
        total, until = -1, 0.0
        while not copier.arrived and not self._give_up:
            now = time.monotonic()
            if self._tail is not None and self._tail.total != total:
                total, until = self._tail.total, now + _STUCK
            elif self._ending and now >= until:
                self._give_up = True  # nor would what is found be read
                break
            self._attend(_STUCK if self._ending else None)
        copier.dismiss()
        self._copier = None

    @property
    def _name(self) -> str:
        return os.fsdecode(self._command[0])

    def _cannot_start(self, number: int) -> int:
        if self._desk is not None:
            self._desk.close()
        self._say(f"cannot run {self._name or 'an empty name'}: {os.strerror(number)}")
        return NOT_FOUND if number == errno.ENOENT else NOT_EXECUTABLE

    # -- after a failure

    def _follow_up(self) -> bool:
        """Let it be looked at; whether the command is to run again."""
        desk = self._desk
        if desk is None:
            return False
        desk.send(arrived=True)
        until = time.monotonic() + self._settings.patience
        while (answer := desk.answer()) == b"" and not self._give_up:
            if desk.ended is not None:
                self._say(f"no evidence was collected: the looking process {_how(desk.ended)}")
                return False
            left = until - time.monotonic()
            if left <= 0:
                desk.kill()
                self._say(f"no evidence was collected within {self._settings.patience:.0f} s: it is given up")
                return False
            self._attend(min(left, _TICK))
        if self._give_up:
            desk.interrupt(FINAL)
            self._farewell(desk)
        return answer == AGAIN and not self._give_up

    def _farewell(self, desk: Desk) -> None:
        """A moment for the looking process to end those whom it has started."""
        until = time.monotonic() + _FAREWELL
        while desk.ended is None and (left := until - time.monotonic()) > 0:
            self._attend(left)

    # -- signals

    def _attend(self, seconds: float | None) -> None:
        """Wait for one signal, and see to it."""
        every = signal.valid_signals()
        found = signal.sigwaitinfo(every) if seconds is None else signal.sigtimedwait(every, seconds)
        if found is None:
            return
        if found.si_signo == signal.SIGCHLD:
            self._reap()
            if self._copier is not None and self._copier.news():
                self._pass_on(signal.SIGWINCH)
            return
        to_group = self._went_to_group(found.si_signo)
        if found.si_pid == os.getpid() and found.si_code != _KERNEL:
            return  # SIGPIPE, for what this process wrote itself
        if found.si_signo == signal.SIGINT:
            self._interrupted = True
        if self._status is None:
            self._ending = self._ending or found.si_signo in _ENDS
        if self._status is not None:
            if found.si_signo in _ENDS and signal.getsignal(found.si_signo) is not signal.SIG_IGN:
                self._give_up = True
            elif found.si_signo == signal.SIGTSTP:
                self._stop(signal.SIGTSTP)
        elif found.si_code == _KERNEL:
            if found.si_signo in _TIMERS:
                self._pass_on(found.si_signo)
        elif not to_group:
            self._pass_on(found.si_signo)

    def _went_to_group(self, number: int) -> bool:
        """Whether it reached the command by itself.

        timeout(1) signals its child, and its group right after. Without the probe the kernel merges the two while the
        first is pending (signal(7)); so what comes at once counts as one here too.
        """
        if number in _ENDS:
            time.sleep(_AT_ONCE)
            signal.sigtimedwait({number}, 0)
        return self._witness is not None and self._witness.saw(number)

    def _pass_on(self, number: int) -> None:
        if self._start is not None and self._status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it has taken another identity
                os.kill(self._start.pid, number)

    def _reap(self) -> None:
        """All children that ended or stopped; as process 1, those too that others have left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if os.WIFSTOPPED(status):
                if self._start is not None and pid == self._start.pid and os.WSTOPSIG(status) in _JOB_CONTROL:
                    self._stop(os.WSTOPSIG(status))
            elif self._start is not None and pid == self._start.pid:
                self._status = status
            elif self._copier is not None and pid == self._copier.pid:
                self._copier.arrived = True
            elif self._desk is not None and pid == self._desk.pid:
                self._desk.ended = status

    def _stop(self, number: int) -> None:
        """Stop as the command did: the shell that waits for this process sees what it would see of the command."""
        os.kill(os.getpid(), number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        signal.pthread_sigmask(signal.SIG_BLOCK, {number})


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
