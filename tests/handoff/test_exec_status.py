"""The status of a command is that of the probe: exit status, death by a signal, and what cannot be started."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest
from support.execution import PYTHON, execute
from support.program import COMMAND, ROOT, probe

QUIET = ("--no-evidence-stderr",)


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_the_exit_status_is_the_commands(status: int) -> None:
    done = execute("sh", "-c", f"exit {status}", options=QUIET)
    assert done.status == status
    assert done.out == b""
    assert (done.err == b"") is (status == 0), "a success says nothing, a failure is spoken of"


@pytest.mark.parametrize("number", ["TERM", "KILL", "SEGV", "INT", "RTMIN+3"])
def test_it_dies_of_what_the_command_died_of(number: str) -> None:
    done = execute("bash", "-c", f"ulimit -c 0; kill -s {number} $$", options=QUIET)
    expected = signal.SIGRTMIN + 3 if number.startswith("RT") else signal.Signals[f"SIG{number}"]
    assert done.status == -expected


def test_a_signal_that_is_ignored_from_the_start_can_still_be_what_it_died_of() -> None:
    def ignore() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    script = "import signal, os; signal.signal(15, 0); os.kill(os.getpid(), 15)"
    assert execute(*PYTHON, script, options=QUIET, before=ignore).status == -signal.SIGTERM


def test_a_command_that_is_not_there_is_127(tmp_path: Path) -> None:
    done = execute("no-such-command")
    assert (done.status, done.err) == (127, b"probe: cannot run no-such-command: No such file or directory\n")
    assert execute(tmp_path / "absent").status == 127
    assert execute("").status == 127


def test_a_file_that_cannot_be_executed_is_126(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    done = execute(plain)
    assert (done.status, done.err) == (126, f"probe: cannot run {plain}: Permission denied\n".encode())
    assert execute(tmp_path).status == 126


def test_the_path_is_searched_as_a_shell_does(tmp_path: Path) -> None:
    for folder, mode in (("first", 0o644), ("second", 0o755)):
        (tmp_path / folder).mkdir()
        program = tmp_path / folder / "greet"
        program.write_text(f"#!/bin/sh\necho {folder}\n")
        program.chmod(mode)
    path = f"{tmp_path}/none:{tmp_path}/first:{tmp_path}/second:{os.environ['PATH']}"
    assert execute("greet", env={"PATH": path}).out == b"second\n"
    assert execute("greet", env={"PATH": f"{tmp_path}/first"}).status == 126


def test_a_script_without_an_interpreter_line_is_run_by_sh(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('echo "$0 $1"; exit 7\n')
    script.chmod(0o755)
    done = execute(script, "argument", options=QUIET)
    assert (done.status, done.out) == (7, f"{script} argument\n".encode())


def test_without_a_command_it_is_a_matter_of_usage() -> None:
    assert probe("exec").status == 2
    assert probe("exec", "--").status == 2
    assert probe("exec", "--ref", "ocitar:/x", "--", "true").status == 2
    assert probe("exec", "--tail", "many", "--", "true").status == 2
    assert probe("exec", "--tail", "5m", "--", "true").status == 2
    assert probe("exec", "--retry-wait", "soon", "--", "true").status == 2
    assert probe("exec", "--retry-if", "hope", "--", "true").status == 2


def test_options_after_the_command_are_the_commands(tmp_path: Path) -> None:
    done = execute("printf", "%s.", "--ref", "-h", "--", "", "-x", b"\xff", options=())
    assert done.out == b"--ref.-h.--..-x.\xff."
    without = subprocess.run(
        [*COMMAND, "exec", "printf", "%s.", "--help", "--", "--json"],
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    assert without.stdout == b"--help.--.--json."


@pytest.mark.root
def test_as_process_1_a_death_becomes_an_exit_status() -> None:
    """The kernel keeps from process 1 every signal that it has no handler for."""
    unshare = ["unshare", "--pid", "--fork", "--mount-proc"]
    command = [*unshare, *COMMAND, "exec", "--", "sh", "-c"]
    for number in (signal.SIGTERM, signal.SIGSEGV):
        ran = subprocess.run(
            [*command, f"kill -{int(number)} $$"],
            check=False,
            capture_output=True,
            cwd=ROOT,
        )
        assert ran.returncode == 128 + number
    orphans = "(sh -c 'sleep 0.05' &) ; (sh -c 'exit 3' &); sleep 0.2; grep -l 'State:.Z' /proc/[0-9]*/status; exit 9"
    ran = subprocess.run([*command, orphans], check=False, capture_output=True, cwd=ROOT)
    assert (ran.returncode, ran.stdout) == (9, b""), "what others leave is reaped"


@pytest.mark.root
def test_where_processes_are_short_the_command_goes_first() -> None:
    """Two are allowed: the probe itself, and the command."""

    def before() -> None:
        os.setgroups([])
        os.setresgid(1_000_977_001, 1_000_977_001, 1_000_977_001)
        os.setresuid(1_000_977_001, 1_000_977_001, 1_000_977_001)
        resource.setrlimit(resource.RLIMIT_NPROC, (2, 2))

    done = execute("sh", "-c", "echo said >&2; exit 3", options=("--ref", "/", *QUIET), before=before)
    assert done.status == 3
    assert b"said\n" in done.err and b"no evidence will be collected should it fail" in done.err
