"""A POSIX ACL entry or mask decides the denial."""

from __future__ import annotations

from probe.classify.denial import GENERAL, Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.verdict import Cause


class AclDenied(DenialHypothesis):
    """The mode bits that ls shows do not tell: an ACL entry, or the mask that the group bits then are (acl(5))."""

    cause = Cause.ACL_DENIED
    rank = 47
    refines = GENERAL

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """An ACL is there and made the difference."""
        pointer = denial.reading.component_at(denial.index) + "/acl"
        if denial.acl is None:
            scale.contradict(pointer, f"{denial.path} has no ACL beyond its mode bits")
            return None
        if not denial.decision.acl_decided:
            scale.contradict(pointer, f"the ACL of {denial.path} did not decide: the mode bits alone deny too")
            return None
        scale.support(pointer, f"the ACL entry that decides gives {_rwx(denial.decision.held)}")
        return f"an ACL on {denial.path} denies {denial.needs}: {denial.decision.sentence}"


def _rwx(bits: int) -> str:
    return "".join(letter if bits & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
