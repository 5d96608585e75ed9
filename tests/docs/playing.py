"""Play the commands of an example on its stage, as the identity of that stage, and give what they print.

`probe` runs inside the forked process, through its own command line: the interpreter may lie where that identity may
not enter. Everything else runs in a shell.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pkgutil
import select
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from support.stage import Stage

import probe
from docs import stages
from probe.cli.app import run
from probe.demo import kernel
from probe.demo.preload import preload

AT_ONCE = 4
"""Examples played side by side: most of their time is the gap between two samples."""
_NEWNS_NEWUTS = 0x04020000
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/", "LANG": "C.UTF-8", "COLUMNS": "80"}

_BY_DESCRIPTOR = ("exec", "watch")

Commands = Sequence[str]
Task = Callable[[], object]
Played = Mapping[str, Any]
"""By the name of an example: one text a command, or a text that says what went wrong."""


def play(stage: str, commands: Commands) -> list[str]:
    """What each command prints, standard output and error together, on a fresh stage. For a process of its own."""
    setting = stages.SETTINGS[stage]
    if not setting.pod:
        os.environ.clear()
        os.environ.update(_ENVIRONMENT)
        return [_Shell(lambda: None).run(command) for command in commands]
    kernel.unshare(_NEWNS_NEWUTS)
    socket.sethostname("push-to-quay-pod")
    stages.set_up(setting.volume)
    setting.build()
    time.sleep(stages.TICKS_SECONDS)
    go_reader, go_writer = os.pipe()

    def prepare() -> None:
        setting.during()
        if setting.later is not None and os.fork() == 0:
            os.read(go_reader, 1)
            time.sleep(setting.patience)
            setting.later()
            os._exit(0)

    def act() -> str:
        os.environ.clear()
        os.environ.update(_ENVIRONMENT)
        os.chdir(stages.DEBUG)
        setting.before()
        shell = _Shell(lambda: os.write(go_writer, b"."))
        return json.dumps([shell.run(command) for command in commands])

    said = Stage(stages.SOURCE, stages.ARCHIVE).run(act, by=setting.by, prepare=prepare, container=setting.container)
    return list(json.loads(said))


class _Shell:
    """Commands one after the other, with `$?`."""

    def __init__(self, begins: Callable[[], object]) -> None:
        self._begins, self._status = begins, 0

    def run(self, command: str) -> str:
        """What one command line prints. In one that calls the probe, pipes and `>` stand between spaces."""
        if command == "echo $?":
            return f"{self._status}\n"
        if "probe " not in command:
            return self._run_shell(command, b"").decode("utf-8", "replace")
        data = b""
        for part in command.split(" | "):
            data = self._run_probe(part, data) if part.startswith("probe ") else self._run_shell(part, data)
        return data.decode("utf-8", "replace")

    def _run_shell(self, command: str, data: bytes) -> bytes:
        ran = subprocess.run(["sh", "-c", command], input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._status = ran.returncode
        return ran.stdout

    def _run_probe(self, command: str, data: bytes) -> bytes:
        words = shlex.split(command.replace("\\\n", " "))[1:]
        target = words[words.index(">") + 1] if ">" in words else None
        words = words[: words.index(">")] if ">" in words else words
        if words[0] in _BY_DESCRIPTOR:
            self._begins()
            self._status, printed = _in_process(words)
            return printed
        written = io.BytesIO()
        stream = io.TextIOWrapper(written, encoding="utf-8", write_through=True)
        before = sys.stdin, sys.stdout, sys.stderr
        sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO(data)), stream, stream
        try:
            self._begins()
            self._status = run(words)
        finally:
            sys.stdin, sys.stdout, sys.stderr = before
        if target is not None:
            Path(target).write_bytes(written.getvalue())
            return b""
        return written.getvalue()


def _in_process(words: Sequence[str]) -> tuple[int, bytes]:
    """Status and output of a command line that writes to the descriptors themselves: in a process of its own."""
    with tempfile.TemporaryFile() as file:
        pid = os.fork()
        if pid == 0:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, "utf-8") for number in (1, 2))
            os._exit(run(words))
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        file.seek(0)
        return status, file.read()


def warm_up() -> None:
    """Import all that a command may import, while this process may still read it."""
    preload()
    for found in pkgutil.walk_packages(probe.__path__, "probe."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    kernel.prepare()
    stages.image()
    for words in (["schema"], ["check", "/", "--want", "list"], ["check", "--help"], ["collect", "/"]):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run(words)


def in_parallel(tasks: Mapping[str, Task]) -> dict[str, Any]:
    """The results of all tasks, each in a forked process of its own; the text of its error for one that fails."""
    waiting, results = list(tasks.items()), {}
    running: dict[int, tuple[str, int, bytearray]] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            key, task = waiting.pop(0)
            reader, writer = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(reader)
                _answer(writer, task)
            os.close(writer)
            running[reader] = (key, pid, bytearray())
        for reader in select.select(list(running), [], [])[0]:
            key, pid, data = running[reader]
            part = os.read(reader, 1 << 16)
            data += part
            if not part:
                os.close(reader)
                os.waitpid(pid, 0)
                del running[reader]
                results[key] = json.loads(data or b'"it died without a word"')
    return results


def _answer(writer: int, task: Task) -> None:
    try:
        said = task()
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
    with os.fdopen(writer, "wb") as stream:
        stream.write(json.dumps(said).encode())
    os._exit(0)
