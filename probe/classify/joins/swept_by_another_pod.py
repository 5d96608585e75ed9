"""swept-by-another-pod over several sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from probe.classify.case import Case, Reading
from probe.classify.hypothesis import Scale
from probe.classify.sameness import Sameness
from probe.classify.sweep import Root, foreign_sweep
from probe.classify.verdict import Assessment, Cause, Status
from probe.classify.witness import Anchor, Look, Witness
from probe.evidence.base import format_timestamp


def join(case: Case, weigh: Callable[[Reading], Assessment]) -> Iterator[Assessment]:
    """An access by the same container before the rewrite, in another report or in a watch."""
    for reader in case.history.reports:
        if not reader.reads or reader.reading is None:
            continue
        alone = weigh(reader.reading)
        swept = foreign_sweep(reader.reading)
        if alone.status is not Status.LIKELY or swept is None:
            continue
        for other, place in case.history.beside(reader):
            granted = _granted_before(reader, other, swept[0].inode.changed)
            if other is reader or granted is None or place.sameness is not Sameness.SURE:
                continue
            yield _with_access(reader, other, granted, alone, swept[0])


def _with_access(reader: Witness, other: Witness, granted: Look, alone: Assessment, root: Root) -> Assessment:
    scale = Scale(Cause.SWEPT_BY_ANOTHER_POD, supports=list(alone.supports), contradicts=list(alone.contradicts))
    scale.support(
        granted.pointer,
        f"{other.name} had access, {format_timestamp(granted.at)}, before the rewrite "
        f"({format_timestamp(root.inode.changed)})",
    )
    held = _root_before(other, root)
    if held is not None:
        scale.support(
            held.pointer,
            f"{held.path} then belonged to group {held.inode.gid}, mode {held.inode.mode:04o}; now to group "
            f"{root.inode.gid}, mode {root.inode.mode:04o}",
        )
    shown = held is not None and held.inode.gid != root.inode.gid
    if shown and reader.same_container(other) and reader.who == other.who and not reader.remote:
        return scale.confirmed(alone.statement, component=alone.component, remedy=alone.remedy)
    scale.miss(other.at, "an access by this very container, and its group, before the rewrite")
    return scale.likely(alone.statement, component=alone.component, remedy=alone.remedy)


def _granted_before(reader: Witness, other: Witness, rewritten: int) -> Look | None:
    """An answer to the same question that was granted before the volume was rewritten."""
    if other.predicted or not other.asks_the_same(reader) or not other.clock.shares(reader.clock):
        return None
    step = reader.clock.stepped(other.clock)
    before = reader.clock.monotonic(rewritten) - step
    tried = (look for look in other.looks if look.tried is not None and look.errno is None)
    return next((look for look in tried if look.tick < before), None)


def _root_before(other: Witness, root: Root) -> Anchor | None:
    """The volume's root as the other witness saw it before it was rewritten."""
    number = root.inode.device, root.inode.inode
    known = (one for one in other.anchors if (one.inode.device, one.inode.inode) == number)
    return next((one for one in known if one.inode.changed < root.inode.changed), None)
