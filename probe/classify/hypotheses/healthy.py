"""Readable, whole, digests agree."""

from __future__ import annotations

from probe.classify.case import Case, Reading
from probe.classify.hypothesis import Hypothesis, Scale
from probe.classify.mounts import decided_elsewhere
from probe.classify.stability import stability
from probe.classify.verdict import MAX_CLAIMS, Assessment, Cause, Status
from probe.evidence.observation import Seen
from probe.evidence.path import Want


class Healthy(Hypothesis):
    """Holds only when every reader's report of the case is healthy."""

    cause = Cause.HEALTHY
    rank = 1000

    def assess(self, case: Case) -> Assessment:
        """The weakest report decides."""
        if not case.readings:
            return Scale(self.cause).not_assessable("there is no evidence")
        # What a producer met before it had finished harms nobody; who read afterwards tells how it came out.
        readers = [reading for reading in case if not reading.is_producer]
        scales = [self._weigh(reading) for reading in readers or case]
        if case.arrived:
            from probe.classify.arrived import weigh_arrived

            scales += weigh_arrived(case, alone=not scales)
        order = [Status.CONFIRMED, Status.LIKELY, Status.POSSIBLE, Status.NOT_ASSESSABLE, Status.REFUTED]
        weakest = max(scales, key=lambda assessment: order.index(assessment.status))
        if len(scales) > 1 and weakest.status.holds:
            supports = tuple(claim for assessment in scales for claim in assessment.supports)[:MAX_CLAIMS]
            statement = f"all {len(scales)} references can be used as asked"
            if case.arrived:
                statement = "; ".join(dict.fromkeys(assessment.statement for assessment in scales))
            return weakest.model_copy(update={"supports": supports, "statement": statement})
        return weakest

    def _weigh(self, reading: Reading) -> Assessment:
        scale = Scale(self.cause)
        report, path = reading.report, reading.report.reference.path
        if reading.granted is None:
            scale.miss(reading.at("attempts"), f"a real attempt to {report.want} {path}")
            return scale.not_assessable(f"whether {path} can be {_done(report.want)} is not known")
        if not reading.granted:
            scale.contradict(reading.truth_at, f"{report.want} is not possible")
            return scale.refuted(f"{path} cannot be {_done(report.want)}")
        truth = reading.last_truth
        if truth is not None:
            scale.support(reading.at("attempts", reading.truths[-1][0]), f"{truth.operation} {path}: granted")
        else:
            scale.support(reading.chain_at, "every component allows it to this identity")
        image = reading.image
        if reading.names_image and report.want == "read":
            if image is None:
                scale.miss(reading.at("image"), "the image facts")
                return scale.not_assessable("the container was not seen")
            if not (image.readable_as_asked and image.complete):
                scale.contradict(reading.image_at("complete"), "the container is not complete as asked")
                return scale.refuted("the container is not complete")
            scale.support(reading.image_at("whole"), "every blob that the image needs is there, with its size")
        if report.want is Want.READ and stability(reading).changing:
            scale.contradict(reading.at("writers"), "it changed while it was looked at")
            return scale.refuted("it is being written to")
        return self._grade(reading, scale)

    def _grade(self, reading: Reading, scale: Scale) -> Assessment:
        report, image = reading.report, reading.image
        for number, attempt in reading.truths:
            if not attempt.granted:
                scale.contradict(
                    reading.at("attempts", number), f"{attempt.operation}: {attempt.errno}, at that moment"
                )
                return scale.refuted("it can be used now, and could not a moment before")
        command = report.command
        succeeded = command is not None and command.exit_status == 0
        if command is not None and (command.exit_status or command.signal) and not reading.messages.failures:
            ended = f"signal {command.signal}" if command.signal else f"status {command.exit_status}"
            scale.contradict(reading.at("command"), f"the command ended with {ended}")
            scale.miss(reading.at("command"), "a message of the command that could be understood")
            return scale.possible("nothing is wrong now, and the command failed")
        if command is not None and command.lines and not reading.messages.failures and not succeeded:
            scale.miss(reading.at("command"), "a message of the command that could be understood")
            return scale.possible("nothing is wrong now, and what the command said was not understood")
        if reading.messages.failures:
            number, failure = reading.messages.failures[0]
            scale.contradict(reading.messages.place_of(number), f"the command failed: {failure.text}")
            scale.miss(reading.at("command"), "what was true when the command failed: now nothing is wrong")
            return scale.possible("nothing is wrong now, and the command failed")
        skopeo = report.skopeo
        if isinstance(skopeo, Seen) and skopeo.value.exit_status != 0:
            scale.contradict(reading.at("skopeo"), f"skopeo could not read it: {skopeo.value.message}")
            return scale.possible("readable and whole, but skopeo failed on it")
        if isinstance(skopeo, Seen) and skopeo.value.agrees is False:
            scale.contradict(reading.at("skopeo"), "skopeo reports other digests than the probe computed")
            return scale.possible("readable and whole, but skopeo's digests differ")
        statement = f"{report.reference.text} can be {_done(report.want)}"
        if image is not None and image.selected is not None:
            statement += f"; manifest {image.selected.manifest_digest}"
        if reading.predicted and decided_elsewhere(reading):
            scale.miss(reading.at("mounts"), "the answer of the server behind the mount, for that identity")
            return scale.possible(statement + " as far as mode bits tell; the server decides")
        if reading.predicted and image is not None and image.archive is None and report.want == "read":
            scale.miss(reading.identity_at, "the mode bits of the blobs inside, which only that identity can try")
            return scale.possible(statement + " at its top; the files inside were not judged for that identity")
        if reading.predicted:
            scale.miss(reading.identity_at, "an attempt by that identity itself")
            return scale.likely(statement + " (predicted)")
        if image is not None and report.want == "read":
            if image.verification is None:
                scale.miss(reading.image_at("verification"), "the hashes of the layers (--deep)")
                return scale.likely(statement + ", whole by its structure; layers not hashed")
            scale.support(reading.image_at("verification"), "every blob was hashed and agrees")
            statement += ", every digest verified"
        if reading.truth is not None and not reading.truths[-1][1].decisive:
            scale.miss(reading.at("attempts"), "the write itself, which would change something")
            return scale.likely(statement)
        return scale.confirmed(statement)


def _done(want: str) -> str:
    return {"read": "read", "write": "written", "create": "created", "list": "listed", "execute": "executed"}[want]
