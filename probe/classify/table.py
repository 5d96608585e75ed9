"""The side-by-side table: rows are facts, columns are tasks, and what should be alike and is not is marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from probe.classify.case import Case
from probe.classify.columns import of_registries, of_witnesses, several_tasks
from probe.classify.facts import MODE, Fact, Facts
from probe.classify.joined import MAX_COLUMNS, Cell, Column, Row, Table
from probe.classify.roles import Role, sounds_like
from probe.evidence.base import clip

MAX_ROWS = 64


def _of_accounts(case: Case) -> Iterable[Facts]:
    """What logs and objects tell, which needs modules of its own."""
    if not case.told:
        return ()
    from probe.classify.told.columns import of_accounts

    return of_accounts(case)


SOURCES: tuple[Callable[[Case], Iterable[Facts]], ...] = (of_witnesses, of_registries, _of_accounts)
"""Where columns come from. Another kind of evidence is one more line here."""

_ALIKE = frozenset(
    {Fact.TRANSPORT, Fact.ACCESS, Fact.CLAIM, Fact.SOURCE, Fact.SIZE, Fact.MODIFIED, Fact.DIFF_IDS, Fact.FS_GROUP}
)
"""What both sides of one hand-over should have in common."""
_ALIKE_ON_A_NODE = frozenset({Fact.ROOT, Fact.DEVICE, Fact.ROOT_INODE, Fact.INODE})
_ENCODED = frozenset({Fact.MANIFEST, Fact.CONFIG})
"""These may differ for one image, as its diff_ids show."""
_ORDER = {role: number for number, role in enumerate((Role.PRODUCER, Role.CONSUMER, Role.UNKNOWN))}


def table_of(case: Case) -> Table | None:
    """The table of a case; None where only one task has told of anything."""
    if not several_tasks(case) and not case.told:
        return None
    return build_table([facts for source in SOURCES for facts in source(case)])


def build_table(facts: Iterable[Facts]) -> Table | None:
    """The table of these columns: producers first, then consumers, each by time; None for less than two."""
    columns = sorted(_merged(facts), key=_place)[:MAX_COLUMNS]
    if len(columns) < 2:
        return None
    rows = [_row(name, columns) for name in _names(columns)[:MAX_ROWS]]
    return Table(
        columns=tuple(
            Column(name=clip(one.name, 256), role=str(one.role), pointers=tuple(dict.fromkeys(one.pointers))[:16])
            for one in columns
        ),
        rows=tuple(rows),
    )


def _merged(facts: Iterable[Facts]) -> list[Facts]:
    """One column for each name: of two texts for one row the later one counts, and every pointer is kept."""
    found: dict[str, Facts] = {}
    for one in sorted(facts, key=lambda facts: facts.at):
        known = found.get(one.name)
        found[one.name] = one if known is None else _both(known, one)
    return list(found.values())


def _both(early: Facts, late: Facts) -> Facts:
    return Facts(
        name=early.name,
        role=early.role if early.role is not Role.UNKNOWN else late.role,
        pointers=(*early.pointers, *late.pointers),
        rows={**early.rows, **late.rows},
        node=late.node or early.node,
        at=early.at,
        marked=late.marked | {row for row in early.marked if row not in late.rows},
    )


def _place(facts: Facts) -> tuple[int, int, int]:
    """The evidence's role first; a name decides only between those of which nothing is known."""
    return _ORDER[facts.role], _ORDER[sounds_like(facts.name)] if facts.role is Role.UNKNOWN else 0, facts.at


def _names(columns: Sequence[Facts]) -> list[str]:
    """The rows that any column has: those of `Fact` in its order, modes from the root of the volume down."""
    known = {name for column in columns for name in column.rows}
    modes = sorted((name for name in known if name.startswith(MODE)), key=lambda name: (name.count("/"), name))
    found: list[str] = []
    for fact in Fact:
        found += [fact] if fact in known else []
        if fact is Fact.FS_GROUP:
            found += [f"{MODE}." for name in modes if name == f"{MODE}."]
            found += [name for name in modes if name != f"{MODE}."]
    return found


def _row(name: str, columns: Sequence[Facts]) -> Row:
    told = [column.rows.get(name, ("", "")) for column in columns]
    marked = any(name in column.marked for column in columns)
    return Row(
        name=clip(name, 256),
        cells=tuple(Cell(text=clip(text), pointer=pointer) for text, pointer in told),
        differs=marked or _differs(name, columns),
    )


def _differs(name: str, columns: Sequence[Facts]) -> bool:
    texts = {column.rows[name][0] for column in columns if name in column.rows}
    if len(texts) < 2:
        return False
    if name in _ALIKE or name.startswith(MODE):
        return True
    if name in _ENCODED:
        layers = {column.rows.get(Fact.DIFF_IDS, ("",))[0] for column in columns if name in column.rows}
        return len(layers) > 1 or "" in layers
    if name not in _ALIKE_ON_A_NODE:
        return False
    nodes: dict[str | None, set[str]] = {}
    for column in columns:
        if name in column.rows:
            nodes.setdefault(column.node, set()).add(column.rows[name][0])
    return any(len(of_one) > 1 for of_one in nodes.values())
