"""Who makes the image and who takes it: by what was told, by a seal, by what was wanted, by what a command names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from probe.classify.case import LOCAL_TRANSPORTS, WRITES, Case

if TYPE_CHECKING:
    from probe.classify.witness import Witness
    from probe.evidence.invocation import Invocation


class Role(StrEnum):
    """A side of the hand-over."""

    PRODUCER = "producer"
    CONSUMER = "consumer"
    UNKNOWN = ""


@dataclass(frozen=True)
class Cast:
    """A role, and the field of the evidence that shows it; without one it rests on nothing."""

    role: Role
    pointer: str = ""


def cast(case: Case, witness: Witness) -> Cast:
    """The role of one source. What was told goes first; a seal is its maker's word; who wants to write, makes.

    A report of the container that made a seal is its producer's too. A task's name tells nothing.
    """
    if witness.kind == "seal":
        return Cast(Role.PRODUCER, witness.at)
    told = witness.context.role
    if told is not None:
        carrier = f"{witness.at}/watch" if witness.kind == "watch" else witness.at
        return Cast(Role.PRODUCER if told == "producer" else Role.CONSUMER, f"{carrier}/context/role")
    if witness.want in WRITES:
        return Cast(Role.PRODUCER, f"{witness.at}/watch/want" if witness.kind == "watch" else f"{witness.at}/want")
    sealed = next((seal for seal in case.history.seals if _made_by(seal, witness)), None)
    if sealed is not None:
        return Cast(Role.PRODUCER, sealed.at)
    return Cast(Role.UNKNOWN)


def _made_by(seal: Witness, witness: Witness) -> bool:
    """Whether a look was made where the seal was: in one container, at one path."""
    return seal.same_container(witness) and seal.reference.path == witness.reference.path


def role_of_commands(invocations: Iterable[Invocation]) -> Role:
    """The role that command lines show: who makes an image at a path produces, who only reads one there consumes.

    Who does both (one local image made into another) is no side of a hand-over that this could tell.
    """
    makes = reads = False
    for invocation in invocations:
        makes |= any(one.transport in LOCAL_TRANSPORTS for one in invocation.makes)
        reads |= any(one.transport in LOCAL_TRANSPORTS for one in invocation.reads)
    if makes == reads:
        return Role.UNKNOWN
    return Role.PRODUCER if makes else Role.CONSUMER


_MAKERS = ("build", "producer", "make", "create", "package", "bake", "export", "save")
_TAKERS = ("push", "publish", "upload", "copy", "scan", "sign", "register", "deploy", "consumer", "verify")


def sounds_like(name: str) -> Role:
    """What a task's name sounds like: enough to put columns into an order, never enough for a verdict."""
    words = name.lower()
    for role, known in ((Role.CONSUMER, _TAKERS), (Role.PRODUCER, _MAKERS)):
        if any(word in words for word in known):
            return role
    return Role.UNKNOWN
