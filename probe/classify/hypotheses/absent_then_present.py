"""Absent at one moment, present at a later one."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.case import Case, Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.remedy import RUN_AFTER, publish
from probe.classify.verdict import Assessment, Cause, Remedy
from probe.evidence.base import format_timestamp
from probe.evidence.observation import Seen
from probe.evidence.path import Want


class AbsentThenPresent(ReadingHypothesis):
    """The reader came before the producer had made the file."""

    cause = Cause.ABSENT_THEN_PRESENT
    rank = 64
    refines = (Cause.WRONG_PATH,)
    harms_readers = True

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Two attempts of one report, or the command's ENOENT before what is there now."""
        path = reading.report.reference.path
        if reading.report.want is Want.CREATE:
            return scale.refuted("the name is to be made: that it is absent is right")
        remedy = Remedy(smallest=RUN_AFTER, structural=publish(path))
        statement = f"{path} was not there at first, and came later"
        moments = _moments(reading)
        absent = [(at, pointer) for at, there, pointer in moments if not there]
        present = [(at, pointer) for at, there, pointer in moments if there]
        if absent and present and absent[0][0] < present[-1][0] and absent[0][0] < present[0][0]:
            scale.support(absent[0][1], f"{path}: ENOENT")
            scale.support(present[0][1], f"{path}: there, a moment later")
            return scale.confirmed(statement, component=path, remedy=remedy)
        if absent and present:
            scale.contradict(absent[-1][1], f"{path} was there at first, and was removed while it was looked at")
            return scale.refuted("it was there at first")
        if absent:
            scale.miss(absent[0][1], "a later look at which it is there; without it: race not shown")
            return scale.possible(f"nothing is at {path} yet; it may still be written")
        failure = reading.messages.about_target("ENOENT")
        chain, target = reading.chain, reading.target
        if failure is None or chain is None or target is None:
            if reading.truth is not None:
                scale.contradict(reading.truth_at, f"{path} was there at the first look")
            return scale.refuted("it was never seen absent")
        number, message = failure
        scale.support(reading.messages.place_of(number), f"the command did not find it: {message.text}")
        if message.path is not None and message.path.rstrip("/") != reading.chain_end and message.about == "member":
            inside = "what was missing is a member of the container, not the path"
            scale.contradict(reading.messages.place_of(number), inside)
            return scale.refuted("the path itself was there")
        changed = reading.component_at(len(chain.components) - 1, "changed")
        failed = reading.messages.failed_by(message)
        if failed is not None and not reading.messages.is_stale(message) and target.changed > failed:
            scale.support(
                changed,
                f"it is there now, changed {format_timestamp(target.changed)}, after the command failed "
                f"({format_timestamp(failed)})",
            )
            return scale.likely(statement, component=path, remedy=remedy)
        scale.miss(changed, "that it came after the failure: the message has no time, or the file is older")
        return scale.possible("it is there now; when it came is not shown")

    def join(self, case: Case) -> Iterator[Assessment]:
        """A reader's look at which it was absent, and a later one of the same place at which it was there."""
        from probe.classify.joins import absent_then_present

        return absent_then_present.join(case)


def _moments(reading: Reading) -> list[tuple[int, bool, str]]:
    """When it was seen to be there (True) or not (False), in order of time; other errnos tell neither."""
    moments = [
        (attempt.at, attempt.granted, reading.at("attempts", number))
        for number, attempt in reading.truths
        if attempt.granted or attempt.errno == "ENOENT"
    ]
    for number, sample in enumerate(reading.samples):
        pointer = reading.at("writers", "value", "samples", number)
        if isinstance(sample.inode, Seen) or sample.inode.errno == "ENOENT":
            moments.append((sample.at, isinstance(sample.inode, Seen) and sample.open_errno != "ENOENT", pointer))
    return sorted(moments)
