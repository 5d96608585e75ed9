"""Shared by the causes of a refusal that mode bits do not explain."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.hypothesis import Scale
from probe.classify.selinux import parse_label
from probe.classify.verdict import Assessment
from probe.evidence.observation import Seen


def is_confined(reading: Reading) -> bool:
    """Whether the process carries an SELinux label, whose policy may then be what refused."""
    label = (reading.report.predict_for or reading.report.identity).label
    return isinstance(label, Seen) and parse_label(label.value) is not None


def needs_unexplained(reading: Reading, scale: Scale) -> Assessment | None:
    """The refutation, unless the kernel refused what mode bits, ACLs and capabilities allow; then note both."""
    truth = reading.truth
    if truth is None:
        scale.miss(reading.at("attempts"), "a real attempt by the reader's identity")
        return scale.not_assessable("nothing was tried")
    if not reading.refused:
        outcome = "succeeded" if truth.granted else f"failed with {truth.errno}"
        scale.contradict(reading.truth_at, f"{truth.operation} {outcome}")
        return scale.refuted(f"{truth.operation} {outcome}")
    if not reading.unexplained:
        denial = reading.denial
        if denial is not None:
            scale.contradict(
                reading.component_at(denial.index, "mode"),
                f"the mode bits already deny it: {denial.decision.sentence}",
            )
            return scale.refuted("mode bits or an ACL explain the refusal")
        scale.miss(reading.chain_at, "every component of the path: without them the bits cannot be excluded")
        return scale.not_assessable("the mode bits were not all observed")
    whole = reading.judgement is not None and reading.judgement.granted
    where = "on every component" if whole else "on every component that could be observed"
    scale.support(reading.truth_at, f"{truth.operation} {truth.path}: {truth.errno}")
    scale.support(reading.chain_at, f"mode bits, ACLs and capabilities allow it {where}")
    return None
