"""One line of a log, without what collectors put before it."""

from __future__ import annotations

from typing import NamedTuple

from probe.transcript.moments import moment

MAX_LINE = 16 << 10
"""Characters of one line that are looked at."""


class LogLine(NamedTuple):
    """`number` counts from 1 in the file; `stamp` is the time before the line as it stands there, or empty."""

    number: int
    text: str
    stamp: str = ""

    @property
    def at(self) -> int | None:
        """When it was written, nanoseconds since the epoch; None where nothing says so."""
        return moment(self.stamp) if self.stamp else None
