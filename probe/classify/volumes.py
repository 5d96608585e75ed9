"""Whether two witnesses looked into two volumes: by the root of the volume as each of them met it.

A device number alone proves neither: volumes that are directories of one file system share it, and one volume that is
attached anew gets another. What decides is the directory in which the volume begins, seen from one node.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from probe.classify.case import Reading
from probe.classify.sameness import mounted_together
from probe.classify.witness import Witness
from probe.evidence.mount import Mount
from probe.evidence.path import FileType, Inode


@dataclass(frozen=True)
class Root:
    """The directory in which a volume begins (or what stands in its place), as one witness met it."""

    path: str
    inode: Inode
    pointer: str
    mount: Mount | None = None
    """What is mounted there; None where that is not known, or nothing is."""
    mount_pointer: str = ""

    @property
    def words(self) -> str:
        """For a sentence: inode, device, and what part of the file system is mounted."""
        words = f"inode {self.inode.inode} of device {self.inode.device}"
        return words if self.mount is None else f"{words} (mounted from {self.mount.root} of {self.mount.source})"


class Apart(IntEnum):
    """How far it is shown that two roots are not one."""

    NO = 0
    """They may well be one."""
    LIKELY = 1
    SURE = 2


@dataclass(frozen=True)
class Comparison:
    """The answer in one sentence."""

    apart: Apart
    sentence: str


def roots(a: Witness, b: Witness) -> tuple[Root, Root] | None:
    """What each of two witnesses met where the volume of one of them begins; None when that was not seen.

    For one path in both, at one and the same directory; for two paths that end alike, at the root of either volume.
    """
    ours, theirs = volume_of(a), volume_of(b)
    if a.reference.path == b.reference.path:
        for path in dict.fromkeys(root.path for root in (ours, theirs) if root is not None):
            met = met_at(a, path), met_at(b, path)
            if met[0] is not None and met[1] is not None:
                return met[0], met[1]
        return None
    if ours is None or theirs is None or tail_of(a, ours) != tail_of(b, theirs):
        return None
    return ours, theirs


def compare(a: Witness, b: Witness, ours: Root, theirs: Root) -> Comparison:
    """Whether the two roots are two directories."""
    if a.clock.shares(b.clock):
        return _on_one_node(a, b, ours, theirs)
    return _across_nodes(ours, theirs)


def volume_of(witness: Witness) -> Root | None:
    """The root of the volume that carries the target of a report; others do not know what is mounted."""
    reading = witness.reading
    if reading is None or reading.volume_root is None:
        return None
    return _component(reading, reading.volume_root)


def _component(reading: Reading, index: int) -> Root | None:
    inode, mount = reading.inode(index), reading.mount
    if inode is None or inode.type is not FileType.DIRECTORY:
        return None
    here = mount is not None and mount.mount_point == reading.path_of(index)
    return Root(
        path=reading.path_of(index),
        inode=inode,
        pointer=reading.component_at(index, "inode"),
        mount=mount if here else None,
        mount_pointer=reading.at("mounts", "carrying", "value") if here else "",
    )


def met_at(witness: Witness, path: str) -> Root | None:
    """What a witness met at a path on its way, if that is a directory."""
    reading = witness.reading
    if reading is not None:
        for index in reversed(reading.observed):
            if reading.path_of(index) == path:
                return _component(reading, index)
        return None
    for anchor in witness.anchors:
        if anchor.path == path and anchor.inode.type is FileType.DIRECTORY:
            return Root(path, anchor.inode, anchor.pointer)
    return None


def tail_of(witness: Witness, root: Root) -> str:
    """The path inside the volume."""
    assert witness.reading is not None
    return witness.reading.chain_end.removeprefix(root.path).strip("/")


def _on_one_node(a: Witness, b: Witness, ours: Root, theirs: Root) -> Comparison:
    same_number = ours.inode.inode == theirs.inode.inode
    if ours.inode.device == theirs.inode.device:
        if same_number:
            return Comparison(Apart.NO, "both met the directory with one number on one device")
        if _same_source(ours, theirs) and not mounted_together(a, b):
            return Comparison(
                Apart.LIKELY, "two directories of one file system, at one place in it: it was made anew in between"
            )
        return Comparison(Apart.SURE, "two directories of one file system, seen from one node")
    if _remote(ours, theirs):  # each mount of a server's export may get a device number of its own
        return _by_export(ours, theirs)
    if _in_memory(ours) or _in_memory(theirs):
        return Comparison(Apart.SURE, "two file systems; one in memory ends with its mount, and is never attached anew")
    if mounted_together(a, b):
        return Comparison(Apart.SURE, "two file systems, mounted on one node at one time")
    if same_number:
        return Comparison(Apart.NO, "two device numbers: one volume that is attached anew gets another")
    return Comparison(Apart.SURE, "two file systems on one node, with roots of different numbers")


def _across_nodes(ours: Root, theirs: Root) -> Comparison:
    if _remote(ours, theirs):
        return _by_export(ours, theirs)
    if ours.mount is None or theirs.mount is None:
        return Comparison(Apart.NO, "from two nodes, and what is mounted there is not known on both")
    if ours.inode.inode == theirs.inode.inode:
        return Comparison(Apart.NO, "from two nodes: each numbers its devices by itself")
    return Comparison(Apart.LIKELY, "two nodes, and roots of different numbers on file systems of their own")


def _remote(ours: Root, theirs: Root) -> bool:
    return any(root.mount is not None and root.mount.remote for root in (ours, theirs))


def _by_export(ours: Root, theirs: Root) -> Comparison:
    """File systems that a server or a daemon keeps: by what is mounted, never by the numbers of this node."""
    if ours.mount is None or theirs.mount is None:
        return Comparison(Apart.NO, "a server's file system, and what is mounted there is not known on both")
    if ours.mount.remote is not theirs.mount.remote:
        kinds = f"{ours.mount.filesystem} here, {theirs.mount.filesystem} there"
        return Comparison(Apart.LIKELY, f"one of them lies on a server, the other does not: {kinds}")
    if _exported(ours.mount) != _exported(theirs.mount):
        return Comparison(
            Apart.LIKELY,
            f"two exports: {ours.mount.source} {ours.mount.root} here, {theirs.mount.source} {theirs.mount.root} there",
        )
    return Comparison(Apart.NO, "one export of a server, by its name; device numbers prove nothing there")


def _exported(mount: Mount) -> tuple[str, str]:
    """What a server exports, without the server: it may go by several names."""
    _, colon, path = mount.source.rpartition(":/")
    return ("/" + path if colon else mount.source).rstrip("/"), mount.root


def _in_memory(root: Root) -> bool:
    return root.mount is not None and root.mount.filesystem in ("tmpfs", "ramfs")


def _same_source(ours: Root, theirs: Root) -> bool:
    return ours.mount is not None and theirs.mount is not None and ours.mount.root == theirs.mount.root
