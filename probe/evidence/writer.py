"""Is somebody still at it? Samples over time, a lease, open descriptors."""

from typing import Annotated

from pydantic import Field

from probe.evidence.base import Frozen, ShortText, Timestamp
from probe.evidence.observation import Observation
from probe.evidence.path import Inode

MAX_SAMPLES = 32


class Sample(Frozen):
    """The target at one moment, and whether it could be opened for reading then.

    `monotonic` is CLOCK_MONOTONIC in seconds: differences between samples do not depend on the wall clock.
    """

    at: Timestamp
    monotonic: float
    inode: Observation[Inode]
    open_errno: ShortText | None = None
    """None when a real open for reading succeeded, otherwise the errno by name."""


class OpenDescriptor(Frozen):
    """A process that holds the target open for writing (/proc/PID/fd, fdinfo)."""

    pid: int
    uid: int


class Writers(Frozen):
    """Evidence for and against a live writer."""

    samples: Annotated[tuple[Sample, ...], Field(max_length=MAX_SAMPLES)]
    gap_seconds: float
    """The wanted distance between the samples."""
    lease: Observation[bool]
    """True: a read lease was refused (EAGAIN), so some process on this node has the file open for writing.
    False: it was granted, so none has (fcntl(2), F_SETLEASE)."""
    holders: Observation[tuple[OpenDescriptor, ...]]
    """Writers among the processes that this one may see; empty proves nothing about other containers."""
