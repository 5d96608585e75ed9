"""The two sides of a hand-over: each reader, and those whose target it should have met."""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probe.classify.case import Case
from probe.classify.roles import Role, cast
from probe.classify.sameness import Sameness
from probe.classify.witness import FAR, NEAR, SECOND, Witness

MOST_PAIRS = 4_096
"""Compared of a large case."""


@dataclass(frozen=True)
class Pair:
    """A reader, and another source that named the same place."""

    reader: Witness
    other: Witness
    produced: bool
    """Whether the other one is the producer: then it is the reader that is wrong."""
    gap: int
    """Nanoseconds from the other's last look to the reader's; negative when the reader looked before."""

    @property
    def one_run(self) -> bool:
        """Whether both name one pipeline run."""
        return self.reader.same_run(self.other) is True

    @property
    def near(self) -> bool:
        """Whether both are of one hand-over by the time between them, where no name of a run says so."""
        return self.one_run or abs(self.gap) <= NEAR

    @property
    def far(self) -> bool:
        """Whether they are so far apart in time that they need not be of one hand-over."""
        return not self.one_run and abs(self.gap) > FAR

    @property
    def distance(self) -> str:
        """How far apart they are, for a sentence."""
        seconds = abs(self.gap) / SECOND
        return f"{seconds / 3600:.1f} hours" if abs(self.gap) > FAR else f"{seconds / 60:.0f} minutes"


def pairs(case: Case) -> Iterator[Pair]:
    """Each reader beside the producers of its path; beside other readers where no producer told of it.

    A reader that met the very place of one producer belongs to that one, and is compared with no other.
    """
    made: dict[str, list[Witness]] = {}
    read: dict[str, list[Witness]] = {}
    for witness in case.history.all:
        if witness.predicted:
            continue
        if cast(case, witness).role is Role.PRODUCER:
            made.setdefault(_name(witness), []).append(witness)
        elif witness.reads:
            read.setdefault(posixpath.normpath(witness.reference.path), []).append(witness)
    return itertools.islice(_pairs(case, made, read), MOST_PAIRS)


def _pairs(case: Case, made: Mapping[str, list[Witness]], read: Mapping[str, list[Witness]]) -> Iterator[Pair]:
    for readers in read.values():
        alone = []
        for reader in readers:
            producers = [one for one in made.get(_name(reader), ()) if reader.same_run(one) is not False]
            placed = _placed(case, reader)
            theirs = [one for one in producers if id(one) in placed]
            yield from (pair_of(reader, other, produced=True) for other in theirs or producers)
            if not producers:
                alone.append(reader)
        yield from (pair_of(reader, other, produced=False) for reader, other in _among(case, alone))


def _placed(case: Case, reader: Witness) -> set[int]:
    """Who is shown to have met the very place that this reader met."""
    return {id(other) for other, place in case.history.beside(reader) if place.sameness >= Sameness.ACROSS}


def _among(case: Case, readers: Sequence[Witness]) -> Iterator[tuple[Witness, Witness]]:
    """Readers beside one of those that most of them agree with: who stands alone is the one to be told of."""
    groups: list[list[Witness]] = []
    agreeing: list[set[int]] = []
    for reader in readers:
        for group, beside in zip(groups, agreeing, strict=True):
            if id(reader) in beside or group[0].same_container(reader):
                group.append(reader)
                break
        else:
            groups.append([reader])
            agreeing.append(_placed(case, reader))
    groups.sort(key=len, reverse=True)
    first = groups[0][0] if groups else None
    for reader in itertools.chain.from_iterable(reversed(groups)):
        if first is not None and not reader.same_container(first) and reader.same_run(first) is not False:
            yield reader, first


def pair_of(reader: Witness, other: Witness, *, produced: bool) -> Pair:
    """Two sources, with the time between them: by one clock where they share one."""
    mine, theirs = reader.looks[-1:], other.looks[-1:]
    if not mine or not theirs:
        gap = reader.context.probe_started - other.context.probe_started
    elif reader.clock.shares(other.clock):
        gap = mine[0].tick - theirs[0].tick
    else:
        gap = mine[0].at - theirs[0].at
    return Pair(reader, other, produced, gap)


def who(witness: Witness) -> str:
    """The task, or what else names a source."""
    return witness.context.task or witness.context.pod or witness.name


def _name(witness: Witness) -> str:
    """What both sides may have in common: the file's own name. The path before it may differ by the mount point."""
    return posixpath.basename(posixpath.normpath(witness.reference.path))
