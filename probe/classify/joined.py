"""The verdict document of a case with several sources: it carries all of them, so that it can be judged again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from probe.classify.verdict import Claims, Remedy, Sentence, VerdictDocument
from probe.evidence.base import Frozen, ShortText, Text
from probe.evidence.cluster import Cluster
from probe.evidence.seal import Seal
from probe.evidence.transcript import Transcript
from probe.evidence.watch import Timeline

MAX_TIMELINES = 64
MAX_SEALS = 64
MAX_TRANSCRIPTS = 512
MAX_CLUSTERS = 64
MAX_COLUMNS = 128


class Column(Frozen):
    """One task, or what stands for one: a report, a container's log, a pod."""

    name: ShortText
    role: ShortText = ""
    """`producer`, `consumer`, or empty where nothing tells."""
    pointers: tuple[Text, ...] = ()
    """Where its evidence stands in this document."""


class Cell(Frozen):
    """One fact of one task; empty text: not known."""

    text: Sentence = ""
    pointer: Text = ""


class Row(Frozen):
    """One fact, side by side: a cell for each column."""

    name: ShortText
    cells: Annotated[tuple[Cell, ...], Field(max_length=MAX_COLUMNS)]
    differs: bool = False
    """Whether those that are known are not all the same where they should be."""


class Table(Frozen):
    """The tasks side by side."""

    columns: Annotated[tuple[Column, ...], Field(max_length=MAX_COLUMNS)]
    rows: Annotated[tuple[Row, ...], Field(max_length=64)]


class Prediction(Frozen):
    """Whether a task that has not run yet will be able to read what the producer's report shows."""

    consumer: ShortText
    reads: bool | None
    """None: what is known does not decide; `missing` says what would."""
    statement: Sentence
    component: Sentence | None = None
    supports: Claims = ()
    missing: Claims = ()
    remedy: Remedy | None = None


class JoinedVerdict(VerdictDocument):
    """A verdict with everything that pointers lead into."""

    timelines: Annotated[tuple[Timeline, ...], Field(max_length=MAX_TIMELINES)] = ()
    """What was seen over time, by who stayed."""
    seals: Annotated[tuple[Seal, ...], Field(max_length=MAX_SEALS)] = ()
    """The producers' word."""
    transcripts: Annotated[tuple[Transcript, ...], Field(max_length=MAX_TRANSCRIPTS)] = ()
    """What logs say."""
    clusters: Annotated[tuple[Cluster, ...], Field(max_length=MAX_CLUSTERS)] = ()
    """What the objects of the API say."""
    table: Table | None = None
    """The tasks side by side, where there are several."""
    predictions: Annotated[tuple[Prediction, ...], Field(max_length=256)] = ()
