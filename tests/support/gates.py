"""`probe wait` as a process: started, listened to, and its end looked at."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from support.program import COMMAND, ROOT, environment

WITHOUT_INOTIFY = ("unshare", "-Ur", "sh", "-c", 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"', "sh")
"""Put before a command: in a user namespace of its own the kernel then gives it no inotify instance."""
_PATIENCE = 60.0
"""Seconds after which a test gives up; nothing is expected of the clock below that."""


class Waiting:
    """One run. What it says on standard error can be waited for."""

    def __init__(
        self,
        *arguments: str | Path,
        before: Callable[[], None] | None = None,
        env: Mapping[str, str] | None = None,
        json: bool = True,
        prefix: Sequence[str] = (),
    ) -> None:
        words = ["wait", *(["--json"] if json else []), *map(str, arguments)]
        self.process = subprocess.Popen(
            [*prefix, *COMMAND, *words],
            cwd=ROOT,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=before,
            text=True,
        )
        self.lines: list[str] = []
        self._coming: queue.Queue[str | None] = queue.Queue()
        self._out: list[str] = []
        self._threads = [threading.Thread(target=read, daemon=True) for read in (self._read_err, self._read_out)]
        for thread in self._threads:
            thread.start()

    def _read_err(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._coming.put(line.rstrip("\n"))
        self._coming.put(None)

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        self._out.append(self.process.stdout.read())

    def until(self, text: str) -> str:
        """The next line on standard error that holds this text."""
        while True:
            try:
                line = self._coming.get(timeout=_PATIENCE)
            except queue.Empty:
                self.process.kill()
                raise AssertionError(f"{text!r} was never said: {self.lines}") from None
            assert line is not None, f"it ended without {text!r}: {self.lines}"
            self.lines.append(line)
            if text in line:
                return line

    def send(self, number: signal.Signals) -> None:
        """A signal to the program, not to its children."""
        self.process.send_signal(number)

    def children(self) -> list[int]:
        """The processes that it started, and theirs."""
        found, new = [], [self.process.pid]
        while new:
            pid = new.pop()
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                new += map(int, task.read_text().split())
            found.append(pid)
        return found[1:]

    def end(self) -> int:
        """Its exit status, once it has ended and all that it said was read."""
        try:
            status = self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"it did not end: {self.lines}") from None
        for thread in self._threads:
            thread.join(_PATIENCE)
        while (line := self._coming.get()) is not None:
            self.lines.append(line)
        return status

    @property
    def states(self) -> list[str]:
        """The states that were told, in order, without time and reference."""
        return [line.split("  ", 2)[2] for line in self.lines if line.count("  ") >= 2]

    @property
    def out(self) -> str:
        """Standard output, after the end."""
        return "".join(self._out)

    @property
    def document(self) -> Any:
        """Standard output as one JSON document, after the end."""
        return json.loads(self.out)

    def opened(self) -> Any:
        """The document of a gate that opened."""
        assert self.end() == 0, self.lines
        document = self.document
        assert document["schema"] == "pod-probe/gate/v1"
        assert document["opened"] is True
        return document

    def gave_up(self, cause: str | None = None) -> Any:
        """The verdict of a gate that did not open."""
        assert self.end() == 1, self.lines
        document = self.document
        assert document["schema"] == "pod-probe/verdict/v1"
        if cause is not None:
            assert document["verdict"]["cause"] == cause, document["verdict"]
        return document


def may_go_without_inotify() -> bool:
    """Whether this machine lets user namespaces be made."""
    try:
        return subprocess.run([*WITHOUT_INOTIFY, "true"], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def ended(pids: list[int]) -> bool:
    """Whether these processes are gone, or go within a while."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if not any(_alive(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
