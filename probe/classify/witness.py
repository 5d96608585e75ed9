"""A witness: one source of evidence, and what it saw of one target, by its own clocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from probe.access.credentials import Credentials
from probe.evidence.context import Context
from probe.evidence.identity import Identity
from probe.evidence.observation import Seen
from probe.evidence.path import Inode, Want

if TYPE_CHECKING:
    from probe.classify.case import Reading
    from probe.evidence.report import Reference

SECOND = 1_000_000_000
UNKNOWN_SKEW = 5 * SECOND
"""Between clocks of two nodes when nothing bounds their skew: what lies closer together is not put in order."""
NEAR = 600 * SECOND
"""Within this two looks may be about one hand-over although no name of a pipeline run says so."""
FAR = 3600 * SECOND
"""Beyond this they say nothing about each other: Tekton ends a task after an hour by default."""
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
        if self.reading is None or self.reading.in_registry:
            return False
        return not self.predicted and self.want in READS and not self.is_producer

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


def tail_of(path: str, ancestor: str) -> str | None:
    """What remains of `path` below `ancestor`; None when it does not lie there."""
    if path == ancestor:
        return ""
    start = ancestor.rstrip("/") + "/"
    return path[len(start) :] if path.startswith(start) else None
