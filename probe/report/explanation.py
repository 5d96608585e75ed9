"""An explanation on a terminal: one line a component, then the changes that would turn the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from probe.access.decide import Rule
from probe.classify.explanation import Explained, ExplainedChange, Explanation
from probe.report.layout import Page

_MARKS = {True: (" ", "", "dim"), False: ("x", "bold red", "red"), None: ("?", "yellow", "yellow")}
_MOST_NAMES = 6
_MOST_GROUPS = 16


def print_explanation(explanation: Explanation, stream: IO[str]) -> None:
    """Write it for a person."""
    page = Page(stream)
    identity = explanation.identity
    groups = " ".join(map(str, sorted(identity.all_groups)[:_MOST_GROUPS]))
    held = identity.capabilities.effective
    capabilities = ", ".join(held[:_MOST_NAMES]) or "no capabilities"
    more = f" and {len(held) - _MOST_NAMES} more" if len(held) > _MOST_NAMES else ""
    page.line(f"uid {identity.uid.filesystem}, groups {groups}, {capabilities}{more}", style="bold")
    for explained in explanation.explanations:
        page.line()
        _explained(page, explained)


def _explained(page: Page, explained: Explained) -> None:
    outcome = {
        True: ("granted", "bold green"),
        False: (f"denied ({explained.errno or 'EACCES'})", "bold red"),
        None: ("not decidable", "bold yellow"),
    }[explained.granted]
    page.line([(f"{explained.want} {explained.reference}: ", ""), outcome])
    width = max((len(step.purpose) for step in explained.steps), default=0)
    for step in explained.steps:
        mark, style, told = _MARKS[None if step.rule == Rule.UNOBSERVABLE else step.granted]
        row = [(step.path, style), (f"  {step.rule}: {step.sentence}", told)]
        page.line(row, lead=[(f" {mark} ", style), (f"{step.purpose:<{width}} ", "")])
    for what in explained.missing:
        page.line(f"missing: {what}", lead="   ", style="yellow")
    _changes(page, "The smallest set of changes that would do, all of them:", explained.together)
    title = "Or any one of these:" if explained.together else "Any one of these would do, least privilege first:"
    _changes(page, title, explained.changes)


def _changes(page: Page, title: str, changes: Sequence[ExplainedChange]) -> None:
    if not changes:
        return
    page.line()
    page.line(title)
    for change in changes:
        page.line(change.sentence, lead=" - ")
        if change.command:
            page.paste("  " + change.command)
