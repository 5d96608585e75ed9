"""What people's own debug commands and tools said, line by line: the text of a log, taken apart.

A log tells less than a report: `ls` gives no device, `id` gives no capabilities, and nothing says that two lines were
true at the same moment. So each statement stands alone, with the line that it was read from, and what a line does not
say is left out rather than filled in.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from probe.evidence.base import Frozen, Mode, ShortText, Text, Timestamp
from probe.evidence.command import Failure
from probe.evidence.identity import Groups
from probe.evidence.invocation import Invocation
from probe.evidence.path import FileType
from probe.evidence.report import Tool

MAX_STATEMENTS = 20_000
MAX_UNPARSED = 2_000


class Stated(Frozen):
    """One thing that a text says."""

    line: int
    """Where it begins, from 1."""
    lines: int = 1
    """How many lines it takes (`stat` prints eight)."""
    at: Timestamp | None = None
    """When the line was written, where the log or the line itself says so."""


class IdentityStated(Stated):
    """`id`: the effective ids, where it prints others than the real ones."""

    kind: Literal["identity"] = "identity"
    uid: int
    gid: int
    groups: Groups = ()
    user: ShortText = ""
    """The user's name, where `id` knew one."""
    label: ShortText = ""
    """`context=` of an SELinux system."""


class IdsStated(Stated):
    """`Uid:`, `Gid:` or `Groups:` of /proc/PID/status."""

    kind: Literal["ids"] = "ids"
    name: ShortText
    """`Uid`, `Gid` (real, effective, saved, file system) or `Groups`."""
    numbers: Groups


class CapabilitiesStated(Stated):
    """`CapEff:` and its kin of /proc/PID/status."""

    kind: Literal["capabilities"] = "capabilities"
    set: ShortText
    """`effective`, `permitted`, `inheritable`, `bounding`, `ambient`."""
    names: tuple[ShortText, ...]


class UmaskStated(Stated):
    """`umask`."""

    kind: Literal["umask"] = "umask"
    umask: Mode


class InodeStated(Stated):
    """One file or directory, as `ls -l`, `stat`, `namei -l` or `find -ls` prints it."""

    kind: Literal["inode"] = "inode"
    command: ShortText
    """`ls`, `stat`, `namei`, `find`."""
    path: Text
    """Absolute where the text allows to tell, otherwise as printed."""
    type: FileType
    mode: Mode
    mark: ShortText = ""
    """What `ls` prints behind the mode: `+` an ACL, `.` a security label."""
    owner: ShortText
    group: ShortText
    """As printed: a name or a number."""
    uid: int | None = None
    gid: int | None = None
    """Numbers, where the text has them: printed as such, or given for the name by `id` or `stat` in the same text."""
    size: int | None = None
    links: int | None = None
    blocks: int | None = None
    """In units of 512 bytes."""
    device: ShortText | None = None
    """`major:minor`."""
    inode: int | None = None
    accessed: Timestamp | None = None
    modified: Timestamp | None = None
    changed: Timestamp | None = None
    born: Timestamp | None = None
    modified_within: float = 0.0
    """Seconds that `modified` may be too early: `ls` rounds down to a minute or a day."""
    label: ShortText = ""
    link_target: Text | None = None


class ListingStated(Stated):
    """A directory that was listed: every name in it, if the listing was whole."""

    kind: Literal["listing"] = "listing"
    path: Text
    """Empty where the text does not tell which directory it is."""
    names: Annotated[tuple[ShortText, ...], Field(max_length=1000)]
    whole: bool
    """Whether hidden names were listed too (`ls -a`), nothing failed and nothing was cut."""


class AclStated(Stated):
    """`getfacl` of one path. An entry is `user:NAME`, `group::`, `mask::`, ... with permissions 0..7."""

    kind: Literal["acl"] = "acl"
    path: Text
    owner: ShortText = ""
    group: ShortText = ""
    entries: Annotated[tuple[tuple[ShortText, Annotated[int, Field(ge=0, le=7)]], ...], Field(max_length=1024)]


class MountStated(Stated):
    """One mount, from `mount`, `findmnt`, /proc/mounts or mountinfo."""

    kind: Literal["mount"] = "mount"
    source: Text
    mount_point: Text
    filesystem: ShortText
    options: tuple[ShortText, ...] = ()
    root: Text | None = None
    """The path inside the file system that is mounted there, where the text shows it."""
    device: ShortText | None = None


