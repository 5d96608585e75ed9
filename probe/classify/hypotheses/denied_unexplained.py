"""Mode bits allow, open refused, and nothing else that was seen explains it."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.mounts import decided_elsewhere
from probe.classify.refusal import is_confined, needs_unexplained
from probe.classify.verdict import Assessment, Cause, Fix, Remedy


class DeniedUnexplained(ReadingHypothesis):
    """The catch-all of the refusals: a security module such as Landlock, a seccomp filter, an LSM without labels."""

    cause = Cause.DENIED_UNEXPLAINED
    rank = 58

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Confirmed as what it says: refused, and the recorded rules do not account for it."""
        unfit = needs_unexplained(reading, scale)
        if unfit is not None:
            return unfit
        truth, judgement = reading.truth, reading.judgement
        path = reading.report.reference.path
        statement = (
            f"{truth.operation if truth else 'open'} of {path} is refused although mode bits, ACLs and capabilities "
            "allow it: a security module, a seccomp filter, the file server or the file system itself decides"
        )
        for what in judgement.missing if judgement is not None else ():
            scale.miss(reading.chain_at, what)
        scale.miss(reading.identity_at + "/label", "the node's audit log; Landlock and seccomp rules leave no label")
        remedy = Remedy(
            smallest=Fix(
                sentence=(
                    "Look on the node: ausearch -m AVC,SECCOMP,LANDLOCK_ACCESS -ts recent; then at what starts the "
                    "command (a sandboxing wrapper, a seccomp profile)."
                )
            )
        )
        if is_confined(reading) or decided_elsewhere(reading) or (judgement is not None and judgement.missing):
            return scale.likely(statement, component=path, remedy=remedy)
        return scale.confirmed(statement, component=path, remedy=remedy)
