"""How far the hashing is: one line on a terminal, rewritten in place."""

from __future__ import annotations

import time
from typing import IO

_EVERY_SECONDS = 0.2
_UNITS = ("B", "kB", "MB", "GB", "TB")


class Progress:
    """Shows bytes done, bytes in all, and the rate."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._started = time.monotonic()
        self._shown = 0.0

    def show(self, done: int, total: int) -> None:
        """Rewrite the line, at most five times a second and once at the end."""
        now = time.monotonic()
        if done < total and now - self._shown < _EVERY_SECONDS:
            return
        self._shown = now
        rate = done / max(now - self._started, 1e-3)
        share = 100 * done // max(total, 1)
        end = "\n" if done >= total else ""
        self._stream.write(f"\rhashing {size(done)} of {size(total)} ({share} %, {size(rate)}/s)\x1b[K{end}")
        self._stream.flush()


def size(count: float) -> str:
    """Bytes in decimal units, three digits."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return ""
