"""The verdict document of a case with watches or seals: it carries them, so that it can be judged again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from probe.classify.verdict import VerdictDocument
from probe.evidence.seal import Seal
from probe.evidence.watch import Timeline

MAX_TIMELINES = 64
MAX_SEALS = 64


class JoinedVerdict(VerdictDocument):
    """A verdict with everything that pointers lead into."""

    timelines: Annotated[tuple[Timeline, ...], Field(max_length=MAX_TIMELINES)] = ()
    """What was seen over time, by who stayed."""
    seals: Annotated[tuple[Seal, ...], Field(max_length=MAX_SEALS)] = ()
    """The producers' word."""
