"""created-after-sweep over several sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from probe.classify.case import Case, Reading
from probe.classify.hypothesis import Scale
from probe.classify.sameness import Sameness
from probe.classify.verdict import Assessment, Cause, Status
from probe.classify.witness import SECOND, Witness, ticks
from probe.evidence.base import format_timestamp

if TYPE_CHECKING:
    from probe.evidence.path import Inode
    from probe.evidence.watch import Moment


def join(case: Case, weigh: Callable[[Reading], Assessment]) -> Iterator[Assessment]:
    """Where no birth time is kept, a watch that saw it appear tells when it was made."""
    for reader in case.history.reports:
        if not reader.reads or reader.reading is None:
            continue
        alone = weigh(reader.reading)
        index = reader.reading.denial.index if reader.reading.denial is not None else None
        inode = reader.reading.inode(index) if index is not None else None
        if alone.status is not Status.LIKELY or inode is None or inode.born is not None or reader.container is None:
            continue
        for pointer, moment, watch in _appearances(case, reader, inode):
            came = ticks(moment.monotonic)
            if came <= reader.container + reader.margin:
                continue
            scale = Scale(Cause.CREATED_AFTER_SWEEP, supports=list(alone.supports), missing=list(alone.missing))
            scale.support(
                pointer,
                f"{watch.name} saw {moment.path} appear {format_timestamp(moment.at)}, "
                f"{(came - reader.container) / SECOND:.3f} s after this container's start by one clock",
            )
            scale.missing = [claim for claim in scale.missing if "birth time" not in claim.sentence]
            if moment.noticed != "inotify":
                scale.miss(pointer, "that it was made there and not renamed: a look from time to time cannot tell")
            held = scale.likely if scale.missing else scale.confirmed
            yield held(alone.statement, component=alone.component, remedy=alone.remedy)


def _appearances(case: Case, reader: Witness, inode: Inode) -> Iterator[tuple[str, Moment, Witness]]:
    """Moments of a watch of the same place at which this very inode appeared under its name."""
    for other, place in case.history.beside(reader):
        if other.kind != "watch" or place.sameness is not Sameness.SURE or not other.clock.shares(reader.clock):
            continue
        for index, moment in enumerate(case.timelines[other.number].moments):
            after = moment.after
            made = moment.change == "appeared" and after is not None
            if after is not None and after.type == "regular" and after.links != 1:
                continue  # another name of what was there before
            if made and after is not None and (after.device, after.inode) == (inode.device, inode.inode):
                yield f"{other.at}/moments/{index}", moment, other
