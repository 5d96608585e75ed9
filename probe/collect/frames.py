"""What passes from the child to its parent: evidence models as JSON, validated again on arrival."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from probe.collect.journal import Journal
from probe.evidence.base import Frozen, ShortText, Text
from probe.evidence.image import Blob, Image, ImageFacts
from probe.evidence.mount import Space
from probe.evidence.observation import NotSeen, Observation, Seen
from probe.evidence.path import Acl, Attempt, Candidate, Chain, Component, Entry, Inode, Listing
from probe.evidence.writer import OpenDescriptor, Sample

_NOT_SEEN = "!"


class Place(Frozen):
    """What files of the pod say of where it runs."""

    namespace: ShortText | None = None
    step: ShortText | None = None


class Note(Frozen):
    """A sentence."""

    text: Text


OBSERVATIONS: dict[str, type[Seen[Any]]] = {
    "listing": Seen[Listing],
    "nearby": Seen[tuple[Candidate, ...]],
    "space": Seen[Space],
    "temp_space": Seen[Space],
    "temp_writable": Seen[bool],
    "image": Seen[ImageFacts],
    "lease": Seen[bool],
    "holders": Seen[tuple[OpenDescriptor, ...]],
}
_MODELS: dict[str, type[Frozen]] = {
    "place": Place,
    "component": Component,
    "chain": Chain,
    "chain_after": Chain,
    "marker": Component,
    "attempt": Attempt,
    "sample": Sample,
    "change": Note,
    "failure": Note,
}
_INNER: tuple[type[Frozen], ...] = (
    Seen[int],
    Seen[str],
    Seen[bytes],
    Inode,
    Seen[Inode],
    Acl,
    Seen[Acl],
    Entry,
    Listing,
    Space,
    Blob,
    Image,
    ImageFacts,
    Component,
)


@dataclass
class Received:
    """Everything that arrived, whole or not."""

    place: Place = field(default_factory=Place)
    components: dict[int, Component] = field(default_factory=dict)
    chain: Chain | None = None
    """Without components; None when the walk did not come to its end."""
    chain_after: Chain | None = None
    marker: Component | None = None
    attempts: list[Attempt] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    observed: dict[str, Any] = field(default_factory=dict)
    """By name, `Observation`s."""


def send(journal: Journal, kind: str, model: Frozen, index: int | None = None) -> None:
    """(Child.) Put one model into the journal; one that does not fit leaves a sentence."""
    name = kind if index is None else f"{kind} {index}"
    if not journal.append(name, model.model_dump_json().encode()):
        journal.append("failure", Note(text=f"{name} was left out: too much was found").model_dump_json().encode())


def send_observation(journal: Journal, name: str, observation: Observation[Any]) -> None:
    """(Child.) Put one observation into the journal."""
    send(journal, name if isinstance(observation, Seen) else name + _NOT_SEEN, observation)


def receive(journal: Journal) -> Received:
    """(Parent.) All that is in the journal. Where there is place for one, a later entry replaces an earlier one."""
    received = Received()
    for kind, body in journal.entries():
        name, _, index = kind.partition(" ")
        try:
            _take(received, name, int(index or 0), body)
        except ValidationError as error:
            received.failures.append(f"{name} from the looking process is not valid: {error.error_count()} errors")
    return received


def _take(received: Received, name: str, index: int, body: bytes) -> None:
    if name.endswith(_NOT_SEEN):
        received.observed[name.removesuffix(_NOT_SEEN)] = NotSeen.model_validate_json(body)
    elif name in OBSERVATIONS:
        received.observed[name] = OBSERVATIONS[name].model_validate_json(body)
    elif name in _MODELS:
        model: Any = _MODELS[name].model_validate_json(body)
        if name == "component":
            received.components[index] = model
        elif name == "change":
            received.changes.append(model.text)
        elif name == "failure":
            received.failures.append(model.text)
        elif name in ("attempt", "sample"):
            getattr(received, name + "s").append(model)
        else:
            setattr(received, name, model)


def prepare() -> None:
    """Build the validators once, before the fork, so that child and parent share them.

    The inner ones first: those of the outer ones are made from them.
    """
    models: tuple[type[Frozen], ...] = (NotSeen, *_INNER, *OBSERVATIONS.values(), *_MODELS.values())
    for model in models:
        model.model_rebuild()
