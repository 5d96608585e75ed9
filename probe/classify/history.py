"""The case over time: who looked at what and when, which of them saw one place, and in what order.

A path's text proves nothing: two pods may have two volumes at one path. Two witnesses saw one place when they met the
same directory (or the target itself) on the way, and that is shown; see `same_place`. What one of them saw comes before
what the other saw when one monotonic clock says so, or when their wall clocks are further apart than their skew may be.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from probe.access.credentials import Credentials
from probe.classify.case import Case, Reading
from probe.evidence.context import Context
from probe.evidence.identity import Identity
from probe.evidence.observation import Seen
from probe.evidence.path import Chain, FileType, Inode, Want

if TYPE_CHECKING:
    from probe.evidence.report import Reference
    from probe.evidence.seal import Seal
    from probe.evidence.watch import Moment, Timeline

T = TypeVar("T")
SECOND = 1_000_000_000
UNKNOWN_SKEW = 5 * SECOND
"""Between clocks of two nodes when nothing bounds their skew: what lies closer together is not put in order."""
NEAR = 600 * SECOND
"""Within this two looks may be about one hand-over although no name of a pipeline run says so."""
FAR = 3600 * SECOND
"""Beyond this they say nothing about each other: Tekton ends a task after an hour by default."""
MOST_PAIRS = 4_096
"""Of witnesses that are compared in a large case."""
READS = frozenset({Want.READ, Want.LIST, Want.EXECUTE})
"""The wants of a reader: who writes, expects that nothing is there yet."""
MARKERS = {"oci": "index.json", "dir": "manifest.json"}
"""The file in an image directory that an attempt to read is about."""


def ticks(seconds: float) -> int:
    """CLOCK_MONOTONIC in nanoseconds; what no clock can show becomes the most that one can."""
    return round(min(max(seconds, -_LONGEST), _LONGEST) * SECOND)


_LONGEST = 1e10


@dataclass(frozen=True)
class Clock:
    """The clocks of one source: the boot of its node, and how far wall time is ahead of CLOCK_MONOTONIC (ns)."""

    boot: str | None
    ahead: int

    def monotonic(self, at: int) -> int:
        """A wall time of this source by CLOCK_MONOTONIC, nanoseconds."""
        return at - self.ahead

    def shares(self, other: Clock) -> bool:
        """Whether both are of one boot: then their monotonic clocks are one."""
        return self.boot is not None and self.boot == other.boot

    def stepped(self, other: Clock) -> int:
        """By how much the wall clock of one boot moved against the monotonic one between two sources."""
        return abs(self.ahead - other.ahead)


@dataclass(frozen=True)
class Look:
    """The target at one moment. `tick` is CLOCK_MONOTONIC in nanoseconds."""

    at: int
    tick: int
    pointer: str
    present: bool | None = None
    """None: it could not be told."""
    inode: Inode | None = None
    tried: str | None = None
    """What was tried on what, relative to the target; None when nothing was."""
    errno: str | None = None
    """Of that; None when it was granted."""


@dataclass(frozen=True)
class Anchor:
    """An inode on the way to the target, or the target, with what remains of the path behind it."""

    inode: Inode
    tail: str
    at: int
    tick: int
    pointer: str
    path: str

    @property
    def key(self) -> tuple[str, int, str]:
        """What makes it the same one, as long as one file system is mounted."""
        return self.inode.device, self.inode.inode, self.tail


class Sameness(IntEnum):
    """How far it is shown that two witnesses saw one place."""

    NO = 0
    WEAK = 1
    """Only numbers agree, which may have been given anew: another volume, mounted later, may have both."""
    ACROSS = 2
    """One inode by its number and its times, seen from two nodes."""
    SURE = 3


@dataclass(frozen=True)
class Place:
    """The answer, and the anchors that it rests on."""

    sameness: Sameness
    sentence: str = ""
    pointer: str = ""


@dataclass(frozen=True)
class Witness:
    """One source of evidence: what one process saw of one path."""

    kind: str
    """`report`, `watch` or `seal`."""
    number: int
    at: str
    """The pointer of the source."""
    context: Context
    identity: Identity
    reference: Reference
    want: Want
    clock: Clock
    looks: tuple[Look, ...]
    anchors: tuple[Anchor, ...]
    bounded: bool
    """Whether the anchors are known to lie on the mount of the target."""
    remote: bool | None
    """Whether a server stamps the times of the target; None when its mount is not known."""
    reading: Reading | None = None
    predicted: bool = False

    @property
    def name(self) -> str:
        """For a sentence: `report 1`, with the task where it is known."""
        who = self.context.task or self.context.pod
        return f"{self.kind} {self.number + 1}" + (f" ({who})" if who else "")

    @property
    def reads(self) -> bool:
        """Whether this is a reader's own look: its failures are those that a cause is sought for."""
        return self.reading is not None and not self.predicted and self.want in READS and not self.is_producer

    @property
    def is_producer(self) -> bool:
        """Whether it was told that this is the writing side."""
        return self.context.role == "producer"

    @cached_property
    def who(self) -> tuple[object, ...]:
        """What the kernel judges by."""
        label = self.identity.label
        return Credentials.from_identity(self.identity), label.value if isinstance(label, Seen) else None

    @cached_property
    def container(self) -> int | None:
        """Start of its container by CLOCK_MONOTONIC; None outside of one, and where it was not seen."""
        started = self.context.container_started
        if not self.context.in_container or not isinstance(started, Seen):
            return None
        return self.clock.monotonic(started.value)

    @property
    def process(self) -> int:
        """Start of its process by CLOCK_MONOTONIC."""
        return self.clock.monotonic(self.context.probe_started)

    @property
    def margin(self) -> int:
        """Within which two starts cannot be told apart: they are counted in clock ticks."""
        return int(2 * self.context.clock_ticks_error_ms * 1e6)

    @property
    def first(self) -> Look | None:
        """The first look."""
        return self.looks[0] if self.looks else None

    def same_container(self, other: Witness) -> bool:
        """Whether both looked from one container (or are one process): no new pod, no new sweep in between."""
        if self is other:
            return True
        if not self.clock.shares(other.clock) or self.context.hostname != other.context.hostname:
            return False
        if self.container is not None and other.container is not None:
            named = ((one.context.step, one.context.task_run, one.context.pod) for one in (self, other))
            apart = any(a != b for a, b in zip(*named, strict=True) if a is not None and b is not None)
            return not apart and abs(self.container - other.container) <= self.margin
        return self.container is other.container and self.same_process(other)

    def same_process(self, other: Witness) -> bool:
        """Whether both come from one process."""
        return (
            self.clock.shares(other.clock)
            and self.context.hostname == other.context.hostname
            and abs(self.process - other.process) <= self.margin
        )

    def asks_the_same(self, other: Witness) -> bool:
        """Whether an answer to the one is an answer to the other: the same want, the same file opened."""
        return self.want is other.want and MARKERS.get(self.reference.transport) == MARKERS.get(
            other.reference.transport
        )

    def same_run(self, other: Witness) -> bool | None:
        """Whether both name one pipeline run; None when that is not known."""
        ours, theirs = self.context.pipeline_run, other.context.pipeline_run
        return None if ours is None or theirs is None else ours == theirs


