"""The failing operation concerned another path: auth file, policy, temp directory, destination."""

from __future__ import annotations

import shlex

from probe.access.quote import quote_path
from probe.classify.case import Case, Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale, strongest
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.command import Failure, FailureKind


class OtherPathFailed(ReadingHypothesis):
    """Rule zero: when the failing path is neither the archive nor an ancestor, A, B and race are wrong."""

    cause = Cause.OTHER_PATH_FAILED
    rank = 10

    def assess(self, case: Case) -> Assessment:
        """A command may be asked about with several references: what is one's target is elsewhere for the other."""
        apart = {reading.index: _not_elsewhere(reading, case) for reading in case}
        shares = [self._weigh(reading) for reading in case if apart[reading.index] is None]
        for other in filter(None, apart.values()):
            scale = Scale(self.cause)
            scale.contradict(other.at("reference"), "the message is about another reference that was asked about")
            shares.append(scale.refuted(f"the path that failed is the target of {other.report.reference.text}"))
        return strongest(shares) if shares else Scale(self.cause).not_assessable("there is no report")

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Only the command's own message can say it."""
        if reading.report.command is None:
            scale.miss(reading.at("command"), "the failing command's standard error (--stderr FILE)")
            return scale.not_assessable("the command's messages are not known")
        found = reading.messages.other_path()
        if found is None or found[1].kind is FailureKind.NO_SPACE:
            scale.contradict(reading.at("command", "failures"), "no message is about a path other than the target")
            return scale.refuted("the messages concern the target, its ancestors, or no path")
        number, failure = found
        scale.support(reading.messages.place_of(number), failure.text)
        what, where = _KINDS.get(failure.about, "another path"), failure.path or "an unnamed path"
        if failure.path is None and failure.registry is not None:
            what, where = "the registry", failure.registry
        mine = reading.report.reference.path
        scale.support(reading.at("reference"), f"{where} is neither {mine} nor on the way to it")
        if reading.granted:
            scale.support(reading.truth_at, f"{mine} itself can be used as asked")
        operation = f"{failure.operation} " if failure.operation and failure.path else ""
        return scale.confirmed(
            f"what failed is {what}, not the archive: {operation}{where}: {failure.errno or failure.kind}",
            component=failure.path or failure.registry,
            remedy=Remedy(smallest=_fix(failure)),
        )


def _not_elsewhere(reading: Reading, case: Case) -> Reading | None:
    """The other reading of the same command whose target the failing path is."""
    found = reading.messages.other_path()
    if found is None or found[1].path is None or found[1].about in _KINDS:
        return None
    command, path = reading.report.command, found[1].path
    beside = (one for one in case if one is not reading and one.report.command == command)
    return next((one for one in beside if one.concerns_target(path)), None)


_KINDS = {
    "temp": "skopeo's temp directory",
    "auth-file": "the registry credentials file",
    "policy": "the signature policy",
    "destination": "the destination",
    "config": "a configuration file",
    "storage": "the container storage",
}


def _fix(failure: Failure) -> Fix:
    if failure.path is None and failure.registry is not None:
        return Fix(
            sentence=f"Look at {failure.registry}: name, port, certificate, and the tag that was asked for.",
            command=f"skopeo inspect docker://{shlex.quote(failure.registry)}/REPOSITORY:TAG",
        )
    path = quote_path(failure.path or "PATH")
    fixes = {
        "temp": Fix(
            sentence="Give skopeo a temp directory that it can write to, and that holds the unpacked archive.",
            command="skopeo --tmpdir /workspace/source/tmp copy ...",
        ),
        "auth-file": Fix(
            sentence="Let this identity read the credentials, or point it to a copy that it can read (secret volumes: "
            "defaultMode 0440 with fsGroup).",
            command="skopeo copy --authfile /path/readable/by/this/uid ...",
        ),
        "policy": Fix(
            sentence="Ship a policy that this identity can read.",
            command="skopeo --policy /etc/containers/policy.json copy ...",
        ),
        "destination": Fix(
            sentence="Write to a destination that this identity may create.",
            command=f"probe check {path} --want create",
        ),
    }
    return fixes.get(failure.about, Fix(sentence=f"Look at {path} with this identity.", command=f"probe check {path}"))
