"""Made after this pod's fsGroup sweep, with bits that deny (R3)."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.denial import Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.remedy import UMASK, access_remedy
from probe.classify.sweep import sweep_would_grant, volume_root
from probe.classify.verdict import Assessment, Cause, Remedy, Status
from probe.evidence.base import format_timestamp


class CreatedAfterSweep(DenialHypothesis):
    """kubelet sweeps before the containers start; what another task makes later keeps the maker's umask."""

    cause = Cause.CREATED_AFTER_SWEEP
    rank = 31
    refines = (Cause.DIR_SEARCH_DENIED, Cause.FILE_READ_DENIED, Cause.WRITE_DENIED, Cause.GROUP_NOT_HELD)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Confirmed only by a birth time after this container's start: ctime also moves for other reasons."""
        assessment = super().weigh(reading, scale)
        denial_index = reading.denial.index if reading.denial is not None else None
        inode = reading.inode(denial_index) if denial_index is not None else None
        if assessment.status is Status.CONFIRMED and (inode is None or inode.born is None):
            scale.miss(
                reading.component_at(denial_index or 0),
                "the birth time: ctime alone does not tell making from changing",
            )
            return scale.likely(assessment.statement, component=assessment.component, remedy=assessment.remedy)
        return assessment

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """The volume was swept for this reader, the denying inode came after."""
        reading = denial.reading
        root = volume_root(reading)
        if root is None or denial.index <= root.index:
            scale.contradict(denial.mode_at(), f"{denial.path} is not inside a volume whose root was seen")
            return None
        if not (root.swept and root.ours):
            scale.contradict(
                reading.component_at(root.index, "mode"),
                f"the volume root has mode {root.inode.mode:04o} and group {root.inode.gid}: not swept for this reader",
            )
            return None
        if not sweep_would_grant(denial.inode, root.inode.gid):
            scale.contradict(denial.mode_at(), f"{denial.path} already looks as a sweep leaves it")
            return None
        started = reading.container_started
        if started is None:
            scale.contradict(reading.at("context", "container_started"), "no container start is known: race not shown")
            return None
        made = denial.inode.born if denial.inode.born is not None else denial.inode.changed
        field = "born" if denial.inode.born is not None else "changed"
        if made <= started:
            scale.contradict(
                reading.component_at(denial.index, field),
                f"{denial.path} is from {format_timestamp(made)}, before this container started "
                f"({format_timestamp(started)})",
            )
            return None
        scale.support(
            reading.component_at(root.index, "mode"),
            f"the volume root was swept: mode {root.inode.mode:04o}, group {root.inode.gid}",
        )
        scale.support(
            reading.component_at(denial.index, field),
            f"{denial.path} came at {format_timestamp(made)}, after this container started "
            f"({format_timestamp(started)})",
        )
        return (
            f"{denial.path} was made with mode {denial.inode.mode:04o} after this pod's volume had been swept: "
            "no sweep will correct it before the next pod"
        )

    def remedy(self, denial: Denial) -> Remedy | None:
        """Open it now; set the producer's umask for good."""
        return access_remedy(denial.reading, UMASK)