# -- one place


def same_place(a: Witness, b: Witness) -> Place:
    """Whether two witnesses saw one target, as far as inodes show it."""
    if a is b:
        return Place(Sameness.SURE, "one process looked, by one path", a.at)
    if not a.clock.shares(b.clock):
        return _across(a, b)
    shared, together = _shared(a, b), a.same_container(b)
    if not shared:
        tails = {one.tail for one in a.anchors} & {one.tail for one in b.anchors}
        path = a.reference.path
        if together and not tails and path.startswith("/") and path == b.reference.path:
            return Place(Sameness.SURE, "one container, in which one path leads to one place", b.at)
        return Place(Sameness.NO)
    if not together and not (a.bounded and b.bounded):
        # Where the mounts are not known, a bind mount below a common directory would go unseen.
        deepest = min({one.tail for one in a.anchors} & {one.tail for one in b.anchors}, key=len)
        shared = [pair for pair in shared if pair[0].tail == deepest]
        if not shared:
            return Place(Sameness.NO)
    step = a.clock.stepped(b.clock)
    other_lives = {mine.key for mine, other in shared if not _one_life(mine, other, step)}
    pairs = [pair for pair in shared if pair[0].key not in other_lives]
    if not pairs:
        return Place(Sameness.NO)
    mine, other = pairs[0]
    words = f"both met {mine.path} as inode {mine.inode.inode} of device {mine.inode.device}"
    if together:
        return Place(Sameness.SURE, f"{words}, from one container", other.pointer)
    for mine, other in pairs:
        if mine.inode.changed == other.inode.changed or (
            mine.inode.born is not None and mine.inode.born == other.inode.born
        ):
            words = f"both met {mine.path} as inode {mine.inode.inode} of device {mine.inode.device}"
            return Place(Sameness.SURE, f"{words}, with one and the same time", other.pointer)
    if _mounted_together(a, b):
        return Place(Sameness.SURE, f"{words}, while it was mounted for both", other.pointer)
    return Place(Sameness.WEAK, f"{words}; numbers that another volume may have later", other.pointer)


