"""How one run of a command ended."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """One run: its number from 1, when it began and ended (wall clock, ns), and its wait status."""

    run: int
    started: int
    ended: int
    status: int

    @property
    def failed(self) -> bool:
        """Whether it ended with anything but 0."""
        return self.status != 0

    @property
    def exit_status(self) -> int | None:
        """None when a signal ended it."""
        return os.WEXITSTATUS(self.status) if os.WIFEXITED(self.status) else None

    @property
    def signal(self) -> int | None:
        """The signal that ended it."""
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else None

    @property
    def signal_name(self) -> str | None:
        """`SIGTERM`; a real-time signal without a name is `SIG40`."""
        number = self.signal
        if number is None:
            return None
        try:
            return signal.Signals(number).name
        except ValueError:
            return f"SIG{number}"
