"""A user namespace or idmapped mount: the inode's ids are not mapped, so capabilities do not count."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.denial import GENERAL, Denial, DenialHypothesis, denial_of
from probe.classify.hypothesis import Scale
from probe.classify.verdict import Assessment, Cause, Fix, Remedy, Status


class UnmappedIds(DenialHypothesis):
    """capable_wrt_inode_uidgid: a capability counts only for inodes whose owner and group the namespace maps."""

    cause = Cause.UNMAPPED_IDS
    rank = 43
    refines = (*GENERAL, Cause.GROUP_NOT_HELD, Cause.ACL_DENIED)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """As any refusal; only likely where no capability was lost: a mapped id might not have passed either."""
        assessment = super().weigh(reading, scale)
        denial = denial_of(reading)
        if assessment.status is not Status.CONFIRMED or denial is None or denial.decision.capability_refused:
            return assessment
        scale.miss(reading.component_at(denial.index, "uid"), "the real owner and group, seen from the node")
        return scale.likely(assessment.statement, component=assessment.component, remedy=assessment.remedy)

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """The ids that are shown stand for ids that are not mapped; a capability that would pass does not count."""
        refused = denial.decision.capability_refused
        credentials, pointer = denial.reading.credentials, denial.reading.identity_at
        inode = denial.inode
        hidden = [
            name
            for name, mapped in (("owner", credentials.maps_uid(inode.uid)), ("group", credentials.maps_gid(inode.gid)))
            if not mapped
        ]
        if not hidden or not denial.by_bits:
            scale.contradict(pointer + "/uid_map", f"owner and group of {denial.path} are mapped here")
            return None
        scale.support(
            denial.reading.component_at(denial.index, "uid"),
            f"{denial.path} shows owner {inode.uid} and group {inode.gid}; this user namespace does not map its "
            f"{' and '.join(hidden)}",
        )
        statement = f"{denial.path} belongs to ids that this user namespace does not map ({inode.uid}:{inode.gid})"
        if refused is None:
            return statement
        scale.support(pointer + "/capabilities", f"{refused} is effective, and does not count for such an inode")
        return f"{statement}: {refused} does not count there"

    def remedy(self, denial: Denial) -> Remedy | None:
        """Write with ids that both pods map."""
        return Remedy(
            smallest=Fix(
                sentence=f"Let the maker of {denial.path} and the reader run in the same kind of pod: both with "
                "hostUsers: false, or both without.",
                yaml="spec:\n  hostUsers: true",
            )
        )
