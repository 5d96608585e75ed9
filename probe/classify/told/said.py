"""Something that was told, with its place: what every rule on logs and objects hands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T = TypeVar("T", covariant=True)
_SECOND = 1_000_000_000


class Placed(Protocol):
    """Something with its place in a log, in time or by line."""

    @property
    def at(self) -> int | None:
        """When it was said, nanoseconds."""

    @property
    def line(self) -> int | None:
        """Its line."""


@dataclass(frozen=True)
class Told(Generic[T]):
    """Something that was told: where it stands in the verdict document, and when it was said (nanoseconds)."""

    value: T
    pointer: str
    at: int | None = None
    line: int | None = None
    """The line of the log; None for what an object tells. The lines of one log are in the order of time, but for
    those of standard output and standard error that lie some milliseconds apart."""

    def sub(self, field: str) -> str:
        """The pointer of one field of it."""
        return f"{self.pointer}/{field}"


def before(a: Placed, b: Placed) -> bool:
    """Whether `a` was said before `b`, in one log: by their times if those lie apart, else by their lines.

    Lines of standard output and standard error may swap; and who pastes parts of a log may turn them round.
    """
    if a.at is not None and b.at is not None and abs(a.at - b.at) >= _SECOND:
        return a.at < b.at
    return a.line is not None and b.line is not None and a.line < b.line


def gap(a: Placed, b: Placed) -> tuple[int, int]:
    """How far two lines of one log lie apart, for comparing: in seconds where both have times, then in lines."""
    seconds = abs(a.at - b.at) // _SECOND if a.at is not None and b.at is not None else 0
    return seconds, abs((a.line or 0) - (b.line or 0))
