"""A bundle of everything that was found about one hand-over, whoever saw it: to be judged again, anywhere."""

from typing import Annotated

from pydantic import Field

from probe.evidence.cluster import Cluster
from probe.evidence.report import Bundle
from probe.evidence.seal import Seal
from probe.evidence.transcript import Transcript
from probe.evidence.watch import Timeline


class CaseFile(Bundle):
    """A bundle that holds more than reports."""

    timelines: Annotated[tuple[Timeline, ...], Field(max_length=64)] = ()
    seals: Annotated[tuple[Seal, ...], Field(max_length=64)] = ()
    transcripts: Annotated[tuple[Transcript, ...], Field(max_length=512)] = ()
    clusters: Annotated[tuple[Cluster, ...], Field(max_length=64)] = ()
