"""The fingerprint that kubelet's fsGroup sweep leaves on a volume (Kubernetes SetVolumeOwnership).

The sweep sets every inode's group to the fsGroup, gives files group rw and directories group rwx and setgid, and
moves every ctime, all before the pod's containers start.
"""

from __future__ import annotations

from dataclasses import dataclass

from probe.classify.case import Reading
from probe.classify.denial import Denial
from probe.classify.hypothesis import Scale
from probe.evidence.path import FileType, Inode

SWEPT_DIRECTORY = 0o2070
SWEPT_FILE = 0o060


@dataclass(frozen=True)
class Root:
    """The root of the volume as this pod sees it."""

    index: int
    inode: Inode
    swept: bool
    """It carries the fingerprint: setgid and group rwx."""
    ours: bool
    """Its group is one of the reader's supplementary groups, to which an fsGroup is added."""


def volume_root(reading: Reading) -> Root | None:
    """The root of the volume that carries the target, when the walk crossed onto it."""
    index = reading.volume_root
    inode = reading.inode(index) if index is not None else None
    if index is None or inode is None or inode.type is not FileType.DIRECTORY:
        return None
    told = reading.report.context.fs_group
    ours = inode.gid == told if told is not None else inode.gid in reading.credentials.groups and inode.gid != 0
    return Root(index, inode, (inode.mode & SWEPT_DIRECTORY) == SWEPT_DIRECTORY, ours)


def sweep_would_grant(inode: Inode, gid: int) -> bool:
    """Whether this inode lacks what a sweep with `gid` would have given it."""
    wanted = SWEPT_DIRECTORY if inode.type is FileType.DIRECTORY else SWEPT_FILE
    return inode.gid != gid or (inode.mode & wanted) != wanted


def foreign_sweep(reading: Reading) -> tuple[Root, int] | None:
    """The root, and this container's start, when a sweep for a group that the reader lacks came after that start."""
    root, started = volume_root(reading), reading.container_started
    if root is None or started is None or not root.swept or root.ours or reading.credentials.in_group(root.inode.gid):
        return None
    return (root, started) if root.inode.changed > started + clock_margin(reading) else None


def clock_margin(reading: Reading) -> int:
    """Nanoseconds within which a container start and an inode's time cannot be ordered.

    Starts are counted in clock ticks, inode times in the kernel's coarse clock (a jiffy, at most as long as a tick).
    """
    return int(2 * reading.report.context.clock_ticks_error_ms * 1e6)


def left_out_of_sweep(denial: Denial, scale: Scale) -> tuple[Root, int] | None:
    """The root that was swept for this reader, and the start of its container, when what denies was not swept.

    Otherwise None, with the contradiction noted. The start is nanoseconds since the epoch.
    """
    reading = denial.reading
    root = volume_root(reading)
    if root is None or denial.index <= root.index:
        scale.contradict(denial.mode_at(), f"{denial.path} is not inside a volume whose root was seen")
        return None
    pointer, looks = reading.component_at(root.index, "mode"), f"mode {root.inode.mode:04o}, group {root.inode.gid}"
    if not (root.swept and root.ours):
        scale.contradict(pointer, f"the volume root was not swept for this reader: {looks}")
        return None
    if not sweep_would_grant(denial.inode, root.inode.gid):
        scale.contradict(denial.mode_at(), f"{denial.path} already looks as a sweep leaves it")
        return None
    if reading.container_started is None:
        scale.contradict(reading.at("context", "container_started"), "no container start is known: race not shown")
        return None
    scale.support(pointer, f"the volume root was swept: {looks}")
    return root, reading.container_started


def is_subpath(reading: Reading) -> bool:
    """Whether only a part of the volume is mounted here (subPath or bind): its real root is out of sight."""
    return reading.mount is not None and reading.mount.root != "/"
