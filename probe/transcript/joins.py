"""Where a text that names no container goes from one container to the next: `cat logs/*`, `kubectl logs -l ...`.

A join shows where the times of the lines jump back, where `id` or `CapEff` say another identity, and where a script
begins again although its clock was further on already, or to do something else. Where it only begins again, nothing
tells a loop from a second container: then the text is `mixed`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from probe.transcript.commands import command_of
from probe.transcript.moments import moment

_MS = 1_000_000
_JUMP = 2_000 * _MS
"""Standard output and error of one container are out of step by milliseconds only."""
_STEP = 20 * _MS
"""Enough where the script begins again at that line."""
_STAMPED = 0.95
"""Share of lines with a time from which on the times are a collector's, not printed ones."""
_LEAST = 3
"""Lines of a container. Where one seems to be shorter, two are interleaved."""
_MOST_PARTS = 64
"""More jumps than that are no files one after the other."""
_MOST_MARKS = 100_000
_ID = re.compile(r"uid=\d{1,10}(?:\([^()]{1,256}\))? gid=\d.{0,4096}")
_CAPABILITIES = re.compile(r"CapEff:\s{0,8}([0-9a-f]{16})\s*$")
_OF_SELF = re.compile(r"(?:\+ )?(?:.{0,64}=\s*)?id(?: \(.*\)| [;|&].*)?$")
_OTHER_PROCESS = re.compile(r"/proc/\d")
_PUSHES = re.compile(r"\b(?:skopeo\s.*\bcopy|(?:buildah|podman|docker)\s.*\bpush)\s")
_BEFORE_ID = re.compile(r"Cap|/status|umask|date|whoami|hostname")


class _Kind(StrEnum):
    HEADING = "heading"
    IDENTITY = "identity"
    CAPABILITIES = "capabilities"
    BACK = "back"


class _Mark(NamedTuple):
    """A line that may tell one container from the next. `begins`: the first of the blank lines above it."""

    kind: _Kind
    text: str
    line: int
    begins: int
    back: int
    """Nanoseconds by which the line is earlier than one above it."""


@dataclass
class _Part:
    """What is known of the lines since the last join. `sure`: nothing but the time made it."""

    begins: int
    sure: bool = True
    marks: list[_Mark] = field(default_factory=list)
    opening: _Mark | None = None
    known: dict[_Kind, str] = field(default_factory=dict)
    mixed: bool = False
    pushes: set[str] = field(default_factory=set)
    """The commands that it shows to copy images."""

    def take(self, mark: _Mark) -> None:
        self.marks.append(mark)
        if self.opening is None and mark.kind in (_Kind.HEADING, _Kind.IDENTITY):
            self.opening = mark
        if mark.kind in (_Kind.IDENTITY, _Kind.CAPABILITIES):
            self.known.setdefault(mark.kind, mark.text)
        elif mark.kind is _Kind.HEADING and _PUSHES.search(mark.text):
            self.pushes.add(mark.text)

    @property
    def repeats(self) -> bool:
        """Whether it shows a heading twice."""
        texts = [mark.text for mark in self.marks if mark.kind is _Kind.HEADING]
        return len(set(texts)) < len(texts)


