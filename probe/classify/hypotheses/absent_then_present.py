"""Absent at one moment, present at a later one."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.remedy import RUN_AFTER, publish
from probe.classify.verdict import Assessment, Cause, Remedy
from probe.evidence.base import format_timestamp
from probe.evidence.path import Want


class AbsentThenPresent(ReadingHypothesis):
    """The reader came before the producer had made the file."""

    cause = Cause.ABSENT_THEN_PRESENT
    rank = 64
    refines = (Cause.WRONG_PATH,)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Two attempts of one report, or the command's ENOENT before what is there now."""
        path = reading.report.reference.path
        if reading.report.want is Want.CREATE:
            return scale.refuted("the name is to be made: that it is absent is right")
        remedy = Remedy(smallest=RUN_AFTER, structural=publish(path))
        statement = f"{path} was not there at first, and came later"
        moments = [(attempt.errno == "ENOENT", reading.at("attempts", n)) for n, attempt in reading.truths]
        moments += [
            (sample.open_errno == "ENOENT", reading.at("writers", "value", "samples", number))
            for number, sample in enumerate(reading.samples)
        ]
        first = next((pointer for absent, pointer in moments if absent), None)
        if first is not None:
            scale.support(first, f"{path}: ENOENT")
            later = [pointer for absent, pointer in moments[[p for _, p in moments].index(first) :] if not absent]
            if later:
                scale.support(later[0], f"{path}: there, a moment later")
                return scale.confirmed(statement, component=path, remedy=remedy)
            scale.miss(first, "a later look at which it is there; without it: race not shown")
            return scale.possible(f"nothing is at {path} yet; it may still be written")
        failure = reading.target_failure("ENOENT")
        chain, target = reading.chain, reading.target
        if failure is None or chain is None or target is None:
            if reading.truth is not None:
                scale.contradict(reading.truth_at, f"{path} was there at the first look")
            return scale.refuted("it was never seen absent")
        number, message = failure
        scale.support(reading.failure_at(number), f"the command did not find it: {message.text}")
        if message.path is not None and message.path.rstrip("/") != reading.chain_end and message.about == "member":
            scale.contradict(reading.failure_at(number), "what was missing is a member of the container, not the path")
            return scale.refuted("the path itself was there")
        changed = reading.component_at(len(chain.components) - 1, "changed")
        failed = reading.failed_by(message)
        if failed is not None and target.changed > failed:
            scale.support(
                changed,
                f"it is there now, changed {format_timestamp(target.changed)}, after the command failed "
                f"({format_timestamp(failed)})",
            )
            return scale.likely(statement, component=path, remedy=remedy)
        scale.miss(changed, "that it came after the failure: the message has no time, or the file is older")
        return scale.possible("it is there now; when it came is not shown")
