"""Which change would turn a denial: each one proposed has been judged again, and does.

Ordered by how much it gives away: a permission bit for a class the identity is in, membership in a group, an ACL entry,
the inode's group, a flag or the mount, a capability. Never a bit for others, never ownership of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from probe.access.credentials import Credentials
from probe.access.decide import Rule
from probe.access.remedy import Candidate, Change, Situation, for_step
from probe.access.walk import Judgement, Purpose, Step
from probe.evidence.mount import Mount
from probe.evidence.path import Chain, Want

__all__ = ["Change", "minimal_changes", "single_changes"]

_RANK = {kind: rank for rank, kind in enumerate(("bit", "group", "acl", "owner", "flag", "mount", "capability"))}
_MAX_CHANGES = 64


def single_changes(
    credentials: Credentials,
    chain: Chain,
    want: Want,
    judgement: Judgement,
    *,
    mount: Mount | None = None,
    protected_symlinks: bool = True,
) -> tuple[Change, ...]:
    """The changes after each of which nothing that was observed denies any more, least privilege first.

    Where the recorder was denied itself, what lies behind that component was not observed and may deny as well.
    Empty when it is granted or undecided already, when several components deny and no one change reaches them all, and
    for what no permission gives (a name that does not exist). The keywords are those of `judge`.
    """
    if judgement.granted is not False:
        return ()
    situation = Situation(credentials, chain, want, mount, protected_symlinks)
    found = [one.change for one in _candidates(situation, judgement) if one.after.judge().denial is None]
    return tuple(sorted(found, key=_privilege))


def minimal_changes(
    credentials: Credentials,
    chain: Chain,
    want: Want,
    judgement: Judgement,
    *,
    mount: Mount | None = None,
    protected_symlinks: bool = True,
) -> tuple[Change, ...]:
    """The smallest set of changes after which nothing observed denies; of equal sets the one that gives least away.

    A capability reaches any number of components at once, and every other file too: it is in the set only where nothing
    else is enough. The changes are to be made in this order; empty where no set of them is enough.
    """
    if judgement.granted is not False:
        return ()
    start = Situation(credentials, chain, want, mount, protected_symlinks)
    sets = [found for first in _identities(start, judgement) if (found := _complete(first)) is not None]
    if not sets:
        return ()
    return min(sets, key=_price)


def _price(changes: tuple[Change, ...]) -> tuple[bool, int, list[tuple[int, bool, int]]]:
    capable = any(change.capability is not None for change in changes)
    return capable, len(changes), sorted(_privilege(change) for change in changes)


def _where(step: Step) -> tuple[int, Purpose, Rule]:
    """A denial by another rule is another obstacle: a mode bit goes before a read-only mount can be seen to deny."""
    return step.index, step.purpose, step.decision.rule


def _privilege(change: Change) -> tuple[int, bool, int]:
    return (_RANK[change.kind], change.group == 0, change.component)


def _candidates(situation: Situation, judgement: Judgement) -> list[Candidate]:
    found: dict[Change, Candidate] = {}
    for step in judgement.denials:
        for one in for_step(situation, step):
            found.setdefault(_same(one.change), one)
    return list(found.values())


def _same(change: Change) -> Change:
    """A group or capability found on several components is one change."""
    return replace(change, component=0, sentence="") if change.kind in ("group", "capability") else change


def _identities(start: Situation, judgement: Judgement) -> Iterator[tuple[Situation, tuple[Change, ...]]]:
    """What to change about the identity first, as that reaches several components: nothing, a group, a capability."""
    yield start, ()
    for one in _candidates(start, judgement):
        if one.change.kind in ("group", "capability"):
            yield one.after, (one.change,)


def _complete(first: tuple[Situation, tuple[Change, ...]]) -> tuple[Change, ...] | None:
    """Add the cheapest change for each component that still denies; None when one of them has none."""
    situation, changes = first
    for _ in range(_MAX_CHANGES):
        denial = situation.judge().denial
        if denial is None:
            return changes
        behind = [
            one
            for one in for_step(situation, denial)
            if all(_where(left) != _where(denial) for left in one.after.judge().denials)
        ]
        if not behind:
            return None
        situation, changes = behind[0].after, (*changes, behind[0].change)
    return None
