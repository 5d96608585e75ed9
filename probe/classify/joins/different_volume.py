"""different-volume: the roots of the volumes of two sides, side by side."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from probe.classify import contents
from probe.classify.case import Case
from probe.classify.contents import Level
from probe.classify.hypothesis import Scale
from probe.classify.joins.sides import Pair, pairs, who
from probe.classify.sameness import Sameness, same_place
from probe.classify.verdict import Assessment, Cause, Fix, Remedy, Status
from probe.classify.volumes import Apart, Comparison, Root, compare, roots

_MOST_COPIES = 4
"""Notes of copies."""


def join(case: Case) -> Iterator[Assessment]:
    """Each reader beside its producers, or beside the other readers of its path."""
    for pair in pairs(case):
        yield _weigh(case, pair)


def copies(case: Case) -> list[str]:
    """A sentence for each two tasks that look into two volumes with one image in them: that does no harm."""
    held = (one for one in join(case) if one.status is Status.POSSIBLE and one.contradicts)
    found = (f"two volumes hold the same image at {one.component}: {one.statement}" for one in held)
    return list(dict.fromkeys(found))[:_MOST_COPIES]


def _weigh(case: Case, pair: Pair) -> Assessment:
    scale, reader, other = Scale(Cause.DIFFERENT_VOLUME), pair.reader, pair.other
    place = same_place(reader, other)
    if place.sameness >= Sameness.ACROSS:
        scale.contradict(place.pointer, f"{reader.name} and {other.name} saw one place: {place.sentence}")
        return scale.refuted("both sides looked into one volume")
    met = roots(reader, other)
    if met is None:
        scale.miss(reader.at, f"the root of the volume as both met it: {reader.name} and {other.name}")
        return scale.not_assessable("where the volume begins was not seen by both sides")
    ours, theirs = met
    found = compare(reader, other, ours, theirs)
    if found.apart is Apart.NO:
        return _undecided(scale, pair, ours, theirs, found)
    scale.support(ours.pointer, f"{reader.name} met {ours.path} as {ours.words}")
    scale.support(theirs.pointer, f"{other.name} met {theirs.path} as {theirs.words}")
    scale.support(ours.mount_pointer or ours.pointer, found.sentence)
    part = _part_of_volume(ours, theirs)
    if part is not None:
        scale.support(ours.mount_pointer, part)
    return _graded(case, scale, pair, ours, theirs, found)


def _undecided(scale: Scale, pair: Pair, ours: Root, theirs: Root, found: Comparison) -> Assessment:
    scale.contradict(theirs.pointer, f"{ours.path}: {ours.words}; {theirs.path}: {theirs.words}: {found.sentence}")
    scale.miss(pair.reader.at, "both sides at one time on one node, or the claims that the two pods are bound to")
    return scale.not_assessable("what was seen of the two volumes does not tell them apart")


def _graded(case: Case, scale: Scale, pair: Pair, ours: Root, theirs: Root, found: Comparison) -> Assessment:
    reader, other = pair.reader, pair.other
    path = reader.reference.path
    statement = (
        f"{who(reader)} looks into another volume at {ours.path} than {who(other)} "
        f"{'wrote to' if pair.produced else 'does'}: inode {ours.inode.inode} of device {ours.inode.device}, not "
        f"{theirs.inode.inode} of {theirs.inode.device}"
    )
    remedy = _remedy(pair)
    here, there = contents.of_witness(case, reader), contents.of_witness(case, other)
    level = contents.compare(here, there) if here is not None and there is not None else Level.UNKNOWN
    if here is not None and there is not None and level not in (Level.NONE, Level.UNKNOWN):
        scale.contradict(here.pointer, f"both volumes hold the same image: {contents.EXPLAINED[level]}")
        scale.miss(there.pointer, "how the copy gets there; it does no harm as long as it is the same")
        return scale.possible(f"{statement}; the image there is a copy of the same", component=path, remedy=remedy)
    if here is not None and there is not None and level is Level.NONE:
        scale.support(here.pointer, f"{who(reader)} reads another image there: its diff_ids differ")
    if pair.far:
        scale.miss(other.at, f"that both are of one run: {pair.distance} lie in between")
        return scale.possible(statement, component=path, remedy=remedy)
    doubts = list(_doubts(pair, ours, theirs, found))
    for pointer, sentence in doubts:
        scale.miss(pointer, sentence)
    grade = scale.likely if doubts else scale.confirmed
    return grade(statement, component=path, remedy=remedy)


def _doubts(pair: Pair, ours: Root, theirs: Root, found: Comparison) -> Iterator[tuple[str, str]]:
    """What keeps it from being confirmed: pointer, and the observation that would decide."""
    reader, other = pair.reader, pair.other
    if found.apart is not Apart.SURE:
        yield other.at, "both sides at one time on one node, or the claims that the two pods are bound to"
    if ours.mount is None and theirs.mount is None:
        yield other.at, "what is mounted there, as each of the two pods sees it"
    elif other.reading is None:
        yield other.at, "a report of the producer: a seal or a watch does not show what is mounted"
    if reader.reference.path != other.reference.path:
        yield other.at, f"that {other.reference.path} and {reader.reference.path} are meant to be one"
    if not pair.near:
        yield other.at, f"that both are of one run: {pair.distance} lie in between"
    elif not pair.produced and not pair.one_run:
        yield other.at, "that both are of one run (--context pipeline-run=NAME), or the producer's own look"


def _part_of_volume(ours: Root, theirs: Root) -> str | None:
    """A subPath is another root on the same device."""
    if ours.mount is None or theirs.mount is None or ours.mount.device != theirs.mount.device:
        return None
    here, there = ours.mount.root, theirs.mount.root
    if here == there:
        return None
    if "/" in (here, there) or here.startswith(there + "/") or there.startswith(here + "/"):
        return f"one of them is a part of the other (subPath): {here} here, {there} there"
    return f"two parts of one file system: {here} here, {there} there; another claim, or another subPath"


def _remedy(pair: Pair) -> Remedy:
    reader, other = who(pair.reader), who(pair.other)
    pods = [one.context.pod for one in (pair.reader, pair.other) if one.context.pod is not None]
    namespace = pair.reader.context.namespace
    command = None
    if len(pods) == 2:
        words = ["kubectl", "get", "pod", *(["-n", namespace] if namespace else []), *pods, "-o", "json"]
        command = shlex.join(words) + " | grep claimName"
    return Remedy(
        smallest=Fix(
            sentence=f"Bind the workspace of {reader} to the claim (and the subPath) that {other} has: in the "
            "pipeline's task, name the same workspace of the run.",
            command=command,
        ),
        structural=Fix(
            sentence="Hand the digest of the image on as a result of the build, and let every push compare it with "
            "what it is about to read (probe wait --until sealed): a volume with something else in it then stops the "
            "run."
        ),
    )
