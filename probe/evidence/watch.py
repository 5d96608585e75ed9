"""What happened to a target over time, as somebody saw it who stayed: a header, and one moment for each change."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from probe.evidence.base import Frozen, ShortText, Text, Timestamp
from probe.evidence.context import Context
from probe.evidence.identity import Identity
from probe.evidence.path import Inode, Want
from probe.evidence.report import Reference, Tool
from probe.evidence.writer import OpenDescriptor

MAX_MOMENTS = 65_536
"""In one timeline; a watch file is bounded in bytes, and reaches that first."""


class Change(StrEnum):
    """What a moment tells."""

    STARTED = "started"
    """The first look: the state as it was found."""
    APPEARED = "appeared"
    SEEN = "seen"
    """It is there, and could not be looked up before: since when is not known."""
    VANISHED = "vanished"
    REPLACED = "replaced"
    """Another inode under the same name."""
    RENAMED = "renamed"
    """As `appeared` or `replaced`, by a rename into place."""
    GREW = "grew"
    SHRANK = "shrank"
    REWRITTEN = "rewritten"
    """The same size, another modification time."""
    MODE = "mode"
    OWNER = "owner"
    GROUP = "group"
    TOUCHED = "touched"
    """Only ctime moved: an ownership sweep that changed nothing, an ACL or another attribute."""
    OPENED = "opened-for-writing"
    CLOSED = "closed-after-writing"
    COMPLETE = "complete"
    UNFINISHED = "unfinished"
    READABLE = "readable"
    """An open for reading succeeds for this identity."""
    REFUSED = "refused"
    """It fails; `errno` says how."""
    SEALED = "sealed"
    """The producer's seal is there and fits."""
    STUCK = "stuck"
    """A call on the mount does not return."""
    ANSWERED = "answered"
    LEFT_OUT = "left-out"
    """Changes were too many for the bound of the file: from here on they are only counted."""
    ENDED = "ended"


class Summary(Frozen):
    """The last line of a watch: what it comes to."""

    seconds: float
    moments: int
    left_out: int = 0
    """Changes that were seen and not written down."""
    written_bytes: int = 0
    """By how much the target grew, all in all."""
    replaced: int = 0
    """How often another inode took the name."""
    complete: bool | None = None
    """At the end; None when the target is no image, or could not be looked into."""
    errno: ShortText | None = None
    """Of an open for reading at the end; None when it succeeds."""


class Watch(Frozen):
    """The header: who watched what, where, from when. Its moments carry its `id`."""

    schema_id: Literal["pod-probe/watch/v1"] = Field("pod-probe/watch/v1", alias="schema")
    id: ShortText
    tool: Tool
    started: Timestamp
    started_monotonic: float
    context: Context
    reference: Reference
    want: Want = Want.READ
    identity: Identity

    model_config = ConfigDict(populate_by_name=True)


class Met(Frozen):
    """A directory or link on the way to the target, as it was met: shows in which volume the target lies."""

    path: Text
    inode: Inode


class Moment(Frozen):
    """One change, on a line of its own.

    `at` and `monotonic` (CLOCK_MONOTONIC, seconds) say when it was noticed; the times in `after` say when the kernel
    made it.
    """

    schema_id: Literal["pod-probe/moment/v1"] = Field("pod-probe/moment/v1", alias="schema")
    watch: ShortText
    number: int
    """From 0, without gaps: a line that was lost leaves one."""
    at: Timestamp
    monotonic: float
    change: Change
    path: Text
    """What changed: the target, or a directory or link on the way to it."""
    sentence: Text
    noticed: Literal["look", "inotify", "poll", "proc"] = "look"
    before: Inode | None = None
    after: Inode | None = None
    way: Annotated[tuple[Met, ...], Field(max_length=512)] = ()
    """Only in the first moment: what was met on the way, from the root."""
    errno: ShortText | None = None
    """Of an open of the target for reading at that moment; None when it succeeded or was not tried (see `tried`)."""
    tried: bool = False
    """Whether the target was really opened for reading at that moment."""
    holder: OpenDescriptor | None = None
    summary: Summary | None = None

    model_config = ConfigDict(populate_by_name=True)


class Timeline(Frozen):
    """A watch with its moments, in one document."""

    schema_id: Literal["pod-probe/timeline/v1"] = Field("pod-probe/timeline/v1", alias="schema")
    watch: Watch
    moments: Annotated[tuple[Moment, ...], Field(max_length=MAX_MOMENTS)] = ()

    model_config = ConfigDict(populate_by_name=True)


class Timelines(Frozen):
    """Several watches of one run, in one document."""

    schema_id: Literal["pod-probe/timelines/v1"] = Field("pod-probe/timelines/v1", alias="schema")
    timelines: Annotated[tuple[Timeline, ...], Field(max_length=64)] = ()

    model_config = ConfigDict(populate_by_name=True)
