"""One image under several digests: why the manifests differ although the contents are the same."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify import contents
from probe.classify.case import Case
from probe.classify.contents import Contents, Level

_MOST = 64
"""Images of a case that are looked at."""


def encodings(case: Case) -> Iterator[str]:
    """A sentence for each image that was met under several manifest digests."""
    groups: dict[tuple[str, ...], list[tuple[str, Contents]]] = {}
    for name, held in _held(case):
        if held.known:
            groups.setdefault(held.diff_ids, []).append((name, held))
    for group in groups.values():
        first = group[0]
        levels = {contents.compare(first[1], other): name for name, other in group[1:]}
        for level in (Level.CONFIG, Level.LAYERS):
            if level in levels:
                yield (
                    f"the manifest digests of {first[0]} and {levels[level]} differ, and it is one image: "
                    f"{contents.EXPLAINED[level]}"
                )


def _held(case: Case) -> Iterator[tuple[str, Contents]]:
    for reading in case.readings[:_MOST]:
        held = contents.of_reading(reading)
        if held is not None:
            yield reading.report.reference.text, held
    for witness in case.history.seals[:_MOST] if case.seals else ():
        held = contents.of_witness(case, witness)
        if held is not None:
            yield f"the seal of {witness.reference.text}", held
