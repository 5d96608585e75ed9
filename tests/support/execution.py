"""`probe exec` as a process: run to its end, or started and dealt with; and what it left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.program import COMMAND, ROOT, environment

from probe.classify.verdict import VerdictDocument

_started: list[subprocess.Popen[bytes]] = []
PATIENCE = 60.0
"""Seconds after which a test gives up; nothing is expected of the clock below that."""
PYTHON = (sys.executable, "-S", "-c")
"""A quick start for small programs that take the place of a command."""


@dataclass(frozen=True)
class Done:
    """One run: the wait status as the parent sees it (negative for a signal), and both streams."""

    status: int
    out: bytes
    err: bytes

    @property
    def said(self) -> list[str]:
        """What the probe itself said."""
        return [line for line in self.err.decode("utf-8", "replace").splitlines() if line.startswith("probe: ")]


def words(*command: str | bytes | Path, options: Sequence[str | Path] = ()) -> list[str | bytes | Path]:
    """The whole command line."""
    return [*COMMAND, "exec", *options, "--", *command]


def execute(
    *command: str | bytes | Path,
    options: Sequence[str | Path] = (),
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    before: Callable[[], None] | None = None,
    stdin: bytes = b"",
) -> Done:
    """Run a command to its end."""
    ran = subprocess.run(
        words(*command, options=options),
        input=stdin,
        capture_output=True,
        check=False,
        cwd=cwd,
        env=environment(env),
        preexec_fn=before,
        timeout=PATIENCE,
    )
    return Done(ran.returncode, ran.stdout, ran.stderr)


def start(*command: str | bytes | Path, options: Sequence[str | Path] = (), **how: Any) -> subprocess.Popen[bytes]:
    """Start a command; `how` as for Popen."""
    given = {
        "cwd": ROOT,
        "env": environment(),
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        **how,
    }
    process = subprocess.Popen(words(*command, options=options), **given)
    _started.append(process)
    return process


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """For the modules that import it: what a failing test has started is ended."""
    yield
    for process in _started:
        if process.returncode is None:
            for pid in (*children(process.pid), process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
    _started.clear()


def until(condition: Callable[[], Any]) -> Any:
    """Wait for something to become true, and give it."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError("it did not happen")


def children(pid: int) -> list[int]:
    """The processes that a process has started and that are there."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def name_of(pid: int) -> str:
    """The name of a process, empty when it has gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def state(pid: int) -> str:
    """The one letter of /proc/PID/stat: `T` when it is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def end(process: subprocess.Popen[bytes]) -> Done:
    """Wait for its end."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        raise
    return Done(process.returncode, out or b"", err or b"")


def left_in(directory: Path) -> list[VerdictDocument]:
    """The documents in a directory of evidence, in order."""
    return [VerdictDocument.model_validate_json(path.read_text()) for path in sorted(directory.iterdir())]


def on_stderr(done: Done) -> list[VerdictDocument]:
    """The documents that were left on standard error."""
    lines = [line for line in done.err.decode().splitlines() if line.startswith('{"schema"')]
    return [VerdictDocument.model_validate(json.loads(line)) for line in lines]


def looked_first(process: subprocess.Popen[bytes]) -> bool:
    """Whether the looking process has had its first look: a child of its own has ended, and it waits for an order."""
    for pid in children(process.pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            had_child = int(fields[8]) > 0  # cminflt of proc_pid_stat(5)
            waits = "pipe_read" in Path(f"/proc/{pid}/wchan").read_text()
            if name_of(pid) == name_of(process.pid) and had_child and waits:
                return True
    return False
