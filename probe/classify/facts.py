"""What one task shows of a hand-over, fact by fact: a column of the side-by-side table, from whatever source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from probe.classify.roles import Role


class Fact(StrEnum):
    """The rows of the table, in their order. Rows of another name (`mode oci/`) stand after `GROUPS`."""

    TRANSPORT = "transport"
    PATH = "path"
    ACCESS = "access"
    IDENTITY = "identity"
    GROUPS = "groups"
    FS_GROUP = "fsGroup"
    MOUNT_POINT = "mounted at"
    SOURCE = "mount source"
    ROOT = "mount root"
    CLAIM = "claim"
    DEVICE = "device"
    ROOT_INODE = "root inode"
    INODE = "inode"
    SIZE = "size"
    MANIFEST = "manifest"
    CONFIG = "config"
    DIFF_IDS = "diff_ids"
    MODIFIED = "modified"
    CHANGED = "changed"
    LOOKED = "looked"


MODE = "mode "
"""Begins the name of a row of one inode's mode and owners: `mode oci`; `mode .` for the root of the volume."""

Told = tuple[str, str]
"""A text, and the pointer of the field that it rests on."""


@dataclass(frozen=True)
class Facts:
    """One column. Several sources with one `name` become one: what was seen later goes first.

    Texts are whole (digests, times as RFC 3339, sizes in bytes without a unit); whoever draws them makes them short.
    """

    name: str
    """The task, or what stands for one."""
    role: Role = Role.UNKNOWN
    pointers: tuple[str, ...] = ()
    rows: Mapping[str, Told] = field(default_factory=dict)
    """By `Fact`, or by `MODE` and a path."""
    node: str | None = None
    """What tells nodes apart (a boot, a node's name): numbers of devices and inodes are compared within one."""
    at: int = 0
    """When it was seen, nanoseconds since the epoch."""
    marked: frozenset[str] = frozenset()
    """Rows in which this task's own evidence shows a fault, whatever the others have there."""
