"""What one message says, before it is bounded and masked into a `Failure`."""

from __future__ import annotations

from dataclasses import dataclass

from probe.evidence.command import FailureKind


@dataclass(frozen=True)
class Finding:
    """The fields of a `Failure` that come from the message's own words."""

    kind: FailureKind
    operation: str = ""
    path: str | None = None
    errno: str | None = None
    transport: str | None = None
    reference: str | None = None
    registry: str | None = None
    about: str = ""
    tool: str = ""
    text: str = ""
    """The part of the message that says this, where it holds several; empty for all of it."""
