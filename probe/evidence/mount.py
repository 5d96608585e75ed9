"""Mounts, from /proc/self/mountinfo (proc_pid_mountinfo(5)), and the space on them (statvfs(3))."""

from typing import Annotated

from pydantic import Field

from probe.evidence.base import Frozen, ShortText, Text
from probe.evidence.observation import Observation

MAX_MOUNTS = 64
NETWORK_FILESYSTEMS = ("nfs", "cifs", "smb3", "smbfs", "fuse", "9p", "ceph", "glusterfs", "lustre", "afs", "virtiofs")
"""Types (mountinfo field 9) whose server or daemon decides for itself; `fuse` also stands for `fuse.NAME`."""


class Mount(Frozen):
    """One line of mountinfo. Options are allow-listed: a value that may carry a secret is shown as `key=...`."""

    mount_id: int
    parent_id: int
    device: ShortText
    root: Text
    """The path inside the file system that is mounted here: shows a subPath or a bind."""
    mount_point: Text
    options: tuple[ShortText, ...]
    filesystem: ShortText
    source: Text
    super_options: tuple[ShortText, ...] = ()

    @property
    def read_only(self) -> bool:
        """Whether writes through this mount fail with EROFS."""
        return "ro" in self.options or "ro" in self.super_options

    @property
    def remote(self) -> bool:
        """Whether a server or a daemon decides there: on access, on times, and on what is announced to this node."""
        return self.filesystem.split(".")[0].rstrip("34") in {name.rstrip("34") for name in NETWORK_FILESYSTEMS}


class Space(Frozen):
    """Bytes and inodes of a file system; `available` is what an unprivileged user may still take."""

    path: Text
    total_bytes: int
    available_bytes: int
    total_inodes: int
    available_inodes: int


class Mounts(Frozen):
    """The mounts that the path crosses, the one that carries the target, and the space there and for skopeo."""

    carrying: Observation[Mount]
    crossed: Annotated[tuple[Mount, ...], Field(max_length=MAX_MOUNTS)] = ()
    space: Observation[Space]
    temp_space: Observation[Space]
    """Where skopeo unpacks an archive: /var/tmp unless its --tmpdir says otherwise."""
    temp_writable: Observation[bool]
    stuck: tuple[Text, ...] = ()
    """Mount points on which a call did not return before the deadline."""
