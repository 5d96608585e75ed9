"""Real attempts: the kernel's own answer to what is wanted, without changing anything.

Special files are not opened: a FIFO would wake a writer that waits for a reader, a device may act on being opened.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

from probe.collect.clock import since_ms
from probe.evidence.base import path_text
from probe.evidence.observation import errno_name
from probe.evidence.path import Attempt, FileType, Want

MARKERS = {"oci": b"index.json", "dir": b"manifest.json"}
"""The file that a transport which reads a directory opens first."""
NOT_OPENED = "not-opened"
"""Stands where an errno would, for a special file."""
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OPENABLE = (FileType.REGULAR, FileType.DIRECTORY, None)
_FIRST_NAMES = 16


class Attempts:
    """Tries one want on one path, as often as asked; each call is a new lookup from the start."""

    def __init__(self, path: bytes, transport: str, want: Want, *, copies_up: bool = False) -> None:
        self._path, self._transport, self._want, self._copies_up = path, transport, want, copies_up

    def make(self, kind: FileType | None, trace: Callable[[str, str], None]) -> tuple[Attempt, ...]:
        """Try once. `kind` is the type of what was found at the path, None when nothing was or when it is not known."""
        path, want = self._path, self._want
        if want is Want.READ:
            return self._read(kind, trace)
        if want is Want.LIST:
            return (_tried("openat O_RDONLY|O_DIRECTORY, getdents64", path, _list_names, trace),)
        if want is Want.WRITE and kind in (FileType.REGULAR, None) and not self._copies_up:
            return (_tried("openat O_WRONLY", path, lambda name: _open_close(name, _WRITE), trace),)
        if want is Want.EXECUTE:
            return (_asked("X_OK", os.X_OK, path, trace),)
        if want is Want.CREATE:
            parent = os.path.dirname(path.rstrip(b"/")) or (b"/" if path.startswith(b"/") else b".")
            return (_asked("W_OK|X_OK", os.W_OK | os.X_OK, parent, trace),)
        if kind is FileType.DIRECTORY:
            return (_asked("W_OK|X_OK", os.W_OK | os.X_OK, path, trace),)
        return (_asked("W_OK", os.W_OK, path, trace),)

    def _read(self, kind: FileType | None, trace: Callable[[str, str], None]) -> tuple[Attempt, ...]:
        if kind not in _OPENABLE:
            return (_asked("R_OK", os.R_OK, self._path, trace),)
        marker = MARKERS.get(self._transport)
        if kind is not FileType.DIRECTORY or marker is None:
            return (_tried("openat O_RDONLY", self._path, lambda name: _open_close(name, _READ), trace),)
        # Who reads an image directory needs search on it and read on the files in it, not read on itself.
        inside = os.path.join(self._path, marker)
        first = _tried("openat O_RDONLY", inside, lambda name: _open_close(name, _READ), trace)
        if first.errno != "ENOENT":
            return (first,)
        search = os.path.join(self._path, b".")
        found = _tried("openat O_PATH", search, lambda name: _open_close(name, os.O_PATH | os.O_CLOEXEC), trace)
        return (found, first.model_copy(update={"decisive": False}))


def open_for_reading(path: bytes, kind: FileType | None) -> tuple[int | None, str | None]:
    """A descriptor, or why there is none: an errno by name, or `NOT_OPENED`."""
    if kind not in _OPENABLE:
        return None, NOT_OPENED
    try:
        return os.open(path, _READ), None
    except OSError as error:
        return None, errno_name(error.errno)
    except ValueError:  # a NUL byte
        return None, "EINVAL"


def _tried(
    operation: str, path: bytes, call: Callable[[bytes], None], trace: Callable[[str, str], None], decisive: bool = True
) -> Attempt:
    text = path_text(path)
    trace(operation, text)
    at, began, errno = time.time_ns(), time.perf_counter(), None
    try:
        call(path)
    except OSError as error:
        errno = errno_name(error.errno)
    except ValueError:  # a NUL byte: no call was made
        errno, decisive = "EINVAL", False
    return Attempt(operation=operation, path=text, errno=errno, at=at, took_ms=since_ms(began), decisive=decisive)


def _asked(letters: str, mode: int, path: bytes, trace: Callable[[str, str], None]) -> Attempt:
    from probe.collect.libc import faccessat

    operation = f"faccessat {letters} AT_EACCESS"
    return _tried(operation, path, lambda name: faccessat(name, mode), trace, decisive=False)


def _open_close(path: bytes, flags: int) -> None:
    os.close(os.open(path, flags))


def _list_names(path: bytes) -> None:
    number = os.open(path, _READ | os.O_DIRECTORY)
    try:
        with os.scandir(number) as entries, contextlib.suppress(StopIteration):
            for _ in range(_FIRST_NAMES):
                next(entries)
    finally:
        os.close(number)
