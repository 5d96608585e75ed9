"""archive-in-progress over several sources."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from probe.classify.case import Case
from probe.classify.hypotheses.archive_in_progress import EARLY
from probe.classify.hypothesis import Scale
from probe.classify.joins.graded import graded
from probe.classify.order import Order, before, last, writes, written
from probe.classify.remedy import RUN_AFTER, publish
from probe.classify.sameness import Place, Sameness, one_inode
from probe.classify.stability import unfinished
from probe.classify.verdict import Assessment, Cause, Remedy
from probe.classify.witness import SECOND, Look, Witness, ticks
from probe.evidence.base import format_timestamp
from probe.evidence.path import FileType, Inode, Want


def join(case: Case) -> Iterator[Assessment]:
    """A reader that met an unfinished archive, and a writer that others saw at work then, or finish later."""
    if not case.reports:
        yield from (_watched(case, watch) for watch in case.history.watches)
        return
    for reader in case.history.readers:
        failed = _failure(reader)
        if failed is None:
            continue
        for other, place in case.history.beside(reader):
            if place.sameness is not Sameness.NO and not (other is reader and len(reader.looks) < 2):
                yield from _weigh_pair(case, reader, other, failed, place)


def _weigh_pair(case: Case, reader: Witness, other: Witness, failed: Failed, place: Place) -> Iterator[Assessment]:
    path = reader.reference.path
    for found in _writing(case, reader, other, failed):
        scale = Scale(Cause.ARCHIVE_IN_PROGRESS)
        scale.support(failed.pointer, f"{reader.name}: {failed.sentence}")
        for pointer, sentence in found.claims:
            scale.support(pointer, sentence)
        if other is not reader:
            scale.support(place.pointer, f"one place: {place.sentence}")
        if not found.certain:
            scale.miss(failed.pointer, "that the writer was at work in that very moment")
        remedy = Remedy(smallest=RUN_AFTER, structural=publish(path))
        yield graded(
            scale,
            f"{path} was still being written when it was read",
            remedy,
            path,
            place,
            found.order,
            reader.same_run(other),
            sure=found.certain,
        )


def _watched(case: Case, watch: Witness) -> Assessment:
    """A watch alone: nobody is known to have read, so writing is no fault unless it never came to an end."""
    scale, path = Scale(Cause.ARCHIVE_IN_PROGRESS), watch.reference.path
    wrote = last(writes(watch))
    if wrote is None:
        scale.miss(watch.at, "a write in the time of the watch, and a reader's report")
        return scale.not_assessable("nobody was seen to write")
    early, late = wrote
    scale.support(late.pointer, f"{watch.name}: {_sides(early, late)}")
    scale.miss(watch.at, "a reader's report: when it read, and what it met")
    moments = case.timelines[watch.number].moments
    ended = next((moment for moment in reversed(moments) if moment.change in _ENDS), None)
    if ended is not None and ticks(ended.monotonic) >= late.tick:
        scale.contradict(f"{watch.at}/moments/{moments.index(ended)}", f"afterwards: {ended.sentence}")
        return scale.possible(
            f"{path} was being written until {format_timestamp(late.at)}: who read before that met a part of it"
        )
    remedy = Remedy(smallest=RUN_AFTER, structural=publish(path))
    return scale.possible(
        f"{path} was written to, last at {format_timestamp(late.at)}, and was not seen to be finished",
        component=path,
        remedy=remedy,
    )


_ENDS = frozenset({"closed-after-writing", "complete", "sealed"})
_ABOUT = 5 * SECOND
"""How far a look by the process that ran the command may lie from its start or its end to be one at that moment."""
_PAUSE = 10 * SECOND
"""Between two writes that are surely one writer's: a build that is started again takes longer to come to it."""


@dataclass(frozen=True)
class Failed:
    """A reader's failure by an unfinished archive: when by CLOCK_MONOTONIC of its node, and by what it is known."""

    began: int
    """When the reading began."""
    since: int
    """The failure came not before this, and by `ended`: a message counts whole seconds."""
    ended: int
    at: int
    pointer: str
    sentence: str
    by_command: bool

    @property
    def look(self) -> Look:
        """As a moment that others can be compared with."""
        return Look(self.at, self.ended, self.pointer)


