"""Volume root swept, inner inode wrong and older than this pod: OnRootMismatch skipped it."""

from __future__ import annotations

from collections.abc import Iterator

from probe.access.decide import grants_if_member
from probe.classify.case import Case, Reading
from probe.classify.denial import GENERAL, Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.remedy import UMASK
from probe.classify.sweep import clock_margin, left_out_of_sweep, volume_root
from probe.classify.verdict import Assessment, Cause, Fix, Remedy, Status
from probe.evidence.base import format_timestamp


class StaleOwnership(DenialHypothesis):
    """With fsGroupChangePolicy OnRootMismatch a right root hides wrong inner inodes for ever."""

    cause = Cause.STALE_OWNERSHIP
    rank = 44
    refines = (*GENERAL, Cause.GROUP_NOT_HELD)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """As any refusal; never more than likely: between the sweep and the container's start lies a while."""
        assessment = super().weigh(reading, scale)
        if assessment.status is not Status.CONFIRMED:
            return assessment
        if reading.fs_group is None:
            scale.miss(reading.fs_group_at, "the fsGroup that the pod asks for (--context fs-group=GID)")
        pod = reading.beside
        if pod is not None and pod.fs_group is not None and pod.sweeps_all:
            sentence = f"pod {pod.pod.key.name} has fsGroupChangePolicy Always: its start leaves no inode out"
            scale.contradict(f"{pod.pointer}/security/fs_group_policy", sentence)
            return scale.refuted(sentence)
        if pod is not None and pod.fs_group is not None:
            sentence = f"pod {pod.pod.key.name} has fsGroup {pod.fs_group} with fsGroupChangePolicy OnRootMismatch"
            scale.support(f"{pod.pointer}/security/fs_group_policy", sentence)
        else:
            scale.miss(
                reading.at("context", "container_started"),
                "the pod's start and its fsGroupChangePolicy: the sweep came some time before this container's start",
            )
        return scale.likely(assessment.statement, component=assessment.component, remedy=assessment.remedy)

    def join(self, case: Case) -> Iterator[Assessment]:
        """What another look, from before this container's start, saw of the same inodes."""
        from probe.classify.joins import stale_ownership

        return stale_ownership.join(case, self._weigh)

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """The root is right, the inner inode is not, and it has not changed since before this container started."""
        reading, inode = denial.reading, denial.inode
        swept = left_out_of_sweep(denial, scale)
        if swept is None:
            return None
        _, started = swept
        changed = reading.component_at(denial.index, "changed")
        if inode.changed >= started - clock_margin(reading):
            scale.contradict(
                changed,
                f"changed {format_timestamp(inode.changed)}: not shown to be earlier than this container's start "
                f"({format_timestamp(started)})",
            )
            return None
        scale.support(
            changed,
            f"{denial.path} last changed {format_timestamp(inode.changed)}, before this container started "
            f"({format_timestamp(started)}): the sweep did not touch it",
        )
        return (
            f"{denial.path} kept mode {inode.mode:04o} and group {inode.gid} from before this pod: "
            "its volume root already looked right, so the sweep skipped it (OnRootMismatch)"
        )

    def remedy(self, denial: Denial) -> Remedy | None:
        """Repair the inode once, or let kubelet look at every inode."""
        root = volume_root(denial.reading)
        gid = root.inode.gid if root is not None else denial.inode.gid
        swept = grants_if_member(
            denial.reading.credentials, denial.inode, denial.acl, denial.decision.right, denial.inode.gid
        )
        basis = super().remedy(denial)
        smallest = basis.smallest if basis is not None and not swept else None
        always = Fix(
            sentence=f"Let kubelet repair every inode for group {gid} at pod start.",
            yaml="securityContext:\n  fsGroupChangePolicy: Always",
        )
        return Remedy(smallest=smallest or always, structural=UMASK if smallest is None else always)
