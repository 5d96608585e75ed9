"""The case over time: who looked at what and when, and which of them saw one place."""

from __future__ import annotations

import itertools
import posixpath
from functools import cached_property

from probe.classify.case import Case
from probe.classify.looking import from_report
from probe.classify.sameness import Place, Sameness, same_place
from probe.classify.staying import from_seal, from_timeline
from probe.classify.witness import Witness

MOST_PAIRS = 4_096
"""Of witnesses that are compared in a large case."""


class History:
    """All witnesses of a case."""

    def __init__(self, case: Case) -> None:
        self.reports = tuple(from_report(reading) for reading in case)
        self.watches = tuple(from_timeline(number, one) for number, one in enumerate(case.timelines))
        self.seals = tuple(from_seal(number, one) for number, one in enumerate(case.seals))

    @property
    def all(self) -> tuple[Witness, ...]:
        """Reports, watches, seals."""
        return self.reports + self.watches + self.seals

    @property
    def readers(self) -> tuple[Witness, ...]:
        """Whose failures are to be explained: the readers' reports. Without any report, who watched."""
        return tuple(one for one in self.reports if one.reads) if self.reports else self.watches

    @cached_property
    def _joined(self) -> dict[int, tuple[tuple[Witness, Place], ...]]:
        by_name: dict[str, list[Witness]] = {}
        for one in self.all:
            if not one.predicted:
                for name in _last_names(one):
                    by_name.setdefault(name, []).append(one)
        found: dict[int, tuple[tuple[Witness, Place], ...]] = {}
        left = MOST_PAIRS
        for reader in self.readers:
            named = (other for name in _last_names(reader) for other in by_name.get(name, ())) if left else ()
            others = {id(other): other for other in named}
            placed = []
            for other in itertools.islice(others.values(), left):
                left -= 1
                if other is not reader and reader.same_run(other) is not False:
                    place = same_place(reader, other)
                    if place.sameness is not Sameness.NO:
                        placed.append((other, place))
            found[id(reader)] = ((reader, same_place(reader, reader)), *placed)
        return found

    def beside(self, reader: Witness) -> tuple[tuple[Witness, Place], ...]:
        """The reader itself, then all others that saw the same place, with how far that is shown."""
        return self._joined.get(id(reader), ())


def _last_names(witness: Witness) -> tuple[str, ...]:
    """What the target is called: by the reference, and where links lead to."""
    names = {posixpath.basename(witness.reference.path.rstrip("/"))}
    names.update(posixpath.basename(anchor.path) for anchor in witness.anchors if anchor.tail == "")
    return tuple(sorted(names))
