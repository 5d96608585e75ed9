"""What can be told of a statement only when the whole text was read: numbers for names, and the year of a time."""

from __future__ import annotations

from typing import Any, NamedTuple

from probe.transcript.identity import Names
from probe.transcript.line import LogLine
from probe.transcript.moments import Clock, clock_moment, moment
from probe.transcript.sink import Sink


class _Open(NamedTuple):
    statement: int
    owner: str
    group: str
    clock: Clock | None
    near: str


class Later:
    """Collects what is still open, and fills it in at the end."""

    def __init__(self, sink: Sink, names: Names) -> None:
        self._sink, self._names = sink, names
        self._open: list[_Open] = []
        self._foreign = False
        """Some time was printed in another zone than UTC."""
        self._stamp = self._first = ""

    def stamp(self, stamp: str) -> None:
        """A line's time: what is printed below was printed then or later."""
        self._stamp = stamp
        self._first = self._first or stamp

    def zone(self, offset: str) -> None:
        """The zone of a printed time, empty for UTC or for none."""
        self._foreign |= bool(offset)

    def inode(self, line: LogLine, owner: str, group: str, clock: Clock | None) -> None:
        """The statement made last: `owner` and `group` as printed, empty where they may be cut."""
        made = len(self._sink.statements) - 1
        self._open.append(_Open(made, owner, group, clock, line.stamp or self._stamp))

    def fill(self) -> None:
        """Fill in what the whole text tells. A time without a zone is taken for UTC unless it shows another."""
        statements = self._sink.statements
        for one in self._open:
            known: dict[str, Any] = {
                "uid": self._names.number("u", one.owner),
                "gid": self._names.number("g", one.group),
            }
            near = moment(one.near or self._first)
            if one.clock is not None and near is not None and not self._foreign:
                at = clock_moment(one.clock, near)
                if at is not None:
                    known |= {"modified": at, "modified_within": one.clock.within}
            statements[one.statement] = statements[one.statement].model_copy(update=known)
