"""Lines on a terminal: wrapped to its width beside what leads them, and nothing behind the last letter.

Colour is rich's work, and rich is loaded only for a stream that shows it: a step in a pod writes to a pipe.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

from probe.report.safe import safe

if TYPE_CHECKING:
    from rich.console import Console

Spans = Sequence[tuple[str, str]]
"""Pieces of one line: text, and its style as rich names it (empty: none)."""

_TITLE_WIDTH = 9
_MIN_WIDTH = 20
_USUAL_WIDTH = 80
_COLOURLESS = ("dumb", "unknown")
"""TERM of what shows escape sequences as they are."""


class Page:
    """Writes to one stream. Colour and width follow the stream, TERM, NO_COLOR and COLUMNS.

    Whatever is written here, from a volume, a log or somebody's document, is made safe for a terminal first.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._console = make_console(stream) if _shows_colour(stream) else None
        self.width = self._console.width if self._console is not None else _width(stream)
        """Columns."""

    def line(self, body: str | Spans = "", *, style: str = "", lead: str | Spans = "") -> None:
        """One paragraph: `lead` before its first line, as much space before each line that wraps."""
        for spans in paragraph(body, style=style, lead=lead, width=self.width):
            self._put(spans)

    def entry(self, title: str, items: Sequence[str | Spans]) -> None:
        """A titled block: the title in a column of its own, each item a paragraph beside it."""
        for number, item in enumerate(items):
            self.line(item, lead=[(f"{title if number == 0 else '':<{_TITLE_WIDTH}}", "bold")])

    def paste(self, text: str) -> None:
        """Lines to select and paste: never wrapped, never cut."""
        for line in text.split("\n"):
            self._put(_safe([(f"  {line}", "cyan")]))

    def row(self, text: str, *, style: str = "") -> None:
        """One line as it is: whoever made it has seen to its width."""
        self._put(_safe([(text, style)]))

    def _put(self, spans: Spans) -> None:
        if self._console is not None:
            from rich.text import Text

            self._console.print(Text.assemble(*spans), soft_wrap=True)
        else:
            self._stream.write("".join(text for text, _ in spans).rstrip() + "\n")


def paragraph(
    body: str | Spans, *, width: int, style: str = "", lead: str | Spans = ""
) -> Iterator[list[tuple[str, str]]]:
    """The lines of a paragraph of `width` columns, safe for a terminal: see `Page.line`."""
    front = _safe([(lead, "")] if isinstance(lead, str) else lead)
    spans = _safe([(body, style)] if isinstance(body, str) else body)
    indent = _cells("".join(text for text, _ in front))
    for number, part in enumerate(_wrap(spans, max(_MIN_WIDTH, width - indent))):
        yield [*(front if number == 0 else [(" " * indent, "")]), *part]


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text in a column of this width, safe for a terminal."""
    return ["".join(part for part, _ in line) for line in _wrap(_safe([(text, "")]), max(1, width))]


def padded(text: str, width: int) -> str:
    """A text with spaces behind it, up to this many columns."""
    return text + " " * (width - _cells(text))


def make_console(stream: IO[str]) -> Console:
    """A console that writes names as they are: no markup, no emoji codes, no highlighting."""
    from rich.console import Console

    return Console(file=stream, markup=False, emoji=False, highlight=False)


def _safe(spans: Spans) -> list[tuple[str, str]]:
    return [(safe(text), style) for text, style in spans]


def _shows_colour(stream: IO[str]) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in _COLOURLESS


def _width(stream: IO[str]) -> int:
    """COLUMNS, what the terminal says, or 80."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and len(told) < 6:
        return max(_MIN_WIDTH, int(told))
    try:
        return max(_MIN_WIDTH, os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH)
    except OSError:  # no terminal, or no file at all
        return _USUAL_WIDTH


def _cells(text: str) -> int:
    """Columns that a text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _wrap(spans: Spans, width: int) -> Iterator[list[tuple[str, str]]]:
    """The lines of a paragraph, broken at spaces; a word that is longer than a line before a slash, or anywhere."""
    whole = "".join(text for text, _ in spans)
    if not whole:
        yield []
    start = 0
    while start < len(whole):
        end = _fitting(whole, start, width)
        if end < len(whole) and whole[end] != " ":
            end = _break(whole, start, end)
        yield _cut(spans, start, end)
        start = end
        while start < len(whole) and whole[start] == " ":
            start += 1


def _break(text: str, start: int, end: int) -> int:
    """Where the line from `start` ends, when it cannot hold more than up to `end`."""
    space = text.rfind(" ", start, end)
    if space > start:
        return space
    slash = text.rfind("/", start, end)
    return slash if slash > (start + end) // 2 else end


def _fitting(text: str, start: int, width: int) -> int:
    """The end of the longest piece from `start` that fits into `width` columns; at least one character."""
    end = min(len(text), start + width)
    while end > start + 1 and _cells(text[start:end]) > width:
        end -= 1
    return end


def _cut(spans: Spans, start: int, end: int) -> list[tuple[str, str]]:
    """The part of the spans between two offsets."""
    found, position = [], 0
    for text, style in spans:
        piece = text[max(0, start - position) : max(0, end - position)]
        if piece:
            found.append((piece, style))
        position += len(text)
    return found
