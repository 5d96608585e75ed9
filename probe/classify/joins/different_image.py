"""different-image: what two sides read, and what a registry holds, by their digests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from probe.classify import contents
from probe.classify.arrived import MOST, comparable
from probe.classify.case import Case, Reading
from probe.classify.contents import Contents, Level
from probe.classify.hypothesis import Scale
from probe.classify.joins.sides import Pair, pairs, who
from probe.classify.sameness import Sameness, same_place
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.classify.volumes import Apart, roots
from probe.classify.volumes import compare as volumes_compare
from probe.classify.witness import FAR, NEAR, SECOND, UNKNOWN_SKEW


def join(case: Case) -> Iterator[Assessment]:
    """Each reader beside the latest word of its producers, or beside other readers; each registry beside a path."""
    for _, group in itertools.groupby(pairs(case), key=lambda pair: id(pair.reader)):
        yield from _of_reader(case, [pair for pair in group if _one_kind(pair)])
    yield from (_arrived(case, reading) for reading in case.arrived[:MOST])


# -- two readers, or a reader and the producer


def _one_kind(pair: Pair) -> bool:
    """Whether both read by one transport: what differs there is the references, not the images."""
    return pair.reader.reference.transport == pair.other.reference.transport


def _of_reader(case: Case, asked: Sequence[Pair]) -> Iterator[Assessment]:
    """The reader's image beside those that it may have been meant to read.

    A producer may have said several things: the last one before the reader's look counts. One that agrees settles it,
    when no later word of a producer came in between.
    """
    said = [(pair, contents.of_witness(case, pair.other)) for pair in asked]
    known = [(pair, theirs) for pair, theirs in said if theirs is not None]
    if not known:
        return
    mine = contents.of_witness(case, known[0][0].reader)
    if mine is None:
        return
    if known[0][0].produced:
        before = [one for one in known if one[0].gap > 0]
        known = [min(before, key=lambda one: one[0].gap)] if before else known
    for pair, theirs in known:
        yield _weigh(pair, mine, theirs)


def _weigh(pair: Pair, mine: Contents, theirs: Contents) -> Assessment:
    scale, reader, other = Scale(Cause.DIFFERENT_IMAGE), pair.reader, pair.other
    level = contents.compare(mine, theirs)
    if level is Level.UNKNOWN:
        scale.miss(theirs.pointer if mine.known else mine.pointer, "the diff_ids of both images")
        return scale.not_assessable("the digests of both sides are not known")
    if level is not Level.NONE:
        scale.contradict(mine.pointer, f"{reader.name} and {other.name}: {contents.EXPLAINED[level]}")
        return scale.refuted("both sides have the same image")
    path, verb = reader.reference.path, "made" if pair.produced else "reads"
    scale.support(mine.pointer, f"{reader.name} reads {_digests(mine, theirs)}")
    scale.support(theirs.pointer, f"{other.name} {verb} {_digests(theirs, mine)}")
    statement = f"{who(reader)} reads another image from {path} than {who(other)} {verb}: {_short(mine, theirs)}"
    explained = _explained(pair, mine, theirs)
    if explained is not None:
        scale.contradict(*explained)
        return scale.possible(f"{statement}; {explained[1]}", component=path, remedy=_REMEDY)
    grade = _grade(scale, pair)
    return grade(statement, component=path, remedy=_REMEDY)


def _grade(scale: Scale, pair: Pair) -> Callable[..., Assessment]:
    """How the scale ends; what keeps it from ending higher is noted as missing."""
    reader, other = pair.reader, pair.other
    place, apart = same_place(reader, other), _apart(pair)
    for pointer, sentence in _doubts(pair, apart=apart):
        scale.miss(pointer, sentence)
    if place.sameness is not Sameness.NO:
        scale.support(place.pointer, f"one place, with another image at another time: {place.sentence}")
        if other.kind != "seal" and (pair.produced or not pair.one_run):
            return scale.possible  # a look before the build, or of another run, met what lay there then
    if pair.far or (pair.produced and pair.gap < 0 and not (pair.one_run and reader.context.role == "consumer")):
        return scale.possible
    return scale.likely if scale.missing else scale.confirmed


def _explained(pair: Pair, mine: Contents, theirs: Contents) -> tuple[str, str] | None:
    """Another name or another platform in one container is another choice, not another hand-over."""
    if mine.platform and theirs.platform and mine.platform != theirs.platform:
        return mine.pointer, f"one is for {mine.platform}, the other for {theirs.platform}"
    reading = pair.reader.reading
    for held in contents.all_of(reading) if reading is not None else ():
        if contents.compare(held, theirs) not in (Level.NONE, Level.UNKNOWN):
            name = ", ".join(held.names) or "without a name"
            return held.pointer, f"the other image lies in the same container ({name}): another tag was asked for"
    tags = [one.reference.tag for one in (pair.reader, pair.other)]
    if tags[0] != tags[1] and None not in tags:
        return mine.pointer, f"two names were asked for: {tags[0]} and {tags[1]}"
    return None


def _doubts(pair: Pair, *, apart: bool) -> Iterator[tuple[str, str]]:
    """What keeps it from being confirmed: pointer, and the observation that would decide."""
    reader, other = pair.reader, pair.other
    if pair.produced and pair.gap < 0:
        yield reader.at, "a look by the reader after the producer had finished: this one was made before"
    if not reader.clock.shares(other.clock) and abs(pair.gap) <= UNKNOWN_SKEW:
        yield reader.at, "two looks by one clock: which of them came first is not shown"
    if other.kind != "seal" and not apart:
        yield other.at, "the producer's seal: a look does not say that what it met was final"
    if not apart and not pair.one_run:
        yield other.at, "who wrote it in between: another run may have done so, and rightly"
    if apart and reader.reference.path != other.reference.path:
        yield other.at, f"that {other.reference.path} and {reader.reference.path} are meant to be one"
    if not pair.near:
        yield other.at, f"that both are of one run: {pair.distance} lie in between"
    elif not pair.produced:
        yield other.at, "the producer's own word (a seal, or its look): which of the two images it made"


def _apart(pair: Pair) -> bool:
    """Whether the two are shown to have looked into two volumes: then nobody wrote there in between."""
    met = roots(pair.reader, pair.other)
    return met is not None and volumes_compare(pair.reader, pair.other, *met).apart is Apart.SURE


# -- what arrived in a registry


def _arrived(case: Case, reading: Reading) -> Assessment:
    """A registry's image beside those at the paths of the case, and beside the producers' word."""
    scale, held = Scale(Cause.DIFFERENT_IMAGE), contents.of_reading(reading)
    reference = reading.report.reference.text
    if held is None:
        scale.miss(reading.at("image"), f"what {reference} holds")
        return scale.not_assessable(f"what {reference} holds was not seen")
    levels = [(contents.compare(held, one.contents), one) for one in comparable(case, reading)]
    same = next((pair for pair in levels if pair[0] not in (Level.NONE, Level.UNKNOWN)), None)
    if same is not None:
        scale.contradict(held.pointer, f"{reference} and {same[1].reference.text}: {contents.EXPLAINED[same[0]]}")
        return scale.refuted("what arrived is what was built")
    one = next((one for level, one in levels if level is Level.NONE), None)
    if one is None:
        scale.miss(held.pointer, "the diff_ids of both images" if levels else "the image that was pushed, or its seal")
        return scale.not_assessable("the digests of both sides are not known")
    scale.support(held.pointer, f"{reference} holds {_digests(held, one.contents)}")
    scale.support(one.contents.pointer, f"{one.reference.text} holds {_digests(one.contents, held)}")
    statement = f"{reference} holds another image than {one.reference.text}: {_short(held, one.contents)}"
    here, there = held.platform, one.contents.platform
    if here and there and here != there:
        scale.contradict(held.pointer, f"one is for {here}, the other for {there}")
        return scale.possible(f"{statement}; for {here}, not {there}", component=reference, remedy=_PUSH)
    gap = abs(reading.report.started - one.at)
    if gap <= NEAR:
        return scale.confirmed(statement, component=reference, remedy=_PUSH)
    apart = f"{gap / SECOND / 60:.0f} minutes lie between them, and tags move"
    scale.miss(one.contents.pointer, f"two looks at one time: {apart}")
    grade = scale.likely if gap <= FAR else scale.possible
    return grade(statement, component=reference, remedy=_PUSH)


# -- words


def _digests(mine: Contents, theirs: Contents) -> str:
    """What an image goes by, with the diff_id that tells it from the other one."""
    manifest = f"manifest {mine.manifests[0]} with " if mine.manifests else ""
    number = _first_difference(mine, theirs)
    if number >= len(mine.diff_ids):
        return f"{manifest}{len(mine.diff_ids)} layers, which are the first of the other image"
    return f"{manifest}diff_id {number + 1} of {len(mine.diff_ids)} {mine.diff_ids[number]}"


def _short(mine: Contents, theirs: Contents) -> str:
    """Enough to tell the two apart."""
    number = _first_difference(mine, theirs)
    if number >= min(len(mine.diff_ids), len(theirs.diff_ids)):
        return f"{len(mine.diff_ids)} layers, not {len(theirs.diff_ids)}"
    ours, other = (one.diff_ids[number].partition(":")[2][:12] for one in (mine, theirs))
    return f"diff_id {number + 1} is {ours}, not {other}"


def _first_difference(mine: Contents, theirs: Contents) -> int:
    pairs_of_layers = zip(mine.diff_ids, theirs.diff_ids, strict=False)
    shorter = min(len(mine.diff_ids), len(theirs.diff_ids))
    return next((number for number, (a, b) in enumerate(pairs_of_layers) if a != b), shorter)


_HAND_ON = Fix(
    sentence="Hand the digest of the image on as a result of the build, and let every push compare it with what it is "
    "about to read (probe wait --until sealed): another image then stops the run."
)
_REMEDY = Remedy(
    smallest=Fix(
        sentence="Find out what else writes there: another run on the same claim, or another claim at the same path; "
        "then push again."
    ),
    structural=_HAND_ON,
)
_PUSH = Remedy(
    smallest=Fix(sentence="Push again from the image that was built, and compare once more."), structural=_HAND_ON
)
