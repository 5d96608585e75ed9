"""What lies on the way: every directory and symlink hop from the root to the target, and real attempts to open it."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from probe.evidence.base import Frozen, Mode, ShortText, Text, Timestamp
from probe.evidence.observation import NotSeen, Observation

MAX_COMPONENTS = 512
MAX_LISTED = 200
MAX_CANDIDATES = 32


class FileType(StrEnum):
    """The type bits of st_mode (inode(7))."""

    DIRECTORY = "directory"
    REGULAR = "regular"
    SYMLINK = "symlink"
    FIFO = "fifo"
    SOCKET = "socket"
    BLOCK_DEVICE = "block-device"
    CHARACTER_DEVICE = "character-device"
    UNKNOWN = "unknown"


class Inode(Frozen):
    """What fstat said of one descriptor. Sizes in bytes, `blocks` in units of 512 bytes."""

    type: FileType
    mode: Mode
    uid: int
    gid: int
    device: ShortText
    """`major:minor`, as in mountinfo."""
    inode: int
    links: int
    size: int
    blocks: int
    modified: Timestamp
    changed: Timestamp
    born: Timestamp | None = None
    """Birth time (statx(2)), asked for only when the access was refused; not every file system keeps one."""


class AclTag(StrEnum):
    """The kind of one POSIX ACL entry (acl(5))."""

    OWNER = "user-obj"
    USER = "user"
    OWNING_GROUP = "group-obj"
    GROUP = "group"
    MASK = "mask"
    OTHER = "other"


class AclEntry(Frozen):
    """One access ACL entry: `permissions` is 0..7, `id` only for a named user or group."""

    tag: AclTag
    id: int | None = None
    permissions: Annotated[int, Field(ge=0, le=7)]


class Acl(Frozen):
    """An access ACL as stored in `system.posix_acl_access`; no entries: the inode has none beyond its mode."""

    entries: Annotated[tuple[AclEntry, ...], Field(max_length=1024)] = ()


class Component(Frozen):
    """One hop of the walk. `path` is where the walk stands (links resolved so far), `name` what was looked up there."""

    path: Text
    name: Text
    inode: Observation[Inode]
    acl: Observation[Acl]
    label: Observation[ShortText]
    """The `security.selinux` attribute."""
    mount_id: Observation[int]
    link_target: Text | None = None
    """For a symlink: where it points, as text."""
    flags: Observation[tuple[ShortText, ...]] | None = None
    """`immutable`, `append`: asked for only when writing is wanted."""


class Chain(Frozen):
    """The walk from the root. A component below the first refusal is *unobservable* and stands here as `NotSeen`."""

    requested: Text
    """The path as the reference names it."""
    working_directory: Observation[Text] | None = None
    """Only for a relative path: where its resolution started."""
    components: Annotated[tuple[Component, ...], Field(max_length=MAX_COMPONENTS)]
    resolved: Text | None = None
    """The target's path with all links resolved; None when the walk did not arrive."""
    stopped: NotSeen | None = None
    """What ended the walk before the target: the errno of the first lookup that failed."""
    truncated: bool = False
    """More hops than a report holds."""

    @property
    def target(self) -> Component | None:
        """The last component when the walk arrived, otherwise None."""
        return self.components[-1] if self.components and self.stopped is None else None


class Want(StrEnum):
    """What the task wants to do with the target."""

    READ = "read"
    WRITE = "write"
    CREATE = "create"
    LIST = "list"
    EXECUTE = "execute"


class Attempt(Frozen):
    """One real system call with the looker's own identity: the truth that the access model predicts.

    `errno` is None when it was granted. `operation` is the call (`openat O_RDONLY`). `decisive` is False for a
    cross-check such as faccessat, which answers by another rule than open does, and for a want that
    cannot be tried without changing something.
    """

    operation: ShortText
    path: Text
    errno: ShortText | None = None
    at: Timestamp
    took_ms: float = 0.0
    decisive: bool = True

    @property
    def granted(self) -> bool:
        """Whether the call succeeded."""
        return self.errno is None


class Entry(Frozen):
    """One name in a directory."""

    name: ShortText
    inode: Observation[Inode]


class Listing(Frozen):
    """The first names of a directory, sorted, and how many there are (`counted` stops at a bound: `complete` False)."""

    path: Text
    entries: Annotated[tuple[Entry, ...], Field(max_length=MAX_LISTED)]
    counted: int
    complete: bool


class Candidate(Frozen):
    """Something near the path that looks like an image: evidence for a wrong path or another transport."""

    path: Text
    kind: ShortText
    size: int
