"""access-healed over several sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from probe.access.walk import judge
from probe.classify.case import REFUSALS, Case, Reading
from probe.classify.denial import Denial, denial_of
from probe.classify.hypotheses.access_healed import gained_names, who_may
from probe.classify.hypothesis import Scale
from probe.classify.joins.graded import Blame, blame, graded
from probe.classify.order import Order, before
from probe.classify.remedy import UMASK, publish
from probe.classify.sameness import Place, Sameness
from probe.classify.sweep import sweep_seen, sweep_would_grant
from probe.classify.verdict import Assessment, Cause, Remedy
from probe.classify.witness import SECOND, Anchor, Look, Witness
from probe.evidence.base import format_timestamp
from probe.evidence.observation import Seen
from probe.evidence.path import Inode


def join(case: Case) -> Iterator[Assessment]:
    """Refused in one look, granted in a later one: of one container, or of one watch."""
    for reader in case.history.readers:
        refused = [look for look in reader.looks if look.tried is not None and look.errno in REFUSALS]
        for other, place in case.history.beside(reader):
            if not refused or (other is reader and reader.reading is not None):
                continue  # what one report shows alone is weighed alone
            if other.kind == "watch" and other is not reader and reader.reading is not None:
                yield from _opened_later(reader, refused[-1], other, place)
            if other.predicted or other.who != reader.who or not other.asks_the_same(reader):
                continue
            pair = _refused_then_granted(reader, refused, other)
            if pair is not None:
                yield _weigh_pair(case, reader, other, pair, place)


def _weigh_pair(
    case: Case, reader: Witness, other: Witness, pair: tuple[Look, Look, Order], place: Place
) -> Assessment:
    refused, granted, order = pair
    scale, path = Scale(Cause.ACCESS_HEALED), reader.reference.path
    scale.support(refused.pointer, f"{reader.name}: {refused.tried}: {refused.errno}")
    scale.support(granted.pointer, f"{other.name}: {granted.tried}: granted to the same identity, {order.sentence}")
    scale.support(place.pointer, f"one place: {place.sentence}")
    remedy = Remedy(smallest=UMASK, structural=publish(path))
    change = _change_shown(reader, refused, other, granted)
    if not reader.same_container(other):
        return _elsewhere(scale, reader, other, (refused, granted), change)
    what = "process" if reader.same_process(other) else "container"
    statement = f"access to {path} was denied, then granted to the same {what}"
    if change is None:
        scale.miss(other.at, "the inode change in between: race not shown")
        return scale.possible(f"race not shown: {statement}", component=path, remedy=remedy)
    scale.support(change.pointer, change.sentence)
    if not change.certain:
        scale.miss(change.pointer, "the change by this node's own clock, or by a look before and after")
    blamed, command = blame(case, reader, refused, *REFUSALS)
    if blamed is Blame.NO:
        scale.contradict(command, f"the command of that time does not say that it was refused: {blamed.value}")
        return scale.possible(f"access to {path} was denied when the command began, and is granted now")
    if blamed is Blame.SILENT:
        scale.miss(command, "a message of the command that it was refused")
    elif blamed is Blame.YES:
        scale.support(command, "the command that ran then says that it was refused")
    sure = change.certain and blamed is not Blame.SILENT
    return graded(scale, statement, remedy, path, place, order, reader.same_run(other), sure=sure)


def _elsewhere(
    scale: Scale, reader: Witness, other: Witness, pair: tuple[Look, Look], change: Change | None
) -> Assessment:
    """That it worked in another container proves no race: what starts a pod may be what healed it."""
    refused, granted = pair
    if change is not None:
        scale.support(change.pointer, change.sentence)
    started = other.container
    if started is not None and other.clock.shares(reader.clock):
        when = "after" if started > refused.tick else "before"
        scale.contradict(
            f"{other.at}/context/container_started",
            f"another container, started {abs(started - refused.tick) / SECOND:.1f} s {when} the refusal"
            + (": its own pod's sweep may be what healed it" if when == "after" else ""),
        )
    sweep = sweep_seen(other.reading) if other.reading is not None else None
    if sweep is not None and sweep.own:
        scale.contradict(sweep.pointer, sweep.sentence)
    scale.miss(granted.pointer, "a grant in the very container that was refused: race not shown")
    return scale.possible("race not shown: what was refused here was granted in another container, later")


def _opened_later(reader: Witness, refused: Look, watch: Witness, place: Place) -> Iterator[Assessment]:
    """A watch that was there already saw what refused this reader change, so that it would refuse no more."""
    reading, began = reader.reading, watch.looks[0].tick if watch.looks else None
    denial = denial_of(reading) if reading is not None else None
    if denial is None or reading is None or place.sameness is not Sameness.SURE or began is None:
        return
    if began > refused.tick or not watch.clock.shares(reader.clock):
        return
    tails = {anchor.tail for anchor in reader.anchors if anchor.path == denial.path}
    for anchor in watch.anchors:
        inode = anchor.inode
        if anchor.tick <= refused.tick or anchor.tail not in tails or who_may(inode) == who_may(denial.inode):
            continue
        if not anchor.pointer.endswith("/after") or not _would_pass(reading, denial, inode):
            continue
        scale, path = Scale(Cause.ACCESS_HEALED), reader.reference.path
        scale.support(refused.pointer, f"{reader.name}: {refused.tried}: {refused.errno}")
        scale.support(
            anchor.pointer,
            f"{watch.name} saw {anchor.path} change {(anchor.tick - refused.tick) / SECOND:.3f} s later by one clock: "
            f"{_rights_text(denial.inode)}, then {_rights_text(inode)}, which would let this identity pass",
        )
        scale.support(place.pointer, f"one place: {place.sentence}")
        scale.miss(reading.at("attempts"), "a grant to the reader itself after the change")
        statement = f"access to {path} was denied; what denied it was opened afterwards"
        if not sweep_would_grant(inode, inode.gid):
            scale.contradict(anchor.pointer, "it then looks as the sweep of a starting pod leaves it, which is no race")
            yield scale.possible(f"race not shown: {statement}", component=path)
            return
        remedy = Remedy(smallest=UMASK, structural=publish(path))
        order = Order(True, (anchor.tick - refused.tick) / SECOND, "")
        yield graded(scale, statement, remedy, path, place, order, reader.same_run(watch), sure=False)
        return


def _would_pass(reading: Reading, denial: Denial, inode: Inode) -> bool:
    """Whether the access model lets the reader pass what refused it, with this state of it."""
    chain, known = reading.judged_chain, reading.components[denial.index].inode
    if chain is None or not isinstance(known, Seen):
        return False
    component = reading.components[denial.index].model_copy(update={"inode": known.model_copy(update={"value": inode})})
    components = (*chain.components[: denial.index], component, *chain.components[denial.index + 1 :])
    judgement = judge(
        reading.credentials,
        chain.model_copy(update={"components": components}),
        reading.report.want,
        mount=reading.mount,
        protected_symlinks=reading.protects_symlinks,
    )
    return judgement.denial is None or judgement.denial.index != denial.index


@dataclass(frozen=True)
class Change:
    """What shows that the path changed between a refusal and a grant."""

    pointer: str
    sentence: str
    certain: bool


def _refused_then_granted(reader: Witness, refused: Sequence[Look], other: Witness) -> tuple[Look, Look, Order] | None:
    """The first refusal with the first grant of the same call after it, as far as one clock tells."""
    for look in other.looks:
        if look.tried is None or look.errno is not None:
            continue
        for early in reversed(refused):
            order = before(reader, early, other, look) if early.tried == look.tried else None
            if order is not None and order.certain:
                return early, look, order
    return None


def _change_shown(reader: Witness, refused: Look, other: Witness, granted: Look) -> Change | None:
    """A component with other rights (which needs no clock), or one whose ctime lies between the two moments.

    Where the model knows which component refused, only that one counts, or the target itself.
    """
    reading = reader.reading
    denial = denial_of(reading) if reading is not None else None
    explained = reading is None or denial is not None
    for before_, after in _pairs(reader, refused, other, granted):
        if denial is not None and before_.path != denial.path and before_.tail != "":
            continue
        old, new = before_.inode, after.inode
        if who_may(old) != who_may(new) and (denial is None or before_.path == denial.path):
            return Change(
                after.pointer,
                f"{after.path}: {_rights_text(old)} when it was refused, {_rights_text(new)} later",
                certain=explained,
            )
        step = reader.clock.stepped(other.clock)
        local = not (reader.remote or other.remote)
        at = other.clock.monotonic(new.changed)
        if refused.tick + step < at <= granted.tick + step and not gained_names(new):
            return Change(
                f"{after.pointer}/changed",
                f"{after.path} changed {format_timestamp(new.changed)}, in between",
                certain=local and explained and (denial is None or before_.path == denial.path),
            )
    return None


def _pairs(reader: Witness, refused: Look, other: Witness, granted: Look) -> Iterator[tuple[Anchor, Anchor]]:
    """The same place on the way as it was at the refusal and as it was at the grant, the nearest to the target last."""
    then: dict[str, Anchor] = {}
    for anchor in reader.anchors:
        if anchor.tick <= refused.tick or anchor.tail not in then:
            then[anchor.tail] = _later(then.get(anchor.tail), anchor, refused)
    now: dict[str, Anchor] = {}
    for anchor in other.anchors:
        if anchor.tick <= granted.tick or anchor.tail not in now:
            now[anchor.tail] = _later(now.get(anchor.tail), anchor, granted)
    for tail in sorted(then.keys() & now.keys(), key=len, reverse=True):
        if then[tail] is not now[tail]:
            yield then[tail], now[tail]
    if reader.reading is None or reader.reading.denial is None:
        for tail in sorted(now.keys() - then.keys(), key=len, reverse=True):
            yield now[tail], now[tail]


def _later(known: Anchor | None, anchor: Anchor, look: Look) -> Anchor:
    """Of two states the one that held at a look."""
    if known is None or known.tick > look.tick:
        return anchor
    return anchor if known.tick <= anchor.tick <= look.tick else known


def _rights_text(inode: Inode) -> str:
    return f"inode {inode.inode}, mode {inode.mode:04o}, owner {inode.uid}, group {inode.gid}"
