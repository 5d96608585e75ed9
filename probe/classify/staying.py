"""The witnesses that stayed: a watch, and the producer that gave its word in a seal."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from probe.classify.witness import MARKERS, Anchor, Clock, Look, Witness, tail_of, ticks
from probe.evidence.path import FileType, Want

if TYPE_CHECKING:
    from probe.evidence.seal import Seal
    from probe.evidence.watch import Moment, Timeline


def from_timeline(number: int, timeline: Timeline) -> Witness:
    """A watch: it stayed, so it saw every moment that it wrote down."""
    watch = timeline.watch
    clock = Clock(watch.context.boot_id, watch.started - ticks(watch.started_monotonic))
    at = f"/timelines/{number}"
    return Witness(
        kind="watch",
        number=number,
        at=at,
        context=watch.context,
        identity=watch.identity,
        reference=watch.reference,
        want=watch.want,
        clock=clock,
        looks=tuple(_moments(timeline, at)),
        anchors=tuple(_met(timeline, at)),
        bounded=False,
        remote=None,
    )


def is_target(timeline: Timeline, moment: Moment) -> bool:
    """Whether a moment is about the target, and not about a directory or link on the way."""
    path, target = moment.path.rstrip("/"), timeline.watch.reference.path.rstrip("/")
    return path == target or posixpath.normpath(path) == posixpath.normpath(target)


_GONE = frozenset({"vanished"})


def _moments(timeline: Timeline, at: str) -> Iterator[Look]:
    """The state after each moment that tells of the target."""
    subject = MARKERS.get(timeline.watch.reference.transport, "")
    for index, moment in enumerate(timeline.moments):
        ours = is_target(timeline, moment)
        inode = moment.after if ours else None
        absent = (ours and moment.change in _GONE) or (moment.tried and moment.errno == "ENOENT" and not subject)
        if inode is None and not absent and not moment.tried:
            continue
        yield Look(
            at=moment.at,
            tick=ticks(moment.monotonic),
            pointer=f"{at}/moments/{index}",
            present=True if inode is not None else False if absent else None,
            inode=inode,
            tried=f"openat O_RDONLY {subject}" if moment.tried else None,
            errno=moment.errno,
        )


def _met(timeline: Timeline, at: str) -> Iterator[Anchor]:
    """Every inode that had a name on the way, each once, by its first time and by its last."""
    target = posixpath.normpath(timeline.watch.reference.path)
    found: dict[tuple[str, int, str, int], Anchor] = {}
    for index, moment in enumerate(timeline.moments):
        here = f"{at}/moments/{index}"
        met = [(f"{here}/way/{number}/inode", one.path, one.inode) for number, one in enumerate(moment.way)]
        if moment.before is not None:
            met.append((f"{here}/before", moment.path, moment.before))
        if moment.after is not None:
            met.append((f"{here}/after", moment.path, moment.after))
        for pointer, path, inode in met:
            tail = tail_of(target, posixpath.normpath(path))
            if tail is None or inode.type is FileType.SYMLINK:
                continue
            anchor = Anchor(inode, tail, moment.at, ticks(moment.monotonic), pointer, path)
            found.setdefault((*anchor.key, inode.changed), anchor)
    newest: dict[tuple[str, int, str], list[Anchor]] = {}
    for anchor in found.values():
        newest.setdefault(anchor.key, []).append(anchor)
    for several in newest.values():
        yield from several if len(several) < 8 else (*several[:4], *several[-4:])


def from_seal(number: int, seal: Seal) -> Witness:
    """A seal: the producer, at the one moment at which it gave its word."""
    at, tick = f"/seals/{number}", ticks(seal.monotonic)
    look = Look(seal.at, tick, at, present=True, inode=seal.inode)
    return Witness(
        kind="seal",
        number=number,
        at=at,
        context=seal.context,
        identity=seal.identity,
        reference=seal.reference,
        want=Want.READ,
        clock=Clock(seal.context.boot_id, seal.at - tick),
        looks=(look,),
        anchors=(Anchor(seal.inode, "", seal.at, tick, f"{at}/inode", seal.reference.path), *_way(seal, at)),
        bounded=False,
        remote=None,
    )


def _way(seal: Seal, at: str) -> Iterator[Anchor]:
    """The directories to what was sealed, the deepest first."""
    target = seal.way[-1].path if seal.way else ""
    for number, met in reversed(list(enumerate(seal.way[:-1]))):
        tail = tail_of(target, met.path)
        if tail is not None:
            yield Anchor(met.inode, tail, seal.at, ticks(seal.monotonic), f"{at}/way/{number}/inode", met.path)
