"""Denied, then granted to the same identity, with the change in between."""

from __future__ import annotations

from probe.classify.case import REFUSALS, Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.refusal import decided_elsewhere
from probe.classify.remedy import UMASK, publish
from probe.classify.verdict import Assessment, Cause, Remedy
from probe.evidence.base import format_timestamp


class AccessHealed(ReadingHypothesis):
    """R6 to R8: a late chmod, an attribute cache, a rename. Needs the failed open and a later change."""

    cause = Cause.ACCESS_HEALED
    rank = 30

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Two attempts of one process, or the command's refusal before a grant now."""
        if reading.predicted:
            return scale.not_assessable("a prediction has no attempts")
        path = reading.report.reference.path
        remedy = Remedy(smallest=UMASK, structural=publish(path))
        refused = next(((n, a) for n, a in reading.truths if a.errno in REFUSALS), None)
        granted = next(((n, a) for n, a in reversed(reading.truths) if a.granted), None)
        if refused is not None and granted is not None and granted[0] > refused[0]:
            scale.support(reading.at("attempts", refused[0]), f"{refused[1].operation}: {refused[1].errno}")
            scale.support(reading.at("attempts", granted[0]), f"{granted[1].operation}: granted, by the same process")
            change = self._change_between(reading, refused[1].at, granted[1].at)
            statement = f"access to {path} was denied, then granted to the same process"
            if change is not None:
                scale.support(*change)
                return scale.confirmed(statement, component=path, remedy=remedy)
            if decided_elsewhere(reading):
                scale.support(reading.at("mounts"), "no inode changed: an access cache of the file system ran out")
            scale.miss(reading.chain_at, "the inode change in between")
            return scale.likely(statement, component=path, remedy=remedy)
        failure = reading.target_failure(*REFUSALS)
        if failure is None or reading.granted is not True:
            scale.miss(reading.at("attempts"), "two timestamps: a refusal and a later grant; race not shown")
            if refused is not None:
                return scale.possible(f"race not shown: {path} is refused, and was not seen to heal")
            return scale.refuted("no refusal was followed by a grant")
        number, message = failure
        scale.support(reading.failure_at(number), f"the command was refused: {message.text}")
        scale.support(reading.truth_at, "granted to this identity now")
        failed = reading.failed_by(message)
        change = self._change_between(reading, failed, reading.report.started) if failed is not None else None
        if change is None:
            scale.miss(reading.chain_at, "a change after the refusal: nothing on the path changed, race not shown")
            return scale.possible("refused then and granted now; the identities may differ, no change was seen")
        scale.support(*change)
        scale.miss(reading.identity_at, "that the command ran with this very identity")
        return scale.likely(
            f"access to {path} was refused to the command and is granted now; the path changed in between",
            component=path,
            remedy=remedy,
        )

    def _change_between(self, reading: Reading, start: int, end: int) -> tuple[str, str] | None:
        for number, sample in enumerate(reading.samples):
            if sample.inode.status == "seen" and start < sample.inode.value.changed <= end:
                return (
                    reading.at("writers", "value", "samples", number, "inode", "value", "changed"),
                    f"the target changed {format_timestamp(sample.inode.value.changed)}, in between",
                )
        for index in reading.observed:
            inode = reading.inode(index)
            if inode is not None and start < inode.changed <= end:
                return (
                    reading.component_at(index, "changed"),
                    f"{reading.path_of(index)} changed {format_timestamp(inode.changed)}, in between",
                )
        return None
