"""Something done between two samples of a look: once it sleeps, however long it took to come to that."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PATIENCE = 30.0
"""Seconds after which nothing is done any more."""


@contextmanager
def between_samples(act: Callable[[], object]) -> Iterator[None]:
    """`act()` happens, in a process of its own, while a look that begins inside the block waits for its next sample."""
    pid = begin_between_samples(act)
    try:
        yield
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        status = os.waitpid(pid, 0)[1]
    assert status == 0, "no look slept, or what was to happen failed"


def begin_between_samples(act: Callable[[], object]) -> int:
    """The process that will `act()` while a look of this process, or of its children, waits for its next sample."""
    looking = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            wait_for_the_gap(looking)
            act()
            status = 0
        finally:
            os._exit(status)
    return pid


def wait_for_the_gap(pid: int) -> None:
    """Until a process, or one that it started, or one of theirs, sleeps: a look does so between its samples only."""
    give_up = time.monotonic() + _PATIENCE
    while not any(_sleeps(one) for one in _family(pid)):
        if time.monotonic() > give_up:
            raise TimeoutError(f"process {pid} did not sleep")
        time.sleep(0.005)


def _family(pid: int) -> Iterator[int]:
    """A process and its descendants, without this one."""
    if pid != os.getpid():
        yield pid
        with suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                yield from _family(int(child))


def _sleeps(pid: int) -> bool:
    with suppress(OSError):
        return "nanosleep" in Path(f"/proc/{pid}/wchan").read_text()
    return False
