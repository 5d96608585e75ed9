"""An explanation on a terminal: one line a component, then the changes that would turn the answer."""

from __future__ import annotations

from typing import IO

from rich.table import Table
from rich.text import Text

from probe.classify.explanation import Explained, Explanation
from probe.report.safe import safe
from probe.report.terminal import make_console


def print_explanation(explanation: Explanation, stream: IO[str]) -> None:
    """Write it for a person."""
    console = make_console(stream)
    identity = explanation.identity
    groups = " ".join(map(str, sorted(identity.all_groups)[:16]))
    capabilities = ", ".join(identity.capabilities.effective[:6]) or "no capabilities"
    console.print(Text(f"uid {identity.uid.filesystem}, groups {groups}, {capabilities}", style="bold"))
    for explained in explanation.explanations:
        console.print()
        console.print(_answer(explained))
        console.print(_steps(explained))
        for what in explained.missing:
            console.print(Text(f"  missing: {safe(what)}", style="yellow"))
        if explained.changes:
            console.print("\nAny one of these would do, least privilege first:")
        for change in explained.changes:
            console.print(Text(f"  {safe(change.sentence)}"))
            if change.command:
                console.print(Text(f"    {safe(change.command)}", style="cyan", no_wrap=True, overflow="ignore"))


def _answer(explained: Explained) -> Text:
    outcome = {
        True: ("granted", "bold green"),
        False: (f"denied ({explained.errno})", "bold red"),
        None: ("not decidable", "bold yellow"),
    }[explained.granted]
    return Text.assemble(f"{explained.want} {safe(explained.reference)}: ", outcome)


def _steps(explained: Explained) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for step in explained.steps:
        mark = Text("x", style="bold red") if not step.granted else Text(" ")
        text = Text(safe(step.path), style="" if step.granted else "bold red")
        text.append(f"  {safe(step.rule)}: {safe(step.sentence)}", style="dim" if step.granted else "red")
        table.add_row(mark, step.purpose, text)
    return table
