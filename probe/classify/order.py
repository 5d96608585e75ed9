"""What came before what: two looks by one clock, or by two that may be askew; and what was written in between.

What one witness saw comes before what the other saw when one monotonic clock says so, or when their wall clocks are
further apart than their skew may be.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from probe.classify.sameness import one_inode
from probe.classify.witness import SECOND, UNKNOWN_SKEW, Look, Witness
from probe.evidence.path import FileType, Inode

T = TypeVar("T")


@dataclass(frozen=True)
class Order:
    """That one look came before another: by one clock, or by two that may be askew."""

    certain: bool
    seconds: float
    sentence: str


def before(a: Witness, early: Look, b: Witness, late: Look) -> Order | None:
    """The order, when `early` is shown to be earlier; None otherwise."""
    if a is b or a.clock.shares(b.clock):
        gap = late.tick - early.tick
        return Order(True, gap / SECOND, f"{gap / SECOND:.3f} s later by one clock") if gap > 0 else None
    gap = late.at - early.at
    if gap <= UNKNOWN_SKEW:
        return None
    words = f"{gap / SECOND:.1f} s later by the clocks of two nodes, whose skew is not known"
    return Order(False, gap / SECOND, words)


def writes(witness: Witness) -> Iterator[tuple[Look, Look]]:
    """Pairs of looks of one witness, next to each other, between which the same inode was written to."""
    looks = [look for look in witness.looks if look.inode is not None]
    for early, late in itertools.pairwise(looks):
        if written(early.inode, late.inode):
            yield early, late


def written(old: Inode | None, new: Inode | None) -> bool:
    """Whether two looks, of whomever, show one file that was written to in between."""
    if old is None or new is None or new.type is FileType.DIRECTORY:
        return False
    return one_inode(old, new) and (old.size != new.size or old.modified != new.modified)


def last(found: Iterable[T]) -> T | None:
    """The last of what comes, if anything does."""
    value = None
    for value in found:  # noqa: B007 - only the last one is of interest
        pass
    return value
