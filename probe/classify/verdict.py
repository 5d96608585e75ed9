"""The verdict document: causes with their families and status, the claims they rest on, and the remedy."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from probe.evidence.base import Frozen, ShortText, Text, Timestamp, clip
from probe.evidence.report import Report, Tool

_COMMAND_LIMIT = 1 << 16


def _clipped(value: Any) -> Any:
    return clip(value) if isinstance(value, str) else value


def _whole_or_none(value: Any) -> Any:
    return None if isinstance(value, str) and len(value) > _COMMAND_LIMIT else value


Sentence = Annotated[Text, BeforeValidator(_clipped)]
"""What is said of evidence, in which each path alone may fill a text: cut where it gets longer, and saying so."""

Paste = Annotated[Annotated[str, Field(max_length=_COMMAND_LIMIT)] | None, BeforeValidator(_whole_or_none)]
"""Lines to paste, or none where they get too long for that: a half command is a wrong one."""


class Family(StrEnum):
    """The hypotheses that people start with: A permissions, B path or transport, race, something else, nothing."""

    A = "A"
    B = "B"
    RACE = "race"
    OTHER = "other"
    NONE = "none"


class Cause(StrEnum):
    """Every cause that a verdict can name. These codes are a contract."""

    DIR_SEARCH_DENIED = "dir-search-denied"
    GROUP_NOT_HELD = "group-not-held"
    FILE_READ_DENIED = "file-read-denied"
    WRITE_DENIED = "write-denied"
    ACL_DENIED = "acl-denied"
    ROOT_WITHOUT_CAPABILITY = "root-without-capability"
    FSGROUP_NOT_APPLIED = "fsgroup-not-applied"
    STALE_OWNERSHIP = "stale-ownership"
    DIFFERENT_REFERENCE = "different-reference"
    WRONG_TRANSPORT = "wrong-transport"
    WRONG_PATH = "wrong-path"
    DIFFERENT_VOLUME = "different-volume"
    DIFFERENT_IMAGE = "different-image"
    ARCHIVE_IN_PROGRESS = "archive-in-progress"
    ABSENT_THEN_PRESENT = "absent-then-present"
    CREATED_AFTER_SWEEP = "created-after-sweep"
    SWEPT_BY_ANOTHER_POD = "swept-by-another-pod"
    ACCESS_HEALED = "access-healed"
    OTHER_PATH_FAILED = "other-path-failed"
    REGISTRY_DENIED = "registry-denied"
    NO_SPACE = "no-space"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    SELINUX_DENIED = "selinux-denied"
    SERVER_DENIED = "server-denied"
    UNMAPPED_IDS = "unmapped-ids"
    DENIED_UNEXPLAINED = "denied-unexplained"
    NOT_MOUNTED = "not-mounted"
    STALE_HANDLE = "stale-handle"
    READ_ONLY = "read-only"
    HEALTHY = "healthy"
    INCONCLUSIVE = "inconclusive"

    @property
    def family(self) -> Family:
        """The family that the cause belongs to."""
        return _FAMILIES[self]


_FAMILIES = {
    cause: family
    for family, causes in {
        Family.A: (
            Cause.DIR_SEARCH_DENIED,
            Cause.GROUP_NOT_HELD,
            Cause.FILE_READ_DENIED,
            Cause.WRITE_DENIED,
            Cause.ACL_DENIED,
            Cause.ROOT_WITHOUT_CAPABILITY,
            Cause.FSGROUP_NOT_APPLIED,
            Cause.STALE_OWNERSHIP,
        ),
        Family.B: (
            Cause.DIFFERENT_REFERENCE,
            Cause.WRONG_TRANSPORT,
            Cause.WRONG_PATH,
            Cause.DIFFERENT_VOLUME,
            Cause.DIFFERENT_IMAGE,
        ),
        Family.RACE: (
            Cause.ARCHIVE_IN_PROGRESS,
            Cause.ABSENT_THEN_PRESENT,
            Cause.CREATED_AFTER_SWEEP,
            Cause.SWEPT_BY_ANOTHER_POD,
            Cause.ACCESS_HEALED,
        ),
        Family.OTHER: (
            Cause.OTHER_PATH_FAILED,
            Cause.REGISTRY_DENIED,
            Cause.NO_SPACE,
            Cause.TRUNCATED,
            Cause.CORRUPT,
            Cause.SELINUX_DENIED,
            Cause.SERVER_DENIED,
            Cause.UNMAPPED_IDS,
            Cause.DENIED_UNEXPLAINED,
            Cause.NOT_MOUNTED,
            Cause.STALE_HANDLE,
            Cause.READ_ONLY,
        ),
        Family.NONE: (Cause.HEALTHY, Cause.INCONCLUSIVE),
    }.items()
    for cause in causes
}


class Status(StrEnum):
    """How far the evidence carries a cause, strongest first."""

    CONFIRMED = "confirmed"
    """A decisive observation, made with the reader's own identity on the reader's own mount."""
    LIKELY = "likely"
    POSSIBLE = "possible"
    NOT_ASSESSABLE = "not-assessable"
    REFUTED = "refuted"

    @property
    def holds(self) -> bool:
        """Whether a cause of this status counts as a fault found."""
        return self in (Status.CONFIRMED, Status.LIKELY)


STRENGTH = {status: rank for rank, status in enumerate(Status)}
"""Rank of a status: 0 is the strongest."""


class Claim(Frozen):
    """One sentence and the field of the evidence that it rests on (RFC 6901 pointer into the verdict document)."""

    pointer: Text
    sentence: Sentence


class Fix(Frozen):
    """One change: what and why, with a shell command or a YAML patch to paste where there is one."""

    sentence: Sentence
    command: Paste = None
    yaml: Paste = None


class Remedy(Frozen):
    """The smallest change that helps now, and the change that keeps it from coming back."""

    smallest: Fix
    structural: Fix | None = None


MAX_CLAIMS = 64
"""For, against, and missing, each."""
Claims = Annotated[tuple[Claim, ...], Field(max_length=MAX_CLAIMS)]


class Assessment(Frozen):
    """What the evidence says of one cause."""

    cause: Cause
    family: Family
    status: Status
    statement: Sentence
    component: Sentence | None = None
    """The path that the cause is about, where there is one."""
    supports: Claims = ()
    contradicts: Claims = ()
    missing: Claims = ()
    remedy: Remedy | None = None
    implied_by: Cause | None = None
    """The more specific cause that this one follows from: then it is not a second fault."""


class Verdict(Frozen):
    """The leading cause in one sentence."""

    family: Family
    cause: Cause
    status: Status
    statement: Sentence
    component: Sentence | None = None


MAX_JOINED = 512
"""Events of the joined timeline."""


class JoinedEvent(Frozen):
    """One moment of the case: when, who saw it by which clock, what, and the field of this document it rests on."""

    at: Timestamp
    """By the wall clock of its source. The order of the list is by CLOCK_MONOTONIC where sources share it."""
    source: ShortText
    clock: ShortText
    what: Sentence
    pointer: Text


class VerdictDocument(Frozen):
    """The whole answer: verdict, every assessment, notes, and the evidence that they point into."""

    schema_id: Literal["pod-probe/verdict/v1"] = Field("pod-probe/verdict/v1", alias="schema")
    tool: Tool
    verdict: Verdict
    assessments: tuple[Assessment, ...]
    notes: tuple[Sentence, ...] = ()
    evidence: tuple[Report, ...]
    timeline: Annotated[tuple[JoinedEvent, ...], Field(max_length=MAX_JOINED)] = ()
    """The moments of all sources in order; only where there are several, or where a race leads."""
    clocks: Annotated[tuple[Sentence, ...], Field(max_length=64)] = ()
    """What is known of the clocks that they were seen by."""

    model_config = ConfigDict(populate_by_name=True)
