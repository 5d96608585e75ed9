"""Another program, bounded: in time, in what it may print, and in what waiting for its end may cost.

`subprocess.run(timeout=)` kills and then waits without a bound, which a process that sleeps in the kernel (a dead NFS
or FUSE mount) turns into a hang of the caller. Here nothing is waited for longer than told: what does not end is
left behind. Linux only.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import subprocess

_CHUNK = 1 << 16
_REAP_SECONDS = 0.5
_STEP = 0.001
_POLL_SECONDS = 0.05

_left_behind: list[subprocess.Popen[bytes]] = []
"""Killed, and still there: kept, so that nothing waits for them when they are collected."""


@dataclass(frozen=True)
class Finished:
    """How a program ended. `status` is its exit status, negative for a signal, None when it did not end by itself."""

    ending: Literal["exited", "deadline", "flood"]
    status: int | None
    stdout: bytes
    stderr: bytes
    abandoned: bool = False
    """Killed, but asleep in the kernel: it ends when the kernel lets it."""


def run_bounded(
    argv: Sequence[bytes | str],
    *,
    env: Mapping[str, str],
    seconds: float,
    stdout_limit: int,
    stderr_limit: int,
    file_limit: int | None = None,
) -> Finished:
    """Run a program in a session of its own, with exactly this environment and no standard input.

    After `seconds`, or when it prints more bytes than a limit, its whole process group is killed; whatever it left
    running in that group is killed as well when it ends. No file that it writes grows beyond `file_limit` bytes
    (RLIMIT_FSIZE). Returns at the latest half a second after `seconds`. Raises OSError when the program cannot be
    started.
    """
    import subprocess

    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(env),
        start_new_session=True,
    )
    assert process.stdout is not None and process.stderr is not None
    outputs = {
        process.stdout.fileno(): _Output(stdout_limit),
        process.stderr.fileno(): _Output(stderr_limit),
    }
    try:
        _limit_files(process.pid, file_limit)
        ending = _read(process.pid, outputs, time.monotonic() + seconds)
    finally:
        # Not reaped yet, so the process number still is this program's, and its group's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.stderr.close()
        ended = _reap(process)
    stdout, stderr = (bytes(output.data) for output in outputs.values())
    return Finished(ending, process.returncode if ending == "exited" else None, stdout, stderr, abandoned=not ended)


class _Output:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.data = bytearray()


def _limit_files(pid: int, limit: int | None) -> None:
    if limit is None:
        return
    import resource

    with contextlib.suppress(OSError, ValueError):  # a bound already lower, a filter on the call: the deadline stays
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, limit))


def _read(pid: int, outputs: dict[int, _Output], until: float) -> Literal["exited", "deadline", "flood"]:
    """Collect the outputs until the program has ended and they are drained."""
    poll = select.poll()
    open_outputs = dict(outputs)
    for number in outputs:
        os.set_blocking(number, False)
        poll.register(number, select.POLLIN)
    handle = _handle(pid)
    if handle is not None:
        poll.register(handle, select.POLLIN)
    try:
        while True:
            left = until - time.monotonic()
            if left <= 0:
                return "deadline"
            ready = poll.poll((left if handle is not None else min(left, _POLL_SECONDS)) * 1000)
            heard = False
            for number, _ in ready:
                if number == handle:
                    continue
                output = open_outputs[number]
                data = _take(number)
                if data == b"":
                    poll.unregister(number)
                    del open_outputs[number]
                elif data is not None:
                    heard = True
                    output.data += data[: output.limit - len(output.data) + 1]
                    if len(output.data) > output.limit:
                        return "flood"
            if not heard and _has_ended(pid):  # a descendant may hold the pipes open for ever
                return "exited"
    finally:
        if handle is not None:
            os.close(handle)


def _take(number: int) -> bytes | None:
    try:
        return os.read(number, _CHUNK)
    except BlockingIOError:
        return None


def _handle(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None on a kernel or under a filter that has none."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None


def _has_ended(pid: int) -> bool:
    """Whether the process has ended, without reaping it: its number must stay its own until its group is killed."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True  # somebody ignores SIGCHLD, or waits for every child


def _reap(process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + _REAP_SECONDS
    step = _STEP
    while process.poll() is None:
        if time.monotonic() >= until:
            _left_behind.append(process)
            return False
        time.sleep(step)
        step = min(step * 2, _POLL_SECONDS)
    return True


def in_child(task: Callable[[], bytes], seconds: float, *, kill: bool = True) -> bytes:
    """What `task` returns (less than a pipe holds), run in a child, because a call on a dead mount never returns.

    Raises the task's OSError (errno only), or TimeoutError after `seconds`; then the child is killed, or left to go
    on alone when `kill` is False.
    """
    reader, writer = os.pipe()
    pid = _fork()
    if pid == 0:
        _answer(task, reader, writer)
    os.close(writer)
    done = False
    try:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        done = bool(poll.poll(max(0.0, seconds) * 1000))
        answer = os.read(reader, _CHUNK) if done else b""
    finally:
        os.close(reader)
        if kill or done:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # it has answered: all that is left of it is its exit
            _forget(pid)
    if not done:
        raise TimeoutError(f"no answer within {seconds:.1f} s")
    if answer[:1] == b"+":
        return answer[1:]
    number = int(answer[1:] or b"0")
    raise OSError(number, os.strerror(number) if number else "a child process failed")


def _answer(task: Callable[[], bytes], reader: int, writer: int) -> None:
    try:
        os.setsid()
        os.close(reader)
        try:
            answer = b"+" + task()
        except OSError as error:
            answer = b"-%d" % (error.errno or 0)
        except BaseException:
            answer = b"-0"
        os.write(writer, answer)
    finally:
        os._exit(0)


def _fork() -> int:
    import warnings

    with warnings.catch_warnings():
        # Python 3.12 warns when other threads run; the child makes plain system calls and leaves by _exit.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _forget(pid: int) -> None:
    until = time.monotonic() + _REAP_SECONDS
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(pid, os.WNOHANG) == (0, 0) and time.monotonic() < until:
            time.sleep(_STEP)
