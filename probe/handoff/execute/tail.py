"""The end of a command's standard error: a bounded ring in shared memory, and what it says."""

from __future__ import annotations

import mmap
import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probe.evidence.command import CommandOutcome
    from probe.handoff.execute.run import Ended

DEFAULT_TAIL = 64 << 10
MAX_TAIL = 4 << 20
"""More would not be looked at (`probe.skopeo.loglines.MAX_TEXT`)."""
_WORD = struct.Struct("Q")


class Tail:
    """The last `size` bytes of all that was added. Made before the fork: the copier writes, others read."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._map = mmap.mmap(-1, _WORD.size + size)

    def clear(self) -> None:
        """Begin anew."""
        self._count(0)

    def add(self, data: bytes) -> None:
        """More bytes."""
        total = self.total
        kept = data[-self._size :]
        at = (total + len(data) - len(kept)) % self._size
        first = kept[: self._size - at]
        rest = kept[len(first) :]
        self._map[_WORD.size + at : _WORD.size + at + len(first)] = first
        self._map[_WORD.size : _WORD.size + len(rest)] = rest
        self._count(total + len(data))

    @property
    def total(self) -> int:
        """Bytes that were added since the last `clear`."""
        value: int = _WORD.unpack_from(self._map)[0]
        return value

    def lines(self) -> tuple[bytes, bool]:
        """What is kept, in whole lines, and whether something is left out before it.

        Half a line would be half a password too, of which nothing shows that it is one.
        """
        total = self.total
        if total <= self._size:
            return self._map[_WORD.size : _WORD.size + total], False
        at = _WORD.size + total % self._size
        return (self._map[at:] + self._map[_WORD.size : at]).partition(b"\n")[2], True

    def _count(self, total: int) -> None:
        _WORD.pack_into(self._map, 0, total)


def outcome_of(ended: Ended, program: str, tail: Tail | None) -> CommandOutcome:
    """What is known of a run: how it ended, and what it said last. Secrets are masked as everywhere."""
    from probe.evidence.base import clip, path_text
    from probe.skopeo.messages import parse_messages

    said, cut = tail.lines() if tail is not None else (b"", False)
    outcome = parse_messages(said.decode("utf-8", "replace"), source="exec")
    known = {
        "program": clip(path_text(os.path.basename(os.fsencode(program))), 256),
        "run": ended.run,
        "started": ended.started,
        "ended": ended.ended,
        "exit_status": ended.exit_status,
        "signal": ended.signal_name,
        "truncated": outcome.truncated or cut,
    }
    return outcome.model_copy(update=known)
