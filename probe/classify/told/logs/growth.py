"""The sizes that logs state of an archive, over time: whether it grew, whether it rested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from probe.classify.told.account import Account
from probe.classify.told.logs.reader import Reader
from probe.classify.told.said import before
from probe.classify.told.specs.moments import clock_time, nodes_of, surely_before
from probe.classify.told.story import Story
from probe.classify.witness import SECOND
from probe.evidence.path import FileType
from probe.evidence.transcript import Claimed, RemarkStated

RESTED = 30 * SECOND
"""Without a write for so long: a writer hardly pauses so long in the middle of a copy."""
_PREALLOCATED = 1 << 20
"""Bytes of blocks beyond the size that tell of a writer: xfs sets them aside while a file is open for writing."""

_SIZED = frozenset({Claimed.SIZE, Claimed.READABLE, Claimed.PRESENT})


@dataclass(frozen=True)
class Sized:
    """One line that states the size of the archive."""

    account: Account
    size: int
    at: int | None
    line: int
    pointer: str
    where: str
    inode: int | None = None
    modified: int | None = None
    """The latest moment that its modification time stands for."""
    blocks: int | None = None

    @property
    def sentence(self) -> str:
        """Where it stands, and the size."""
        return f"{self.where}: {self.size} bytes"


@dataclass(frozen=True)
class Growth:
    """Two lines with different sizes."""

    early: Sized
    late: Sized


def sizes(reader: Reader) -> tuple[Sized, ...]:
    """What the reader's own log states of what it reads, in order."""
    return tuple(sized(reader.account, reader.path, alone=len({met.path for met in reader.mets if met.path}) == 1))


def sized(account: Account, path: str, *, alone: bool = False) -> Iterator[Sized]:
    """The sizes of one path. `alone`: a remark without a path can only be about this one."""
    found = []
    for one in account.inodes(path):
        stated = one.value
        if stated.size is not None and stated.type is FileType.REGULAR and one.line is not None:
            modified = None if stated.modified is None else stated.modified + int(stated.modified_within * SECOND)
            found.append(
                Sized(
                    account,
                    stated.size,
                    one.at,
                    one.line,
                    one.sub("size"),
                    account.cite(one),
                    stated.inode,
                    modified,
                    stated.blocks,
                )
            )
    for remark in account.stated(RemarkStated):
        named = remark.value.path == path or (alone and not remark.value.path)
        if named and remark.value.size is not None and remark.line is not None and remark.value.claimed in _SIZED:
            where = account.cite(remark)
            found.append(Sized(account, remark.value.size, remark.at, remark.line, remark.sub("size"), where))
    timed = all(one.at is not None for one in found)
    yield from sorted(found, key=lambda one: (one.at or 0, one.line) if timed else (0, one.line))


def growth(story: Story, reader: Reader) -> Growth | None:
    """The first and the last of two sizes that differ: in the reader's own log, or in those of its run."""
    own = sizes(reader)
    for early, late in pairwise(own):
        if late.size > early.size and _same_file(early, late):
            last = max((one for one in own if _same_file(early, one)), key=lambda one: one.size)
            return Growth(early, last if before(early, last) else late)
    for other in story.beside(reader.account):
        for theirs in _ends(tuple(sized(other, reader.path))):
            for mine in _ends(own):
                early, late = (mine, theirs) if (mine.at or 0) < (theirs.at or 0) else (theirs, mine)
                if late.size > early.size and _same_file(early, late) and _written_between(early, late):
                    return Growth(early, late)
    return None


def _ends(found: Sequence[Sized]) -> Sequence[Sized]:
    """The first and the last of many."""
    return found if len(found) < 3 else (found[0], found[-1])


def _same_file(a: Sized, b: Sized) -> bool:
    return a.inode is None or b.inode is None or a.inode == b.inode


def _written_between(early: Sized, late: Sized) -> bool:
    """Whether two logs show one file at two moments: it was written after the earlier look."""
    if early.at is None or late.at is None or late.modified is None:
        return False
    nodes = nodes_of(early.account, late.account)
    return surely_before(early.at, late.at, nodes=nodes) and late.modified > early.at


def rested(reader: Reader, failed_at: int | None) -> Sized | None:
    """A line which shows that nobody had written to it for a while when it could not be read."""
    for one in sizes(reader):
        moment = failed_at if failed_at is not None else one.at
        if one.modified is not None and moment is not None and moment - one.modified >= RESTED:
            return one
    return None


def unchanged(found: Sequence[Sized], between: int) -> tuple[Sized, Sized] | None:
    """The first and the last of equal sizes that lie at least so many nanoseconds apart."""
    timed = [one for one in found if one.at is not None]
    if len(timed) < 2 or len({one.size for one in timed}) != 1:
        return None
    first, last = timed[0], timed[-1]
    return (first, last) if (last.at or 0) - (first.at or 0) >= between else None


def set_aside(found: Sequence[Sized]) -> Sized | None:
    """A line at which far more blocks are taken than the size needs: somebody has it open for writing."""
    for one in found:
        if one.blocks is not None and one.blocks * 512 > one.size + max(_PREALLOCATED, one.size // 5):
            return one
    return None


def written(one: Sized) -> str:
    """When it was last written, for a sentence."""
    return f"last written {clock_time(one.modified)} at the latest" if one.modified is not None else ""
