"""How runs stand at one moment: what people kept by hand on a board, task by task."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from probe.evidence.base import Frozen, ShortText, Text, Timestamp
from probe.evidence.cluster import Outcome
from probe.evidence.report import Tool


class BoardTask(Frozen):
    """One task of a run."""

    name: ShortText
    state: Outcome
    """`pending` also where there is no TaskRun yet."""
    task_run: ShortText = ""
    pod: ShortText = ""
    started: Timestamp | None = None
    seconds: float | None = None
    """From its start to its end, or to the moment of the board."""
    now: Text = ""
    """What it waits for, does, or ended with: `after build-image`, `step push`, `step push: exit status 1`."""
    verdict: ShortText = ""
    """The last word of a probe in it: cause and status."""
    said_by: ShortText = ""
    """Where that was read: `result` or `log`."""


class BoardRun(Frozen):
    """One PipelineRun."""

    name: ShortText
    namespace: ShortText
    state: Outcome
    reason: ShortText = ""
    message: Text = ""
    started: Timestamp | None = None
    seconds: float | None = None
    tasks: Annotated[tuple[BoardTask, ...], Field(max_length=1024)] = ()
    """In the order of the pipeline: each after those that it waits for; `finally` last."""


class Board(Frozen):
    """Several runs, as the API had them at one moment."""

    schema_id: Literal["pod-probe/board/v1"] = Field("pod-probe/board/v1", alias="schema")
    tool: Tool
    taken: Timestamp
    runs: Annotated[tuple[BoardRun, ...], Field(max_length=64)] = ()
    problems: Annotated[tuple[Text, ...], Field(max_length=256)] = ()
    """What could not be had, a sentence each."""

    model_config = ConfigDict(populate_by_name=True)
