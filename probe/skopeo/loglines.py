"""From raw standard error to records: prefixes of log collectors taken off, logrus lines unquoted, lines joined.

Forms that are understood: logrus' text formatter (`time="..." level=fatal msg="..."`), its terminal form
(`FATA[0000] ...`), lines with the prefixes of the kubelet (`2026-11-21T17:32:56.080579073Z `, CRI's `stderr F `),
`kubectl logs --prefix` and `tkn` (`[push : step-push] `), terminal colours, shell traces, and plain lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from probe.evidence.base import parse_timestamp

MAX_TEXT = 4 << 20
"""Characters that are looked at: the first quarter and the last three quarters, because the failure stands last."""
MAX_LINES = 50_000
"""Lines that are looked at, divided in the same way."""
MAX_LINE = 16 << 10
"""Characters of one line that are looked at."""
MAX_JOINED = 64
"""Lines that are joined to one message."""

FAILING = frozenset({"fatal", "panic", "error"})

_CODES = {
    "FATA": "fatal",
    "PANI": "panic",
    "ERRO": "error",
    "WARN": "warning",
    "INFO": "info",
    "DEBU": "debug",
    "TRAC": "trace",
}

_LINE = re.compile(r"[^\r\n]+")
_COLOUR = re.compile(r"\x1b\[[0-9;?]{0,16}[A-Za-z]")
_STAMP = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))(?: (?:stdout|stderr) [FP])?(?: |$)"
)
_FRACTION = re.compile(r"(?:\.(\d+))?(?:Z|[+-]\d\d:\d\d)$")
_BRACKET = re.compile(r"\[[\w./@][\w./:@ -]{0,200}\] (?=\S)")
_LOGRUS = re.compile(
    r"(?:^|(?<=\s))(?:time=(?:\"([^\"]{0,64})\"|(\S{0,64})) )?level=([a-z]+) msg=(\"(?:[^\"\\]|\\.)*\"?|\S*)"
)
_TERMINAL = re.compile(r"(FATA|PANI|ERRO|WARN|INFO|DEBU|TRAC)\[\d{4,}\] ?(.*)", re.DOTALL)
_TRACE = re.compile(r"\++ \S")
_TRACED_TOOL = re.compile(r"(?:^|[\s/'])(skopeo|buildah|podman)(?=[\s'])")
_BULLET = re.compile(r"\s*\* \S")
_ERROR = re.compile(r"(?:Error|error|ERROR): (.*)", re.DOTALL)
_OLD_ERROR = re.compile(r"[Ee]rror [a-z]+(?:ing|ed)\b.*: .*|cannot find \S+ or \S+ in context directory: .*", re.DOTALL)

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
_SINGLE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@dataclass
class Record:
    """One message. `level` is empty for a plain line."""

    line: int
    text: str
    level: str = ""
    at: int | None = None
    tool: str = ""
    """A tool that a shell trace above named."""
    logged: bool = False
    """Written by a logger, which gives every line a level."""
    claimed: bool = False
    """A plain line that old buildah begins with `error`."""
    parts: list[str] = field(default_factory=list)

    @property
    def message(self) -> str:
        """The text with the lines that belong to it."""
        return "\n".join((self.text, *self.parts))


def unquote(text: str) -> str:
    r"""A string in Go's double-quoted syntax (strconv.Quote) as it was; the quotes may be absent.

    Bytes that were not UTF-8 (`\xNN`) come back as lone surrogates, as `surrogateescape` has them.
    """
    text = text.removeprefix('"')
    if text.endswith('"') and not _odd_backslashes(text[:-1]):
        text = text[:-1]
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_unescape, text)


def _odd_backslashes(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _unescape(match: re.Match[str]) -> str:
    two, four, eight, octal, single = match.groups()
    if two or octal:
        value = int(two, 16) if two else int(octal, 8)
        return chr(value) if value < 0x80 else chr(0xDC00 + value) if value < 0x100 else match[0]
    if four or eight:
        value = int(four or eight, 16)
        return chr(value) if value <= 0x10FFFF and not 0xD800 <= value < 0xE000 else "\N{REPLACEMENT CHARACTER}"
    return _SINGLE.get(single, single)


def looked_at(text: str) -> tuple[tuple[tuple[int, str], ...], int, bool]:
    """The parts of a text that are read, each with the number of its first line; all lines; whether some was left."""
    lines = text.count("\n") + (1 if text and not text.endswith("\n") else 0)
    if len(text) <= MAX_TEXT and lines <= MAX_LINES:
        return ((1, text),), lines, False
    head_end, tail_start = MAX_TEXT // 4, len(text) - MAX_TEXT // 4 * 3
    if lines > MAX_LINES:
        head_end = min(head_end, _after(text, MAX_LINES // 4))
        tail_start = max(tail_start, _before(text, MAX_LINES // 4 * 3))
    tail_start = (text.find("\n", tail_start - 1) + 1) or tail_start
    return ((1, text[:head_end]), (1 + text.count("\n", 0, tail_start), text[tail_start:])), lines, True


def _after(text: str, lines: int) -> int:
    """Where the first `lines` lines end."""
    position = 0
    for _ in range(lines):
        position = text.find("\n", position) + 1
    return position


def _before(text: str, lines: int) -> int:
    """Where the last `lines` lines begin."""
    position = len(text)
    for _ in range(lines):
        position = text.rfind("\n", 0, position)
    return position + 1


def records(text: str, first_line: int = 1, tool: str = "") -> Iterator[Record]:
    """The messages of a log, whatever their level, in order; `tool` is one that a shell trace has named before.

    Shell traces are not messages: what they show was asked for, not said.
    """
    number, position = first_line, 0
    open_record: Record | None = None
    for match in _LINE.finditer(text):
        number += text.count("\n", position, match.start())
        position = match.start()
        line, at = _bare(match[0][:MAX_LINE])
        if _BULLET.match(line) and open_record is not None:
            if len(open_record.parts) < MAX_JOINED:
                open_record.parts.append(line.strip())
            continue
        if _TRACE.match(line):
            named = _TRACED_TOOL.search(line)
            tool = named[1] if named else tool
            continue
        if not line.strip():
            continue
        if open_record is not None:
            yield open_record
        open_record = _record(line, number, at, tool)
    if open_record is not None:
        yield open_record


def _record(line: str, number: int, at: int | None, tool: str) -> Record:
    logrus = _LOGRUS.search(line[:MAX_LINE])
    if logrus is not None:
        said = _stamp(logrus[1] or logrus[2] or "")
        return Record(number, unquote(logrus[4]), logrus[3], at if at is not None else said, tool, logged=True)
    terminal = _TERMINAL.match(line)
    if terminal is not None:
        return Record(number, terminal[2].rstrip(), _CODES[terminal[1]], at, tool, logged=True)
    error = _ERROR.match(line)
    if error is not None:
        return Record(number, error[1].rstrip(), "error", at, tool)
    return Record(number, line.rstrip(), "", at, tool, claimed=_OLD_ERROR.match(line) is not None)


def _bare(line: str) -> tuple[str, int | None]:
    """The line without the prefixes of collectors, and the most precise time that they give."""
    line = _COLOUR.sub("", line) if "\x1b" in line else line
    at, digits = None, -1
    for _ in range(4):
        stamp = _STAMP.match(line)
        if stamp is not None:
            moment = _stamp(stamp[1])
            fraction = _FRACTION.search(stamp[1])
            precision = len(fraction[1] or "") if fraction is not None else 0
            if moment is not None and precision >= digits:
                at, digits = moment, precision
            line = line[stamp.end() :]
            continue
        bracket = _BRACKET.match(line)
        if bracket is None:
            break
        line = line[bracket.end() :]
    return line, at


def _stamp(text: str) -> int | None:
    """Nanoseconds since the epoch of an RFC 3339 time with any offset; None for anything else."""
    match = _STAMP.fullmatch(text)
    if match is None:
        return None
    try:
        if text.endswith("Z"):
            return parse_timestamp(text)
        moment = parse_timestamp(text[:-6] + "Z")
        offset = datetime.fromisoformat(f"2000-01-01T00:00:00{text[-6:]}").utcoffset()
    except (ValueError, OverflowError):
        return None
    return moment - int(offset.total_seconds()) * 1_000_000_000 if offset is not None else moment
