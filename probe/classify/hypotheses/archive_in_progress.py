"""A writer is still at it: growth, a refused lease, an archive not ended and changing."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.case import Case, Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.remedy import RUN_AFTER, publish
from probe.classify.stability import Stability, live_writer, stability, unfinished, writer_excluded
from probe.classify.verdict import Assessment, Cause, Remedy
from probe.evidence.base import format_timestamp
from probe.evidence.command import FailureKind
from probe.evidence.path import Want

EARLY = frozenset({FailureKind.ARCHIVE_ENDED, FailureKind.BAD_ARCHIVE, FailureKind.DIGEST_MISMATCH})


class ArchiveInProgress(ReadingHypothesis):
    """Never explains a refusal (R1): a partial file gives EOF errors, missing members, or a wrong success."""

    cause = Cause.ARCHIVE_IN_PROGRESS
    rank = 75
    refines = (Cause.TRUNCATED,)
    harms_readers = True

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Growth between samples decides; a resting unfinished archive stays open until it has rested long."""
        path = reading.report.reference.path
        if reading.report.want is not Want.READ:
            return scale.refuted(f"to {reading.report.want} is wanted: whether the content is finished does not matter")
        if not reading.samples:
            scale.miss(reading.at("writers"), "two samples of size and modification time")
            return scale.not_assessable("the file was not sampled")
        rest = stability(reading)
        why, writer = unfinished(reading), live_writer(reading)
        self._note(reading, scale, rest, why)
        if writer is not None:
            scale.support(*writer)
        remedy = Remedy(smallest=RUN_AFTER, structural=publish(path))
        complete = reading.image is not None and reading.image.complete
        if rest.grew is not None and not complete:
            return scale.confirmed(f"{path} is still being written", component=path, remedy=remedy)
        if writer is not None and (why is not None or (reading.image is not None and not complete)):
            return scale.confirmed(f"{path} is unfinished and open for writing", component=path, remedy=remedy)
        if rest.changing:
            return scale.likely(f"{path} was written to while it was looked at", component=path, remedy=remedy)
        if rest.replaced is not None:
            return scale.likely(f"{path} was replaced while it was looked at", component=path, remedy=remedy)
        told = self._told_by_command(reading, scale, rest)
        if told:
            return scale.likely(
                f"{path} was still being written when the command read it", component=path, remedy=remedy
            )
        return self._resting(reading, scale, rest, why, remedy)

    def _note(self, reading: Reading, scale: Scale, rest: Stability, why: str | None) -> None:
        inodes = dict(rest.inodes)
        for pair, what in ((rest.grew, "size"), (rest.rewritten, "modified"), (rest.replaced, "inode")):
            if pair is None:
                continue
            old, new = inodes[pair[0]], inodes[pair[1]]
            sides = {
                "size": f"{old.size} bytes, then {new.size}",
                "modified": f"modified {format_timestamp(old.modified)}, then {format_timestamp(new.modified)}",
                "inode": f"inode {old.inode}, then {new.inode}",
            }
            gap = reading.samples[pair[1]].monotonic - reading.samples[pair[0]].monotonic
            scale.support(
                reading.at("writers", "value", "samples", pair[1], "inode", "value", what),
                f"{sides[what]}, {gap:.2f} s later",
            )
        if why is not None:
            whole = reading.image is not None and reading.image.archive is not None
            scale.support(reading.image_at("archive", "ending") if whole else reading.image_at("problems"), why)

    def _told_by_command(self, reading: Reading, scale: Scale, rest: Stability) -> bool:
        last = rest.inodes[-1][1] if rest.inodes else None
        for number, failure in reading.messages.failures:
            failed = reading.messages.failed_by(failure)
            if failure.kind not in EARLY or failed is None or last is None or reading.messages.is_stale(failure):
                continue
            if reading.messages.is_elsewhere(failure):
                continue
            if last.modified > failed:
                scale.support(
                    reading.messages.place_of(number),
                    f"the command failed by {format_timestamp(failed)} ({failure.kind}); the file was modified "
                    f"after that, at {format_timestamp(last.modified)}",
                )
                return True
        return False

    def _resting(self, reading: Reading, scale: Scale, rest: Stability, why: str | None, remedy: Remedy) -> Assessment:
        samples = reading.at("writers", "value", "samples")
        nobody = writer_excluded(reading, rest)
        if nobody is not None:
            scale.contradict(*nobody)
        if len(rest.inodes) > 1:
            scale.contradict(samples, "size and modification time did not change between the samples")
        elif not rest.inodes:
            scale.miss(samples, "the file itself: it could not be sampled")
            return scale.not_assessable("the file could not be sampled")
        if why is None:
            if reading.image is not None:
                scale.contradict(reading.image_at("complete"), "the archive is finished")
            return scale.refuted("it did not change while it was looked at")
        if nobody is not None:
            return scale.refuted("unfinished, and nobody writes to it")
        scale.miss(samples, "a longer look (--gap 30s), or a lease (--lease): a writer may only be pausing")
        return scale.possible(f"{reading.report.reference.path} is unfinished; a writer may be pausing", remedy=remedy)

    def join(self, case: Case) -> Iterator[Assessment]:
        """A reader that met an unfinished archive, and a writer that others saw at work then, or finish later."""
        from probe.classify.joins import archive_in_progress

        return archive_in_progress.join(case)
