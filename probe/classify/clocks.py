"""What is known of the clocks of a case, in sentences: who shares one, where it stepped, how far two may be askew."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from probe.classify.case import Case
from probe.classify.witness import SECOND, UNKNOWN_SKEW, Witness
from probe.evidence.base import format_timestamp
from probe.evidence.path import FileType

MAX_CLOCKS = 64
_STEP = 50_000_000
"""Nanoseconds of wall time against CLOCK_MONOTONIC that are told: what is read one after the other differs by less."""
_CACHED = 60 * SECOND
"""How long a client of NFS may go on showing old attributes (nfs(5), acregmax)."""


def clocks(case: Case) -> tuple[str, ...]:
    """The sentences, the most important first."""
    return tuple(itertools.islice(_sentences(case), MAX_CLOCKS))


def _sentences(case: Case) -> Iterator[str]:
    boots: dict[str | None, list[Witness]] = {}
    for witness in case.history.all:
        boots.setdefault(witness.clock.boot, []).append(witness)
    unknown = boots.pop(None, [])
    several = list(boots.values())
    for number, group in enumerate(several):
        yield from _one_boot(number + 1, group)
    for one in unknown[:8] if len(case.history.all) > 1 else ():
        yield f"{one.name}: its boot is not known, so only its wall clock places it among the others"
    if len(several) + len(unknown) > 1:
        yield from _between(several, unknown)
    for witness in case.history.all:
        yield from _server(witness)


def _one_boot(number: int, group: Sequence[Witness]) -> Iterator[str]:
    names = ", ".join(one.name for one in group[:8]) + (f" and {len(group) - 8} more" if len(group) > 8 else "")
    host = group[0].context.node or group[0].context.hostname
    if len(group) > 1:
        yield f"clock {number}: {names} are of one boot: CLOCK_MONOTONIC orders them, whatever the wall clock did"
    else:
        yield f"clock {number}: {names}" + (f", on {host}" if host else "")
    ordered = sorted(group, key=lambda one: one.looks[0].tick if one.looks else 0)
    for early, late in itertools.pairwise(ordered):
        moved = late.clock.ahead - early.clock.ahead
        if abs(moved) >= _STEP:
            yield (
                f"clock {number}: between {early.name} and {late.name} the wall clock was moved by "
                f"{moved / SECOND:+.3f} s against the monotonic one; the times of inodes may be from before or after it"
            )


def _between(several: Sequence[Sequence[Witness]], unknown: Sequence[Witness]) -> Iterator[str]:
    first = [group[0] for group in several] + list(unknown)
    for a, b in itertools.islice(itertools.combinations(first, 2), 16):
        bound = _skew(a, b)
        what = bound if bound is not None else "unknown: nothing that was seen bounds it"
        yield (
            f"between the clocks of {a.name} and {b.name} the skew is {what}; what is less than "
            f"{UNKNOWN_SKEW / SECOND:.0f} s apart is not put in order, and what is further apart is at most likely"
        )


def _skew(a: Witness, b: Witness) -> str | None:
    """Bounds by the one server that stamps the times which both saw change under their eyes."""
    ours, theirs = _stamped(a), _stamped(b)
    if ours is None or theirs is None or not (a.remote and b.remote):
        return None
    low, high = ours[0] - theirs[1], ours[1] - theirs[0]
    if low > high:
        return None
    return (
        f"between {low / SECOND:+.3f} and {high / SECOND:+.3f} s, if one server stamped the times that both saw change"
    )


def _server(witness: Witness) -> Iterator[str]:
    """How far what stamps the times is ahead of the node that looks."""
    stamped = _stamped(witness) if witness.remote else None
    if stamped is not None:
        yield (
            f"{witness.name}: the times of {witness.reference.path} are stamped by another clock (a server, or the "
            f"writer's node): it is between {stamped[0] / SECOND:+.3f} and {stamped[1] / SECOND:+.3f} s ahead of this "
            "node's, by a change between two looks"
        )
    elif witness.remote:
        yield f"{witness.name}: the times of {witness.reference.path} are stamped by another clock; its skew is unknown"
    for look in witness.looks:
        if look.inode is not None and look.inode.modified > look.at + _STEP:
            ahead = (look.inode.modified - look.at) / SECOND
            yield (
                f"{witness.name}: {witness.reference.path} was modified {format_timestamp(look.inode.modified)}, "
                f"{ahead:.3f} s after it was looked at: what stamped it is at least so far ahead of this node's clock, "
                "or its time was set"
            )
            return


def _stamped(witness: Witness) -> tuple[int, int] | None:
    """Bounds of how far the stamping clock is ahead of the looking one, nanoseconds: from a change between two looks.

    It was made before the later look. It was made after the earlier one too, but for what a client keeps in its cache.
    """
    low, high = None, None
    looks = [look for look in witness.looks if look.inode is not None and look.inode.type is not FileType.DIRECTORY]
    for early, late in itertools.pairwise(looks):
        assert early.inode is not None and late.inode is not None
        if early.inode.inode == late.inode.inode and early.inode.modified < late.inode.modified:
            least, most = late.inode.modified - late.at, late.inode.modified - early.at + _CACHED
            low = least if low is None else max(low, least)
            high = most if high is None else min(high, most)
    return (low, high) if low is not None and high is not None and low <= high else None
