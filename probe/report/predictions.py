"""Whether each task that has not run yet will be able to read, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from probe.classify.joined import Prediction
from probe.report.layout import Page

_WORDS = {True: ("yes", "green"), False: ("no", "bold red"), None: ("not decided", "bold yellow")}
_MOST = 16


def print_predictions(page: Page, predictions: Sequence[Prediction]) -> None:
    """A block for all of them, the refusals first, each with what is missing and its smallest change."""
    if not predictions:
        return
    page.line()
    page.line("Will it be able to read?", style="bold")
    order = {False: 0, None: 1, True: 2}
    for one in sorted(predictions, key=lambda found: order[found.reads])[:_MOST]:
        word, style = _WORDS[one.reads]
        page.line([(f"{one.consumer}: ", ""), (word, style)], lead="   ")
        page.line(one.statement, lead="      ", style="dim")
        if one.reads is False and one.remedy is not None:
            fix = one.remedy.smallest
            page.line(fix.sentence, lead="      ")
            for paste in (fix.command, fix.yaml):
                if paste:
                    page.paste("\n".join(f"      {line}" for line in paste.split("\n")))
    if len(predictions) > _MOST:
        page.line(f"and {len(predictions) - _MOST} more (--json)", lead="   ")
