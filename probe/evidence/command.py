"""What the failing command said: its standard error, parsed."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from probe.evidence.base import Frozen, ShortText, Text, Timestamp

MAX_FAILURES = 32


class FailureKind(StrEnum):
    """What sort of thing a message says went wrong."""

    FILE = "file"
    """A system call on a path, with an errno."""
    REGISTRY_DENIED = "registry-denied"
    REGISTRY_UNREACHABLE = "registry-unreachable"
    REGISTRY_OTHER = "registry-other"
    NO_SPACE = "no-space"
    ARCHIVE_ENDED = "archive-ended"
    """An unexpected EOF while reading the archive."""
    BAD_ARCHIVE = "bad-archive"
    """Not a tar header, not the member that the transport looks for."""
    DIGEST_MISMATCH = "digest-mismatch"
    BAD_JSON = "bad-json"
    UNKNOWN_REFERENCE = "unknown-reference"
    AMBIGUOUS_REFERENCE = "ambiguous-reference"
    USAGE = "usage"
    OTHER = "other"


class Failure(Frozen):
    """One failure message, taken apart."""

    kind: FailureKind
    tool: ShortText = ""
    """The program that said it, where that shows: `skopeo`, `buildah`, `podman`, `tar`, `cat`; otherwise empty."""
    level: ShortText = ""
    at: Timestamp | None = None
    operation: ShortText = ""
    """The call or step that failed: `open`, `lstat`, `mkdir`, `write`, `reading JSON file`."""
    path: Text | None = None
    errno: ShortText | None = None
    transport: ShortText | None = None
    reference: Text | None = None
    """The image reference that the message names (for `dir` and `oci` also the one that a path in it implies), without
    its transport: `transport:reference` is the whole. A registry reference keeps its `//`."""
    registry: ShortText | None = None
    """host[:port]"""
    about: ShortText = ""
    """What the path is to the command: `archive`, `ancestor`, `member`, `temp`, `auth-file`, `policy`, `destination`,
    `config`, or empty when the message alone does not say."""
    line: int
    """Line in the standard error, from 1."""
    text: Text
    """The message, clipped, userinfo and tokens masked."""


class CommandOutcome(Frozen):
    """What is known of the command that failed."""

    source: ShortText = ""
    program: ShortText = ""
    """The program's name, where the probe ran it itself; never its arguments."""
    run: int = 1
    """Which run of a repeated command, from 1."""
    started: Timestamp | None = None
    ended: Timestamp | None = None
    """When it began and ended, where the probe ran it itself."""
    exit_status: int | None = None
    signal: ShortText | None = None
    """The signal that ended it: `SIGTERM`."""
    failures: Annotated[tuple[Failure, ...], Field(max_length=MAX_FAILURES)] = ()
    lines: int = 0
    truncated: bool = False
