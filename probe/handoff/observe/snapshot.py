"""The state of a target at one moment: the path to it, the target itself, and what an open for reading answers."""

from __future__ import annotations

from dataclasses import dataclass

from probe.evidence.observation import Seen
from probe.evidence.path import Inode
from probe.evidence.writer import Sample


@dataclass(frozen=True)
class Step:
    """One name on the way to the target, links resolved so far: its inode, or the errno of looking it up."""

    path: str
    inode: Inode | None
    errno: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """One look. Two snapshots whose `fingerprint` is equal show the same bytes, as far as stat can tell."""

    sample: Sample
    """The target (for `oci:` and `dir:` the directory), and a real open as its transport makes it: of `index.json` or
    `manifest.json` in an image directory. Its `at` and `monotonic` are the snapshot's."""
    steps: tuple[Step, ...] = ()
    """From the root to the target; ends with the first that cannot be looked up."""
    parts: tuple[Step, ...] = ()
    """For an image directory: the marker file, and the directory of the blobs."""
    remote: bool = False
    """On a file system that announces nothing of what other nodes do, and has times of its own."""

    @property
    def inode(self) -> Inode | None:
        """The target, when it is there and its path can be walked."""
        return self.sample.inode.value if isinstance(self.sample.inode, Seen) else None

    @property
    def readable(self) -> bool:
        """Whether the open succeeded."""
        return self.sample.open_errno is None

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """Which inode, how large, when written, when changed: of the target and its parts."""
        inodes = (self.inode, *(part.inode for part in self.parts))
        return tuple(
            None if one is None else (one.device, one.inode, one.size, one.modified, one.changed) for one in inodes
        )
