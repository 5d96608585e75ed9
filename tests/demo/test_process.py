"""Processes of the play: they answer, they fail with a sentence, and none is left."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from probe.demo.process import ActorFailed, Processes


def nobody():
    """Take on no identity."""


@pytest.fixture
def processes(no_child_left):
    processes = Processes()
    yield processes
    processes.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_answer_comes_back_whole_and_nothing_is_kept_open(processes):
    before = descriptors()
    answer = bytes(range(256)) * 4096
    assert processes.call(nobody, lambda: answer) == answer
    assert descriptors() == before


def test_a_failure_is_told_in_a_sentence(processes):
    def fail():
        raise RuntimeError("no paper left")

    with pytest.raises(ActorFailed, match="RuntimeError: no paper left"):
        processes.call(nobody, fail)
    with pytest.raises(ActorFailed, match="No such file or directory: /no/such"):
        processes.call(nobody, lambda: os.listdir("/no/such"))


def test_a_failure_to_become_is_told_and_the_task_is_not_run(processes, tmp_path):
    def refuse():
        raise PermissionError(1, "Operation not permitted")

    with pytest.raises(ActorFailed, match=r"^Operation not permitted$"):
        processes.call(refuse, lambda: (tmp_path / "ran").touch())
    assert not (tmp_path / "ran").exists()


def test_one_that_is_killed_is_told(processes):
    with pytest.raises(ActorFailed, match="killed"):
        processes.call(nobody, lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_one_that_hangs_is_ended_with_its_children(processes, tmp_path):
    def hang(_):
        child = os.fork()
        if child == 0:
            time.sleep(60)
        (tmp_path / "child").write_text(str(child))
        time.sleep(60)
        return b""

    running = processes.start(nobody, hang)
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        time.sleep(0.01)
    with pytest.raises(ActorFailed, match="no answer within"):
        processes.finish(running, 0.05)
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 10
    while lives(child):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_process_waits_to_be_released(processes):
    def wait(go_on):
        os.read(go_on, 1)
        return b"released"

    running = processes.start(nobody, wait)
    assert processes.finish(running) == b"released"
    processes.end(running)  # harmless


def test_one_is_released_while_another_one_started_later_still_waits(processes):
    def wait(go_on):
        os.read(go_on, 1)
        return b"released"

    first = processes.start(nobody, wait)
    second = processes.start(nobody, wait)
    assert processes.finish(first, 10) == b"released"
    assert processes.finish(second, 10) == b"released"


def test_the_standard_streams_of_the_parent_are_not_touched(processes, capfd):
    def shout():
        os.write(1, b"out")
        os.write(2, b"err")
        return os.read(0, 1)

    assert processes.call(nobody, shout) == b""
    assert capfd.readouterr() == ("", "")


def test_it_leads_a_group_of_its_own_with_ordinary_signals(processes):
    def state():
        ordinary = all(signal.getsignal(number) == signal.SIG_DFL for number in (signal.SIGINT, signal.SIGTERM))
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        return b"yes" if ordinary and not blocked and os.getpgrp() == os.getpid() else b"no"

    assert processes.call(nobody, state) == b"yes"
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
