"""On a terminal: the command has it as it would without the probe, keys and size included."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from support.execution import PYTHON, children, state, until, words
from support.program import ROOT, environment

QUIET = ("--no-evidence-stderr",)


class Terminal:
    """A session of its own on a real terminal, with one program in the foreground."""

    def __init__(self, *command: object, lead: Callable[[], None] | None = None) -> None:
        argv = [os.fsencode(str(word)) for word in command]
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(ROOT)
                termios.tcsetwinsize(0, (33, 101))
                if lead is not None:
                    lead()
                os.execvpe(argv[0], argv, environment())
            finally:
                os._exit(99)
        self.shown = b""
        self.status: int | None = None

    def wait_for(self, text: bytes) -> None:
        """Until this was shown."""
        until(lambda: text in self._read(0.05))

    def _read(self, seconds: float) -> bytes:
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.shown += os.read(self.master, 1 << 16)
            except OSError:  # the other side is closed
                time.sleep(0.01)
        return self.shown

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def end(self) -> int:
        """The wait status of the program, once it has ended."""

        def ended() -> bool:
            self._read(0.01)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
            return bool(pid)

        until(ended)
        while select.select([self.master], [], [], 0)[0]:
            before = self.shown
            if self._read(0) == before:
                break
        assert self.status is not None
        return self.status


@contextmanager
def terminal(*command: object, lead: Callable[[], None] | None = None) -> Iterator[Terminal]:
    opened = Terminal(*command, lead=lead)
    try:
        yield opened
    finally:
        if opened.status is None:
            os.kill(opened.pid, signal.SIGKILL)
            os.waitpid(opened.pid, 0)
        os.close(opened.master)


def test_the_command_finds_a_terminal_on_all_three_and_its_size() -> None:
    script = (
        "import os; print([os.isatty(n) for n in range(3)], [tuple(os.get_terminal_size(n)) for n in range(3)], "
        "os.getpgrp() == os.tcgetpgrp(0), os.ttyname(0) == os.ctermid() or os.open('/dev/tty', os.O_RDWR) > 2)"
    )
    with terminal(*words(*PYTHON, script)) as opened:
        assert opened.end() == 0
    assert opened.shown == b"[True, True, True] [(101, 33), (101, 33), (101, 33)] True True\r\n"


def test_bytes_to_the_terminal_are_those_that_arrive_without_the_probe() -> None:
    script = r"import os; os.write(2, bytes(range(256)) * 40 + b'\nline\n\ttab\x1b[31m'); os.write(1, b'.')"
    shown = []
    for command in ([*PYTHON, script], words(*PYTHON, script)):
        with terminal(*command) as opened:
            assert opened.end() == 0
        shown.append(sorted(opened.shown))
    assert shown[0] == shown[1]


def test_ctrl_c_reaches_the_command_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"""
import os, signal, time
log = open({str(log)!r}, "ab", buffering=0)
signal.pthread_sigmask(signal.SIG_BLOCK, [2, 3, 12])
print("up", flush=True)
while (found := signal.sigwaitinfo([2, 3, 12])).si_signo != 12:
    log.write(b"%d from %s\\n" % (found.si_signo, b"kernel" if found.si_code == 128 else b"someone"))
time.sleep(0.1)
"""
    with terminal(*words(*PYTHON, script, options=QUIET)) as opened:
        opened.wait_for(b"up")
        opened.type(b"\x03")
        until(lambda: log.read_text().count("\n") == 1)
        opened.type(b"\x1c")
        until(lambda: log.read_text().count("\n") == 2)
        os.kill(opened.pid, signal.SIGUSR2)
        assert opened.end() == 0
    assert log.read_text() == "2 from kernel\n3 from kernel\n"


def test_ctrl_c_ends_both_as_one() -> None:
    with terminal(*words("sh", "-c", "echo up; exec sleep 600")) as opened:
        opened.wait_for(b"up")
        opened.type(b"\x03")
        status = opened.end()
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT
    assert b"probe:" not in opened.shown


def test_a_new_size_is_told(tmp_path: Path) -> None:
    script = f"""
import os, signal, time
def told(*_):
    open({str(tmp_path / "size")!r}, "a").write(f"{{tuple(os.get_terminal_size(2))}}\\n")
signal.signal(signal.SIGWINCH, told)
print("up", flush=True)
while True:
    signal.pause()
"""
    size = tmp_path / "size"
    with terminal(*words(*PYTHON, script)) as opened:
        opened.wait_for(b"up")
        termios.tcsetwinsize(opened.master, (20, 70))
        until(lambda: size.exists() and size.read_text().endswith("(70, 20)\n"))
        os.kill(opened.pid, signal.SIGTERM)
        assert os.WTERMSIG(opened.end()) == signal.SIGTERM


_SHELL = """
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
print("shell up", flush=True)
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpgrp())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    _, status = os.waitpid(pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        break
    os.tcsetpgrp(0, os.getpgrp())
    print("stopped by", os.WSTOPSIG(status), flush=True)
    input()
    os.tcsetpgrp(0, pid)
    os.killpg(pid, signal.SIGCONT)
print("ended", os.waitstatus_to_exitcode(status), flush=True)
"""
"""Job control as a shell does it: the job has a group of its own, is stopped by Ctrl-Z, and continued."""


def runs_in_front(opened: Terminal) -> bool:
    """Whether the job is in the foreground, and none of it is stopped."""
    job = os.tcgetpgrp(opened.master)
    return job != opened.pid and not any(state(pid) == "T" for pid in (job, *children(job)))


def test_ctrl_z_stops_the_job_and_it_can_be_continued() -> None:
    command = ["sh", "-c", "echo up; read line; echo got $line >&2; exit 6"]
    with terminal(sys.executable, "-S", "-c", _SHELL, *words(*command, options=QUIET)) as opened:
        opened.wait_for(b"\nup")
        for _ in range(2):
            before = opened.shown.count(b"stopped by")
            opened.type(b"\x1a")
            until(lambda: opened._read(0.05).count(b"stopped by") > before)  # noqa: B023
            opened.type(b"fg\n")
            until(lambda: runs_in_front(opened))
        opened.type(b"word\n")
        opened.wait_for(b"ended 6")
        assert os.waitstatus_to_exitcode(opened.end()) == 0
    assert opened.shown.count(b"stopped by %d" % signal.SIGTSTP) == 2
    assert b"got word\r\n" in opened.shown


def test_what_was_written_last_is_shown_although_somebody_keeps_the_terminal(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! > {tmp_path}/pid; i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done"
    with terminal(*words("sh", "-c", script)) as opened:
        assert opened.end() == 0
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert opened.shown.count(b"line ") == 3000
    assert opened.shown.endswith(b"line 2999\r\n")