class SpaceStated(Stated):
    """`df` of one file system, in bytes (as exact as it printed them)."""

    kind: Literal["space"] = "space"
    source: Text
    mount_point: Text
    total_bytes: int
    available_bytes: int
    filesystem: ShortText = ""


class FailureStated(Stated):
    """An error message of a tool or of the shell."""

    kind: Literal["failure"] = "failure"
    failure: Failure


class CommandStated(Stated):
    """A command that the text shows to be run: an echoed heading, `set -x`, a prompt."""

    kind: Literal["command"] = "command"
    invocation: Invocation


class ExitStated(Stated):
    """An exit status that the text states."""

    kind: Literal["exit"] = "exit"
    program: ShortText = ""
    status: int


class DigestLevel(StrEnum):
    """What a digest is of."""

    MANIFEST = "manifest"
    CONFIG = "config"
    LAYER = "layer"
    DIFF_ID = "diff-id"
    UNKNOWN = "unknown"


class DigestStated(Stated):
    """A digest, and what it is of where the text says so."""

    kind: Literal["digest"] = "digest"
    level: DigestLevel
    digest: ShortText
    said_by: ShortText = ""
    """`skopeo copy`, `skopeo inspect`, `buildah push`, or empty. The progress lines of a copy whose command is not
    shown are those of `skopeo copy`."""
    reference: Text = ""
    """What it is the digest of, where the text says so."""


class Claimed(StrEnum):
    """What a script's own words say of a path."""

    PRESENT = "present"
    ABSENT = "absent"
    READABLE = "readable"
    NOT_READABLE = "not-readable"
    """`[ -r F ]` failed: the file is missing or forbidden, which that test cannot tell."""
    SIZE = "size"
    COMPLETE = "complete"
    BEGUN = "begun"
    WAITED_FOR = "waited-for"
    """The script says that it waits for the path: it need not have looked yet."""


class RemarkStated(Stated):
    """A script's own words about a path (`F not readable yet`): weaker than what a tool prints."""

    kind: Literal["remark"] = "remark"
    path: Text = ""
    """Empty where the line names none."""
    claimed: Claimed
    size: int | None = None
    """In bytes; with `begun` the size that is announced."""
    attempt: int | None = None
    """The number of the attempt, or of attempts, that the line names."""
    text: Text


Statement = Annotated[
    IdentityStated
    | IdsStated
    | CapabilitiesStated
    | UmaskStated
    | InodeStated
    | ListingStated
    | AclStated
    | MountStated
    | SpaceStated
    | FailureStated
    | CommandStated
    | ExitStated
    | DigestStated
    | RemarkStated,
    Field(discriminator="kind"),
]


class Line(Frozen):
    """A line that nothing here understands, kept as it is (clipped, secrets masked)."""

    line: int
    at: Timestamp | None = None
    text: Text


class Source(Frozen):
    """Where the text comes from. Names are taken from the file's name or a prefix of its lines, or were told."""

    file: Text
    pod: ShortText | None = None
    container: ShortText | None = None
    """`step-push`, `sidecar-builder`."""
    namespace: ShortText | None = None
    task: ShortText | None = None
    pipeline_run: ShortText | None = None
    begins: int | None = None
    """The first line in the file, where that holds the output of several containers one after the other."""
    mixed: bool = False
    """Whether the lines may be of several containers, though nothing tells which is whose: a script that begins again,
    or two that are interleaved. What comes later need not be about the same container then."""


class Transcript(Frozen):
    """One text, the output of one container as far as can be told."""

    schema_id: Literal["pod-probe/transcript/v1"] = Field("pod-probe/transcript/v1", alias="schema")
    tool: Tool
    source: Source
    lines: int
    """Of the text."""
    first: Timestamp | None = None
    last: Timestamp | None = None
    """The times of its first and last line, where the lines carry one."""
    statements: Annotated[tuple[Statement, ...], Field(max_length=MAX_STATEMENTS)] = ()
    """In the order of the text."""
    unparsed: Annotated[tuple[Line, ...], Field(max_length=MAX_UNPARSED)] = ()
    unparsed_lines: int = 0
    """How many there were; `unparsed` holds the first and the last of them; of lines that were not read, the last."""
    dropped: int = 0
    """Statements beyond the bound, and the lines that were then not read any more."""

    model_config = ConfigDict(populate_by_name=True)
