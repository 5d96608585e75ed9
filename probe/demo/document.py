"""The demo document: what was played on which stage, what the shell showed, and the verdicts."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from probe.classify.verdict import Cause, Status, VerdictDocument
from probe.demo.stage import Kind
from probe.evidence.base import Frozen, ShortText, Text
from probe.evidence.identity import Identity
from probe.evidence.report import Tool


class Player(Frozen):
    """One actor, with the credentials that the kernel shows of its process."""

    name: ShortText
    part: Text
    identity: Identity


class Spoken(Frozen):
    """One shell command, run by an actor, and what came of it."""

    by: ShortText
    command: Text
    exit_status: int
    stdout: Text = ""
    stderr: Text = ""


class Checked(Frozen):
    """One check, made by an actor's own process."""

    by: ShortText
    command: Text
    """The command line that asks the same."""
    expected: Cause
    agrees: bool
    document: VerdictDocument


class SceneResult(Frozen):
    """One scene. `expected`, `cause` and `status` are those of its leading check; `skipped` says why there is none."""

    name: ShortText
    story: Text
    directory: Text = ""
    played: bool
    skipped: Text | None = None
    expected: Cause
    cause: Cause | None = None
    status: Status | None = None
    agrees: bool | None = None
    """Whether every check came out as expected."""
    cast: tuple[Player, ...] = ()
    asides: tuple[Text, ...] = ()
    shell: tuple[Spoken, ...] = ()
    checks: tuple[Checked, ...] = ()


class DemoDocument(Frozen):
    """A whole performance."""

    schema_id: Literal["pod-probe/demo/v1"] = Field("pod-probe/demo/v1", alias="schema")
    tool: Tool
    stage: Kind
    reason: Text
    """Why this stage, and what it means for the identities."""
    scenes: tuple[SceneResult, ...]

    model_config = ConfigDict(populate_by_name=True)
