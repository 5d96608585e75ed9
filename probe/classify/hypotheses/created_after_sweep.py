"""Made after this pod's fsGroup sweep, with bits that deny (R3)."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.case import Case, Reading
from probe.classify.denial import GENERAL, Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.mounts import decided_elsewhere
from probe.classify.remedy import UMASK, access_remedy
from probe.classify.sweep import clock_margin, left_out_of_sweep
from probe.classify.verdict import Assessment, Cause, Remedy, Status
from probe.evidence.base import format_timestamp


class CreatedAfterSweep(DenialHypothesis):
    """kubelet sweeps before the containers start; what another task makes later keeps the maker's umask."""

    cause = Cause.CREATED_AFTER_SWEEP
    rank = 31
    refines = (*GENERAL, Cause.GROUP_NOT_HELD)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Confirmed only by a birth time after this container's start, and when the pod's fsGroup was told."""
        assessment = super().weigh(reading, scale)
        if assessment.status is not Status.CONFIRMED or reading.denial is None:
            return assessment
        index = reading.denial.index
        inode = reading.inode(index)
        if inode is None or inode.born is None:
            scale.miss(reading.component_at(index), "the birth time: ctime alone does not tell making from changing")
        if decided_elsewhere(reading):
            scale.miss(reading.at("mounts"), "that time by this node's own clock: a server stamps the times there")
        if reading.fs_group is None:
            scale.miss(reading.fs_group_at, "the fsGroup that the pod asks for (--context fs-group=GID)")
        if not scale.missing:
            return assessment
        return scale.likely(assessment.statement, component=assessment.component, remedy=assessment.remedy)

    def join(self, case: Case) -> Iterator[Assessment]:
        """Where no birth time is kept, a watch that saw it appear tells when it was made."""
        from probe.classify.joins import created_after_sweep

        return created_after_sweep.join(case, self._weigh)

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """The volume was swept for this reader, the denying inode came after."""
        reading, inode = denial.reading, denial.inode
        swept = left_out_of_sweep(denial, scale)
        if swept is None:
            return None
        _, started = swept
        field, made = ("born", inode.born) if inode.born is not None else ("changed", inode.changed)
        pointer = reading.component_at(denial.index, field)
        if made <= started + clock_margin(reading):
            scale.contradict(
                pointer,
                f"{denial.path} is from {format_timestamp(made)}: not shown to be later than this container's start "
                f"({format_timestamp(started)})",
            )
            return None
        scale.support(
            pointer,
            f"{denial.path} came at {format_timestamp(made)}, after this container started "
            f"({format_timestamp(started)})",
        )
        return (
            f"{denial.path} was made after this pod's volume had been swept, and has mode {denial.inode.mode:04o}: "
            "no sweep will correct it before the next pod"
        )

    def remedy(self, denial: Denial) -> Remedy | None:
        """Open it now; set the producer's umask for good."""
        return access_remedy(denial.reading, UMASK)
