"""One text in, the transcripts of its containers out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from probe import __version__
from probe.evidence.report import Tool
from probe.evidence.transcript import Source, Transcript
from probe.transcript.joins import Joins
from probe.transcript.line import MAX_LINE, LogLine
from probe.transcript.moments import moment
from probe.transcript.names import short
from probe.transcript.prefix import Owner, split
from probe.transcript.reader import Reader
from probe.transcript.sink import Budget
from probe.transcript.source import source_of

MAX_CONTAINERS = 256
"""Of one text; the lines of further ones are read as nobody's."""
_MAX_DOCUMENT_LINE = 1 << 20
"""A JSON document on one line is longer than other lines."""
_EMPTY = re.compile(r"\n+")
_NOT_A_LOG = re.compile(
    r"\s*(?:---\s*\n)?(?:#[^\n]*\n)*(?:Name:[ \t]+\S[^\n]*\n(?:[^\n]*\n){0,3}?Namespace:[ \t]|"
    r"apiVersion:[ \t]|kind:[ \t]|items:\s*\n- )"
)
"""`kubectl describe`, or objects in YAML: what they quote was said elsewhere, at another time."""


class _Container:
    """The lines of one container so far."""

    def __init__(self, budget: Budget) -> None:
        self.reader = Reader(budget)
        self.mixed = False
        self.first: str | None = None
        """The time before its first line, empty where it has none."""
        self.last = ""
        self.partial = ""
        self.partial_from: LogLine | None = None

    def feed(self, line: LogLine, partial: bool) -> None:
        if self.first is None and (line.text or line.stamp):
            self.first = line.stamp
        if line.text or line.stamp:
            self.last = line.stamp
        if partial or self.partial_from is not None:
            self.partial_from = self.partial_from or line
            self.partial = (self.partial + line.text)[:_MAX_DOCUMENT_LINE]
            if partial:
                return
            line = self.partial_from._replace(text=_clipped(self.partial))
            self.partial, self.partial_from = "", None
        self.reader.feed(line)


class _Part(NamedTuple):
    """Lines of one container. `several`: its text shows more than one."""

    mixed: bool
    several: bool


_ALONE = _Part(mixed=False, several=False)


def import_text(text: str, file: str) -> tuple[Transcript, ...]:
    """The transcripts of one text: one for each container whose lines it holds, at least one. Never raises.

    Time and memory grow with the text, not faster: lines are looked at up to a length, statements and lines that
    nobody understood are kept up to a number and counted beyond it.
    """
    source = source_of(file)
    foreign = _NOT_A_LOG.match(text) is not None
    parts = {} if foreign or _is_one(source) else _parts(text)
    containers: dict[tuple[Owner, int], _Container] = {}
    current: dict[Owner, int] = {}
    budget = Budget()
    number = 0
    for place, (number, raw) in enumerate(_lines(text)):
        owner, stamp, written, partial = split(raw)
        owner = owner or Owner()
        if (owner, place) in parts or (owner not in current and len(containers) < MAX_CONTAINERS):
            current[owner] = number if parts.get((owner, place), _ALONE).several else 0
        key = (owner, current[owner]) if owner in current else (Owner(), 0)
        container = containers.get(key)
        if container is None:
            container = containers[key] = _Container(budget)
            container.mixed = parts.get((owner, place), _ALONE).mixed
        line = LogLine(number, _clipped(written), stamp)
        if not foreign:
            container.feed(line, partial)
        elif written.strip():
            container.reader.sink.leave(line)
    cut = bool(text) and not text.endswith("\n")
    made = [
        _transcript(container, owner, source.model_copy(update={"begins": begins or None}), number, cut)
        for (owner, begins), container in (containers or {(Owner(), 0): _Container(budget)}).items()
    ]
    told = [one for one in made if one.statements or one.unparsed]
    return tuple(told or made[:1])


def _is_one(source: Source) -> bool:
    """Whether the name of a file is what tools give to the log of one container."""
    container = source.container or ""
    return source.namespace is not None or container.startswith(("step-", "sidecar-"))


def _parts(text: str) -> dict[tuple[Owner, int], _Part]:
    """Where, by the places of lines in the text, a container begins, for lines whose prefix names none."""
    joins: dict[Owner, tuple[int, Joins]] = {}
    for place, (_, raw) in enumerate(_lines(text)):
        owner, stamp, written, _ = split(raw)
        owner = owner or Owner()
        if owner.container is None:
            if owner not in joins and len(joins) >= MAX_CONTAINERS:
                continue
            joins.setdefault(owner, (place, Joins()))[1].feed(place, written, stamp)
    found: dict[tuple[Owner, int], _Part] = {}
    for owner, (first, seams) in joins.items():
        begins = seams.parts(first)
        found |= {(owner, place): _Part(mixed, len(begins) > 1) for place, mixed in begins}
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers. What a carriage return wrote over is a line of its own, with the same number."""
    number = start = 0
    while start < len(text):
        empty = _EMPTY.match(text, start)
        if empty is not None:
            number, start = number + empty.end() - start, empty.end()
            yield number, ""
            continue
        number += 1
        end = text.find("\n", start)
        end = end if end >= 0 else len(text)
        line = text[start : min(end, start + 2 * _MAX_DOCUMENT_LINE)]
        start = end + 1
        if "\r" in line:
            for part in line.rstrip("\r").split("\r"):
                yield number, part
        else:
            yield number, line


def _clipped(text: str) -> str:
    if len(text) <= MAX_LINE:
        return text
    return text[: _MAX_DOCUMENT_LINE if text[:1] in "{[" else MAX_LINE]


def _transcript(container: _Container, owner: Owner, source: Source, lines: int, cut: bool) -> Transcript:
    reader = container.reader
    if container.partial_from is not None:
        reader.feed(container.partial_from._replace(text=_clipped(container.partial)))
    told = {key: short(value) for key, value in owner._asdict().items() if value is not None}
    return Transcript(
        tool=Tool(version=__version__),
        source=source.model_copy(update={**told, "mixed": container.mixed}),
        lines=lines,
        first=moment(container.first) if container.first else None,
        last=moment(container.last) if container.last else None,
        statements=reader.close(cut=cut),
        unparsed=reader.sink.unparsed(),
        unparsed_lines=reader.sink.unparsed_lines,
        dropped=reader.sink.dropped,
    )