@dataclass(frozen=True)
class Writing:
    """What shows a writer at work at that moment or after it."""

    certain: bool
    order: Order
    claims: tuple[tuple[str, str], ...]


def _failure(reader: Witness) -> Failed | None:
    reading = reader.reading
    if reading is None or reading.report.want is not Want.READ:
        return None
    command, clock = reading.report.command, reader.clock
    for number, failure in reading.messages.failures:
        failed = reading.messages.failed_by(failure)
        if reading.messages.is_elsewhere(failure):
            continue
        if failure.kind in EARLY and failed is not None and not reading.messages.is_stale(failure):
            began = command.started if command is not None and command.started is not None else failure.at
            return Failed(
                clock.monotonic(began if began is not None else failed),
                clock.monotonic(failure.at if failure.at is not None else failed),
                clock.monotonic(failed),
                failed,
                reading.messages.place_of(number),
                f"the command failed by {format_timestamp(failed)} ({failure.kind}): {failure.text}",
                command is not None and command.started is not None,
            )
    why, image = unfinished(reading), reading.report.image
    if why is None:
        return None
    at = clock.monotonic(image.at)
    return Failed(at, at, at, image.at, reading.image_at("complete"), why, by_command=False)


def _writing(case: Case, reader: Witness, other: Witness, failed: Failed) -> Iterator[Writing]:
    """Strongest first: writes on both sides of the failure, one around it, one after it, the producer's word."""
    shares = other.clock.shares(reader.clock) or other is reader
    pairs = list(writes(other)) if shares else []
    both = _around(pairs, failed, None if reader.remote else reader.clock.stepped(other.clock))
    if both is not None and not _interrupted(case, other, both):
        (first, second), (third, fourth) = both
        yield Writing(
            fourth.tick - second.tick <= _PAUSE,
            Order(True, (fourth.tick - failed.ended) / SECOND, ""),
            (
                (second.pointer, f"{other.name}: {_sides(first, second)}, before it failed"),
                (fourth.pointer, f"{other.name}: {_sides(third, fourth)}, {_after(fourth, failed)}"),
            ),
        )
    for early, late in _across(reader, other, failed):
        during = failed.by_command and early.tick >= failed.began - _ABOUT and late.tick <= failed.ended + _ABOUT
        yield Writing(
            during and shares and _one_writer(reader, early, late, failed),
            Order(shares, (late.tick - failed.ended) / SECOND, ""),
            ((late.pointer, f"{other.name}: {_sides(early, late)}, around the failure"),),
        )
        break
    met = last(look for look in reader.looks if look.inode is not None and look.tick <= failed.ended)
    for look in other.looks:
        order = before(reader, failed.look, other, look)
        inode = look.inode
        if order is None or inode is None or inode.type is FileType.DIRECTORY or not _same_file(reader, inode):
            continue
        step = reader.clock.stepped(other.clock) if shares else 0
        if not shares or inode.modified <= failed.at + step:
            continue
        if met is not None and met.inode is not None and met.inode.modified == inode.modified:
            continue  # as it was before the failure: a clock that was set back shows it as later
        yield Writing(*_finished(reader, other, look, failed, order, met))
        break


def _one_writer(reader: Witness, early: Look, late: Look, failed: Failed) -> bool:
    """Whether it grew while the reader was at it: not by another writer who began after a failure by something old."""
    old, new = early.inode, late.inode
    if old is None or new is None or new.size <= old.size:
        return False
    return new.modified - old.modified <= _PAUSE or (not reader.remote and new.modified <= failed.at)


