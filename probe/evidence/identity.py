"""Who looked: ids, groups, capabilities, id maps, labels of one process (proc_pid_status(5), credentials(7))."""

from typing import Annotated

from pydantic import Field

from probe.evidence.base import Frozen, Mode, ShortText
from probe.evidence.observation import Observation

Groups = Annotated[tuple[int, ...], Field(max_length=65536)]
"""Supplementary groups; the kernel's own limit is NGROUPS_MAX, 65536."""


class IdRange(Frozen):
    """One line of uid_map or gid_map: ids `inside..inside+count-1` here are `outside..` in the parent namespace."""

    inside: int
    outside: int
    count: int


class Capabilities(Frozen):
    """The five capability sets by name (`CAP_DAC_OVERRIDE`); a bit without a name is `CAP_<number>`."""

    effective: tuple[ShortText, ...]
    permitted: tuple[ShortText, ...] = ()
    inheritable: tuple[ShortText, ...] = ()
    bounding: tuple[ShortText, ...] = ()
    ambient: tuple[ShortText, ...] = ()


class Ids(Frozen):
    """Real, effective, saved and file-system id, in the order of the `Uid:` line of /proc/PID/status."""

    real: int
    effective: int
    saved: int
    filesystem: int


class Identity(Frozen):
    """The credentials with which the kernel judged this process's file access.

    `source` says where they come from: `process` (this one), `pid:N` (another process's /proc entry) or
    `given` (typed on the command line for a prediction).
    """

    source: ShortText = "process"
    uid: Ids
    gid: Ids
    groups: Groups
    capabilities: Capabilities
    no_new_privs: bool | None = None
    seccomp: ShortText | None = None
    """`disabled`, `strict` or `filter`."""
    umask: Mode | None = None
    uid_map: tuple[IdRange, ...] = ()
    gid_map: tuple[IdRange, ...] = ()
    overflow_uid: int = 65534
    overflow_gid: int = 65534
    initial_user_namespace: bool | None = None
    label: Observation[ShortText]
    """The security module's label of the process (/proc/PID/attr/current)."""

    @property
    def all_groups(self) -> frozenset[int]:
        """fsgid and supplementary groups: what the kernel compares with an inode's gid (in_group_p)."""
        return frozenset((self.gid.filesystem, *self.groups))
