"""Which volume each task of a hand-over really has at the path: its claim, its directory in it, or none at all."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from probe.classify.hypothesis import Scale
from probe.classify.told.specs.places import Place
from probe.classify.told.specs.results import digest_of
from probe.classify.told.specs.scene import HandOver, Scene, Use, overlapping
from probe.classify.told.specs.symptoms import Symptom, fits
from probe.classify.told.specs.undecided import log_wanted
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.cluster import Outcome


def different_volume(scene: Scene) -> Iterator[Assessment]:
    """A reader whose path leads to another volume, or another directory of it, than that which the maker wrote."""
    for hand_over in scene.hand_overs:
        for read in hand_over.reads:
            other = _written_elsewhere(hand_over, read)
            if other is not None:
                yield _elsewhere(scene, hand_over, read, other)


def not_mounted(scene: Scene) -> Iterator[Assessment]:
    """A reader that has no volume where the others have the shared one."""
    for hand_over in scene.hand_overs:
        for read in hand_over.reads:
            place = read.place
            if place is None or place.shared:
                continue
            there = [use for use in (*hand_over.makes, *hand_over.reads) if _same_text(use, read) and _is_shared(use)]
            if there and not any(overlapping(made, read) for made in hand_over.makes):
                yield _unmounted(read, place, there[0])


def read_only(scene: Scene) -> Iterator[Assessment]:
    """A task that makes something on a mount that is read-only by its spec."""
    for hand_over in scene.hand_overs:
        for made in hand_over.makes:
            place = made.place
            if place is None or not place.read_only or made.account.outcome is not Outcome.FAILED:
                continue
            scale = Scale(Cause.READ_ONLY)
            scale.support(place.pointer, f"{place.words} is mounted read-only in {made.name}")
            scale.support(made.pointer, f"{made.name} makes {made.reference.text} there")
            scale.miss(made.account.container_at or made.account.step_at, log_wanted(made.account))
            statement = f"{made.name} makes {made.text} on {place.words}, which it has mounted read-only, and failed"
            fix = Fix(sentence="Mount the workspace writable in that task (readOnly: false), or write elsewhere.")
            yield scale.likely(statement, component=made.reference.path, remedy=Remedy(smallest=fix))


def _same_text(a: Use, b: Use) -> bool:
    return a.account is not b.account and posixpath.normpath(a.reference.path) == posixpath.normpath(b.reference.path)


def _is_shared(use: Use) -> bool:
    return use.place is not None and use.place.shared


def _written_elsewhere(hand_over: HandOver, read: Use) -> Use | None:
    """Who makes, or reads, the same by another volume; None where somebody makes what is read."""
    if not _is_shared(read) or hand_over.makers_of(read):
        return None
    made = [use for use in hand_over.makes if _is_shared(use) and _corresponds(use, read)]
    if made:
        return made[0]
    if any(_is_shared(use) for use in hand_over.makes):
        return None
    # Nobody is known to make it: of readers by two volumes, the one whose volume no other task of the run has.
    others = [use for use in hand_over.reads if _is_shared(use) and _corresponds(use, read)]
    return next((use for use in others if _alone(hand_over, read) and not _alone(hand_over, use)), None)


def _corresponds(a: Use, b: Use) -> bool:
    """Whether two name one thing by their texts and by their paths in it, and yet not one place."""
    assert a.place is not None and b.place is not None
    if a.place.key == b.place.key or a.account is b.account:
        return False
    one_transport = a.reference.transport == b.reference.transport or "path" in (
        a.reference.transport,
        b.reference.transport,
    )
    return one_transport and (_same_text(a, b) or (a.place.path == b.place.path and a.place.volume != b.place.volume))


def _alone(hand_over: HandOver, use: Use) -> bool:
    """Whether no other task of the run has that volume."""
    assert use.place is not None
    claim = use.place.claim
    if not claim:
        return False
    for account in hand_over.accounts:
        if account is use.account:
            continue
        if account.pod is not None and any(one.claim == claim for one in account.pod.volumes):
            return False
        if account.task_run is not None and any(one.claim == claim for one in account.task_run.workspaces):
            return False
    return True


def _elsewhere(scene: Scene, hand_over: HandOver, read: Use, other: Use) -> Assessment:
    scale = Scale(Cause.DIFFERENT_VOLUME)
    here, there = read.place, other.place
    assert here is not None and there is not None
    makes = other in hand_over.makes
    for use, place, verb in ((other, there, "makes" if makes else "reads"), (read, here, "reads")):
        scale.support(use.pointer, f"{use.name} {verb} {use.reference.text}")
        scale.support(place.pointer, f"in {use.name} that is {place.path} of {place.words}")
        _bound(scene, scale, place)
    mine, theirs = digest_of(read.account), _digest_beside(hand_over, read)
    if mine is not None and theirs is not None and mine.value != theirs[0]:
        scale.support(mine.pointer, f"{read.name} handed on {mine.value}")
        scale.support(theirs[1], f"{theirs[2]} handed on {theirs[0]}")
    scale.miss(read.account.container_at or read.account.step_at, f"what lies at {here.path} of {here.words}")
    words = there.words if here.words != there.words else f"{there.path} of {there.words}"
    own = here.words if here.words != there.words else f"{here.path} of {here.words}"
    statement = f"{read.name} reads {read.text} on {own}, {other.name} {'makes' if makes else 'reads'} it on {words}"
    if mine is not None and theirs is not None and mine.value == theirs[0]:
        scale.contradict(mine.pointer, f"{theirs[2]} handed on the same digest, {mine.value}")
        return scale.possible(statement, component=read.reference.path)
    other_image = mine is not None and theirs is not None
    if not fits(read.account, Symptom.ABSENT, Symptom.BROKEN, Symptom.OTHER) or not (
        _same_text(read, other) or other_image
    ):
        return scale.possible(statement, component=read.reference.path)
    return scale.likely(statement, component=read.reference.path, remedy=_one_claim(there))


def _bound(scene: Scene, scale: Scale, place: Place) -> None:
    """Note which volume a claim is bound to: two claims may well show one device."""
    claim = scene.story.claim(place.claim, place.namespace) if place.claim else None
    if claim is not None and claim.value.volume:
        scale.support(claim.pointer, f"claim {place.claim} is bound to volume {claim.value.volume}")


def _digest_beside(hand_over: HandOver, read: Use) -> tuple[str, str, str] | None:
    """The digest that another task handed on: value, pointer, name."""
    for account in hand_over.accounts:
        found = digest_of(account) if account is not read.account else None
        if found is not None:
            return found.value, found.pointer, account.name
    return None


def _one_claim(place: Place) -> Remedy:
    return Remedy(
        smallest=Fix(
            sentence=f"Bind the reader's workspace to {place.words}, as the task has it that makes the image."
        ),
        structural=Fix(
            sentence="Let every task of the hand-over use one workspace of the pipeline, and hand the digest to the "
            "readers as a result, which they compare before they push."
        ),
    )


def _unmounted(read: Use, place: Place, there: Use) -> Assessment:
    scale = Scale(Cause.NOT_MOUNTED)
    assert there.place is not None
    scale.support(read.pointer, f"{read.name} reads {read.reference.text}")
    scale.support(place.pointer, f"in {read.name} that path lies on {place.words}: no workspace is mounted there")
    scale.support(there.place.pointer, f"in {there.name} it lies on {there.place.words}")
    scale.miss(read.account.container_at or read.account.step_at, log_wanted(read.account))
    statement = f"{read.name} has no volume at {read.reference.path}: the path lies on {place.words}"
    mine = read.account
    if mine.outcome is Outcome.SUCCEEDED or not fits(mine, Symptom.ABSENT, Symptom.OTHER):
        return scale.possible(statement, component=read.reference.path)
    fix = Fix(sentence=f"Bind the workspace in that task, as {there.name} has it, with {there.place.words}.")
    return scale.likely(statement, component=read.reference.path, remedy=Remedy(smallest=fix))
