"""The documents that have a schema, and its text as it is committed under docs/schema/."""

from __future__ import annotations

import json

from pydantic import BaseModel

from probe.classify.explanation import Explanation
from probe.classify.joined import JoinedVerdict
from probe.evidence.board import Board
from probe.evidence.casefile import CaseFile
from probe.evidence.cluster import Cluster
from probe.evidence.gate import GateDocument
from probe.evidence.report import Report
from probe.evidence.seal import Seal
from probe.evidence.transcript import Transcript
from probe.evidence.watch import Moment, Timeline, Timelines, Watch

SCHEMAS: dict[str, type[BaseModel]] = {
    "verdict": JoinedVerdict,
    "report": Report,
    "bundle": CaseFile,
    "explanation": Explanation,
    "watch": Watch,
    "moment": Moment,
    "timeline": Timeline,
    "timelines": Timelines,
    "seal": Seal,
    "gate": GateDocument,
    "transcript": Transcript,
    "cluster": Cluster,
    "board": Board,
}


def schema_text(name: str) -> str:
    """The schema of one document, keys in a stable order, two spaces of indent."""
    schema = SCHEMAS[name].model_json_schema(by_alias=True, mode="serialization")
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2)
