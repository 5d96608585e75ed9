"""Where the statements of one transcript come together, bounded."""

from __future__ import annotations

from collections import deque
from typing import Any

from pydantic import ValidationError

from probe.evidence.base import TEXT_LIMIT, clip
from probe.evidence.transcript import MAX_STATEMENTS, MAX_UNPARSED, Line, Stated, Statement
from probe.skopeo.masking import mask
from probe.transcript.line import LogLine

_ENDS = MAX_UNPARSED // 2
_LEAST = 10
"""Last lines that are kept of every container."""
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(9), *range(10, 32), 127, *range(0x80, 0xA0))}


class Budget:
    """What all containers of one text may keep together."""

    def __init__(self) -> None:
        self.statements = 4 * MAX_STATEMENTS
        self.lines = 8 * MAX_UNPARSED


class Sink:
    """Keeps the first statements, and the first and the last lines that nobody understood."""

    def __init__(self, budget: Budget) -> None:
        self.statements: list[Any] = []
        self.dropped = 0
        self._budget = budget
        self.unparsed_lines = 0
        self._first: list[LogLine] = []
        self._last: deque[LogLine] = deque(maxlen=_ENDS)

    @property
    def full(self) -> bool:
        """Whether no further statement is kept."""
        return len(self.statements) >= MAX_STATEMENTS or self._budget.statements <= 0

    def add(self, kind: type[Stated], line: LogLine, *, lines: int = 1, **fields: Any) -> bool:
        """Take one statement; False if what was read fits no statement (a number beyond all bounds)."""
        if self.full:
            self.dropped += 1
            return True
        try:
            self.statements.append(kind(line=line.number, lines=lines, at=line.at, **fields))
        except ValidationError:
            return False
        self._budget.statements -= 1
        return True

    def leave(self, line: LogLine) -> None:
        """Take a line that nobody understood."""
        self.unparsed_lines += 1
        if len(self._first) < _ENDS and self._budget.lines > 0:
            self._budget.lines -= 1
            self._first.append(line)
        else:
            self._keep_last(line)

    def skip(self, line: LogLine) -> None:
        """Take a line that is not read, because nothing more can be kept; the last ones are."""
        self.dropped += 1
        self._keep_last(line)

    def _keep_last(self, line: LogLine) -> None:
        if len(self._last) < _ENDS:
            if self._budget.lines <= 0 and len(self._last) >= _LEAST:
                self._last.popleft()
            else:
                self._budget.lines -= 1
        self._last.append(line)

    def in_order(self) -> tuple[Statement, ...]:
        """The statements by their lines."""
        return tuple(sorted(self.statements, key=lambda one: one.line))

    def unparsed(self) -> tuple[Line, ...]:
        """The lines that were kept, in order."""
        kept = sorted((*self._first, *self._last), key=lambda line: line.number)
        return tuple(Line(line=one.number, at=one.at, text=tidy(one.text)) for one in kept)


def tidy(text: str) -> str:
    """A free text as evidence carries it: secrets masked, no control characters, bounded."""
    masked = mask(text[: 2 * TEXT_LIMIT])
    return clip(masked.encode("utf-8", "backslashreplace").decode().translate(_CONTROL))