def _shared(a: Witness, b: Witness) -> list[tuple[Anchor, Anchor]]:
    """Pairs of anchors that may be one, the deepest first."""
    ours: dict[tuple[str, int, str], list[Anchor]] = {}
    for anchor in a.anchors:
        ours.setdefault(anchor.key, []).append(anchor)
    found = [(mine, anchor) for anchor in b.anchors for mine in ours.get(anchor.key, ())]
    return sorted(found, key=lambda pair: len(pair[0].tail))


def _one_life(a: Anchor, b: Anchor, step: int) -> bool:
    """Whether one inode can have shown both: its change time only goes on, it was not born after it was seen."""
    early, late = (a, b) if a.tick <= b.tick else (b, a)
    if late.inode.changed + step < early.inode.changed:
        return False
    if a.inode.born is not None and b.inode.born is not None:
        return a.inode.born == b.inode.born
    return late.inode.born is None or late.inode.born <= early.at + step


def _mounted_together(a: Witness, b: Witness) -> bool:
    """Whether there was a moment at which both had their volumes mounted: a number stands for one thing at a time."""
    if not a.looks or not b.looks:
        return False
    starts = [one.container + one.margin if one.container is not None else one.looks[0].tick for one in (a, b)]
    return max(starts) <= min(a.looks[-1].tick, b.looks[-1].tick)


def _across(a: Witness, b: Witness) -> Place:
    """Nodes number their devices each by itself: only an inode's number with its very times tells."""
    if not (a.remote or b.remote):
        return Place(Sameness.NO)
    theirs = {(one.inode.inode, one.tail, one.inode.changed): one for one in b.anchors}
    for mine in a.anchors:
        other = theirs.get((mine.inode.inode, mine.tail, mine.inode.changed))
        if other is not None and mine.inode.type is other.inode.type:
            words = f"both met {mine.path} as inode {mine.inode.inode}, changed at one and the same time"
            return Place(Sameness.ACROSS, words, other.pointer)
    return Place(Sameness.NO)


# -- order


@dataclass(frozen=True)
class Order:
    """That one look came before another: by one clock, or by two that may be askew."""

    certain: bool
    seconds: float
    sentence: str


