"""A child that may hang: started, bounded, killed, and if need be abandoned, without ever waiting for it.

A call on a dead network or FUSE mount can sleep where no signal reaches it. So the caller never makes such a call,
never waits without a bound, and the child holds nothing of the caller's: no pipe, no terminal, no process group.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NoReturn

from probe.collect.journal import Journal, Phase
from probe.evidence.base import clip

STALL_SECONDS = 30.0
"""A deep check that made no progress for this long counts as hung."""
_TICK = 0.2
_REAP_SECONDS = 0.2
_REAP_STEP = 0.001
_SELF_DESTRUCT_GRACE = 5.0
_CRASH = "crash"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

_abandoned: list[int] = []


@dataclass(frozen=True)
class Bounds:
    """Seconds that the child may take."""

    look: float
    deep: float | None = None
    """For the deep check; None: as long as it makes progress."""
    stall: float = STALL_SECONDS


@dataclass(frozen=True)
class Ending:
    """How the child ended. `seconds` is what it took; `sentence` is empty when it finished."""

    how: Literal["finished", "timeout", "crashed"]
    seconds: float
    sentence: str = ""
    abandoned: bool = False
    """Killed, but still there: asleep in the kernel."""


def run_child(
    task: Callable[[Journal], None],
    journal: Journal,
    bounds: Bounds,
    progress: Callable[[int, int], None] | None = None,
) -> Ending:
    """Run `task` in a child until it is done or its bound has passed; `progress` gets (done, total) of a deep check.

    Returns at the latest half a second after the bound. Whatever the child put into the journal stays there. An
    exception of `progress`, or KeyboardInterrupt, kills the child and passes.
    """
    _reap_abandoned()
    began = time.monotonic()
    try:
        reader, writer = os.pipe()
    except OSError as error:
        return Ending("crashed", 0.0, f"no pipe for a child: {error.strerror}")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # no exception between the fork and the try
    try:
        pid = fork()
    except OSError as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(reader)
        os.close(writer)
        return Ending("crashed", 0.0, f"no child could be started: {error.strerror}")
    if pid == 0:
        _child(task, journal, writer, bounds)
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writer)
        in_time = _wait(reader, journal, bounds, began, progress)
        seconds = time.monotonic() - began
    finally:
        status = end_child(pid)
        os.close(reader)
    if not in_time:
        return Ending("timeout", seconds, _overdue(journal, seconds), abandoned=status is None)
    return _ending(journal, status, seconds)


def _overdue(journal: Journal, seconds: float) -> str:
    if journal.phase is not Phase.DEEP:
        return f"no answer within {seconds:.1f} s"
    still = time.monotonic() - journal.beat
    return f"the deep check made no progress for {still:.1f} s, and took {seconds:.1f} s in all"


def _ending(journal: Journal, status: int | None, seconds: float) -> Ending:
    crash = next((body.decode("utf-8", "replace") for kind, body in journal.entries() if kind == _CRASH), None)
    if crash is not None:
        return Ending("crashed", seconds, crash)
    if status is not None and os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        hint = " (out of memory, or somebody killed it)" if name == "SIGKILL" else ""
        return Ending("crashed", seconds, f"the looking process was ended by {name}{hint}")
    if status:
        return Ending("crashed", seconds, f"the looking process ended with status {os.waitstatus_to_exitcode(status)}")
    return Ending("finished", seconds)


def fork() -> int:
    """A child, without the warning of Python 3.12 about threads. Raises OSError."""
    import warnings

    with warnings.catch_warnings():
        # Python 3.12 warns when other threads run. The child takes no lock that another thread could hold: it uses
        # system calls, memory that was shared before, and leaves by _exit.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _wait(
    reader: int, journal: Journal, bounds: Bounds, began: float, progress: Callable[[int, int], None] | None
) -> bool:
    """True when the child closed its end, False when a bound has passed."""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    told = (0, 0)
    while True:
        left = max(0.0, _limit(journal, bounds, began) - time.monotonic())
        ended = bool(poll.poll((left if progress is None else min(left, _TICK)) * 1000))
        if progress is not None and journal.position != told:
            told = journal.position
            progress(*told)
        if ended:
            return True
        if time.monotonic() >= _limit(journal, bounds, began):  # asked again: the child may have gone on to a new phase
            return False


def _limit(journal: Journal, bounds: Bounds, began: float) -> float:
    """The moment (CLOCK_MONOTONIC) at which the child counts as hung, as things stand."""
    phase, beat = journal.phase, journal.beat
    if phase is Phase.LOOK:
        return began + bounds.look
    if phase is Phase.AFTER:
        return beat + bounds.look
    stall = beat + bounds.stall
    return stall if bounds.deep is None else min(stall, began + bounds.look + bounds.deep)


def end_child(pid: int) -> int | None:
    """Kill what is left of the child and its group, and reap it; its wait status, or None when it stays.

    A child that has closed its pipe is on its way out: its status is fixed, and the signal changes nothing.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)  # it may not have made its group yet
    until = time.monotonic() + _REAP_SECONDS
    while True:
        try:
            reaped, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:  # the caller ignores SIGCHLD: the kernel has reaped it
            return 0
        if reaped:
            return status
        if time.monotonic() >= until:
            _abandoned.append(pid)
            return None
        time.sleep(_REAP_STEP)


def _reap_abandoned() -> None:
    for pid in tuple(_abandoned):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                continue
        _abandoned.remove(pid)


# -- the child's side


def _child(task: Callable[[Journal], None], journal: Journal, keep: int, bounds: Bounds) -> NoReturn:
    code = 1
    try:
        detach(keep)
        keep_alive(bounds.look)
        task(journal)
        code = 0
    except BaseException as error:
        sentence = " ".join(f"{type(error).__name__}: {error}".split())
        journal.append(_CRASH, clip(sentence, 512).encode("utf-8", "backslashreplace"))
    finally:
        os._exit(code)


def keep_alive(seconds: float) -> None:
    """(Child.) End by SIGALRM a while after `seconds`, should the parent no longer be there to do it."""
    signal.setitimer(signal.ITIMER_REAL, seconds + _SELF_DESTRUCT_GRACE)


def detach(keep: int) -> None:
    """(Child.) Hold nothing of the caller's but the descriptor `keep`, and react to signals as any program."""
    import gc

    gc.disable()  # a collection would copy the parent's pages
    os.setpgid(0, 0)  # the terminal's SIGINT is for the parent, which ends this child
    for number in (*_SIGNALS, signal.SIGALRM, signal.SIGPIPE, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # a lease that breaks while it is held is announced by SIGIO
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _close_inherited(keep)


def _close_inherited(keep: int) -> None:
    """An abandoned child must not hold the caller's standard output or pipes open."""
    try:
        null = os.open("/dev/null", os.O_RDWR)
    except OSError:
        null = None
    for standard in range(3):
        if null is None:
            with contextlib.suppress(OSError):
                os.close(standard)
        else:
            os.dup2(null, standard)
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        numbers = list(range(3, min(os.sysconf("SC_OPEN_MAX"), 65536)))
    for number in numbers:
        if number > 2 and number != keep:
            with contextlib.suppress(OSError):
                os.close(number)
