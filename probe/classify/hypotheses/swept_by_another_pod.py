"""Group or mode rewritten by another pod's sweep while in use (R4)."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.case import Case, Reading
from probe.classify.denial import GENERAL, Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.remedy import one_fs_group
from probe.classify.sweep import SWEPT_DIRECTORY, foreign_sweep, sweep_seen, volume_root
from probe.classify.verdict import Assessment, Cause, Remedy, Status
from probe.evidence.base import format_timestamp


class SweptByAnotherPod(DenialHypothesis):
    """A pod with another fsGroup mounted the volume: the whole tree now belongs to its group."""

    cause = Cause.SWEPT_BY_ANOTHER_POD
    rank = 32
    refines = (*GENERAL, Cause.GROUP_NOT_HELD)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Confirmed only if this process itself had access before the rewrite."""
        assessment = super().weigh(reading, scale)
        if assessment.status is not Status.CONFIRMED:
            return assessment
        granted_before = next((n for n, attempt in reading.truths if attempt.granted), None)
        if granted_before is not None:
            scale.support(reading.at("attempts", granted_before), "this process had access before the rewrite")
            return scale.confirmed(assessment.statement, component=assessment.component, remedy=assessment.remedy)
        scale.miss(reading.at("attempts"), "an access by this reader before the rewrite, or the other pod's spec")
        return scale.likely(assessment.statement, component=assessment.component, remedy=assessment.remedy)

    def join(self, case: Case) -> Iterator[Assessment]:
        """An access by the same container before the rewrite, in another report or in a watch."""
        from probe.classify.joins import swept_by_another_pod

        return swept_by_another_pod.join(case, self._weigh)

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """The root bears a sweep for a group that is not the reader's, done after this container started."""
        reading = denial.reading
        root = volume_root(reading)
        if root is None or denial.index < root.index:
            scale.contradict(denial.mode_at(), f"{denial.path} does not lie on a volume whose root was seen")
            return None
        pointer, changed = reading.component_at(root.index, "gid"), reading.component_at(root.index, "changed")
        swept = foreign_sweep(reading)
        if swept is None:
            sweep = sweep_seen(reading)
            if sweep is not None and sweep.own:
                scale.contradict(sweep.pointer, sweep.sentence)
            scale.contradict(
                pointer,
                f"the volume root has mode {root.inode.mode:04o} and group {root.inode.gid}, last changed "
                f"{format_timestamp(root.inode.changed)}: no sweep for a foreign group since this container started",
            )
            return None
        _, started = swept
        if denial.inode.gid != root.inode.gid or (denial.inode.mode & SWEPT_DIRECTORY) != SWEPT_DIRECTORY:
            scale.contradict(denial.mode_at(), f"{denial.path} itself does not look swept for group {root.inode.gid}")
            return None
        sweep = sweep_seen(reading)
        if sweep is not None:
            scale.support(sweep.pointer, sweep.sentence)
        scale.support(pointer, f"the volume belongs to group {root.inode.gid}, which the reader does not hold")
        scale.support(
            changed,
            f"rewritten {format_timestamp(root.inode.changed)}, after this container started "
            f"({format_timestamp(started)})",
        )
        return (
            f"the volume was given to group {root.inode.gid} while this pod was running, as another pod's fsGroup "
            "sweep does it"
        )

    def remedy(self, denial: Denial) -> Remedy | None:
        """One fsGroup for all pods of a claim."""
        return one_fs_group(denial.reading)
