"""The verdict on a terminal: the answer first, the path as `namei -l` draws it, for and against, the fix to paste."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from probe.classify.case import Reading
from probe.classify.verdict import Assessment, Cause, Claim, Family, Fix, Status, VerdictDocument
from probe.evidence.observation import Seen
from probe.evidence.path import Component
from probe.report.modes import mode_letters
from probe.report.safe import safe

_STYLES = {
    Family.A: "bold red",
    Family.B: "bold red",
    Family.RACE: "bold red",
    Family.OTHER: "bold red",
    Family.NONE: "bold green",
}
_FAMILY_WORDS = {
    Family.A: "A: permissions",
    Family.B: "B: path or transport",
    Family.RACE: "race",
    Family.OTHER: "other",
    Family.NONE: "",
}
_MOST_CLAIMS = 6
_MOST_NAMES = 24


def print_verdict(document: VerdictDocument, stream: IO[str]) -> None:
    """Write the verdict for a person. Colour and width follow the stream, NO_COLOR and COLUMNS."""
    console = make_console(stream)
    console.print(_headline(document))
    for number, report in enumerate(document.evidence):
        console.print()
        console.print(_path_table(Reading(number, report)))
        console.print(_facts(Reading(number, report)))
    lead = document.assessments[0]
    for title, claims in (("For", lead.supports), ("Against", lead.contradicts), ("Missing", lead.missing)):
        if claims:
            console.print()
            console.print(_claims(title, claims))
    others = [found for found in document.assessments[1:] if found.status in (Status.CONFIRMED, Status.LIKELY)]
    open_ones = [found for found in document.assessments[1:] if found.status is Status.POSSIBLE]
    if others:
        console.print()
        console.print(_also("Also", others))
    if open_ones:
        console.print()
        console.print(_also("Not excluded", open_ones))
    if document.notes:
        console.print()
        console.print(_section("Note", [Text(safe(note)) for note in document.notes]))
    if lead.remedy is not None:
        console.print()
        console.print(_fix("Fix", lead.remedy.smallest))
        if lead.remedy.structural is not None:
            console.print()
            console.print(_fix("For good", lead.remedy.structural))


def make_console(stream: IO[str]) -> Console:
    """A console that writes names as they are: no markup, no emoji codes, no highlighting."""
    return Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=False)


def _headline(document: VerdictDocument) -> RenderableType:
    verdict = document.verdict
    style = "bold yellow" if verdict.cause is Cause.INCONCLUSIVE else _STYLES[verdict.family]
    head = Text.assemble((str(verdict.cause), style), f"  {verdict.status}")
    words = _FAMILY_WORDS[verdict.family]
    if words:
        head.append(f"  ({words})")
    return Group(head, Text(safe(verdict.statement)))


def _path_table(reading: Reading) -> RenderableType:
    """One row a component: mark, mode, owner, group, name, and what is wrong there."""
    credentials = reading.credentials
    groups = " ".join(map(str, sorted({credentials.gid, *credentials.groups})[:8]))
    who = Text(f"{safe(reading.report.reference.text)}\n", style="bold")
    verb = "predicted for" if reading.predicted else "seen by"
    who.append(f"{verb} uid {credentials.uid}, groups {groups}", style="not bold dim")
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    for _ in range(5):
        table.add_column(no_wrap=True)
    table.columns[4].no_wrap = False
    table.columns[4].overflow = "fold"
    denial = reading.denial.index if reading.denial is not None else None
    shown = _shown(len(reading.components), denial)
    previous_mount: int | None = None
    for index in range(len(reading.components)):
        component = reading.components[index]
        mount_id = component.mount_id.value if isinstance(component.mount_id, Seen) else None
        crossed = mount_id is not None and previous_mount is not None and mount_id != previous_mount
        previous_mount = mount_id if mount_id is not None else previous_mount
        if index in shown:
            table.add_row(*_row(reading, component, index, denial, crossed))
        elif index - 1 in shown:
            table.add_row(" ", "...", "", "", "")
    return Group(who, Padding(table, (0, 0, 0, 1)))


def _shown(count: int, denial: int | None) -> frozenset[int]:
    """Which of many components are drawn: the first, the last, and those around the denial."""
    if count <= _MOST_NAMES:
        return frozenset(range(count))
    middle = denial if denial is not None else count - 1
    around = range(max(0, middle - 4), min(count, middle + 4))
    return frozenset({*range(8), *around, *range(count - 6, count)})


def _row(
    reading: Reading, component: Component, index: int, denial: int | None, crossed: bool
) -> tuple[RenderableType, ...]:
    inode = reading.inode(index)
    name = Text(safe(component.name))
    if component.link_target is not None:
        name.append(f" -> {safe(component.link_target)}", style="dim")
    mount = _mounted_at(reading, component) if crossed else None
    if mount:
        name.append(f"  [{mount}]", style="dim")
    if inode is None:
        assert not isinstance(component.inode, Seen)
        reason = "not observable" if "unobservable" in component.inode.message else component.inode.errno or ""
        failed = reading.stopped is not None and component.inode.errno == reading.stopped.errno and denial is None
        name.append(f"  {safe(str(reason))}", style="red" if failed else "dim")
        return Text("x" if failed else " ", style="red"), Text("?", style="dim"), Text("?"), Text("?"), name
    letters = mode_letters(inode) + ("+" if reading.acl(index) else " ")
    if index == denial:
        assert reading.denial is not None
        name.append(f"  <- {safe(reading.denial.decision.sentence)}", style="bold red")
        mark, style = Text("x", style="bold red"), "bold red"
    else:
        mark, style = Text(" "), ""
    return mark, Text(letters, style=style), Text(str(inode.uid)), Text(str(inode.gid)), name


def _mounted_at(reading: Reading, component: Component) -> str | None:
    if not isinstance(component.mount_id, Seen):
        return None
    for mount in (reading.mount, *reading.report.mounts.crossed):
        if mount is not None and mount.mount_id == component.mount_id.value:
            access = "ro" if mount.read_only else "rw"
            return f"{safe(mount.filesystem)} {mount.device} {access}"
    return None


def _facts(reading: Reading) -> RenderableType:
    """The truth of the open, and the image in one line."""
    lines: list[Text] = []
    for attempt in dict.fromkeys((a.operation, a.errno) for a in reading.report.attempts if not reading.predicted):
        operation, errno = attempt
        outcome = Text("granted", style="green") if errno is None else Text(errno, style="red")
        lines.append(Text.assemble(f" {safe(operation)}: ", outcome))
    image = reading.image
    if image is not None:
        selected = image.selected
        if selected is not None and selected.manifest_digest is not None:
            lines.append(Text(f" {image.found}  {safe(selected.manifest_digest)}"))
        state = "complete" if image.complete else "whole" if image.whole else "not complete"
        verified = "every digest verified" if image.verification is not None else "layers not hashed"
        count = len(selected.layers) if selected is not None else 0
        lines.append(Text(f" {state}, {count} layers, {verified}", style="dim"))
    return Group(*lines) if lines else Text(" nothing was tried", style="dim")


def _section(title: str, items: Sequence[Text]) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(width=max(8, len(title)), no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for number, item in enumerate(items):
        table.add_row(title if number == 0 else "", item)
    return table


def _claims(title: str, claims: Sequence[Claim]) -> RenderableType:
    items = [Text(safe(claim.sentence)) for claim in claims[:_MOST_CLAIMS]]
    if len(claims) > _MOST_CLAIMS:
        items.append(Text(f"and {len(claims) - _MOST_CLAIMS} more (--json)", style="dim"))
    return _section(title, items)


def _also(title: str, assessments: Sequence[Assessment]) -> RenderableType:
    items = []
    for found in assessments:
        item = Text.assemble((str(found.cause), "bold"), f" {found.status}")
        if found.implied_by is not None:
            item.append(f", follows from {found.implied_by}")
        else:
            item.append(f": {safe(found.statement)}")
        items.append(item)
    return _section(title, items)


def _fix(title: str, fix: Fix) -> RenderableType:
    """The sentence, then what to paste: unwrapped, so that a selection pastes as it stands."""
    parts: list[RenderableType] = [_section(title, [Text(safe(fix.sentence))])]
    for paste in (fix.command, fix.yaml):
        if paste:
            lines = "\n".join("  " + safe(line) for line in paste.splitlines())
            parts += [Text(""), Text(lines, style="cyan", no_wrap=True, overflow="ignore")]
    return Group(*parts)
