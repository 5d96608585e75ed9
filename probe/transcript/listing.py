"""`ls -l`: directories that it lists, and paths that it was given."""

from __future__ import annotations

from typing import NamedTuple

from probe.evidence.transcript import InodeStated, ListingStated
from probe.transcript.block import Block, Take
from probe.transcript.commands import Call
from probe.transcript.entries import Entry, bits_of, entry_of, type_of
from probe.transcript.later import Later
from probe.transcript.line import LogLine
from probe.transcript.names import join, short, shown
from probe.transcript.sink import Sink

MAX_NAMES = 1000
"""Of one listing."""
_MAX_HELD = 4000
"""Entries that wait for the end of their listing: further ones are only counted in it."""


class Place(NamedTuple):
    """Where a listing stands: `directory` is empty where nothing tells; `call` is the command, if known."""

    directory: str
    call: Call | None = None
    begins: LogLine | None = None
    """The header above `total`."""
    troubled: bool = False
    """`ls` has complained before."""


class Listing(Block):
    """The entries below `total`."""

    def __init__(self, line: LogLine, place: Place, sink: Sink, later: Later) -> None:
        self._sink, self._later, self._place = sink, later, place
        self._begins = place.begins or line
        self._ends = line
        self._entries: list[tuple[LogLine, Entry]] = []
        self._more = 0
        self._failed = place.troubled or (place.call is not None and place.call.piped)
        self._foreign = False

    def take(self, line: LogLine) -> Take:
        """An entry; one foreign line may stand between, where a name has a line feed in it."""
        entry = entry_of(line.text, self._place.call, listed=True)
        if entry is not None and not (self._foreign and "/" in entry.name):
            if self._foreign:
                self._foreign, self._failed = False, True
                if self._entries:
                    self._entries.pop()  # its name was longer than its line
            self._ends = line
            if len(self._entries) < _MAX_HELD:
                self._entries.append((line, entry))
            else:
                self._more += 1
            return Take.MINE
        if line.text.startswith("ls: "):
            self._failed = True
            return Take.BESIDE
        if self._foreign or entry is not None:
            return Take.END
        self._foreign = True
        return Take.DOUBT

    def close(self) -> None:
        """State the entries, and the listing."""
        if any(entry.quoted for _, entry in self._entries):
            for _, entry in self._entries:  # ls indents what it did not quote
                entry.name = entry.name[1:] if entry.name[:1] == " " and not entry.quoted else entry.name
        for line, entry in self._entries:
            state_entry(line, entry, join(self._place.directory, entry.name), self._sink, self._later)
        self._sink.dropped += self._more
        names = [entry.name for _, entry in self._entries]
        whole = (
            "." in names and ".." in names and not (self.cut or self._failed or self._more or len(names) > MAX_NAMES)
        )
        if names or self._place.directory:
            self._sink.add(
                ListingStated,
                self._begins,
                lines=self._ends.number - self._begins.number + 1,
                path=shown(self._place.directory),
                names=tuple(short(name) for name in names[:MAX_NAMES]),
                whole=whole,
            )


def state_entry(line: LogLine, entry: Entry, path: str, sink: Sink, later: Later) -> bool:
    """State one inode; one that could not be looked at states nothing."""
    if not entry.mode:
        return True
    before = len(sink.statements)
    taken = sink.add(
        InodeStated,
        line,
        command="find" if entry.found else "ls",
        path=shown(path),
        type=type_of(entry.mode),
        mode=bits_of(entry.mode),
        mark=entry.mark if entry.mark in "+." else "",
        owner=short(entry.owner),
        group=short(entry.group),
        size=entry.size,
        links=entry.links,
        inode=entry.inode,
        modified=entry.at,
        modified_within=entry.within if entry.at is not None else 0.0,
        label=short(entry.label) if entry.label != "?" else "",
        link_target=shown(entry.target) if entry.target is not None else None,
    )
    later.zone(entry.zone)
    if len(sink.statements) > before:
        later.inode(line, entry.printed(entry.owner), entry.printed(entry.group), entry.clock)
    return taken