class Joins:
    """The lines that begin another container, found by a first pass over the lines of one owner."""

    def __init__(self) -> None:
        self._marks: list[_Mark] = []
        self._blank_from: int | None = None
        self._command = ""
        self._latest = ""
        self._lines = self._stamped = 0

    def feed(self, line: int, text: str, stamp: str) -> None:
        """Take the next line; `line` grows with every one."""
        back = self._time(stamp) if stamp else 0
        if not text and stamp == "":
            self._blank_from = line if self._blank_from is None else self._blank_from
            return
        self._lines += 1
        begins = line if self._blank_from is None or back > _JUMP else self._blank_from
        if back > _JUMP:
            self._mark(_Kind.BACK, "", line, line, back)
        if not text or text.isspace():
            self._blank_from = line if self._blank_from is None or back > _JUMP else self._blank_from
            return
        self._blank_from = None
        self._look(text, line, begins, back)

    def _look(self, text: str, line: int, begins: int, back: int) -> None:
        if text[0] == "u" and (found := _ID.match(text)) is not None:
            if not self._command or _OF_SELF.match(self._command):
                self._mark(_Kind.IDENTITY, found[0].rstrip(), line, begins, back)
        elif text[0] == "C" and (caps := _CAPABILITIES.match(text)) is not None:
            if not _OTHER_PROCESS.search(self._command):
                self._mark(_Kind.CAPABILITIES, caps[1], line, begins, back)
        elif text[0] in "=-#*~>:+" and (shown := command_of(text)) is not None:
            self._command = shown.text
            if shown.text:
                said = f"+ {shown.text}" if shown.traced else shown.text
                self._mark(_Kind.HEADING, said, line, begins, back)

    def _mark(self, kind: _Kind, text: str, line: int, begins: int, back: int) -> None:
        if len(self._marks) < _MOST_MARKS:
            self._marks.append(_Mark(kind, text, line, begins, back))

    def _time(self, stamp: str) -> int:
        self._stamped += 1
        latest = self._latest
        if latest and len(stamp) == len(latest) and stamp[-1] == latest[-1] == "Z" and stamp >= latest:
            self._latest = stamp
            return 0
        now, then = moment(stamp), moment(latest) if latest else None
        if now is None or then is None or now >= then:
            self._latest = stamp if now is not None else latest
            return 0
        if then - now > _JUMP:
            self._latest = stamp
        return then - now

    def parts(self, first: int) -> tuple[tuple[int, bool], ...]:
        """The lines with which a container begins, `first` among them, and whether its lines are mixed."""
        timed = self._stamped >= _STAMPED * self._lines
        marks = [mark if timed else mark._replace(back=0) for mark in self._marks]
        marks = [mark for mark in marks if mark.kind is not _Kind.BACK or mark.back]
        found = [_Part(first)]
        for number, mark in enumerate(marks):
            begins = self._begins(found[-1], marks, number)
            if begins is None and _opens(found[-1], mark) and mark.begins - found[-1].begins < _LEAST:
                return ((first, True),)
            if begins is None:
                pass
            elif mark.kind is not _Kind.BACK and begins - found[-1].begins < _LEAST:
                return ((first, True),)
            else:
                # What a script prints before it says who it is stays with the container above.
                found[-1].mixed |= mark.kind is not _Kind.BACK and not _opens(found[-1], mark)
                sure = mark.kind is _Kind.BACK or mark.back > _STEP
                left = [one for one in found[-1].marks if one.begins >= begins]
                found[-1].marks = [one for one in found[-1].marks if one.begins < begins]
                found.append(_Part(begins, sure))
                for one in left:
                    found[-1].take(one)
            if len(found) > _MOST_PARTS:
                return ((first, True),)
            if mark.kind is not _Kind.BACK:
                found[-1].take(mark)
        return tuple((part.begins, part.mixed or (not part.sure and part.repeats)) for part in found)

    @staticmethod
    def _begins(part: _Part, marks: list[_Mark], number: int) -> int | None:
        """Where another container begins that shows at this mark; None where none does."""
        mark = marks[number]
        if mark.kind is _Kind.BACK:
            return mark.begins
        if _opens(part, mark):
            if mark.back > _STEP or _differs(part, marks, number):
                return mark.begins if mark.kind is _Kind.HEADING else _heading_of(part, mark).begins
            part.mixed = True
        elif mark.kind in part.known and part.known[mark.kind] != mark.text:
            return _heading_of(part, mark).begins
        return None


def _opens(part: _Part, mark: _Mark) -> bool:
    """Whether the part began with what this line says."""
    opening = part.opening
    return opening is not None and (opening.kind, opening.text) == (mark.kind, mark.text)


def _differs(part: _Part, marks: list[_Mark], number: int) -> bool:
    """Whether what begins again runs as somebody else, or copies to another place."""
    again = _Part(marks[number].begins)
    for mark in marks[number : number + 256]:
        if mark.kind is _Kind.BACK or (again.opening is not None and _opens(again, mark)):
            break
        again.take(mark)
    if marks[number].kind is _Kind.HEADING and any(
        part.known[kind] != text for kind, text in again.known.items() if kind in part.known
    ):
        return True
    return bool(part.pushes and again.pushes) and part.pushes.isdisjoint(again.pushes)


def _heading_of(part: _Part, mark: _Mark) -> _Mark:
    """The first of the headings under which an identity is printed, with those that scripts print before it."""
    for one in reversed(part.marks):
        if one.kind is _Kind.IDENTITY or (
            one.kind is _Kind.HEADING and not (_OF_SELF.match(one.text) or _BEFORE_ID.search(one.text))
        ):
            break
        if one.kind is _Kind.HEADING:
            mark = one
    return mark
