"""The digests that a log states of what was read or pushed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from probe.classify.told.account import Account, Told
from probe.classify.told.logs.reader import Reader
from probe.evidence.transcript import DigestLevel, DigestStated

Digests = Mapping[DigestLevel, Told[frozenset[str]]]
"""By level; a level that is not stated is not there."""
_DECIDING = (DigestLevel.DIFF_ID, DigestLevel.CONFIG, DigestLevel.MANIFEST)
"""What tells two images apart, the surest first."""


def digests_of(reader: Reader) -> Digests:
    """What its log states last of each level."""
    return digests_in(reader.account)


def digests_in(account: Account) -> Digests:
    """The last digests of each level that a log states; those of no level say nothing."""
    found: dict[DigestLevel, list[Told[DigestStated]]] = {}
    for one in account.stated(DigestStated):
        if one.value.level is not DigestLevel.UNKNOWN:
            found.setdefault(one.value.level, []).append(one)
    return {level: _last(several, level) for level, several in found.items()}


def _last(several: list[Told[DigestStated]], level: DigestLevel) -> Told[frozenset[str]]:
    last = several[-1]
    if level in (DigestLevel.DIFF_ID, DigestLevel.LAYER):
        return Told(frozenset(one.value.digest for one in several), last.pointer, last.at, last.line)
    return Told(frozenset({last.value.digest}), last.pointer, last.at, last.line)


def the_same(a: Digests, b: Digests) -> bool | None:
    """Whether two images are the same: by the surest level that both state; None where there is none.

    Another manifest alone says nothing: the same image has many.
    """
    for level in _DECIDING:
        if level in a and level in b:
            if a[level].value == b[level].value:
                return True
            if level is not DigestLevel.MANIFEST:
                return False
    return None


def compared(a: Digests, b: Digests) -> Iterator[tuple[DigestLevel, Told[frozenset[str]], Told[frozenset[str]]]]:
    """The levels that both state, the surest first."""
    for level in _DECIDING:
        if level in a and level in b:
            yield level, a[level], b[level]


def short(digests: frozenset[str]) -> str:
    """For a sentence."""
    return ", ".join(sorted(one[:19] for one in digests)[:3])
