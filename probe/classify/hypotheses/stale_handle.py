"""ESTALE: the file behind the handle is gone on the server."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.verdict import Assessment, Cause, Fix, Remedy


class StaleHandle(ReadingHypothesis):
    """Replaced or removed on the server while this client still holds the old handle (nfs, fuse)."""

    cause = Cause.STALE_HANDLE
    rank = 20

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Any call that answered ESTALE, seen here or in the command's messages."""
        truth, stopped = reading.truth, reading.stopped
        if truth is not None and truth.errno == "ESTALE":
            scale.support(reading.truth_at, f"{truth.operation} {truth.path}: ESTALE")
        if stopped is not None and stopped.errno == "ESTALE":
            scale.support(reading.stopped_at, stopped.message)
        failure = reading.messages.about_target("ESTALE")
        if failure is not None:
            scale.support(reading.messages.place_of(failure[0]), failure[1].text)
        path = reading.report.reference.path
        if scale.supports:
            return scale.confirmed(
                f"stale file handle on {path}: it was replaced or removed on the file server",
                component=path,
                remedy=Remedy(
                    smallest=Fix(sentence="Start the reader again: a new pod mounts and looks up the path afresh."),
                    structural=Fix(
                        sentence="Do not remove or replace the directory while readers run; rename files inside it."
                    ),
                ),
            )
        if truth is None:
            scale.miss(reading.at("attempts"), "a real attempt by the reader's identity")
            return scale.not_assessable("nothing was tried")
        scale.contradict(reading.truth_at, f"{truth.operation}: {truth.errno or 'granted'}, not ESTALE")
        return scale.refuted("no call answered ESTALE")
