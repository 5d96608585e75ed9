"""Between the process that runs a command and the one that looks when it has failed.

The looking process is forked as soon as the command runs, and loads its modules meanwhile: a look begins within
milliseconds of the failure. Whatever becomes of it is not the command's matter, nor of the process that waits for it.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from probe.handoff.execute.spawn import let_go

_LOOKING, _ENOUGH = 0, 1
"""Places on the board: what is being looked at, and up to what a look is not wanted any more."""
FIRST, FINAL = 1, 2
"""The look while the command runs, and what is done when it has failed."""
_PR_SET_PDEATHSIG = 1
_STDERR = 2
_WAKING = (signal.SIGTERM, signal.SIGALRM)
_AGAIN_SECONDS = 0.01
AGAIN, DONE = b"a", b"d"
"""Answers to an order: run the command once more, or not."""


class Desk:
    """Made before the fork. Orders are JSON, one a line."""

    def __init__(self) -> None:
        """Raises OSError."""
        self._board = mmap.mmap(-1, 2)
        self._orders, self._order = os.pipe()
        self._answers, self._answer = os.pipe()
        self._parent = os.getpid()
        self.pid = 0
        self.ended: int | None = None
        """Its wait status, as soon as its end was seen."""

    # -- the side of the command

    def open(self, work: Callable[[Desk], None]) -> None:
        """Start the looking process. All signals are to be blocked before. Raises OSError."""
        try:
            self.pid = os.fork()
            if self.pid == 0:
                self._serve(work)
        except OSError:
            for descriptor in self.descriptors:
                os.close(descriptor)
            raise
        finally:
            os.close(self._orders)
            os.close(self._answer)
        os.set_blocking(self._answers, False)
        os.set_blocking(self._order, False)

    @property
    def descriptors(self) -> tuple[int, int]:
        """To be kept open."""
        return self._order, self._answers

    def send(self, **order: Any) -> None:
        """Give an order. A process that has gone does not get it."""
        with contextlib.suppress(OSError):
            os.write(self._order, json.dumps(order).encode() + b"\n")

    def interrupt(self, upto: int) -> None:
        """End the look that is being made, if it is one of those: the next order counts."""
        self._board[_ENOUGH] = upto
        self._signal(signal.SIGTERM)

    def resume(self) -> None:
        """From now on it may look again."""
        self._board[_ENOUGH] = 0

    def answer(self) -> bytes:
        """(After SIGCHLD.) The answer, if there is one."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self._answers, 1)
        return b""

    def close(self) -> None:
        """Send it away. Only while it looks is there something for it to put in order."""
        os.close(self._order)
        os.close(self._answers)
        if self._board[_LOOKING]:
            self.interrupt(FINAL)
        else:
            self.kill()

    def kill(self) -> None:
        """It has had its time."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        """Its number may be another process's once its end was seen (`ended`)."""
        if self.ended is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    # -- the side of the look

    def _serve(self, work: Callable[[Desk], None]) -> NoReturn:
        try:
            let_go({_STDERR, self._orders, self._answer})
            sys.unraisablehook = lambda _: None
            for number in _WAKING:
                signal.signal(number, self._on_signal)
            _tell_of_death()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAKING)
            self._lines = open(self._orders, "rb", closefd=False)  # noqa: SIM115 - for as long as this process lives
            work(self)
        except BaseException:  # `work` says its own failures; what is left has nobody to be told to
            pass
        finally:
            os._exit(0)

    def _on_signal(self, _number: int, _frame: object) -> None:
        """SIGTERM: from the other side, from the kernel when that has gone, or from somebody to the whole group.

        No exception is raised here: it could come anywhere, and be taken for something else or be lost. A look ends
        when the child that makes it is gone; should the next one be on its way just now, the timer comes back for it.
        """
        if not self._board[_LOOKING] or self.wanted:
            return
        _end_children()
        if self._board[_LOOKING] == FINAL or os.getppid() != self._parent:
            os._exit(0)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)

    @property
    def wanted(self) -> bool:
        """Whether what is being looked at is still wanted."""
        return self._board[_LOOKING] > self._board[_ENOUGH] and os.getppid() == self._parent

    @contextmanager
    def looking(self, look: int) -> Iterator[None]:
        """What is done in the block may be ended: then `wanted` is False, or this process is gone."""
        self._board[_LOOKING] = look
        try:
            yield
        finally:
            self._board[_LOOKING] = 0
            signal.setitimer(signal.ITIMER_REAL, 0)

    def next_order(self) -> dict[str, Any] | None:
        """Wait for an order; None when there will be none."""
        line = self._lines.readline()
        return json.loads(line) if line else None

    def reply(self, word: bytes) -> None:
        """Answer the last order."""
        with contextlib.suppress(OSError):
            os.write(self._answer, word)
            if os.getppid() == self._parent:
                os.kill(self._parent, signal.SIGCHLD)


def _end_children() -> None:
    """Those that look, each the leader of a group (`probe.collect.deadline`)."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            children = [int(word) for word in file.read().split()]
    except (OSError, ValueError):  # not every kernel has it: then a look takes as long as it takes
        return
    for child in children:
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(child, signal.SIGKILL)


def _tell_of_death() -> None:
    """SIGTERM when the other side is killed (prctl(2)); a look under way ends then."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
