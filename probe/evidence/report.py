"""The report: one target looked at by one identity at one time. And the envelope that holds several."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from probe.evidence.base import Frozen, ShortText, Text, Timestamp
from probe.evidence.command import CommandOutcome
from probe.evidence.context import Context
from probe.evidence.identity import Identity
from probe.evidence.image import ImageFacts, SkopeoFacts
from probe.evidence.mount import Mounts
from probe.evidence.observation import Observation
from probe.evidence.path import MAX_CANDIDATES, Attempt, Candidate, Chain, Component, Listing, Want
from probe.evidence.writer import Writers

MAX_EVENTS = 128


class Tool(Frozen):
    """What made the document."""

    name: Literal["pod-probe"] = "pod-probe"
    version: ShortText


class Reference(Frozen):
    """An image reference as containers-transports(5) reads it; `transport` is `path` for a plain path."""

    text: Text
    transport: ShortText
    path: Text
    tag: Text | None = None


class Event(Frozen):
    """One moment of the timeline: `what` is a sentence, `pointer` says which field of this report it rests on."""

    at: Timestamp
    what: Text
    pointer: ShortText


class Report(Frozen):
    """One report. Everything in it was seen by one process, or says why it was not."""

    schema_id: Literal["pod-probe/report/v1"] = Field("pod-probe/report/v1", alias="schema")
    tool: Tool
    started: Timestamp
    started_monotonic: float
    """CLOCK_MONOTONIC of this node, seconds: orders the reports of one node whatever its wall clock does."""
    duration_ms: float
    deadline_seconds: float
    context: Context
    reference: Reference
    want: Want
    identity: Identity
    predict_for: Identity | None = None
    """Set when the question is about another identity than the one that looked (`--as`)."""
    chain: Observation[Chain]
    chain_after: Chain | None = None
    """The walk once more, at the end; only when an inode, a mode, an owner or an error had changed since `chain`."""
    marker: Component | None = None
    """For an image directory: the file in it that its transport opens first (`index.json`, `manifest.json`), which
    the decisive attempt to read is about."""
    attempts: Annotated[tuple[Attempt, ...], Field(max_length=32)] = ()
    listing: Observation[Listing]
    nearby: Observation[Annotated[tuple[Candidate, ...], Field(max_length=MAX_CANDIDATES)]]
    """Images seen near the path; looked for only when the target is absent or is not what was asked for."""
    mounts: Mounts
    image: Observation[ImageFacts]
    skopeo: Observation[SkopeoFacts]
    writers: Observation[Writers]
    command: CommandOutcome | None = None
    timeline: Annotated[tuple[Event, ...], Field(max_length=MAX_EVENTS)] = ()
    unstable: tuple[Text, ...] = ()
    """What changed under the probe while it looked."""
    unfinished: tuple[Text, ...] = ()
    """What was begun and given up although the rest of the report was made, with the reason."""

    model_config = ConfigDict(populate_by_name=True)


class Bundle(Frozen):
    """Several reports in one document."""

    schema_id: Literal["pod-probe/bundle/v1"] = Field("pod-probe/bundle/v1", alias="schema")
    tool: Tool
    evidence: Annotated[tuple[Report, ...], Field(max_length=1024)]

    model_config = ConfigDict(populate_by_name=True)
