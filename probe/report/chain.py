"""The path on a terminal, as `namei -l` draws it, with the component that denies marked."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.evidence.observation import NotSeen, Seen
from probe.evidence.path import Component, Want
from probe.report.layout import Page
from probe.report.modes import mode_letters

_MOST_NAMES = 24
_BELOW = "not observable"


def print_chain(page: Page, reading: Reading) -> None:
    """One row a component: mark, mode, owner, group, name, and what is wrong there."""
    denial = reading.denial.index if reading.denial is not None else None
    shown = _shown(len(reading.components), denial)
    rows = {index: _columns(reading, index) for index in shown}
    widths = [max((len(row[column]) for row in rows.values()), default=0) for column in range(3)]
    previous: int | None = None
    for index, component in enumerate(reading.components):
        mount_id = component.mount_id.value if isinstance(component.mount_id, Seen) else None
        crossed = mount_id is not None and previous is not None and mount_id != previous
        previous = mount_id if mount_id is not None else previous
        if index in rows:
            _print_row(page, reading, index, rows[index], widths, denial=index == denial, crossed=crossed)
        elif index - 1 in rows:
            left_out = next(later for later in sorted(rows) if later > index) - index
            page.line(f"... {left_out} more", lead="   ", style="dim")


def _print_row(
    page: Page, reading: Reading, index: int, columns: list[str], widths: list[int], *, denial: bool, crossed: bool
) -> None:
    component = reading.components[index]
    front = " ".join(f"{text:<{width}}" for text, width in zip(columns, widths, strict=True))
    failed, to_be_made = _failed_here(reading, index), _to_be_made(reading, index)
    mark = "x" if denial or (failed and not to_be_made) else " "
    style = "bold red" if denial else ""
    lead = [(f" {mark} ", "bold red"), (f"{front} ", style)]
    row = [(component.name, style)]
    if component.link_target is not None:
        row.append((f" -> {component.link_target}", "dim"))
    mounted = _mounted(reading, component) if crossed else None
    if mounted:
        row.append((f"  [{mounted}]", "dim"))
    if denial and reading.denial is not None:
        row.append((f"  <- {reading.denial.decision.sentence}", "bold red"))
    elif failed and to_be_made:
        row.append(("  to be made", "dim"))
    elif not isinstance(component.inode, Seen):
        why = component.inode.errno or component.inode.reason if failed else _BELOW
        row.append((f"  {why}", "bold red" if failed else "dim"))
    page.line(row, lead=lead)


def _columns(reading: Reading, index: int) -> list[str]:
    inode = reading.inode(index)
    if inode is None:
        return ["?", "?", "?"]
    return [mode_letters(inode) + ("+" if reading.acl(index) else " "), str(inode.uid), str(inode.gid)]


def _failed_here(reading: Reading, index: int) -> bool:
    """The first lookup that failed for another reason than a directory that the path drawing already marks."""
    component = reading.components[index]
    if isinstance(component.inode, Seen) or reading.denial is not None:
        return False
    return index == 0 or isinstance(reading.components[index - 1].inode, Seen)


def _to_be_made(reading: Reading, index: int) -> bool:
    inode = reading.components[index].inode
    last = index == len(reading.components) - 1
    return last and reading.report.want is Want.CREATE and isinstance(inode, NotSeen) and inode.errno == "ENOENT"


def _shown(count: int, denial: int | None) -> frozenset[int]:
    """Which of many components are drawn: the first, the last, and those around the denial."""
    if count <= _MOST_NAMES:
        return frozenset(range(count))
    middle = denial if denial is not None else count - 1
    around = range(max(0, middle - 4), min(count, middle + 4))
    return frozenset({*range(8), *around, *range(count - 6, count)})


def _mounted(reading: Reading, component: Component) -> str | None:
    if not isinstance(component.mount_id, Seen):
        return None
    for mount in (reading.mount, *reading.report.mounts.crossed):
        if mount is not None and mount.mount_id == component.mount_id.value:
            return f"{mount.filesystem} {mount.device} {'ro' if mount.read_only else 'rw'}"
    return None