def before(a: Witness, early: Look, b: Witness, late: Look) -> Order | None:
    """The order, when `early` is shown to be earlier; None otherwise."""
    if a is b or a.clock.shares(b.clock):
        gap = late.tick - early.tick
        return Order(True, gap / SECOND, f"{gap / SECOND:.3f} s later by one clock") if gap > 0 else None
    gap = late.at - early.at
    if gap <= UNKNOWN_SKEW:
        return None
    words = f"{gap / SECOND:.1f} s later by the clocks of two nodes, whose skew is not known"
    return Order(False, gap / SECOND, words)


# -- the witnesses of a case


class History:
    """All witnesses of a case."""

    def __init__(self, case: Case) -> None:
        self.reports = tuple(_from_report(reading) for reading in case.readings)
        self.watches = tuple(_from_timeline(number, one) for number, one in enumerate(case.timelines))
        self.seals = tuple(_from_seal(number, one) for number, one in enumerate(case.seals))

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
            others = dict.fromkeys(other for name in _last_names(reader) for other in by_name.get(name, ()))
            placed = []
            for other in itertools.islice(others, left):
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

    def of(self, reading: Reading) -> Witness:
        """The witness of one report."""
        return self.reports[reading.index]


def _last_names(witness: Witness) -> tuple[str, ...]:
    """What the target is called: by the reference, and where links lead to."""
    names = {posixpath.basename(witness.reference.path.rstrip("/"))}
    names.update(posixpath.basename(anchor.path) for anchor in witness.anchors if anchor.tail == "")
    return tuple(sorted(names))


# -- reports


def _from_report(reading: Reading) -> Witness:
    report = reading.report
    monotonic = ticks(report.started_monotonic)
    clock = Clock(report.context.boot_id, report.started - monotonic)
    chain = report.chain.value if isinstance(report.chain, Seen) else None
    chains = [(chain, reading.at("chain", "value")), (report.chain_after, reading.at("chain_after"))]
    anchors = [anchor for walk, at in chains if walk is not None for anchor in _anchors(walk, at, clock)]
    looks = sorted((*_tries(reading, clock), *_samples(reading)), key=lambda look: look.tick)
    if not reading.samples and chain is not None:
        looks = sorted((*looks, *_walked(reading, clock)), key=lambda look: look.tick)
    mount = reading.mount
    return Witness(
        kind="report",
        number=reading.index,
        at=reading.at(),
        context=report.context,
        identity=report.identity,
        reference=report.reference,
        want=report.want,
        clock=clock,
        looks=tuple(looks),
        anchors=tuple(anchors),
        bounded=True,
        remote=mount.remote if mount is not None else None,
        reading=reading,
        predicted=reading.predicted,
    )


def _samples(reading: Reading) -> Iterator[Look]:
    for number, sample in enumerate(reading.samples):
        inode = sample.inode.value if isinstance(sample.inode, Seen) else None
        absent = inode is None and not isinstance(sample.inode, Seen) and sample.inode.errno == "ENOENT"
        yield Look(
            at=sample.at,
            tick=ticks(sample.monotonic),
            pointer=reading.at("writers", "value", "samples", number),
            present=True if inode is not None else False if absent else None,
            inode=inode,
        )


def _tries(reading: Reading, clock: Clock) -> Iterator[Look]:
    """Decisive attempts. They have wall time only: the nearest sample, made with them, tells the monotonic one."""
    target = posixpath.normpath(reading.report.reference.path)
    for number, attempt in reading.truths:
        if not attempt.decisive:
            continue
        near = min(reading.samples, key=lambda sample: abs(sample.at - attempt.at), default=None)
        ahead = near.at - ticks(near.monotonic) if near is not None else clock.ahead
        path = posixpath.normpath(attempt.path)
        subject = path.removeprefix(target).strip("/") if path.startswith(target) else path
        plain = reading.report.reference.transport not in MARKERS
        yield Look(
            at=attempt.at,
            tick=attempt.at - ahead,
            pointer=reading.at("attempts", number),
            present=True if attempt.granted else False if attempt.errno == "ENOENT" and plain else None,
            tried=f"{attempt.operation} {subject}",
            errno=attempt.errno,
        )


