"""The registry refused, not the file system."""

from __future__ import annotations

import shlex

from probe.classify.case import Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.command import FailureKind


class RegistryDenied(ReadingHypothesis):
    """`denied: permission denied` from a registry reads like a file problem and is none."""

    cause = Cause.REGISTRY_DENIED
    rank = 11

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Only the command's own message can say it."""
        if reading.report.command is None:
            scale.miss(reading.at("command"), "the failing command's standard error (--stderr FILE)")
            return scale.not_assessable("the command's messages are not known")
        for number, failure in reading.failures:
            if failure.kind is FailureKind.REGISTRY_DENIED:
                scale.support(reading.failure_at(number), failure.text)
                if reading.granted:
                    scale.support(reading.truth_at, "the archive itself can be read")
                host = failure.registry or "the registry"
                return scale.confirmed(
                    f"{host} refused the push: credentials or rights there, not the file system",
                    component=failure.registry,
                    remedy=Remedy(
                        smallest=Fix(
                            sentence=f"Check the credentials for {host}: the right secret, linked to the service "
                            "account, with push rights to this repository.",
                            command=f"skopeo login --get-login {shlex.quote(failure.registry or 'REGISTRY')}",
                        )
                    ),
                )
        scale.contradict(reading.at("command", "failures"), "no message comes from a registry's refusal")
        return scale.refuted("no registry refused")
