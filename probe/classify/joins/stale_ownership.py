"""stale-ownership over several sources: who looked before this pod's start saw the same inodes in the same state."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from probe.classify.case import Case, Reading
from probe.classify.hypothesis import Scale
from probe.classify.sameness import Sameness
from probe.classify.sweep import volume_root
from probe.classify.verdict import Assessment, Cause, Status
from probe.classify.witness import Anchor, Witness
from probe.evidence.base import format_timestamp
from probe.evidence.path import Inode


def join(case: Case, weigh: Callable[[Reading], Assessment]) -> Iterator[Assessment]:
    """The account of one report, with what an earlier look adds. Still no more than likely: see the hypothesis."""
    for reader in case.history.reports:
        reading = reader.reading
        if not reader.reads or reading is None or reading.denial is None or reader.container is None:
            continue
        alone, root, denied = weigh(reading), volume_root(reading), reading.inode(reading.denial.index)
        if alone.status is not Status.LIKELY or root is None or denied is None:
            continue
        for other, place in case.history.beside(reader):
            held = _earlier(reader, other, denied), _earlier(reader, other, root.inode)
            if other is not reader and place.sameness is Sameness.SURE and held[0] is not None:
                yield _with_look(other, alone, held[0], held[1])


def _earlier(reader: Witness, other: Witness, inode: Inode) -> Anchor | None:
    """The same inode, unchanged, as another one met it before this container began."""
    if not reader.clock.shares(other.clock) or reader.container is None:
        return None
    number = inode.device, inode.inode, inode.changed
    return next(
        (
            one
            for one in other.anchors
            if (one.inode.device, one.inode.inode, one.inode.changed) == number and one.tick < reader.container
        ),
        None,
    )


def _with_look(other: Witness, alone: Assessment, denied: Anchor, root: Anchor | None) -> Assessment:
    scale = Scale(Cause.STALE_OWNERSHIP, list(alone.supports), list(alone.contradicts), [*alone.missing])
    scale.support(
        denied.pointer,
        f"{other.name} met {denied.path} as it is now (mode {denied.inode.mode:04o}, group {denied.inode.gid}), "
        f"{format_timestamp(denied.at)}, before this container began",
    )
    if root is not None:
        scale.support(
            root.pointer,
            f"and the volume root with the same change time: the start of this pod did not touch it (OnRootMismatch "
            f"leaves out a volume whose root has mode {root.inode.mode:04o} and group {root.inode.gid})",
        )
    return scale.likely(alone.statement, component=alone.component, remedy=alone.remedy)
