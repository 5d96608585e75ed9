"""Programs that hang, flood, fork and hide: the runner comes back, and nothing of them stays."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.skopeo.run import Finished, in_child, run_bounded
from probe.skopeo.workspace import MARGIN, NoRoom, workspace


def run(*argv: str, seconds: float = 30.0, limit: int = 1 << 16, file_limit: int | None = None) -> Finished:
    return run_bounded(
        argv,
        env={"PATH": "/usr/bin:/bin", "GIVEN": "yes"},
        seconds=seconds,
        stdout_limit=limit,
        stderr_limit=limit,
        file_limit=file_limit,
    )


def shell(script: str, **options: float) -> Finished:
    return run("/bin/sh", "-c", script, **options)  # type: ignore[arg-type]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def eventually(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def test_output_and_status_come_back() -> None:
    done = shell("echo out; echo err >&2; exit 3")
    assert done == Finished("exited", 3, b"out\n", b"err\n")


def test_death_by_signal_is_a_negative_status() -> None:
    assert shell("kill -9 $$").status == -signal.SIGKILL


def test_environment_is_only_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "hunter2")
    lines = run("/usr/bin/env").stdout.decode().splitlines()
    assert sorted(lines) == ["GIVEN=yes", "PATH=/usr/bin:/bin"]


def test_standard_input_is_empty() -> None:
    assert run("/bin/cat") == Finished("exited", 0, b"", b"")


def test_large_outputs_on_both_pipes_do_not_block() -> None:
    done = shell("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; echo end", limit=1 << 20)
    assert (done.ending, len(done.stdout), len(done.stderr)) == ("exited", 1000004, 1000000)


def test_group_is_killed_at_the_deadline(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    done = shell(f"sleep 1000 & echo $$ $! > {note}; wait", seconds=0.5)
    assert (done.ending, done.status, done.abandoned) == ("deadline", None, False)
    pids = [int(pid) for pid in note.read_text().split()]
    assert len(pids) == 2
    assert all(eventually(lambda pid=pid: gone(pid)) for pid in pids)


def test_program_that_ignores_signals_and_closes_its_outputs_is_killed() -> None:
    done = shell("trap '' TERM INT HUP; exec >&- 2>&-; while :; do sleep 1000; done", seconds=0.3)
    assert (done.ending, done.abandoned) == ("deadline", False)


def test_descendant_that_holds_the_pipes_is_not_waited_for(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    done = shell(f"sleep 1000 & echo $! > {note}; echo done", seconds=30.0)
    assert done == Finished("exited", 0, b"done\n", b"")
    assert eventually(lambda: gone(int(note.read_text())))


def test_flood_is_cut_and_killed() -> None:
    done = shell("yes 0123456789abcdef", limit=100_000)
    assert (done.ending, done.status, len(done.stdout)) == ("flood", None, 100_001)
    assert shell("yes 0123456789abcdef >&2", limit=1000).ending == "flood"


def test_program_that_is_not_there_raises() -> None:
    with pytest.raises(FileNotFoundError):
        run("/nonexistent/skopeo")
    with pytest.raises(PermissionError):
        run("/etc/passwd")


def test_no_file_grows_beyond_its_bound(tmp_path: Path) -> None:
    done = shell(f"sleep 0.2; head -c 1000000 /dev/zero > {tmp_path}/f", file_limit=65536)
    assert done.status != 0
    assert (tmp_path / "f").stat().st_size == 65536


def test_works_where_the_kernel_has_no_pidfd(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    assert shell("echo out; exit 3") == Finished("exited", 3, b"out\n", b"")
    assert shell("exec >&- 2>&-; sleep 0.2; exit 4").status == 4
    assert shell("sleep 1000", seconds=0.2).ending == "deadline"


def test_child_answers_fails_and_hangs() -> None:
    assert in_child(lambda: b"answer", 30) == b"answer"
    with pytest.raises(PermissionError):
        in_child(_refuse, 30)
    with pytest.raises(OSError, match="failed"):
        in_child(lambda: b"%d" % (1 // 0), 30)
    with pytest.raises(TimeoutError):
        in_child(lambda: time.sleep(1000) or b"", 0.2)
    assert not children()


def test_child_is_left_alone_when_it_shall_go_on(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    def slow() -> bytes:
        time.sleep(0.5)
        mark.touch()
        return b""

    with pytest.raises(TimeoutError):
        in_child(slow, 0.1, kill=False)
    assert eventually(mark.exists)


def _refuse() -> bytes:
    raise PermissionError(13, "no")


def children() -> list[str]:
    done = subprocess.run(
        ["ps", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    )
    return [line for line in done.stdout.splitlines() if line and not line.startswith("ps ")]


# -- the temp directory


def test_workspace_is_private_and_removed_with_what_is_in_it(tmp_path: Path) -> None:
    with workspace(str(tmp_path), 0, 30) as directory:
        assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700
        assert Path(directory).parent == tmp_path
        Path(directory, "oci123").mkdir()
        Path(directory, "oci123", "blob").write_bytes(b"x" * 1000)
        Path(directory, "link").symlink_to(tmp_path / "kept")
        (tmp_path / "kept").mkdir(mode=0o755)
    assert os.listdir(tmp_path) == ["kept"]
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o755


def test_workspace_is_removed_after_an_exception(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), workspace(str(tmp_path), 0, 30):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


@pytest.mark.root
def test_directories_that_their_owner_may_not_enter_are_removed(place: Path) -> None:
    place.chmod(0o777)
    code = (
        "import os, sys; sys.path[:0] = [sys.argv[1]]\n"
        "from probe.skopeo.workspace import workspace\n"
        "with workspace(sys.argv[2], 0, 30) as d:\n"
        "    os.makedirs(d + '/oci1/shut/inner'); open(d + '/oci1/shut/inner/f', 'w').close()\n"
        "    os.chmod(d + '/oci1/shut/inner', 0); os.chmod(d + '/oci1/shut', 0)\n"
        "print(os.listdir(sys.argv[2]))"
    )
    done = subprocess.run(
        [
            "setpriv",
            "--reuid",
            "1000970000",
            "--regid",
            "1000970000",
            "--clear-groups",
            sys.executable,
            "-B",
            "-c",
            code,
            str(Path(__file__).parents[2]),
            str(place),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_too_little_room_is_said_with_both_numbers(tmp_path: Path) -> None:
    needed = 1 << 60
    with pytest.raises(NoRoom) as caught, workspace(str(tmp_path), needed, 30):
        pass
    free = os.statvfs(tmp_path)
    assert caught.value.needed == needed + MARGIN
    assert 0 < caught.value.available <= free.f_blocks * free.f_frsize
    assert os.listdir(tmp_path) == []


def test_workspace_in_no_directory_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), workspace(str(tmp_path / "none"), 0, 30):
        pass
