"""Processes of the play: forked from this one, given an identity, asked for an answer, and all ended at the end.

Forked, not executed: the interpreter may lie where only its owner may enter, and it is already loaded here.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from probe.demo import kernel

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ANSWER, _ERROR = b"=", b"!"

Become = Callable[[], None]
"""Takes on an identity; run in the new process before anything else."""
Task = Callable[[int], bytes]
"""What the process does. It gets a descriptor that becomes readable when the parent lets it go on."""


class ActorFailed(Exception):  # noqa: N818 - what happened to whom
    """A process of the play ended without its answer."""


@dataclass
class Running:
    """A process that was started: its answer comes on `answer`, closing `control` lets it go on."""

    pid: int
    answer: int
    control: int | None

    def release(self) -> None:
        """Let it go on."""
        if self.control is not None:
            os.close(self.control)
            self.control = None


class Processes:
    """Starts them, and leaves none behind."""

    def __init__(self) -> None:
        self._running: list[Running] = []

    def start(self, become: Become, task: Task) -> Running:
        """Start a process beside this one."""
        answer_reader, answer_writer = os.pipe()
        control_reader, control_writer = os.pipe()
        parent = os.getpid()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # nothing may come between the fork and the list
        try:
            pid = os.fork()
            if pid == 0:
                os.close(answer_reader)
                os.close(control_writer)
                for other in self._running:  # held here as well, it would not let the other one go on
                    os.close(other.answer)
                    other.release()
                _play(parent, become, task, control_reader, answer_writer)
            running = Running(pid, answer_reader, control_writer)
            self._running.append(running)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(answer_writer)
        os.close(control_reader)
        return running

    def finish(self, running: Running, seconds: float = 60.0) -> bytes:
        """Let it go on, wait for its answer, and end it. Raises ActorFailed."""
        running.release()
        until = time.monotonic() + seconds
        parts: list[bytes] = []
        poll = select.poll()
        poll.register(running.answer, select.POLLIN)
        while True:
            left = until - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                self.end(running)
                raise ActorFailed(f"no answer within {seconds:g} s")
            part = os.read(running.answer, 1 << 16)
            if not part:
                break
            parts.append(part)
        self.end(running)
        said = b"".join(parts)
        if said[:1] != _ANSWER:
            raise ActorFailed(said[1:].decode("utf-8", "replace") or "it was killed")
        return said[1:]

    def call(self, become: Become, task: Callable[[], bytes]) -> bytes:
        """Start a process and wait for its answer. Raises ActorFailed."""
        return self.finish(self.start(become, lambda _: task()))

    def end(self, running: Running) -> None:
        """Kill it with everything that it started, and reap it. Harmless when it has ended."""
        if running not in self._running:
            return
        for kill in (os.killpg, os.kill):  # it may not have made its group yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(running.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(running.pid, 0)
        self._running.remove(running)
        running.release()
        os.close(running.answer)

    def close(self) -> None:
        """End all of them."""
        for running in tuple(self._running):
            self.end(running)


def _play(parent: int, become: Become, task: Task, control: int, answer: int) -> NoReturn:
    """(Child.) Take the identity, do the task, answer. Standard streams are closed: they belong to the parent."""
    said = _ERROR
    try:
        os.setpgid(0, 0)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        null = os.open("/dev/null", os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        become()
        kernel.die_with_parent(parent, signal.SIGKILL)
        said = _ANSWER + task(control)
    except BaseException as error:
        said = _ERROR + _told(error).encode("utf-8", "backslashreplace")
    finally:
        with contextlib.suppress(OSError):
            _write_all(answer, said)
        os._exit(0)


def _told(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}"


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
