"""Whether two witnesses saw one place.

A path's text proves nothing: two pods may have two volumes at one path. Two witnesses saw one place when they met the
same directory (or the target itself) on the way, and that is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from probe.classify.witness import Anchor, Witness
from probe.evidence.path import Inode


class Sameness(IntEnum):
    """How far it is shown that two witnesses saw one place."""

    NO = 0
    WEAK = 1
    """Only numbers agree, which may have been given anew: another volume, mounted later, may have both."""
    ACROSS = 2
    """One inode by its number and its times, seen from two nodes."""
    SURE = 3


@dataclass(frozen=True)
class Place:
    """The answer, and the anchors that it rests on."""

    sameness: Sameness
    sentence: str = ""
    pointer: str = ""


def same_place(a: Witness, b: Witness) -> Place:
    """Whether two witnesses saw one target, as far as inodes show it."""
    if a is b:
        return Place(Sameness.SURE, "one process looked, by one path", a.at)
    if not a.clock.shares(b.clock):
        return _across(a, b)
    shared, together = _shared(a, b), a.same_container(b)
    if not shared:
        tails = {one.tail for one in a.anchors} & {one.tail for one in b.anchors}
        path = a.reference.path
        if together and not tails and path.startswith("/") and path == b.reference.path:
            return Place(Sameness.SURE, "one container, in which one path leads to one place", b.at)
        return Place(Sameness.NO)
    if not together and not (a.bounded and b.bounded):
        # Where the mounts are not known, a bind mount below a common directory would go unseen.
        deepest = min({one.tail for one in a.anchors} & {one.tail for one in b.anchors}, key=len)
        shared = [pair for pair in shared if pair[0].tail == deepest]
        if not shared:
            return Place(Sameness.NO)
    step = a.clock.stepped(b.clock)
    other_lives = {mine.key for mine, other in shared if not _one_life(mine, other, step)}
    pairs = [pair for pair in shared if pair[0].key not in other_lives]
    if not pairs:
        return Place(Sameness.NO)
    mine, other = pairs[0]
    words = f"both met {mine.path} as inode {mine.inode.inode} of device {mine.inode.device}"
    if together:
        return Place(Sameness.SURE, f"{words}, from one container", other.pointer)
    for mine, other in pairs:
        if mine.inode.changed == other.inode.changed or (
            mine.inode.born is not None and mine.inode.born == other.inode.born
        ):
            words = f"both met {mine.path} as inode {mine.inode.inode} of device {mine.inode.device}"
            return Place(Sameness.SURE, f"{words}, with one and the same time", other.pointer)
    if mounted_together(a, b):
        return Place(Sameness.SURE, f"{words}, while it was mounted for both", other.pointer)
    return Place(Sameness.WEAK, f"{words}; numbers that another volume may have later", other.pointer)


def _shared(a: Witness, b: Witness) -> list[tuple[Anchor, Anchor]]:
    """Pairs of anchors that may be one, the deepest first."""
    ours: dict[tuple[str, int, str], list[Anchor]] = {}
    for anchor in a.anchors:
        ours.setdefault(anchor.key, []).append(anchor)
    found = [(mine, anchor) for anchor in b.anchors for mine in ours.get(anchor.key, ())]
    return sorted(found, key=lambda pair: len(pair[0].tail))


def _one_life(a: Anchor, b: Anchor, step: int) -> bool:
    """Whether one inode can have shown both: its change time only goes on, it was not born after it was seen."""
    early, late = (a, b) if a.tick <= b.tick else (b, a)
    if late.inode.changed + step < early.inode.changed:
        return False
    if a.inode.born is not None and b.inode.born is not None:
        return a.inode.born == b.inode.born
    return late.inode.born is None or late.inode.born <= early.at + step


def mounted_together(a: Witness, b: Witness) -> bool:
    """Whether there was a moment at which both had their volumes mounted: a number stands for one thing at a time."""
    if not a.looks or not b.looks:
        return False
    starts = [one.container + one.margin if one.container is not None else one.looks[0].tick for one in (a, b)]
    return max(starts) <= min(a.looks[-1].tick, b.looks[-1].tick)


def _across(a: Witness, b: Witness) -> Place:
    """Nodes number their devices each by itself: only an inode's number with its very times tells."""
    if not (a.remote or b.remote):
        return Place(Sameness.NO)
    theirs = {(one.inode.inode, one.tail, one.inode.changed): one for one in b.anchors}
    for mine in a.anchors:
        other = theirs.get((mine.inode.inode, mine.tail, mine.inode.changed))
        if other is not None and mine.inode.type is other.inode.type:
            words = f"both met {mine.path} as inode {mine.inode.inode}, changed at one and the same time"
            return Place(Sameness.ACROSS, words, other.pointer)
    return Place(Sameness.NO)


def one_inode(a: Inode, b: Inode) -> bool:
    """Whether two records may be of one inode: its number, and it was not made anew with that number."""
    if (a.device, a.inode) != (b.device, b.inode):
        return False
    if a.born is not None and b.born is not None:
        return a.born == b.born
    made = a.born if a.born is not None else b.born
    return made is None or made <= min(a.changed, b.changed)
