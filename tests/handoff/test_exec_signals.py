"""Signals reach the command exactly once, whoever sends them and to whom."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.execution import PYTHON, children, end, name_of, start, state, until, words
from support.execution import nothing_left as nothing_left
from support.program import ROOT, environment

QUIET = ("--no-evidence-stderr",)
_COUNTER = """
import os, signal, sys
log = open(sys.argv[1], "ab", buffering=0)
every = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}
signal.pthread_sigmask(signal.SIG_BLOCK, every)
log.write(b"ready\\n")
while True:
    found = signal.sigwaitinfo(every)
    log.write(b"%d\\n" % found.si_signo)
    if found.si_signo == signal.SIGUSR2:
        os._exit(33)
"""
"""Blocked and waited for, so that what is sent twice is not merged unseen: it writes as fast as it is sent."""


class Counting:
    """A command that writes down each signal that it gets; SIGUSR2 ends it with status 33."""

    def __init__(self, log: Path, options: tuple[str, ...], leaves: bool) -> None:
        self.log = log
        command = (*(["setsid"] if leaves else []), *PYTHON, _COUNTER, log)
        self.process = start(*command, options=options, start_new_session=True)
        until(lambda: log.exists() and "ready" in log.read_text())

    @property
    def got(self) -> list[int]:
        """The signals so far."""
        return [int(word) for word in self.log.read_text().split()[1:]]

    def settle(self) -> None:
        """Wait until no signal is on its way: a second one of a kind that is pending is merged with it (signal(7))."""
        until(lambda: waits(self.process.pid))

    def finish(self) -> list[int]:
        """End it, and give all that it got before."""
        os.kill(self.process.pid, signal.SIGUSR2)
        assert end(self.process).status == 33
        assert self.got[-1] == signal.SIGUSR2
        return self.got[:-1]


def waits(pid: int) -> bool:
    """Whether a process waits for signals, and none is there for it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    pending = any(int(line.split()[1], 16) for line in lines if line.startswith("ShdPnd:"))
    return not pending and "sigtimedwait" in Path(f"/proc/{pid}/wchan").read_text()


@contextmanager
def counting(tmp_path: Path, *options: str, leaves: bool = False) -> Iterator[Counting]:
    counted = Counting(tmp_path / "log", (*QUIET, *options), leaves)
    try:
        yield counted
    finally:
        if counted.process.poll() is None:
            os.killpg(counted.process.pid, signal.SIGKILL)
            end(counted.process)


SENT = [
    *("TERM", "INT", "HUP", "QUIT", "USR1", "WINCH", "CONT", "TSTP", "TTIN", "ALRM", "PIPE", "URG", "SEGV"),
    *("RTMIN", "RTMAX"),
]


@pytest.mark.parametrize("tail", ["64k", "0"])
def test_what_is_sent_to_the_probe_is_passed_on_once(tmp_path: Path, tail: str) -> None:
    numbers = [getattr(signal, f"SIG{name}") for name in SENT]
    with counting(tmp_path, "--tail", tail) as counted:
        for number in numbers:
            before = len(counted.got)
            os.kill(counted.process.pid, number)
            until(lambda: len(counted.got) > before)  # noqa: B023
        assert counted.finish() == numbers


def test_what_is_sent_to_the_group_is_not_passed_on_besides(tmp_path: Path) -> None:
    numbers = [getattr(signal, f"SIG{name}") for name in SENT]
    with counting(tmp_path) as counted:
        for number in numbers:
            for to_group in (True, False, True):
                before = len(counted.got)
                (os.killpg if to_group else os.kill)(counted.process.pid, number)
                until(lambda: len(counted.got) > before)  # noqa: B023
                counted.settle()
        assert counted.finish() == [number for number in numbers for _ in range(3)]


def test_timeout_ends_a_command_as_it_would_without_the_probe(tmp_path: Path) -> None:
    """timeout(1) signals its child, and then the group of them both."""
    script = (
        f"trap 'echo term >> {tmp_path}/log; sleep 0.1; exit 7' TERM; : > {tmp_path}/up; while :; do sleep 0.01; done"
    )
    process = subprocess.Popen(
        ["timeout", "600", *words("sh", "-c", script, options=QUIET)],
        cwd=ROOT,
        env=environment(),
        start_new_session=True,
    )
    until((tmp_path / "up").exists)
    process.send_signal(signal.SIGTERM)  # it does then what it does when time is up
    assert end(process).status == 7
    assert set((tmp_path / "log").read_text().split()) == {"term"}


def test_an_alarm_that_was_set_before_counts(tmp_path: Path) -> None:
    """`perl -e 'alarm 5; exec @ARGV' CMD`: the timer is the probe's own now."""

    def before() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.8)

    process = start("sleep", "60", options=QUIET, preexec_fn=before)
    assert end(process).status == -signal.SIGALRM


def test_signals_in_quick_succession_lose_none_of_their_kinds(tmp_path: Path) -> None:
    with counting(tmp_path) as counted:
        for _ in range(50):
            os.kill(counted.process.pid, signal.SIGRTMIN + 5)  # these are queued
        os.kill(counted.process.pid, signal.SIGTERM)
        until(lambda: len(counted.got) == 51)
        got = counted.finish()
    assert (got.count(signal.SIGRTMIN + 5), got.count(signal.SIGTERM), len(got)) == (50, 1, 51)


def test_a_command_that_is_stopped_and_continued_alone_is_waited_for(tmp_path: Path) -> None:
    process = start("sh", "-c", f"echo $$ > {tmp_path}/pid; read line; exit 4", options=QUIET, stdin=subprocess.PIPE)
    pid = int(until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()))
    os.kill(pid, signal.SIGSTOP)
    until(lambda: state(pid) == "T")
    os.kill(pid, signal.SIGCONT)
    assert process.stdin is not None
    process.stdin.write(b"line\n")
    assert end(process).status == 4


def test_a_probe_that_looks_can_be_told_to_end(tmp_path: Path) -> None:
    """The status is the command's even so, and those who looked are gone."""
    options = (*QUIET, "--ref", str(tmp_path / "file"), "--gap", "15s")
    (tmp_path / "file").touch()
    process = start("sh", "-c", "exit 5", options=options)
    until(lambda: not any(name_of(pid) == "sh" for pid in children(process.pid)))
    deep = until(lambda: [two for one in children(process.pid) for two in children(one)])
    process.send_signal(signal.SIGTERM)
    assert end(process).status == 5
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in deep))


def test_ctrl_c_is_no_failure_to_explain(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    options = ("--ref", str(tmp_path), "--evidence-dir", str(evidence))
    process = start("sh", "-c", "trap 'exit 3' INT; echo up; while :; do sleep 0.05; done", options=options)
    assert process.stdout is not None
    until(lambda: select.select([process.stdout], [], [], 0)[0])
    process.send_signal(signal.SIGINT)
    done = end(process)
    assert (done.status, done.out, done.err) == (3, b"up\n", b"")
    assert not evidence.exists()


def test_a_command_that_left_the_group_gets_what_is_sent_to_the_probe_alone(tmp_path: Path) -> None:
    with counting(tmp_path, leaves=True) as counted:
        os.kill(counted.process.pid, signal.SIGTERM)
        until(lambda: counted.got)
        os.killpg(counted.process.pid, signal.SIGHUP)  # of that group it is no member, with the probe or without
        counted.settle()
        assert counted.finish() == [signal.SIGTERM]
