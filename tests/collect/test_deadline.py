"""The child that may hang: bounded, killed, collected; whatever it does, its journal is read."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probe.collect.deadline import Bounds, Ending, run_child
from probe.collect.journal import CAPACITY, Crumb, Journal, Phase

Task = Callable[[Journal], None]


@pytest.fixture
def journal() -> Iterator[Journal]:
    made = Journal(1 << 20)
    yield made
    made.close()


def run(task: Task, journal: Journal, seconds: float = 5.0, **bounds: float) -> Ending:
    return run_child(task, journal, Bounds(seconds, **bounds))


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def test_entries_and_crumb_pass(journal: Journal) -> None:
    def task(shared: Journal) -> None:
        shared.append("a", b"1")
        shared.append("b", b"")
        shared.crumb("openat", "/x", "x", ("y", "z"))
        shared.append("a", b"3" * 100_000)

    assert run(task, journal).how == "finished"
    assert list(journal.entries()) == [("a", b"1"), ("b", b""), ("a", b"3" * 100_000)]
    assert journal.last_crumb() == Crumb("openat", "/x", "x", ("y", "z"))
    assert str(journal.last_crumb()) == "openat /x"
    assert children() == []


def test_a_journal_that_is_full_refuses_and_stays_readable() -> None:
    journal = Journal(1 << 16)
    assert journal.append("a", b"1" * 40_000)
    assert not journal.append("b", b"2" * 40_000)
    assert journal.append("c", b"3")
    assert [kind for kind, _ in journal.entries()] == ["a", "c"]
    journal.crumb("x", "p" * 100_000, "n" * 100_000, ("r" * 100_000,))
    crumb = journal.last_crumb()
    assert crumb is not None and len(crumb.path) == 1024
    journal.close()


def test_a_fresh_journal_is_empty() -> None:
    journal = Journal()
    assert list(journal.entries()) == [] and journal.last_crumb() is None
    assert (journal.phase, journal.position) == (Phase.LOOK, (0, 0))
    assert CAPACITY >= 16 << 20
    journal.close()


@pytest.mark.parametrize("sleep", [lambda: time.sleep(60), lambda: os.kill(os.getpid(), signal.SIGSTOP), signal.pause])
def test_what_does_not_end_is_ended(journal: Journal, sleep: Callable[[], object]) -> None:
    def task(shared: Journal) -> None:
        shared.append("before", b"x")
        shared.crumb("read", "/dead")
        sleep()

    began = time.monotonic()
    ending = run(task, journal, 0.3)
    assert time.monotonic() - began < 1.3
    assert (ending.how, ending.abandoned) == ("timeout", False)
    assert "no answer within 0.3 s" in ending.sentence
    assert list(journal.entries()) == [("before", b"x")]
    assert children() == []


def test_a_child_that_ignores_signals_and_has_children_of_its_own(journal: Journal) -> None:
    def task(shared: Journal) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        grandchild = os.fork()
        if grandchild == 0:
            time.sleep(60)
            os._exit(0)
        shared.append("grandchild", str(grandchild).encode())
        time.sleep(60)

    assert run(task, journal, 0.4).how == "timeout"
    ((_, pid),) = journal.entries()
    until = time.monotonic() + 5
    while Path(f"/proc/{pid.decode()}").exists() and "Z" not in state(pid.decode()) and time.monotonic() < until:
        time.sleep(0.01)
    assert not Path(f"/proc/{pid.decode()}").exists() or "Z" in state(pid.decode())


def state(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def crash_memory(_: Journal) -> None:
    raise MemoryError("no more")


def crash_recursion(_: Journal) -> None:
    def again() -> None:
        again()

    again()


def crash_exit(_: Journal) -> None:
    sys.exit("leaving")


def crash_segfault(_: Journal) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def crash_kill(_: Journal) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash_status(_: Journal) -> None:
    os._exit(7)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (crash_memory, "MemoryError: no more"),
        (crash_recursion, "RecursionError"),
        (crash_exit, "SystemExit: leaving"),
        (crash_segfault, "SIGSEGV"),
        (crash_kill, "SIGKILL (out of memory"),
        (crash_status, "status 7"),
    ],
)
def test_a_crash_is_a_sentence(journal: Journal, task: Task, words: str) -> None:
    def act(shared: Journal) -> None:
        shared.append("before", b"x")
        task(shared)

    ending = run(act, journal)
    assert ending.how == "crashed" and words in ending.sentence
    assert "Traceback" not in ending.sentence and "\n" not in ending.sentence
    assert next(journal.entries()) == ("before", b"x")


def test_nothing_of_the_callers_is_inherited(journal: Journal, tmp_path: Path) -> None:
    kept = os.open(tmp_path / "f", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(kept, True)

    def task(shared: Journal) -> None:
        links = {}
        for name in os.listdir("/proc/self/fd"):
            try:
                links[name] = os.readlink(f"/proc/self/fd/{name}")
            except OSError:  # of the listing itself
                continue
        shared.append("fds", json.dumps(sorted(links.values())).encode())
        shared.append("group", str(os.getpgid(0) == os.getpid()).encode())

    assert run(task, journal).how == "finished"
    os.close(kept)
    found = dict(journal.entries())
    links = json.loads(found["fds"])
    assert links[:3] == ["/dev/null"] * 3
    assert len(links) == 4 and links[3].startswith("pipe:")
    assert found["group"] == b"True"


def test_the_callers_buffers_and_handlers_stay_the_callers(journal: Journal, capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        sys.stdout.write("once")
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        run(lambda shared: None, journal)
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask
        sys.stdout.flush()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert capfd.readouterr().out == "once"


def test_deep_phase_is_bounded_by_progress(journal: Journal) -> None:
    told: list[tuple[int, int]] = []

    def task(shared: Journal) -> None:
        shared.enter(Phase.DEEP)
        for done in range(1, 9):
            time.sleep(0.1)
            shared.progress(done, 8)
        shared.enter(Phase.AFTER)
        shared.append("end", b"")

    ending = run_child(task, journal, Bounds(0.3, stall=0.4), lambda done, total: told.append((done, total)))
    assert ending.how == "finished"  # 0.8 s, longer than the deadline of a look
    assert [kind for kind, _ in journal.entries()] == ["end"]
    assert told[-1] == (8, 8) and len(told) >= 2


def test_deep_phase_that_stands_still(journal: Journal) -> None:
    def task(shared: Journal) -> None:
        shared.enter(Phase.DEEP)
        shared.progress(1, 8)
        time.sleep(60)

    ending = run(task, journal, 0.2, stall=0.5)
    assert ending.how == "timeout" and "no progress" in ending.sentence


def test_deep_phase_with_a_bound_of_its_own(journal: Journal) -> None:
    def task(shared: Journal) -> None:
        shared.enter(Phase.DEEP)
        while True:
            time.sleep(0.05)
            shared.progress(1, 8)

    began = time.monotonic()
    assert run(task, journal, 0.2, deep=0.3).how == "timeout"
    assert time.monotonic() - began < 1.5


def test_what_follows_the_deep_phase_is_bounded_again(journal: Journal) -> None:
    def task(shared: Journal) -> None:
        shared.enter(Phase.DEEP)
        shared.enter(Phase.AFTER)
        time.sleep(60)

    assert run(task, journal, 0.3).how == "timeout"


def test_an_exception_of_progress_leaves_no_child(journal: Journal) -> None:
    def task(shared: Journal) -> None:
        shared.enter(Phase.DEEP)
        shared.progress(1, 2)
        time.sleep(60)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_child(task, journal, Bounds(5), interrupt)
    assert children() == []


def test_sigint_passes_and_leaves_no_child(journal: Journal) -> None:
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run(lambda shared: time.sleep(60), journal, 10)
    timer.join()
    assert children() == []


def test_where_sigchld_is_ignored(journal: Journal) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert run(lambda shared: None, journal).how == "finished"
        assert run(lambda shared: time.sleep(60), journal, 0.2).how == "timeout"
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_no_process_to_be_had(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("probe.collect.deadline.fork", refuse)
    before = set(os.listdir("/proc/self/fd"))
    ending = run(lambda shared: None, journal)
    assert ending.how == "crashed" and "no child could be started" in ending.sentence
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_child_without_a_parent_ends_by_itself() -> None:
    """The parent is killed outright: the alarm ends the child that it left."""
    code = (
        "import sys, time, os; sys.path.insert(0, sys.argv[1])\n"
        "import probe.collect.deadline as d\n"
        "from probe.collect.journal import Journal\n"
        "d._SELF_DESTRUCT_GRACE = 0.5\n"
        "def task(j):\n"
        "    open(sys.argv[2], 'w').write(str(os.getpid())); time.sleep(60)\n"
        "d.run_child(task, Journal(), d.Bounds(0.5, stall=1))\n"
    )
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        process = subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).parents[2]), file.name])
        until = time.monotonic() + 10
        while not (pid := Path(file.name).read_text()) and time.monotonic() < until:
            time.sleep(0.01)
        process.kill()
        process.wait()
        while Path(f"/proc/{pid}").exists() and state(pid) != "Z" and time.monotonic() < until:
            time.sleep(0.02)
        assert not Path(f"/proc/{pid}").exists() or state(pid) == "Z"