def _walked(reading: Reading, clock: Clock) -> Iterator[Look]:
    chain = reading.report.chain
    if not isinstance(chain, Seen):
        return
    target = chain.value.target
    inode = target.inode.value if target is not None and isinstance(target.inode, Seen) else None
    stopped = chain.value.stopped
    absent = stopped is not None and stopped.errno == "ENOENT"
    present = True if inode is not None else False if absent else None
    yield Look(chain.at, clock.monotonic(chain.at), reading.at("chain"), present, inode)


def _anchors(chain: Chain, pointer: str, clock: Clock) -> list[Anchor]:
    """What was met on the mount of the target (or of the deepest directory), the deepest first."""
    found: list[Anchor] = []
    if not chain.components:
        return found
    final = chain.components[-1].path
    requested = posixpath.normpath(chain.requested)
    mount = None
    for index in range(len(chain.components) - 1, -1, -1):
        component = chain.components[index]
        if not isinstance(component.inode, Seen) or component.inode.value.type is FileType.SYMLINK:
            continue
        if not isinstance(component.mount_id, Seen) or mount not in (None, component.mount_id.value):
            break
        mount = component.mount_id.value
        where = f"{pointer}/components/{index}/inode/value"
        for path in dict.fromkeys((final, requested)):
            tail = _tail(path, component.path)
            if tail is not None:
                at = component.inode.at
                found.append(Anchor(component.inode.value, tail, at, clock.monotonic(at), where, component.path))
    return found


def _tail(path: str, ancestor: str) -> str | None:
    """What remains of `path` below `ancestor`; None when it does not lie there."""
    if path == ancestor:
        return ""
    start = ancestor.rstrip("/") + "/"
    return path[len(start) :] if path.startswith(start) else None


# -- watches and seals


def _from_timeline(number: int, timeline: Timeline) -> Witness:
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
            tail = _tail(target, posixpath.normpath(path))
            if tail is None or inode.type is FileType.SYMLINK:
                continue
            anchor = Anchor(inode, tail, moment.at, ticks(moment.monotonic), pointer, path)
            found.setdefault((*anchor.key, inode.changed), anchor)
    newest: dict[tuple[str, int, str], list[Anchor]] = {}
    for anchor in found.values():
        newest.setdefault(anchor.key, []).append(anchor)
    for several in newest.values():
        yield from several if len(several) < 8 else (*several[:4], *several[-4:])


def _from_seal(number: int, seal: Seal) -> Witness:
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
        tail = _tail(target, met.path)
        if tail is not None:
            yield Anchor(met.inode, tail, seal.at, ticks(seal.monotonic), f"{at}/way/{number}/inode", met.path)


# -- what looks tell


def writes(witness: Witness) -> Iterator[tuple[Look, Look]]:
    """Pairs of looks of one witness, next to each other, between which the same inode was written to."""
    looks = [look for look in witness.looks if look.inode is not None]
    for early, late in itertools.pairwise(looks):
        if written(early.inode, late.inode):
            yield early, late


def written(old: Inode | None, new: Inode | None) -> bool:
    """Whether two looks, of whomever, show one file that was written to in between."""
    if old is None or new is None or new.type is FileType.DIRECTORY:
        return False
    return one_inode(old, new) and (old.size != new.size or old.modified != new.modified)


def one_inode(a: Inode, b: Inode) -> bool:
    """Whether two records may be of one inode: its number, and it was not made anew with that number."""
    if (a.device, a.inode) != (b.device, b.inode):
        return False
    if a.born is not None and b.born is not None:
        return a.born == b.born
    made = a.born if a.born is not None else b.born
    return made is None or made <= min(a.changed, b.changed)


def last(found: Iterable[T]) -> T | None:
    """The last of what comes, if anything does."""
    value = None
    for value in found:  # noqa: B007 - only the last one is of interest
        pass
    return value
