"""Tells whether a signal was sent to this process alone, or to its whole group.

kill(2) tells the receiver who sent it, not to whom. A runner that signals the group (Tekton's entrypoint, timeout(1),
a shell's `kill %1`) reaches the command by itself: passed on, it would come twice, and many programs take a second
SIGTERM for *now*. So a process of the same group stands by with everything blocked, and does nothing: what is pending
there was sent to the group. The kernel serves the youngest member of a group first, so the witness has the signal when
the probe has it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import NoReturn

from probe.handoff.execute.spawn import let_go

_SECONDS = 1.0
_PENDING = b"ShdPnd:"


class Witness:
    """Stands by from its making until `dismiss`, or until this process ends. All signals are to be blocked before."""

    def __init__(self) -> None:
        """Raises OSError when there is no process to be had."""
        ours, theirs = os.pipe(), os.pipe()  # to ask, to answer
        self._ask, self._answer = ours[1], theirs[0]
        try:
            self.pid = os.fork()
        except OSError:
            for descriptor in (*ours, *theirs):
                os.close(descriptor)
            raise
        if self.pid == 0:
            _stand_by(ours[0], theirs[1])
        os.close(ours[0])
        os.close(theirs[1])

    @property
    def descriptors(self) -> tuple[int, int]:
        """To be kept open."""
        return self._ask, self._answer

    def saw(self, number: int) -> bool:
        """Whether this signal, which has just come, went to the group; it is forgotten then."""
        if not self._pending() >> (number - 1) & 1:
            return False
        with contextlib.suppress(OSError):
            os.write(self._ask, bytes([number]))
            poll = select.poll()
            poll.register(self._answer, select.POLLIN)
            if poll.poll(_SECONDS * 1000):
                os.read(self._answer, 1)
        return True

    def _pending(self) -> int:
        try:
            with open(f"/proc/{self.pid}/status", "rb") as file:
                for line in file:
                    if line.startswith(_PENDING):
                        return int(line[len(_PENDING) :], 16)
        except (OSError, ValueError):  # no /proc: then nothing is known, and the signal is passed on
            pass
        return 0

    def dismiss(self) -> None:
        """It is not needed any more."""
        os.close(self._ask)
        os.close(self._answer)


def _stand_by(asked: int, answer: int) -> NoReturn:
    """(Child.) Forget what is asked for, until nobody can ask."""
    try:
        let_go({asked, answer})
        while number := os.read(asked, 1):
            signal.sigtimedwait(set(number), 0)
            os.write(answer, number)
    finally:
        os._exit(0)
