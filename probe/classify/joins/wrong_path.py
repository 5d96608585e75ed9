"""wrong-path over several sources: the producer names where the image is."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from probe.classify.case import Case
from probe.classify.hypotheses.wrong_path import ONE_NAME
from probe.classify.hypothesis import Scale
from probe.classify.joins.sides import Pair, pair_of, who
from probe.classify.remedy import reference_words
from probe.classify.roles import Role, cast
from probe.classify.sameness import Sameness, same_place
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.classify.volumes import Apart, compare, roots, tail_of, volume_of
from probe.classify.witness import Witness

_MOST = 64
"""Readers, and producers that each is compared with."""


def join(case: Case) -> Iterator[Assessment]:
    """Readers that found nothing, beside the one path that producers name and fill."""
    lost = [one for one in case.history.reports if one.reads and _is_absent(one)][:_MOST]
    made = [one for one in case.history.all if cast(case, one).role is Role.PRODUCER and not one.predicted][:_MOST]
    for reader in lost:
        producers = [one for one in made if reader.same_run(one) is not False]
        if any(_norm(one) == _norm(reader) for one in producers):
            continue  # the path is right: it came later, or lies on another volume
        filled = [one for one in producers if one.looks and one.looks[-1].present]
        if len({_norm(one) for one in filled}) == 1 and not _meant(reader, filled[0]):
            yield _weigh(pair_of(reader, filled[0], produced=True))


def _weigh(pair: Pair) -> Assessment:
    scale, reader, maker = Scale(Cause.WRONG_PATH), pair.reader, pair.other
    path, there = reader.reference.path, _as_reader_sees(reader, maker)
    assert reader.reading is not None
    scale.support(reader.reading.truth_at, f"{reader.name}: nothing is at {path}")
    header = f"{maker.at}/watch" if maker.kind == "watch" else maker.at
    scale.support(f"{header}/reference/path", f"{maker.name} names {maker.reference.path}, and something is there")
    scale.miss(maker.at, "that no other task makes what this one wants to read")
    kind = maker.reference.transport if maker.reference.transport != "path" else reader.reference.transport
    statement = f"nothing is at {path}; {who(maker)} wrote {maker.reference.text}"
    remedy = Remedy(
        smallest=Fix(
            sentence="Name the path that the producer wrote, in every task.",
            command=reference_words(kind, there, maker.reference.tag),
        ),
        structural=ONE_NAME,
    )
    if pair.near:
        return scale.likely(statement, component=path, remedy=remedy)
    scale.miss(maker.at, f"that both are of one run: {pair.distance} lie in between")
    return scale.possible(statement, component=path, remedy=remedy)


def _is_absent(witness: Witness) -> bool:
    return witness.reading is not None and witness.reading.absent and not witness.reading.granted


def _meant(reader: Witness, maker: Witness) -> bool:
    """Whether both paths may lead to one place: another mount point of the same volume."""
    return same_place(reader, maker).sameness >= Sameness.ACROSS or roots(reader, maker) is not None


def _as_reader_sees(reader: Witness, maker: Witness) -> str:
    """The producer's path, where the reader has the same volume mounted."""
    ours, theirs = volume_of(reader), volume_of(maker)
    if ours is None or theirs is None or compare(reader, maker, ours, theirs).apart is not Apart.NO:
        return maker.reference.path
    if ours.inode.inode != theirs.inode.inode:
        return maker.reference.path
    return posixpath.join(ours.path, tail_of(maker, theirs))


def _norm(witness: Witness) -> str:
    return posixpath.normpath(witness.reference.path)
