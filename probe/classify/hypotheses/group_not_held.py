"""Holding the inode's group would grant it: the identity lacks that group."""

from __future__ import annotations

from probe.classify.denial import GENERAL, Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.remedy import group_remedy, one_fs_group
from probe.classify.sweep import foreign_sweep
from probe.classify.verdict import Cause, Remedy


class GroupNotHeld(DenialHypothesis):
    """The bits are right for the shared group; this pod does not have it (no fsGroup, another fsGroup)."""

    cause = Cause.GROUP_NOT_HELD
    rank = 48
    refines = GENERAL

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """The same identity with the inode's group added would pass this component."""
        if denial.decision.acl_decided:
            scale.contradict(denial.mode_at(), "an ACL entry decided, not the lack of the owning group")
            return None
        if not denial.by_bits:
            scale.contradict(denial.mode_at(), f"no group would help: {denial.decision.sentence}")
            return None
        credentials, gid = denial.reading.credentials, denial.inode.gid
        if credentials.in_group(gid):
            scale.contradict(denial.reading.identity_at, f"group {gid} of {denial.path} is held, and does not help")
            return None
        if not credentials.maps_gid(gid):
            scale.contradict(denial.mode_at(), f"group {gid} stands for a group that this user namespace does not map")
            return None
        if not denial.group_would_do:
            scale.contradict(
                denial.mode_at(), f"{denial.path} has mode {denial.inode.mode:04o}: its group would not pass either"
            )
            return None
        held = ", ".join(map(str, sorted({credentials.gid, *credentials.groups})))
        scale.support(denial.reading.identity_at, f"the identity holds groups {held}, not {gid}")
        return f"{denial.path} is open to group {gid}, which uid {credentials.uid} does not hold (it holds {held})"

    def remedy(self, denial: Denial) -> Remedy | None:
        """Give the group to the pod rather than the bits to everybody."""
        if foreign_sweep(denial.reading) is not None:
            return one_fs_group(denial.reading)
        return group_remedy(denial.inode.gid)
