"""Is somebody writing? A read lease, and the descriptors of the processes that can be seen."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

from probe.collect.clock import missing, observe
from probe.evidence.observation import NotSeen, Observation, Reason, Seen
from probe.evidence.writer import OpenDescriptor

MAX_PROCESSES = 2000
MAX_DESCRIPTORS = 20_000
MAX_HOLDERS = 32
HOLDERS_SECONDS = 1.0
_ACCESS_MODE = os.O_RDONLY | os.O_WRONLY | os.O_RDWR


def ask_lease(descriptor: int, text: str) -> Observation[bool]:
    """Whether a read lease on an O_RDONLY descriptor is refused because somebody writes (fcntl(2), F_SETLEASE).

    Only the file's owner, or CAP_LEASE, may ask. The lease is given back at once: while it is held, the next writer's
    open waits. The process must ignore SIGIO, by which the kernel announces such a writer.
    """
    import fcntl

    operation = f"fcntl F_SETLEASE {text}"
    try:
        granted = observe(Seen[int], operation, lambda: fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK))
    finally:
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    if isinstance(granted, NotSeen):
        if granted.errno == "EAGAIN":
            return Seen[bool](value=True, at=granted.at, took_ms=granted.took_ms)
        return granted
    return Seen[bool](value=False, at=granted.at, took_ms=granted.took_ms)


def find_holders(target: os.stat_result) -> Observation[tuple[OpenDescriptor, ...]]:
    """The processes, among those whose descriptors this one may look at, that have the target open for writing.

    Bounded in processes, descriptors and time. Says who, by process and user id, never what they run.
    """
    at, began = time.time_ns(), time.perf_counter()
    until = time.monotonic() + HOLDERS_SECONDS
    try:
        pids = sorted((int(name) for name in os.listdir("/proc") if name.isdigit()), reverse=True)
    except OSError:
        return missing(Reason.UNSUPPORTED, "/proc is not mounted")
    own, left = os.getpid(), MAX_DESCRIPTORS
    found: list[OpenDescriptor] = []
    for pid in pids[:MAX_PROCESSES]:
        if time.monotonic() > until or left <= 0 or len(found) == MAX_HOLDERS:
            break
        if pid == own:
            continue
        holds = False
        for number in _descriptors(pid):
            left -= 1
            holds = _writes(pid, number, target)
            if holds or left <= 0:
                break
        if holds and (uid := _owner(pid)) is not None:
            found.append(OpenDescriptor(pid=pid, uid=uid))
    took = round((time.perf_counter() - began) * 1000, 3)
    return Seen[tuple[OpenDescriptor, ...]](value=tuple(found), at=at, took_ms=took)


def _descriptors(pid: int) -> Iterator[str]:
    try:
        yield from os.listdir(f"/proc/{pid}/fd")
    except OSError:  # gone, or not ours to see
        return


def _writes(pid: int, number: str, target: os.stat_result) -> bool:
    """Whether one descriptor writes to the target.

    fdinfo first: flags and, since Linux 5.14, the inode number, without touching the file. A stat through the
    descriptor, which asks its file system, is made only when these fit.
    """
    try:
        with open(f"/proc/{pid}/fdinfo/{number}", "rb", buffering=0) as file:
            fields = dict(line.partition(b":")[::2] for line in file.read(1024).splitlines())
        if int(fields[b"flags"], 8) & _ACCESS_MODE == os.O_RDONLY:
            return False
        if b"ino" in fields:
            if int(fields[b"ino"]) != target.st_ino:
                return False
        elif not os.readlink(f"/proc/{pid}/fd/{number}").startswith("/"):
            return False
        status = os.stat(f"/proc/{pid}/fd/{number}")
    except (OSError, ValueError, KeyError):
        return False
    return (status.st_dev, status.st_ino) == (target.st_dev, target.st_ino)


def _owner(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None
