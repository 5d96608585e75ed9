"""How a wait ends: by a signal, in front of a mount that hangs, with its evidence left, within its memory."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from collect.conftest import mount_fuse  # noqa: F401 - a fixture
from support.gates import Waiting, ended
from support.program import COMMAND, ROOT, environment, probe
from support.stage import PUSHER
from support.writers import write_slowly

from probe.cli.wait import _ending_by_signal
from probe.demo.image import DemoImage

pytestmark = pytest.mark.slow  # most of their time is waiting


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_and_its_children(number: signal.Signals, place: Path) -> None:
    waiting = Waiting(f"oci-archive:{place}/image.tar", place / "other")
    waiting.until("absent")
    children = waiting.children()
    assert children
    waiting.send(number)
    assert waiting.end() == 128 + number
    assert waiting.out == ""
    assert "Traceback" not in "".join(waiting.lines)
    assert waiting.lines[-1] == f"probe: ended by {number.name}"
    assert ended(children)


def test_a_signal_that_comes_while_a_library_makes_another_error_of_it() -> None:
    """As pydantic-core does, where it builds a schema."""
    with pytest.raises(SystemExit) as ending, _ending_by_signal():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except SystemExit as error:
            raise ValueError("error building a schema: SystemExit: 143") from error
    assert ending.value.code == 128 + signal.SIGTERM


def test_a_kill_leaves_no_child_behind(place: Path) -> None:
    waiting = Waiting(f"oci-archive:{place}/image.tar")
    waiting.until("absent")
    children = waiting.children()
    waiting.send(signal.SIGKILL)
    assert waiting.end() == -signal.SIGKILL
    assert ended(children)


def test_it_has_no_children_left_when_it_opens(archive: Path) -> None:
    os.utime(archive)
    waiting = Waiting("--settle", "1200ms", f"oci-archive:{archive}")
    waiting.until("settling")
    children = waiting.children()
    waiting.opened()
    assert ended(children)


@pytest.mark.root
def test_as_many_processes_as_it_needs_and_no_thread_more(archive: Path) -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NPROC, (3, 3))
        os.setuid(2_000_000_000 + os.getpid())  # of no other process

    Waiting(f"oci-archive:{archive}", before=few).opened()


@pytest.mark.root
@pytest.mark.parametrize("call", ["getattr", "open", "read"])
def test_a_mount_that_hangs_is_named_in_time(
    call: str,
    archive: Path,
    mount_fuse: Callable[..., Path],  # noqa: F811
) -> None:
    where = mount_fuse(archive.parent, f"{call}=/{archive.name}=hang")
    began = time.monotonic()
    waiting = Waiting("--timeout", "1s", f"oci-archive:{where / archive.name}")
    document = waiting.gave_up()
    took = time.monotonic() - began
    assert any("does not return" in line for line in waiting.lines), waiting.lines
    assert str(where) in json.dumps(document["evidence"][0]["mounts"]["stuck"])
    said = next(line for line in waiting.lines if "not open after" in line)
    assert float(said.split("after ")[1].split(" s")[0]) >= 1.0
    assert took < 30, "it has an end"


@pytest.mark.root
def test_a_mount_that_hangs_does_not_keep_the_others_from_being_looked_at(
    archive: Path,
    mount_fuse: Callable[..., Path],  # noqa: F811
) -> None:
    where = mount_fuse(archive.parent, f"getattr=/{archive.name}=hang")
    waiting = Waiting("--timeout", "1s", f"oci-archive:{where / archive.name}", archive)
    waiting.gave_up()
    assert any(f"{archive}  open" in line for line in waiting.lines)


@pytest.mark.root
def test_a_remote_file_system_is_watched_for_three_seconds(
    archive: Path,
    mount_fuse: Callable[..., Path],  # noqa: F811
) -> None:
    """However old the times are that a server shows: its clock is another one."""
    os.utime(archive, (0, 0))
    where = mount_fuse(archive.parent)
    waiting = Waiting(f"oci-archive:{where / archive.name}")
    assert waiting.opened()["waited_seconds"] >= 3
    assert [state.split(",")[0] for state in waiting.states] == ["settling", "open"]


def test_a_name_that_would_break_a_line(place: Path) -> None:
    path = place / "a\nprobe: 0.0 s  forged  open\x1b[31m\xff"
    waiting = Waiting("--timeout", "0", "--no-evidence-stderr", path)
    waiting.gave_up()
    assert all(line.startswith("probe: ") for line in waiting.lines)
    assert len(waiting.lines) == 2 and "\x1b" not in "".join(waiting.lines)


# -- what is said and left


def test_without_json_an_open_gate_says_nothing_on_standard_output(archive: Path) -> None:
    ran = probe("wait", "--settle", "0", f"oci-archive:{archive}")
    assert (ran.status, ran.out) == (0, "")
    assert ran.err.endswith("\n") and "  open" in ran.err
    assert probe("wait", "--quiet", "--settle", "0", f"oci-archive:{archive}").err == ""


def test_the_page_and_the_evidence_on_standard_error(archive: Path, place: Path) -> None:
    os.truncate(archive, 100_000)
    ran = probe("wait", "--timeout", "0", f"oci-archive:{archive}")
    assert ran.status == 1
    assert str(archive) in ran.out and not ran.out.startswith("{")
    *lines, last = ran.err.splitlines()
    assert all(line.startswith("probe: ") for line in lines)
    assert json.loads(last)["schema"] == "pod-probe/verdict/v1"
    again = probe("classify", "-", "--json", stdin=(ran.err).encode())
    assert again.document["verdict"] == json.loads(last)["verdict"]


def test_the_evidence_in_a_directory(archive: Path, place: Path) -> None:
    os.truncate(archive, 100_000)
    kept = place / "evidence" / "push"
    ran = probe("wait", "--timeout", "0", "--json", "--evidence-dir", kept, f"oci-archive:{archive}")
    (file,) = kept.iterdir()
    assert f"probe: evidence left in {file}" in ran.err.splitlines()
    assert json.loads(file.read_text()) == ran.document
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert not any(line.startswith("{") for line in ran.err.splitlines())


def test_both_and_neither(archive: Path, place: Path) -> None:
    os.truncate(archive, 100_000)
    both = probe(
        "wait", "--timeout", "0", "--evidence-dir", place / "kept", "--evidence-stderr", f"oci-archive:{archive}"
    )
    assert both.err.count('"pod-probe/verdict/v1"') == 1 and len(list((place / "kept").iterdir())) == 1
    neither = probe("wait", "--timeout", "0", "--no-evidence-stderr", f"oci-archive:{archive}")
    assert "pod-probe/verdict" not in neither.err


def test_a_healthy_target_behind_a_shut_gate_is_still_status_1(archive: Path) -> None:
    """The verdict is about reading; that the image is not the wanted one is said beside it."""
    ran = probe("wait", "--timeout", "0", "--json", "--digest", "sha256:" + "0" * 64, f"oci-archive:{archive}")
    assert ran.status == 1
    assert ran.document["verdict"]["cause"] == "healthy"
    assert "another image" in ran.err


def test_growth_is_shown_in_place_on_a_terminal(place: Path, demo_image: DemoImage) -> None:
    path = place / "image.tar"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "wait", f"oci-archive:{path}"],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while b"absent" not in said:
        said += os.read(ours, 4096)
    write_slowly(path, demo_image.archive, pieces=30, pause=0.05)
    assert process.wait(60) == 0
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        said += piece
    os.close(ours)
    assert b"\r" in said and b"kB/s)\x1b[K" in said
    shown = [line for line in said.decode().replace("\r\n", "\n").split("\n") if line]
    assert shown[-1].endswith(line_end(path)), "the last state stays on a line of its own"


def line_end(path: Path) -> str:
    from probe.cli.progress import size

    return f"oci-archive:{path}  open, {size(path.stat().st_size)}"


# -- the command line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--timeout", "soon"], "--timeout: 'soon' is not a duration"),
        (["--settle", "-1s"], "--settle: '-1s' is not a duration"),
        (["--max", "2h"], "--max belongs to --while-growing"),
        (["--while-growing", "--max", "1s"], "--max 1s is shorter than --timeout 60s"),
        (["--timeout", "9999h"], "at most 30 days"),
        (["--digest", "sha256:12"], "64 hexadecimal digits"),
        (["--digest", "sha256:" + "A" * 64], "lower case"),
        (["--digest", "sha256:" + "a" * 64, "--until", "readable"], "--until readable makes none"),
        (["--digest", "sha256:" + "a" * 64, "/plain"], "/plain is a plain path"),
        (["--settle", "2s", "--until", "sealed"], "belongs to --until complete"),
        (["--context", "colour=red"], "colour"),
        (["ostree:/x"], "ostree"),
    ],
)
def test_what_cannot_be_understood_is_said_before_anything_is_waited_for(arguments: list[str], said: str) -> None:
    ran = probe("wait", *arguments, "oci-archive:/nowhere/image.tar")
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


def test_too_many_references() -> None:
    ran = probe("wait", *(f"/nowhere/{number}" for number in range(17)))
    assert ran.status == 2 and "at most 16" in ran.err


# -- what it costs


@pytest.mark.root
def test_it_fits_into_64_mib(archive: Path) -> None:
    """All its processes together, shared pages counted once (proc_pid_smaps(5): Pss), while it waits."""
    os.truncate(archive, 100_000)
    waiting = Waiting(f"oci-archive:{archive}", before=PUSHER.become)
    waiting.until("unfinished")
    used = sum(map(pss_kib, [waiting.process.pid, *waiting.children()]))
    waiting.send(signal.SIGTERM)
    waiting.end()
    assert 0 < used < 64 * 1024, f"{used} KiB"


def pss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
