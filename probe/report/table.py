"""The tasks side by side on a terminal: a column each as long as they fit, groups of tasks that agree beyond that."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from probe.report.layout import Page, padded, wrapped

if TYPE_CHECKING:
    from probe.classify.joined import Table
    from probe.classify.verdict import VerdictDocument

_MOST_COLUMNS = 4
_NAMES_WIDTH = 13
_MOST_NAMES = 12
_MOST_GROUPS = 12
_MOST_WORDS = 8
_MARK = "!"
_DIGEST = re.compile(r"\bsha(?:256|384|512):[0-9a-f]{32,128}\b")
_TIME = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d\.\d{3})\d*Z$")
_UNKNOWN = "-"


def print_table(page: Page, document: VerdictDocument) -> None:
    """Write the table of a document, if it has one; rows in which the tasks differ are marked."""
    table: Table | None = getattr(document, "table", None)
    if table is None or not table.rows:
        return
    page.line()
    if len(table.columns) <= _MOST_COLUMNS:
        _side_by_side(page, table)
    else:
        _in_groups(page, table)


# -- a column each


def _side_by_side(page: Page, table: Table) -> None:
    count = len(table.columns)
    width = max(8, (page.width - _NAMES_WIDTH - 2) // count - 2)
    one_day = len({match[1] for match in _times(table)}) < 2
    _cells(page, "Side by side", [column.name for column in table.columns], width, mark="", style="bold")
    roles = [column.role for column in table.columns]
    if any(roles):
        _cells(page, "role", roles, width, mark="")
    for row in table.rows:
        texts = [_short(cell.text, one_day=one_day) for cell in row.cells]
        style = "bold yellow" if row.differs else ""
        _cells(page, row.name, texts, width, mark=_MARK if row.differs else "", style=style)


def _cells(page: Page, name: str, texts: Sequence[str], width: int, *, mark: str, style: str = "") -> None:
    """One row: each text wrapped in its column, the name in its own."""
    columns = [wrapped(text or _UNKNOWN, width) for text in texts]
    names = wrapped(name, _NAMES_WIDTH)
    for number, lines in enumerate(itertools.zip_longest(names, *columns, fillvalue="")):
        front = f"{mark if number == 0 else '':<2}{padded(lines[0], _NAMES_WIDTH)}"
        body = "".join(f" {padded(line, width)} " for line in lines[1:])
        page.row(front + body, style=style)


# -- many tasks


def _in_groups(page: Page, table: Table) -> None:
    """Only what differs, once for each set of tasks that agree in it."""
    differing = [row for row in table.rows if row.differs]
    page.line(f"Side by side: {len(table.columns)} tasks", style="bold")
    if not differing:
        page.line("they agree in all that they should have in common (--json has every fact)", lead="  ")
        return
    groups: dict[tuple[str, ...], list[int]] = {}
    for number in range(len(table.columns)):
        groups.setdefault(tuple(row.cells[number].text for row in differing), []).append(number)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[1][0]))
    one_day = len({match[1] for match in _times(table)}) < 2
    for texts, numbers in ordered[:_MOST_GROUPS]:
        page.line(_names(table, numbers), lead="  ", style="bold")
        for row, text in zip(differing, texts, strict=True):
            page.line(_short(text, one_day=one_day) or _UNKNOWN, lead=f"  {_MARK} {padded(row.name, _NAMES_WIDTH)} ")
    if len(ordered) > _MOST_GROUPS:
        page.line(f"and {len(ordered) - _MOST_GROUPS} more sets of tasks (--json)", lead="  ")


def _names(table: Table, numbers: Sequence[int]) -> str:
    columns = [table.columns[number] for number in numbers]
    named = [f"{column.name} ({column.role})" if column.role else column.name for column in columns[:_MOST_NAMES]]
    return ", ".join(named) + (f" and {len(columns) - _MOST_NAMES} more" if len(columns) > _MOST_NAMES else "")


# -- short forms: whole ones are in the document


def _short(text: str, *, one_day: bool) -> str:
    time = _TIME.match(text)
    if time is not None:
        return time[2] if one_day else f"{time[1][5:]} {time[2][:8]}"
    words = [_DIGEST.sub(lambda digest: digest[0].partition(":")[2][:12], word) for word in text.split()]
    if len(words) > _MOST_WORDS:
        words[_MOST_WORDS - 1 :] = [f"and {len(words) - _MOST_WORDS + 1} more"]
    return " ".join(words)


def _times(table: Table) -> Iterator[re.Match[str]]:
    for row in table.rows:
        for cell in row.cells:
            time = _TIME.match(cell.text)
            if time is not None:
                yield time