def _finished(
    reader: Witness, other: Witness, look: Look, failed: Failed, order: Order, met: Look | None
) -> tuple[bool, Order, tuple[tuple[str, str], ...]]:
    """The same file was modified after the failure; its producer, at work since before it, sealed it later."""
    assert look.inode is not None
    when = f"{format_timestamp(look.inode.modified)}, after the failure ({format_timestamp(failed.at)})"
    pointer = look.pointer if other.kind != "seal" else f"{other.at}/inode/modified"
    claims = [(pointer, f"{other.name}: the same file was modified {when}")]
    at_work = False
    if other.kind == "seal":
        claims.append((f"{other.at}/at", f"its producer sealed it {format_timestamp(look.at)}, {order.sentence}"))
        began = other.container + other.margin if other.container is not None else None
        if began is not None and began < failed.began and met is not None and met.inode is not None:
            # What was last written before that is what another one left, and this one wrote over.
            at_work = reader.clock.monotonic(met.inode.modified) > began
        if at_work:
            claims.append(
                (
                    f"{other.at}/context/container_started",
                    "its producer's container ran before the reader began, and before the last write to what that met",
                )
            )
    return at_work and not reader.remote, order, tuple(claims)


def _around(
    pairs: Sequence[tuple[Look, Look]], failed: Failed, step: int | None
) -> tuple[tuple[Look, Look], tuple[Look, Look]] | None:
    """The last write before the failure and the first one after it. `step`: see `_wrote_after`."""
    earlier = [pair for pair in pairs if pair[1].tick <= failed.since]
    later = [pair for pair in pairs if _wrote_after(pair, failed, step)]
    return (earlier[-1], later[0]) if earlier and later else None


def _wrote_after(pair: tuple[Look, Look], failed: Failed, step: int | None) -> bool:
    """By two looks after the failure, or by a modification time after it, where this node stamps those (`step`)."""
    early, late = pair
    if late.tick <= failed.ended:
        return False
    stamped = step is not None and late.inode is not None and late.inode.modified > failed.at + step
    return early.tick >= failed.ended or stamped


def _interrupted(case: Case, other: Witness, both: tuple[tuple[Look, Look], tuple[Look, Look]]) -> bool:
    """Whether what was written on both sides may be of two writers: finished, shrunk or replaced in between."""
    start, stop = both[0][0].tick, both[1][1].tick
    sizes = [look.inode for look in other.looks if look.inode is not None and start <= look.tick <= stop]
    for old, new in itertools.pairwise(sizes):
        if not one_inode(old, new) or new.size < old.size:
            return True
    if other.kind != "watch":
        return False
    moments = [moment for moment in case.timelines[other.number].moments if start <= ticks(moment.monotonic) <= stop]
    if any(late.number != early.number + 1 for early, late in itertools.pairwise(moments)):
        return True  # a line is lost: it may have told it
    return any(moment.change in _BREAKS and ticks(moment.monotonic) < stop for moment in moments)


_BREAKS = frozenset({*_ENDS, "vanished", "replaced", "renamed", "shrank", "appeared"})


def _across(reader: Witness, other: Witness, failed: Failed) -> Iterator[tuple[Look, Look]]:
    """Pairs of looks on both sides of the failure, of the reader or of the other one, between which it was written."""
    if not (other is reader or other.clock.shares(reader.clock)):
        return
    looks = sorted({*reader.looks, *other.looks}, key=lambda look: look.tick)
    seen = [look for look in looks if look.inode is not None]
    for early, late in itertools.pairwise(seen):
        if written(early.inode, late.inode) and early.tick <= failed.ended <= late.tick:
            yield early, late


def _same_file(reader: Witness, inode: Inode) -> bool:
    """Whether this is the file that the reader met."""
    met = [one.inode for one in reader.anchors if one.tail == ""]
    if not met:
        met = [look.inode for look in reader.looks if look.inode is not None]
    return any(one_inode(one, inode) for one in met)


def _sides(early: Look, late: Look) -> str:
    assert early.inode is not None and late.inode is not None
    gap = (late.tick - early.tick) / SECOND
    if early.inode.size != late.inode.size:
        return f"{early.inode.size} bytes, then {late.inode.size}, {gap:.2f} s later"
    return f"modified {format_timestamp(early.inode.modified)}, then {format_timestamp(late.inode.modified)}"


def _after(look: Look, failed: Failed) -> str:
    return f"{(look.tick - failed.ended) / SECOND:.2f} s after it failed"
