"""fs.* of the kernel, which is the whole machine's: who raises a setting and who relies on it wait for each other."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator


@contextlib.contextmanager
def steady_sysctl(name: str) -> Iterator[int]:
    """The value of fs.NAME, which no other run of these tests changes for the block."""
    with _locked(name, fcntl.LOCK_SH) as path:
        yield _read(path)


@contextlib.contextmanager
def raised_sysctl(name: str, value: int) -> Iterator[int]:
    """fs.NAME at `value` if that is stricter than what this machine has, for the block; yields the value in force.

    Never weaker than before, and put back afterwards.
    """
    with _locked(name, fcntl.LOCK_EX) as path:
        before = _read(path)
        try:
            if before < value:
                _write(path, value)
            yield _read(path)
        finally:
            if before < value:
                _write(path, before)


@contextlib.contextmanager
def _locked(name: str, how: int) -> Iterator[str]:
    path = f"/proc/sys/fs/{name}"
    with open(path) as lock:
        fcntl.flock(lock, how)
        try:
            yield path
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # a child that was forked meanwhile may have it open still


def _read(path: str) -> int:
    with open(path) as sysctl:
        return int(sysctl.read())


def _write(path: str, value: int) -> None:
    with contextlib.suppress(OSError), open(path, "w") as sysctl:  # /proc/sys may be read-only: then as it is
        sysctl.write(str(value))
