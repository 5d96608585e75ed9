"""EROFS on a needed write."""

from __future__ import annotations

from probe.classify.case import WRITES, Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.verdict import Assessment, Cause, Fix, Remedy


class ReadOnly(ReadingHypothesis):
    """The mount or the file system is read-only; it never stops a reader."""

    cause = Cause.READ_ONLY
    rank = 42

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Only for a wanted write: the kernel's EROFS, or the mount's `ro` for a prediction."""
        failure = reading.messages.about_target("EROFS")
        mount, pointer = reading.mount, reading.at("mounts", "carrying", "value")
        if failure is not None and mount is not None and mount.read_only:
            scale.support(reading.messages.place_of(failure[0]), failure[1].text)
        elif reading.report.want not in WRITES:
            scale.contradict(
                reading.at("want"), f"the task wants to {reading.report.want}: a read-only mount allows it"
            )
            return scale.refuted("nothing is to be written")
        truth, judgement = reading.truth, reading.judgement
        both = judgement is not None and judgement.errno == "EROFS" and reading.refused
        if both and mount is not None and mount.read_only:
            scale.support(pointer + "/options", f"{mount.mount_point} is mounted ro")
            scale.miss(reading.truth_at, "an answer that tells the two apart: the mode bits deny as well")
            return scale.likely(
                f"{mount.mount_point} is read-only, and {reading.report.reference.path} is to be written",
                component=mount.mount_point,
                remedy=_WRITABLE,
            )
        if truth is not None and truth.errno == "EROFS":
            scale.support(reading.truth_at, f"{truth.operation} {truth.path}: EROFS")
        elif truth is not None and failure is None:
            scale.contradict(reading.truth_at, f"{truth.operation}: {truth.errno or 'granted'}, not EROFS")
            return scale.refuted("the kernel's answer was not EROFS")
        elif failure is None and (judgement is None or judgement.errno != "EROFS"):
            scale.contradict(pointer + "/options", "the mount is not read-only")
            return scale.refuted("the mount is not read-only")
        where = mount.mount_point if mount is not None else reading.report.reference.path
        if mount is not None and mount.read_only:
            scale.support(pointer + "/options", f"{where} is mounted ro")
        return scale.confirmed(
            f"{where} is read-only, and {reading.report.reference.path} is to be written",
            component=where,
            remedy=_WRITABLE,
        )


_WRITABLE = Remedy(
    smallest=Fix(
        sentence="Mount the volume for writing in this task, or write somewhere else.",
        yaml="volumeMounts:\n- name: source\n  readOnly: false",
    )
)
