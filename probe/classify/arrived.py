"""What registries hold, beside what was built: whether a push brought the image that was meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probe.classify import contents
from probe.classify.case import Case, Reading
from probe.classify.contents import Contents, Level
from probe.classify.hypothesis import Scale
from probe.classify.verdict import Assessment, Cause
from probe.evidence.base import clip
from probe.evidence.observation import NotSeen
from probe.evidence.report import Reference

MOST = 64
"""Registries, and images that each is compared with."""
_DIFFERENT = (Level.NONE, Level.UNKNOWN)


@dataclass(frozen=True)
class Known:
    """An image that a registry may have got: at a path, by a seal, in another registry."""

    reference: Reference
    contents: Contents
    at: int
    """When it was looked at, nanoseconds since the epoch."""


def comparable(case: Case, reading: Reading) -> list[Known]:
    """What a registry's image is to be compared with: what lies at paths and was sealed, or else other registries."""
    found = list(_built(case))[:MOST]
    if found:
        return found
    others = (one for one in case.arrived[:MOST] if one is not reading)
    seen = ((one, contents.of_reading(one)) for one in others)
    return [Known(one.report.reference, held, one.report.started) for one, held in seen if held is not None]


def _built(case: Case) -> Iterator[Known]:
    for witness in (*case.history.reports, *case.history.seals):
        held = contents.of_witness(case, witness)
        if held is not None and not witness.predicted:
            at = witness.looks[-1].at if witness.looks else witness.context.probe_started
            yield Known(witness.reference, held, at)


def not_seen(reading: Reading) -> str | None:
    """Why it is not known what a registry holds; None when it is."""
    image = reading.report.image
    reference = reading.report.reference.text
    if isinstance(image, NotSeen):
        return clip(f"what {reference} holds was not seen: {image.message}")
    for problem in image.value.problems if contents.of_reading(reading) is None or not image.value.images else ():
        return clip(f"what {reference} holds was not understood: {problem.found or problem.kind}")
    return None


def weigh_arrived(case: Case, *, alone: bool) -> list[Assessment]:
    """Whether each registry is in order; `alone`: there is nothing at a path to judge beside them."""
    return [_weigh(case, reading, alone=alone) for reading in case.arrived[:MOST]]


def _weigh(case: Case, reading: Reading, *, alone: bool) -> Assessment:
    scale, reference = Scale(Cause.HEALTHY), reading.report.reference.text
    held, why = contents.of_reading(reading), not_seen(reading)
    if why is not None or held is None:
        scale.miss(reading.at("image"), f"manifest and config of {reference}")
        return scale.possible(why or f"what {reference} holds was not seen")
    scale.support(held.pointer, f"{reference} is there, manifest {held.manifests[0] if held.manifests else 'unknown'}")
    known = comparable(case, reading)
    levels = [(contents.compare(held, one.contents), one) for one in known]
    same = next((pair for pair in levels if pair[0] not in _DIFFERENT), None)
    if same is not None:
        level, one = same
        scale.support(one.contents.pointer, f"{one.reference.text} is the same: {contents.EXPLAINED[level]}")
        return scale.confirmed(f"{reference} holds the image of {one.reference.text}")
    if any(level is Level.NONE for level, _ in levels):
        scale.contradict(held.pointer, "it holds another image")
        return scale.refuted(f"{reference} holds another image")
    if not alone:
        scale.miss(held.pointer, "the digests of what was pushed")
        return scale.possible(f"{reference} is there, and could not be compared with what was pushed")
    scale.miss(reading.image_at("whole"), "the layers, which were not fetched, and what was pushed, to compare it with")
    return scale.likely(f"{reference} is there; layers not fetched")
