"""The registry refused, not the file system."""

from __future__ import annotations

import shlex

from probe.classify.case import Case, Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale, strongest
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.command import FailureKind


class RegistryDenied(ReadingHypothesis):
    """`denied: permission denied` from a registry reads like a file problem and is none."""

    cause = Cause.REGISTRY_DENIED
    rank = 11

    def assess(self, case: Case) -> Assessment:
        """The command's message, and what the probe itself was told when it asked a registry."""
        return strongest((*(self._weigh_look(reading) for reading in case.arrived), super().assess(case)))

    def _weigh_look(self, reading: Reading) -> Assessment:
        scale, reference = Scale(self.cause), reading.report.reference.text
        for number, failure in reading.messages.failures:
            if failure.kind is FailureKind.REGISTRY_DENIED:
                scale.support(reading.messages.place_of(number), f"asked for {reference}: {failure.text}")
                host = failure.registry or reading.report.reference.path.split("/")[2]
                return scale.confirmed(
                    f"{host} does not show {reference} to this identity: credentials or rights there",
                    component=host,
                    remedy=_remedy(host, "with the right to pull from this repository"),
                )
        scale.contradict(reading.at("image"), f"{reference}: no refusal")
        return scale.refuted("no registry refused")

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Only the command's own message can say it."""
        if reading.report.command is None:
            scale.miss(reading.at("command"), "the failing command's standard error (--stderr FILE)")
            return scale.not_assessable("the command's messages are not known")
        for number, failure in reading.messages.failures:
            if failure.kind is FailureKind.REGISTRY_DENIED:
                scale.support(reading.messages.place_of(number), failure.text)
                if reading.granted:
                    scale.support(reading.truth_at, "the archive itself can be read")
                host = failure.registry or "the registry"
                return scale.confirmed(
                    f"{host} refused the push: credentials or rights there, not the file system",
                    component=failure.registry,
                    remedy=_remedy(host, "with push rights to this repository"),
                )
        scale.contradict(reading.at("command", "failures"), "no message comes from a registry's refusal")
        return scale.refuted("no registry refused")


def _remedy(host: str, rights: str) -> Remedy:
    named = "REGISTRY" if " " in host else host
    return Remedy(
        smallest=Fix(
            sentence=f"Check the credentials for {host}: the right secret, linked to the service account, {rights}.",
            command=f"skopeo login --get-login {shlex.quote(named)}",
        )
    )
