"""The long-lived child: it touches the mount and may hang there; the parent reads what it sends, and never waits.

Beside the pipe stands a small piece of shared memory with the call that the child is in and when it began, so that the
parent can tell a call that does not return from a child that has nothing to say.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import struct
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

from probe.collect.deadline import detach, end_child, fork
from probe.collect.journal import Journal, Phase
from probe.evidence.base import clip
from probe.handoff.observe.wake import die_with_parent

_HEAD = struct.Struct("=I")
_LARGEST = 64 << 20
_CHUNK = 1 << 18
_MEMORY = 32 << 10
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_CRASHED = b"!"


class Line:
    """The child's end: what it sends, and where it is."""

    def __init__(self, writer: int, journal: Journal, parent: int) -> None:
        self._writer, self._journal, self._parent = writer, journal, parent

    @property
    def fileno(self) -> int:
        """Reports an error once the parent has closed its end."""
        return self._writer

    def trace(self, call: str, path: str) -> None:
        """A call is about to be made that may not return."""
        self._journal.crumb(call, path)
        self._journal.enter(Phase.LOOK)

    def beat(self) -> None:
        """The call goes on, and makes progress."""
        self._journal.enter(Phase.LOOK)
        self.check_parent()

    def rest(self) -> None:
        """No call is under way."""
        self._journal.enter(Phase.AFTER)

    def check_parent(self) -> None:
        """End when nobody waits for this child any more."""
        if os.getppid() != self._parent:
            os._exit(1)

    def send(self, body: bytes) -> None:
        """Send one message; waits while the parent does not read. That is no call on the mount."""
        self.rest()
        data = memoryview(_HEAD.pack(len(body)) + body)
        while data:
            data = data[os.write(self._writer, data) :]


class Worker:
    """One child. `task` runs in it until it returns, or is killed."""

    def __init__(self, task: Callable[[Line], None]) -> None:
        """Start it. Raises OSError."""
        self._journal = Journal(_MEMORY)
        self._reader, writer = os.pipe()
        self._buffer = bytearray()
        self._began = time.monotonic()
        self.ended = ""
        """Why nothing more will come; empty while the child is there."""
        parent = os.getpid()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            self._pid = fork()
            if self._pid == 0:
                _child(task, Line(writer, self._journal, parent), parent)
        except OSError:
            os.close(self._reader)
            raise
        finally:
            os.close(writer)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.set_blocking(self._reader, False)

    @property
    def fileno(self) -> int:
        """Readable when something came."""
        return self._reader

    @property
    def pid(self) -> int:
        """The child."""
        return self._pid

    def receive(self) -> Iterator[bytes]:
        """The messages that have come."""
        while not self.ended:
            try:
                chunk = os.read(self._reader, _CHUNK)
            except BlockingIOError:
                break
            if not chunk:
                self.ended = "the looking process ended"
            self._buffer += chunk
            yield from self._whole()
            if len(chunk) < _CHUNK:
                break

    def _whole(self) -> Iterator[bytes]:
        while len(self._buffer) >= _HEAD.size:
            (length,) = _HEAD.unpack_from(self._buffer)
            if length > _LARGEST:
                self.ended = "the looking process sent what cannot be read"
                return
            if len(self._buffer) < _HEAD.size + length:
                return
            body = bytes(self._buffer[_HEAD.size : _HEAD.size + length])
            del self._buffer[: _HEAD.size + length]
            if body.startswith(_CRASHED):
                self.ended = body[1:].decode("utf-8", "replace")
                return
            yield body

    def overdue(self, stall: float) -> str | None:
        """The call that has not returned for `stall` seconds, or None."""
        if self.ended or self._journal.phase is not Phase.LOOK:
            return None
        if time.monotonic() - (self._journal.beat or self._began) < stall:
            return None
        crumb = self._journal.last_crumb()
        return str(crumb) if crumb is not None else "the first call"

    def end(self) -> None:
        """Kill the child, without waiting for it where it sleeps in the kernel."""
        lost = bool(self.ended)
        status = end_child(self._pid)
        if lost and status is not None and os.WIFSIGNALED(status):
            self.ended = f"the looking process was ended by {signal.Signals(os.WTERMSIG(status)).name}"
        with contextlib.suppress(OSError):
            os.close(self._reader)
        self._journal.close()


def _child(task: Callable[[Line], None], line: Line, parent: int) -> NoReturn:
    try:
        detach(line.fileno)
        die_with_parent(parent)
        gc.freeze()  # what came from the parent is never looked through, and its pages stay shared
        gc.enable()
        task(line)
    except BaseException as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        with contextlib.suppress(BaseException):
            line.send(_CRASHED + clip(words, 512).encode("utf-8", "backslashreplace"))
    finally:
        os._exit(1)
