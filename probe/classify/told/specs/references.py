"""The references of one hand-over, as each task's own command names them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from probe.classify.hypothesis import Scale
from probe.classify.paths import inside
from probe.classify.told.specs.results import digest_of
from probe.classify.told.specs.scene import FILE, HandOver, Scene, Use, overlapping
from probe.classify.told.specs.symptoms import Symptom, fits
from probe.classify.told.specs.undecided import log_wanted
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.cluster import Outcome

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".oci", ".tar.zst")


def different_reference(scene: Scene) -> Iterator[Assessment]:
    """Each reader's reference beside those that the image is made by; without a maker, beside the other readers'."""
    for hand_over in scene.hand_overs:
        for read in hand_over.reads:
            other = _other(hand_over, read)
            if other is not None:
                yield _differs(hand_over, read, other)


def _other(hand_over: HandOver, read: Use) -> Use | None:
    """The reference that this one should have been; None where they agree, or are not about one hand-over."""
    made = [use for use in hand_over.makes if use.account is not read.account]
    if any(use.same(read) or _may_be_same(use, read) for use in made):
        return None
    beside = next((use for use in made if _related(use, read)), None)
    if beside is not None:
        return beside
    if made and any(use.place is not None and use.place.shared for use in made):
        return None
    # Nobody is known to make it: of readers that disagree the one that failed is the one to ask about.
    good = [use for use in hand_over.reads if use.account.outcome is Outcome.SUCCEEDED and _related(use, read)]
    return next((use for use in good if not use.same(read) and read.account.outcome is Outcome.FAILED), None)


def _may_be_same(made: Use, read: Use) -> bool:
    """Whether a file tool is at one of them, and so nothing tells what kind of thing it is: `cp -r layout /w/oci`."""
    if not overlapping(made, read):
        return False
    if read.reference.transport == FILE:
        return True
    archive_in_directory = inside(made.reference.path, read.reference.path) and made.reference.path.endswith(_ARCHIVES)
    return made.reference.transport == FILE and not archive_in_directory


def _related(a: Use, b: Use) -> bool:
    """Whether two may be about one hand-over: in one volume, the same place, one in the other, or side by side."""
    here, there = a.place, b.place
    if here is None or there is None:
        return here is there and _beside(a.reference.path, b.reference.path)
    return here.volume == there.volume and here.shared and _beside(here.path, there.path)


def _beside(a: str, b: str) -> bool:
    if a == b or (inside(a, b) and b != "/") or (inside(b, a) and a != "/"):
        return True
    return posixpath.dirname(a) == posixpath.dirname(b) and posixpath.dirname(a) != "/"


def _differs(hand_over: HandOver, read: Use, other: Use) -> Assessment:
    scale = Scale(Cause.DIFFERENT_REFERENCE)
    made = other in hand_over.makes
    scale.support(other.pointer, f"{other.name} {'makes' if made else 'reads'} {other.reference.text}")
    scale.support(read.pointer, f"{read.name} reads {read.reference.text}")
    for use in (other, read):
        if use.place is not None:
            scale.support(use.place.pointer, f"{use.name}: that is {use.place.path} of {use.place.words}")
    statement = f"{read.name} reads {read.text}, {other.name} {'makes' if made else 'reads'} {other.text}"
    if read.text == other.text:
        statement = f"{read.name} reads {read.reference.text}, {other.name} makes {other.reference.text}"
    outcome = read.account.outcome
    scale.miss(read.account.container_at or read.account.step_at, log_wanted(read.account))
    if outcome is Outcome.FAILED and not fits(read.account, Symptom.ABSENT, Symptom.BROKEN, Symptom.OTHER):
        return scale.possible(statement, component=read.reference.path)
    if outcome is Outcome.SUCCEEDED and not _other_image(hand_over, read):
        scale.contradict(read.account.container_at or read.account.step_at, f"{read.name} succeeded")
        return scale.possible(f"{statement}; both succeeded", component=read.reference.path)
    return scale.likely(statement, component=read.reference.path, remedy=_remedy(other))


def _other_image(hand_over: HandOver, read: Use) -> bool:
    """Whether it hands on another digest than the readers of what was made: only then did it read something else."""
    mine = digest_of(read.account)
    others = [digest_of(one) for one in hand_over.succeeded if one is not read.account]
    return mine is not None and any(other is not None and other.value != mine.value for other in others)


def _remedy(good: Use) -> Remedy:
    return Remedy(
        smallest=Fix(sentence=f"Use one reference in every task: {good.reference.text}."),
        structural=Fix(
            sentence="Write the whole reference, transport included, once: as a pipeline parameter, or as a result of "
            "the build that every push takes."
        ),
    )
