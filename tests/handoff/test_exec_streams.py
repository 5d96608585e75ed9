"""What goes in and out of a command passes unchanged: bytes, descriptors, environment, signals' dispositions."""

from __future__ import annotations

import fcntl
import hashlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.execution import PATIENCE, PYTHON, children, end, execute, left_in, name_of, start, until
from support.execution import nothing_left as nothing_left
from support.program import ROOT, environment

pytestmark = pytest.mark.slow  # most of their time is waiting

QUIET = ("--no-evidence-stderr",)
MANY = 100_000_000
_BLAST = """
import os, random, sys
block = random.Random(7).randbytes(1 << 20)
left = int(sys.argv[2])
while left:
    left -= os.write(int(sys.argv[1]), block[:left])
"""
_STATUS = "print(*[l for l in open('/proc/self/status') if l[:3] in ('Sig', 'Shd')], sep='')"


def expected(size: int) -> str:
    import random

    block = random.Random(7).randbytes(1 << 20)
    digest, left = hashlib.sha256(), size
    # A write may be cut anywhere: then the block begins anew. A pipe takes all of it, as does a file.
    while left:
        digest.update(block[:left])
        left -= min(left, len(block))
    return digest.hexdigest()


@pytest.mark.parametrize("stream", [1, 2])
def test_100_megabytes_of_any_bytes_pass(stream: int) -> None:
    process = start(sys.executable, "-c", _BLAST, str(stream), str(MANY))
    pipe = process.stdout if stream == 1 else process.stderr
    assert pipe is not None
    digest, size = hashlib.sha256(), 0
    while piece := pipe.read(1 << 16):
        digest.update(piece)
        size += len(piece)
    assert process.wait(PATIENCE) == 0
    assert (size, digest.hexdigest()) == (MANY, expected(MANY))
    for rest in (process.stdout, process.stderr):
        assert rest is not None
        rest.close()


def test_standard_error_arrives_at_once_and_not_in_lines() -> None:
    process = start("sh", "-c", "printf half >&2; read line; printf ' done' >&2", stdin=subprocess.PIPE)
    assert process.stderr is not None and process.stdin is not None
    assert os.read(process.stderr.fileno(), 64) == b"half"
    process.stdin.write(b"go\n")
    process.stdin.flush()
    assert os.read(process.stderr.fileno(), 64) == b" done"
    assert end(process).status == 0


def test_standard_input_passes() -> None:
    data = os.urandom(3_000_000)
    assert execute("cat", stdin=data).out == data


def test_the_other_descriptors_are_inherited_and_no_more(tmp_path: Path) -> None:
    with open(tmp_path / "file", "w+b") as file:
        os.set_inheritable(file.fileno(), True)
        script = f"import os; os.write({file.fileno()}, b'seen'); print(sorted(os.listdir('/proc/self/fd'), key=int))"
        plain = subprocess.run([*PYTHON, script], capture_output=True, check=True, close_fds=False)
        process = start(*PYTHON, script, close_fds=False)
        done = end(process)
    assert (done.status, done.out) == (0, plain.stdout), "no descriptor of the probe's own"
    assert (tmp_path / "file").read_bytes() == b"seenseen"


def test_what_the_command_closes_is_closed_although_it_goes_on() -> None:
    """The probe does not hold its caller's descriptors open beside the command."""
    process = start("sh", "-c", "exec sleep 60 >&- <&-")
    assert process.stdout is not None
    assert process.stdout.read() == b"", "the end of the output is seen while the command runs"
    assert process.poll() is None
    process.terminate()
    assert end_of(process) == -signal.SIGTERM


def end_of(process: subprocess.Popen[bytes]) -> int:
    status = process.wait(PATIENCE)
    for pipe in (process.stdout, process.stderr, process.stdin):
        if pipe is not None:
            pipe.close()
    return status


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_stream_stays_closed(closed: int) -> None:
    script = f"test -e /proc/self/fd/{closed} && exit 9; exit 3"
    assert execute("sh", "-c", script, options=QUIET, before=lambda: os.close(closed)).status == 3


def test_the_environment_is_the_same(tmp_path: Path) -> None:
    """Python changes its own in the C locale (LC_CTYPE), and the probe sets a variable for a library."""
    bare = {"PATH": os.environ["PATH"], "LC_ALL": "", "ODD": "a=b\n\udcff", "PYTHONPATH": str(ROOT)}
    process = start("env", "-0", env=bare)
    assert set(end(process).out.split(b"\0")) == set(subprocess.check_output(["env", "-0"], env=bare).split(b"\0"))


@pytest.mark.parametrize(
    ("ignored", "blocked"),
    [
        ((), ()),
        ((signal.SIGCHLD,), ()),
        ((signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1), (signal.SIGTERM, signal.SIGRTMIN)),
    ],
)
def test_dispositions_and_mask_are_the_same(ignored: tuple[int, ...], blocked: tuple[int, ...]) -> None:
    def before() -> None:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    show = ["grep", "^Sig[PBIC]\\|^ShdPnd", "/proc/self/status"]
    plain = subprocess.run(show, capture_output=True, check=True, preexec_fn=before, env=environment()).stdout
    done = execute(*show, before=before)
    assert (done.status, done.out) == (0, plain)


