"""A user namespace or idmapped mount: the inode's ids are not mapped, so capabilities do not count."""

from __future__ import annotations

from probe.classify.denial import GENERAL, Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.verdict import Cause, Fix, Remedy


class UnmappedIds(DenialHypothesis):
    """capable_wrt_inode_uidgid: a capability counts only for inodes whose owner and group the namespace maps."""

    cause = Cause.UNMAPPED_IDS
    rank = 43
    refines = (*GENERAL, Cause.GROUP_NOT_HELD, Cause.ACL_DENIED)

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """The identity holds a capability that would pass, and the model says the mapping took it away."""
        refused = denial.decision.capability_refused
        credentials, pointer = denial.reading.credentials, denial.reading.identity_at
        inode = denial.inode
        if refused is None:
            mapped = credentials.maps_uid(inode.uid) and credentials.maps_gid(inode.gid)
            said = "its owner and group are mapped here" if mapped else "no capability was there to be lost"
            scale.contradict(pointer + "/uid_map", f"{denial.path}: {said}")
            return None
        scale.support(
            denial.reading.component_at(denial.index, "uid"),
            f"{denial.path} shows owner {inode.uid} and group {inode.gid}, of which this user namespace does not map "
            f"{'the owner' if not credentials.maps_uid(inode.uid) else 'the group'}",
        )
        scale.support(pointer + "/capabilities", f"{refused} is effective, and does not count for such an inode")
        return (
            f"{denial.path} belongs to ids that this user namespace does not map ({inode.uid}:{inode.gid}): {refused} "
            "does not count there"
        )

    def remedy(self, denial: Denial) -> Remedy | None:
        """Write with ids that both pods map."""
        return Remedy(
            smallest=Fix(
                sentence=f"Let the maker of {denial.path} and the reader run in the same kind of pod: both with "
                "hostUsers: false, or both without.",
                yaml="spec:\n  hostUsers: true",
            )
        )
