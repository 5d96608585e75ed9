"""How far the hashing or the writer is: one line on a terminal, rewritten in place."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from typing import IO

_EVERY_SECONDS = 0.2
_POINTS = 25
_NAME = 40
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


class Growth:
    """Shows a file that grows: bytes so far, and the rate of the last seconds."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._name, self._points = "", deque[tuple[float, int]](maxlen=_POINTS)
        self._shown, self._dirty = 0.0, False

    def show(self, name: str, count: int) -> None:
        """Rewrite the line, at most five times a second."""
        now = time.monotonic()
        if name != self._name or (self._points and count < self._points[-1][1]):
            self._name, self._shown = name, 0.0
            self._points.clear()
        if self._points and now - self._shown < _EVERY_SECONDS:
            return
        self._points.append((now, count))
        self._shown, self._dirty = now, True
        (since, first) = self._points[0]
        rate = f" ({size((count - first) / (now - since))}/s)" if now > since else ""
        with suppress(OSError):
            self._stream.write(f"\r{_fitting(name)} {size(count)}{rate}\x1b[K")
            self._stream.flush()

    def clear(self) -> None:
        """Make room for a line that stays."""
        if self._dirty:
            self._dirty = False
            with suppress(OSError):
                self._stream.write("\r\x1b[K")
                self._stream.flush()


def _fitting(name: str) -> str:
    """The end of a name, so that the line is not broken: a broken one cannot be rewritten."""
    from probe.report.safe import safe

    name = safe(name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
    return name if len(name) <= _NAME else "..." + name[-_NAME + 3 :]


def size(count: float) -> str:
    """Bytes in decimal units, three digits."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return ""
