"""uid 0, but the capabilities that let root pass are dropped."""

from __future__ import annotations

from probe.classify.denial import GENERAL, Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.verdict import Cause

_PASSES = frozenset({"CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"})


class RootWithoutCapability(DenialHypothesis):
    """Without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, uid 0 is an ordinary user (capabilities(7))."""

    cause = Cause.ROOT_WITHOUT_CAPABILITY
    rank = 46
    refines = (*GENERAL, Cause.GROUP_NOT_HELD)

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """File-system uid 0, neither capability effective."""
        credentials, pointer = denial.reading.credentials, denial.reading.identity_at
        if credentials.uid != 0:
            scale.contradict(pointer + "/uid", f"uid {credentials.uid} is not 0")
            return None
        if not denial.by_bits:
            scale.contradict(denial.mode_at(), f"no capability would help: {denial.decision.sentence}")
            return None
        held = sorted(_PASSES & credentials.capabilities)
        if held:
            scale.contradict(pointer + "/capabilities", f"{', '.join(held)} is effective")
            return None
        scale.support(
            pointer + "/capabilities", "neither CAP_DAC_OVERRIDE nor CAP_DAC_READ_SEARCH is effective, though uid is 0"
        )
        return f"uid 0 without CAP_DAC_OVERRIDE is an ordinary user, and {denial.path} denies it {denial.needs}"
