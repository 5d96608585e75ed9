"""A performance on a terminal of 80 columns. Writes through a console that it is given: this package draws nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

from probe.classify.verdict import VerdictDocument
from probe.demo.document import Checked, DemoDocument, Player, Spoken
from probe.demo.scenes import Scene
from probe.demo.stage import Stage

if TYPE_CHECKING:
    from rich.console import Console

_MOST_LINES = 6
_INDENT = "    "


class Screen:
    """Shows everything as it happens."""

    def __init__(self, console: Console, show_verdict: Callable[[VerdictDocument], None]) -> None:
        self._console, self._show_verdict = console, show_verdict
        self._speaker = ""
        self._scripts: set[str] = set()

    def opens(self, stage: Stage) -> None:
        """The stage, and how real it is."""
        self._say(f"Stage: {stage.kind}. {_sentence(stage.reason)}", style="bold")

    def begins(self, scene: Scene, number: int, count: int, directory: str) -> None:
        """The title, the story, and what $P and $T stand for."""
        self._title(scene, number, count)
        self._speaker = ""
        self._console.print()
        self._print(f"  P={directory}/source", "dim")
        self._print(f"  T={directory}/tmp", "dim")
        self._console.print()

    def skips(self, scene: Scene, number: int, count: int, why: str) -> None:
        """The title, the story, and why that is all."""
        self._title(scene, number, count)
        self._say(f"Not played here: {why}", indent="  ", style="yellow")

    def enters(self, players: tuple[Player, ...]) -> None:
        """One line an actor."""
        width = max(len(player.name) for player in players)
        for player in players:
            self._say(f"{player.name:{width}}  {player.part}", indent="  ", hang=width + 2)
            self._say(_identity(player), indent="  " + " " * (width + 2), style="dim")

    def aside(self, text: str) -> None:
        """A sentence."""
        self._console.print()
        self._say(text)

    def speaks(self, spoken: Spoken) -> None:
        """The command as it was given, what it wrote, and its status when it failed."""
        self._speak(spoken.by, "what its shell shows")
        for number, line in enumerate(self._script(spoken.command)):
            self._print(f"  {'$' if number == 0 else '>'} {line}", "bold")
        lines = [*spoken.stdout.splitlines(), *spoken.stderr.splitlines()]
        for line in lines[:_MOST_LINES]:
            self._say(line, indent=_INDENT)
        if len(lines) > _MOST_LINES:
            self._say(f"... {len(lines) - _MOST_LINES} more lines", indent=_INDENT, style="dim")
        if spoken.exit_status or not lines:
            self._print(f"{_INDENT}[exit status {spoken.exit_status}]", "red" if spoken.exit_status else "dim")

    def judges(self, checked: Checked, *, leading: bool) -> None:
        """The whole verdict of the leading check, one line of another."""
        self._speak(checked.by, "what the probe says")
        self._print(f"  $ {checked.command}", "bold")
        verdict = checked.document.verdict
        if leading:
            self._console.print()
            self._show_verdict(checked.document)
            self._console.print()
        else:
            self._say(f"{verdict.cause} {verdict.status}: {verdict.statement}", indent=_INDENT)
        if checked.agrees:
            self._print(f"{_INDENT}as expected: {checked.expected}", "green")
        else:
            self._print(f"{_INDENT}NOT as expected: {checked.expected} was", "bold red")
        self._speaker = ""

    def closes(self, document: DemoDocument) -> None:
        """One line a scene: what came out."""
        played = [result for result in document.scenes if result.played]
        self._console.print()
        agreed = sum(result.agrees is True for result in played)
        self._rule(f"{agreed} of {len(played)} played scenes as expected")
        width = max(len(result.name) for result in document.scenes)
        for result in document.scenes:
            outcome = f"{result.cause}, {result.status}" if result.played else "not played on this stage"
            style = "yellow" if not result.played else "green" if result.agrees else "bold red"
            self._print(f"  {result.name:{width}}  {outcome}", style)

    # -- lines

    def _script(self, command: str) -> list[str]:
        """The lines of a command; of a long one that was shown before only the first."""
        lines = command.splitlines()
        if len(lines) > 1 and command in self._scripts:
            return [f"{lines[0]} ..."]
        self._scripts.add(command)
        return lines

    def _title(self, scene: Scene, number: int, count: int) -> None:
        self._console.print()
        self._rule(f"{number}/{count}  {scene.name}")
        self._say(scene.story)

    def _rule(self, title: str) -> None:
        head = f"── {title} "
        self._print(head + "─" * max(0, self._console.width - len(head)), "bold cyan")

    def _speak(self, name: str, what: str) -> None:
        """Name who acts, where that changes."""
        if self._speaker != f"{name} {what}":
            self._speaker = f"{name} {what}"
            self._console.print()
            self._print(f"{name}: {what}", "bold")

    def _say(self, text: str, *, indent: str = "", hang: int = 0, style: str = "") -> None:
        """A text of any length, wrapped and made safe: part of it comes from commands and files."""
        for line in textwrap.wrap(
            _safe(text),
            max(20, self._console.width),
            initial_indent=indent,
            subsequent_indent=indent + " " * hang,
            break_on_hyphens=False,
        ) or [""]:
            self._print(line, style)

    def _print(self, line: str, style: str) -> None:
        self._console.print(line, style=style or None, soft_wrap=True)


def _identity(player: Player) -> str:
    identity = player.identity
    groups = " ".join(map(str, identity.groups)) or "none"
    held = len(identity.capabilities.effective)
    privileges = ", no_new_privs" if identity.no_new_privs else ""
    return (
        f"uid {identity.uid.effective}, gid {identity.gid.effective}, groups {groups}, "
        f"{held or 'no'} capabilities{privileges}"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _safe(text: str) -> str:
    from probe.report.safe import safe

    return safe(text.expandtabs())