def test_a_success_is_silent_even_with_a_reference(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    done = execute("true", options=("--ref", f"oci-archive:{tmp_path}/x.tar", "--evidence-dir", evidence))
    assert (done.status, done.out, done.err) == (0, b"", b"")
    assert not evidence.exists()


def test_a_grandchild_that_keeps_standard_error_is_neither_waited_for_nor_stopped(tmp_path: Path) -> None:
    marker, gate = tmp_path / "marker", tmp_path / "gate"
    os.mkfifo(gate)
    script = f"(trap 'echo piped > {marker}' PIPE; read x < {gate}; echo late >&2; echo $? > {marker}) & echo soon >&2"
    process = start("sh", "-c", script, stdout=subprocess.DEVNULL)
    assert process.wait(PATIENCE) == 0, "it ends although somebody still has its standard error"
    gate.write_text("go\n")
    assert process.stderr is not None
    assert process.stderr.read() == b"soon\nlate\n"
    assert until(marker.exists) and until(marker.read_text) == "0\n"
    process.stderr.close()


def test_a_reader_that_goes_away_is_felt_by_the_command() -> None:
    process = start("sh", "-c", "echo first >&2; while echo more >&2; do :; done; exit 5")
    assert process.stderr is not None
    os.read(process.stderr.fileno(), 6)
    process.stderr.close()
    process.stderr = None
    assert end(process).status == -signal.SIGPIPE


def test_who_is_told_to_end_does_not_wait_for_a_reader_that_does_not_read() -> None:
    """Nobody has taken anything, and somebody holds the pipe open all the same."""
    process = start(sys.executable, "-c", _BLAST, "2", str(MANY))
    assert process.stderr is not None
    select.select([process.stderr], [], [], PATIENCE)
    time.sleep(0.3)  # so that both pipes are full
    process.terminate()
    assert process.wait(PATIENCE) == -signal.SIGTERM


def test_what_the_probe_says_does_not_wait_for_a_reader_either() -> None:
    """The command itself has just room enough."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    process = start(sys.executable, "-c", "import os, sys; os.write(2, bytes(4096)); sys.exit(3)", stderr=writer)
    os.close(writer)
    assert process.wait(PATIENCE) == 3
    os.close(reader)


def test_a_full_disk_under_standard_error_is_not_the_commands_end() -> None:
    with open("/dev/full", "wb") as full:
        assert start("sh", "-c", "echo lost >&2; echo kept; exit 4", stderr=full).wait(PATIENCE) == 4


def test_a_slow_reader_of_a_non_blocking_pipe_gets_everything() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    process = start(sys.executable, "-c", _BLAST, "2", "1000000", stderr=writer)
    os.close(writer)
    digest = hashlib.sha256()
    time.sleep(0.2)  # so that the pipe is full
    while piece := os.read(reader, 1000):
        digest.update(piece)
    os.close(reader)
    assert process.wait(PATIENCE) == 0
    assert digest.hexdigest() == expected(1_000_000)


def test_standard_error_is_left_alone_with_tail_0(tmp_path: Path) -> None:
    with open(tmp_path / "err", "wb") as file:
        script = "readlink /proc/self/fd/2; echo said >&2; exit 1"
        options = ("--tail", "0", "--no-evidence-stderr", "--evidence-dir", tmp_path / "e", "--ref", "/etc/passwd")
        done = end(start("sh", "-c", script, options=options, stderr=file))
    assert (done.status, done.out.decode().strip()) == (1, f"{tmp_path}/err")
    (document,) = left_in(tmp_path / "e")
    command = document.evidence[-1].command
    assert command is not None and (command.exit_status, command.failures) == (1, ())


def test_a_killed_probe_leaves_the_command_and_its_standard_error() -> None:
    script = "read x; echo after >&2; exit 0"
    reader, writer = os.pipe()
    process = start("sh", "-c", script, stdin=reader)
    os.close(reader)
    assert process.stderr is not None
    until(lambda: any(name_of(pid) == "sh" for pid in children(process.pid)))
    process.kill()
    assert process.wait(PATIENCE) == -signal.SIGKILL
    os.write(writer, b"go\n")
    assert process.stderr.read() == b"after\n"
    os.close(writer)
    end_of(process)


def test_nothing_of_the_probe_is_left_running(tmp_path: Path) -> None:
    """Whoever waits for the end of its standard error would wait for what is left."""
    for script in ("exit 0", "exit 1", "kill -9 $$"):
        process = start("sh", "-c", script, options=("--ref", f"oci-archive:{tmp_path}/x.tar", *QUIET))
        until(lambda: process.poll() is not None)  # noqa: B023
        assert process.stderr is not None
        process.stderr.read()
        end_of(process)
