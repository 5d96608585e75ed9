"""What the samples tell about a writer: growth, replacement, or rest; and for how long it had rested before."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from probe.classify.case import Reading
from probe.classify.mounts import decided_elsewhere
from probe.evidence.image import Ending
from probe.evidence.observation import NotSeen, Seen
from probe.evidence.path import FileType, Inode

SETTLED_SECONDS = 3600.0
"""A file that nobody has written to for so long has no live writer: Tekton ends a task after an hour by default."""

_NS = 1e9


@dataclass(frozen=True)
class Stability:
    """The target over the time of the look. Pairs are sample numbers (before, after)."""

    grew: tuple[int, int] | None
    rewritten: tuple[int, int] | None
    """Same size, another modification time."""
    replaced: tuple[int, int] | None
    """Another inode under the same name."""
    age_seconds: float | None
    """From the last modification to the last sample, by this node's clock; None when unknown or negative."""
    inodes: tuple[tuple[int, Inode], ...]

    @property
    def changing(self) -> bool:
        """Whether a writer was seen at work."""
        return self.grew is not None or self.rewritten is not None

    @property
    def settled(self) -> bool:
        """Whether it had rested long enough to exclude a pausing writer."""
        return not self.changing and self.age_seconds is not None and self.age_seconds >= SETTLED_SECONDS


def stability(reading: Reading) -> Stability:
    """Compare every sample with the one before."""
    inodes = tuple(
        (number, sample.inode.value) for number, sample in enumerate(reading.samples) if isinstance(sample.inode, Seen)
    )
    grew = rewritten = replaced = None
    for (before, old), (after, new) in itertools.pairwise(inodes):
        if (old.device, old.inode) != (new.device, new.inode):
            replaced = (before, after)
        elif old.size != new.size:
            grew = (before, after)
        elif old.modified != new.modified and new.type is not FileType.DIRECTORY:
            rewritten = (before, after)
    age = None
    if inodes:
        number, last = inodes[-1]
        seconds = (reading.samples[number].at - last.modified) / _NS
        age = seconds if seconds >= 0 else None
    return Stability(grew, rewritten, replaced, age, inodes)


def unfinished(reading: Reading) -> str | None:
    """Why the archive is not finished, in words; None when it is, or when that cannot be told."""
    image = reading.image
    if image is None or image.complete:
        return None
    archive = image.archive
    if archive is not None and archive.ending in _UNFINISHED:
        return _UNFINISHED[archive.ending].format(offset=archive.end_offset, size=archive.size)
    if archive is None and not image.whole and not image.readable_as_asked:
        return None
    missing = [problem for problem in image.problems if problem.kind in ("missing-blob", "partial-blob", "no-index")]
    return f"{missing[0].subject} is not there" if missing and archive is None else None


_UNFINISHED = {
    Ending.EMPTY: "the file is empty",
    Ending.ZEROS: "the file is all zeros ({size} bytes)",
    Ending.IN_MEMBER: "the archive ends inside a member, at byte {size}",
    Ending.IN_HEADER: "the archive ends inside a header, at byte {size}",
    Ending.MEMBER_BOUNDARY: "the archive ends after a member, at byte {offset}, without end blocks",
    Ending.HALF_END: "the archive has only a part of its end blocks, at byte {offset}",
}


def no_writer(reading: Reading) -> tuple[str, str] | None:
    """Pointer and sentence of a decisive observation that nobody on this node writes: a granted read lease."""
    writers = reading.report.writers
    if isinstance(writers, Seen) and isinstance(writers.value.lease, Seen) and writers.value.lease.value is False:
        return reading.at("writers", "value", "lease"), "a read lease was granted: no process of this node writes to it"
    return None


def writer_excluded(reading: Reading, rest: Stability) -> tuple[str, str] | None:
    """Pointer and sentence of what excludes a writer that merely pauses: a lease, or a long rest on a local disk."""
    granted = no_writer(reading)
    if granted is not None:
        return granted
    if rest.settled and len(rest.inodes) > 1 and not decided_elsewhere(reading):
        return reading.at("writers", "value", "samples"), f"nobody wrote to it for {rest.age_seconds:.0f} s"
    return None


def live_writer(reading: Reading) -> tuple[str, str] | None:
    """Pointer and sentence of a decisive observation that a process has the target open for writing."""
    writers = reading.report.writers
    if isinstance(writers, NotSeen):
        return None
    if isinstance(writers.value.lease, Seen) and writers.value.lease.value:
        return reading.at("writers", "value", "lease"), "a read lease was refused: a process has it open for writing"
    holders = writers.value.holders
    if isinstance(holders, Seen) and holders.value:
        first = holders.value[0]
        return (
            reading.at("writers", "value", "holders"),
            f"process {first.pid} (uid {first.uid}) has it open for writing",
        )
    return None
