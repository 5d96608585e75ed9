"""The fingerprint that kubelet's fsGroup sweep leaves on a volume (Kubernetes SetVolumeOwnership).

The sweep sets every inode's group to the fsGroup, gives files group rw and directories group rwx and setgid, and
moves every ctime, all before the pod's containers start.
"""

from __future__ import annotations

from dataclasses import dataclass

from probe.classify.case import Reading
from probe.classify.denial import Denial
from probe.classify.hypothesis import Scale
from probe.evidence.base import format_timestamp
from probe.evidence.path import FileType, Inode

SWEPT_DIRECTORY = 0o2070
SWEPT_FILE = 0o060
SWEEP_SECONDS = 60.0
"""Within this one sweep is thought to pass over the inodes of one path: it goes through the whole volume."""
START_SECONDS = 300.0
"""Between a pod's sweep and the start of its containers: images are pulled in this time."""
_NS = 1_000_000_000


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
    told = reading.fs_group
    ours = inode.gid == told if told is not None else inode.gid in reading.credentials.groups and inode.gid != 0
    return Root(index, inode, (inode.mode & SWEPT_DIRECTORY) == SWEPT_DIRECTORY, ours)


@dataclass(frozen=True)
class Sweep:
    """A sweep by what it leaves: inodes of one path changed close together, later than their contents.

    They have its group and its bits; the root comes last.
    """

    began: int
    ended: int
    gid: int
    own: bool
    """It lies shortly before this container's start and carries this pod's group: it is this pod's own."""
    pointer: str
    sentence: str


def sweep_seen(reading: Reading) -> Sweep | None:
    """The last sweep that the path of a report shows; None when it shows none."""
    root = volume_root(reading)
    if root is None or not root.swept:
        return None
    swept = [root.inode]
    for index in reading.observed:
        inode = reading.inode(index)
        if index <= root.index or inode is None or sweep_would_grant(inode, root.inode.gid):
            continue
        if inode.changed > inode.modified and abs(root.inode.changed - inode.changed) <= SWEEP_SECONDS * _NS:
            swept.append(inode)
    if len(swept) < 2 or root.inode.changed <= root.inode.modified:
        return None
    times = sorted(inode.changed for inode in swept)
    sentence = (
        f"{len(swept)} inodes of {reading.path_of(root.index)} changed within {(times[-1] - times[0]) / _NS:.3f} s, by "
        f"{format_timestamp(times[-1])}, later than their contents, to group {root.inode.gid} with the bits of a sweep"
    )
    own, started = False, reading.container_started
    if started is not None:
        lead = started + clock_margin(reading) - times[-1]
        own = root.ours and 0 <= lead <= START_SECONDS * _NS
        sentence += f"; this container started {format_timestamp(started)}"
        if own:
            sentence += ", shortly after it, and its pod has that group: it is this pod's own sweep"
    return Sweep(times[0], times[-1], root.inode.gid, own, reading.component_at(root.index, "changed"), sentence)


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
    if reading.mount is None or reading.mount.root == "/":
        return False
    return reading.beside is None or reading.beside.mounts_root(reading.mount.mount_point) is not True
