"""The gate that opened: what was waited for, how long, and what each target was in that moment."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from probe.evidence.base import Frozen, ShortText, Text, Timestamp
from probe.evidence.path import Inode
from probe.evidence.report import Reference, Tool
from probe.evidence.watch import Timeline

MAX_TARGETS = 64


class GateTarget(Frozen):
    """One target, as it stood when the gate opened."""

    reference: Reference
    state: ShortText
    """`open`, in a gate that opened; the other words are those of the log."""
    inode: Inode | None = None
    manifest_digest: ShortText | None = None
    """Of the image that the reference names, computed here."""
    seal: Text | None = None
    """By what its seal fits, where a seal was waited for."""


class GateDocument(Frozen):
    """One wait that ended with an open gate; one that did not ends with a verdict."""

    schema_id: Literal["pod-probe/gate/v1"] = Field("pod-probe/gate/v1", alias="schema")
    tool: Tool
    opened: bool
    until: Literal["readable", "complete", "sealed"]
    at: Timestamp
    waited_seconds: float
    targets: Annotated[tuple[GateTarget, ...], Field(max_length=MAX_TARGETS)]
    timelines: Annotated[tuple[Timeline, ...], Field(max_length=MAX_TARGETS)] = ()
    """What was seen of each target while the gate was shut."""

    model_config = ConfigDict(populate_by_name=True)
