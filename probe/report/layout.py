"""Lines on a terminal: wrapped to its width beside what leads them, and nothing behind the last letter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from rich.console import Console
from rich.text import Text

_TITLE_WIDTH = 9
_MIN_WIDTH = 20


class Page:
    """Writes to one stream. Colour and width follow the stream, NO_COLOR and COLUMNS."""

    def __init__(self, stream: IO[str] | Console) -> None:
        self.console = stream if isinstance(stream, Console) else make_console(stream)

    def line(self, body: str | Text = "", *, style: str = "", lead: str | Text = "") -> None:
        """One paragraph: `lead` before its first line, as much space before each line that wraps."""
        front = Text(lead) if isinstance(lead, str) else lead
        whole = Text(body, style=style) if isinstance(body, str) else body
        if not whole.plain:
            self._put(front)
            return
        width = max(_MIN_WIDTH, self.console.width - front.cell_len)
        for number, part in enumerate(whole.wrap(self.console, width)):
            part.rstrip()
            self._put((Text(" " * front.cell_len) if number else front.copy()).append_text(part))

    def entry(self, title: str, items: Sequence[str | Text]) -> None:
        """A titled block: the title in a column of its own, each item a paragraph beside it."""
        for number, item in enumerate(items):
            self.line(item, lead=Text(f"{title if number == 0 else '':<{_TITLE_WIDTH}}", style="bold"))

    def paste(self, text: str) -> None:
        """Lines to select and paste: never wrapped, never cut."""
        for line in text.splitlines():
            self._put(Text(f"  {line}", style="cyan"))

    def _put(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)


def make_console(stream: IO[str]) -> Console:
    """A console that writes names as they are: no markup, no emoji codes, no highlighting."""
    return Console(file=stream, markup=False, emoji=False, highlight=False)
