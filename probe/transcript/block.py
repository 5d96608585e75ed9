"""Output of several lines: who takes the next line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum

from probe.transcript.line import LogLine


class Take(Enum):
    """What an open block makes of a line."""

    MINE = "mine"
    BESIDE = "beside"
    """It is somebody else's; the block stays open."""
    DOUBT = "doubt"
    """If somebody else understands it the block ends before it, otherwise it stays open."""
    END = "end"
    """The block ends before it."""


class Block(ABC):
    """Output that is being read. Closed once, at its end or at the end of the text."""

    cut = False
    """The text ends here, in the middle of a line."""

    @abstractmethod
    def take(self, line: LogLine) -> Take:
        """What to do with the next line that is not empty."""

    def blank(self) -> Take:
        """What to do with an empty line: BESIDE or END."""
        return Take.END

    @abstractmethod
    def close(self) -> None:
        """State what was read."""
