"""`probe watch` as a process: lines that are there at once, signals and kill -9 at any moment, bounds, full disks."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from collect.conftest import mount_fuse  # noqa: F401 - a fixture
from handoff.watching import PATIENCE, Running, assert_sound
from support.program import probe
from support.stage import Person

from probe.cli.app import run
from probe.demo.image import DemoImage
from probe.evidence.watch import Timeline

SEEDS = range(20)


@contextmanager
def forked(*arguments: str | Path) -> Iterator[int]:
    """The command in a fork of this process: the same code as the program's, without its start."""
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        os._exit(run(["watch", *map(str, arguments)]))
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@contextmanager
def busy(path: Path) -> Iterator[None]:
    """Somebody who changes a file all the time, in every way."""
    stop = threading.Event()

    def change() -> None:
        chance = random.Random(7)
        while not stop.is_set():
            with contextlib.suppress(OSError):
                what = chance.randrange(4)
                if what == 0:
                    path.write_bytes(bytes(chance.randrange(9000)))
                elif what == 1:
                    path.chmod(chance.choice((0o600, 0o640, 0o644)))
                elif what == 2:
                    path.unlink()
                else:
                    path.with_name("new").write_bytes(b"x")
                    path.with_name("new").rename(path)
            time.sleep(0.002)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Every line of a file, each whole."""
    text = path.read_bytes()
    assert text == b"" or text.endswith(b"\n")
    return [json.loads(line) for line in text.splitlines()]


def wait_for_lines(path: Path, count: int = 1) -> None:
    until = time.monotonic() + PATIENCE
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert time.monotonic() < until
        time.sleep(0.002)


# -- lines


def test_lines_are_there_at_once(place: Path, demo_image: DemoImage) -> None:
    path = place / "d" / "image.tar"
    with Running(f"oci-archive:{path}", "--context", "task=build", "--context", "role=producer") as it:
        assert it.until("started")["errno"] == "ENOENT"
        path.parent.mkdir()
        it.until("appeared", path=str(path.parent))
        path.write_bytes(demo_image.archive)
        complete = it.until("complete")
        assert complete["after"]["size"] == len(demo_image.archive)
        status, said = it.end(signal.SIGTERM)
        assert (status, said) == (0, "")
        moments = assert_sound(it.lines)
        context = it.lines[0]["context"]
        assert (context["task"], context["role"]) == ("build", "producer") and context["boot_id"]
        assert moments[-1]["summary"]["complete"] is True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it_with_a_summary(archive: Path, number: int) -> None:
    with Running(archive) as it:
        it.until("started")
        assert it.end(number) == (0, "")
        assert_sound(it.lines)


def test_for_so_long(archive: Path) -> None:
    ran = probe("watch", archive, "--for", "50ms")
    assert (ran.status, ran.err) == (0, "")
    moments = assert_sound([json.loads(line) for line in ran.out.splitlines()])
    assert [moment["change"] for moment in moments] == ["started", "ended"]


def test_one_document(archive: Path) -> None:
    for long in ("300ms", "3s", "30s"):  # enough to look inside, even on a busy machine
        ran = probe("watch", f"oci-archive:{archive}", "--for", long, "--json")
        assert ran.status == 0
        timeline = Timeline.model_validate(ran.document)
        if len(timeline.moments) > 2:
            break
    assert [str(moment.change) for moment in timeline.moments] == ["started", "complete", "ended"]
    assert ran.out.count("\n") == 1 and f"watching oci-archive:{archive}" in ran.err


def test_one_document_of_several(archive: Path, place: Path) -> None:
    ran = probe("watch", f"oci-archive:{archive}", place / "none", "--for", "100ms", "--json")
    assert ran.document["schema"] == "pod-probe/timelines/v1"
    first, second = map(Timeline.model_validate, ran.document["timelines"])
    assert first.watch.reference.transport == "oci-archive" and second.moments[0].errno == "ENOENT"
    assert first.watch.id != second.watch.id


def test_several_references_share_the_lines(archive: Path, place: Path) -> None:
    with Running(archive, place / "none") as it:
        for _ in range(2):
            it.until("started")
        (place / "none").touch()
        it.until("appeared", path=str(place / "none"))
        assert it.end(signal.SIGTERM)[0] == 0
    headers = [line for line in it.lines if line["schema"] == "pod-probe/watch/v1"]
    for header in headers:
        ours = [line for line in it.lines if line.get("watch") == header["id"]]
        assert_sound([header, *ours])
    assert len(headers) == 2


def test_a_name_of_any_bytes_stays_in_its_line(place: Path) -> None:
    path = os.fsencode(place) + b"/\xff\n\x1b[2J\xc2\x9b"
    target = place / "out"
    with Running(os.fsdecode(path), "-o", target) as it:
        wait_for_lines(target, 2)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        wait_for_lines(target, 3)
        status, said = it.end(signal.SIGTERM)
    assert status == 0 and all(line.isprintable() for line in said.splitlines())
    assert target.read_bytes().replace(b"\n", b"").decode("ascii").isprintable()
    assert_sound(lines_of(target))


# -- a file


def test_lines_are_added_to_a_file(archive: Path, place: Path) -> None:
    target = place / "watch.jsonl"
    before = os.umask(0o077)
    try:
        for count in (2, 5):
            with Running(archive, "-o", target) as it:
                wait_for_lines(target, count)
                status, said = it.end(signal.SIGTERM)
                assert status == 0 and it.lines == []
                assert all(f" {archive}: " in line for line in said.splitlines()[1:])
    finally:
        os.umask(before)
    lines = lines_of(target)
    assert_sound(lines[: len(lines) // 2])
    assert_sound(lines[len(lines) // 2 :])
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_a_line_that_was_cut_off_is_ended_first(archive: Path, place: Path) -> None:
    target = place / "watch.jsonl"
    target.write_bytes(b'{"schema":"pod-probe/mom')
    assert probe("watch", archive, "-o", target, "--for", "0s").status == 0
    first, *rest = target.read_bytes().splitlines()
    assert first == b'{"schema":"pod-probe/mom'
    assert_sound([json.loads(line) for line in rest])


def test_a_link_is_not_followed(archive: Path, place: Path) -> None:
    (place / "link").symlink_to(place / "victim")
    ran = probe("watch", archive, "-o", place / "link", "--for", "0s")
    assert ran.status == 2 and "a symbolic link is not followed" in ran.err
    assert not (place / "victim").exists()
    os.mkfifo(place / "pipe")
    assert probe("watch", archive, "-o", place / "pipe", "--for", "0s").status == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--max-size", "x"),
        ("--max-size", "1kB"),
        ("--for", "soon"),
        ("--context", "task"),
        ("--context", "shoe=1"),
        ("-o", "/no/such/directory/f"),
    ],
)
def test_usage(archive: Path, arguments: tuple[str, str]) -> None:
    ran = probe("watch", archive, *arguments)
    assert (ran.status, ran.out) == (2, "") and ran.err.startswith("probe: ")


# -- at any moment


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_moment(archive: Path, place: Path, seed: int) -> None:
    """Lines that were written stay, and each is whole."""
    target = place / "watch.jsonl"
    with busy(archive), forked(f"oci-archive:{archive}", "-o", target) as pid:
        wait_for_lines(target)
        time.sleep(random.Random(seed).random() * 0.08)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert_sound(lines_of(target), ended=False)


@pytest.mark.parametrize("seed", SEEDS)
def test_terminated_at_any_moment(archive: Path, place: Path, seed: int) -> None:
    """The last line is the summary, whatever was being done."""
    target = place / "watch.jsonl"
    with busy(archive), forked(f"oci-archive:{archive}", "-o", target) as pid:
        wait_for_lines(target)
        time.sleep(random.Random(seed).random() * 0.08)
        os.kill(pid, signal.SIGTERM)
        assert os.waitpid(pid, 0)[1] == 0
    assert_sound(lines_of(target))


# -- bounds and failures


def test_the_file_is_bounded(archive: Path, place: Path) -> None:
    target = place / "watch.jsonl"
    bound = 16 << 10
    with Running(archive, "-o", target, "--max-size", "16KiB") as it:
        wait_for_lines(target, 2)
        until = time.monotonic() + PATIENCE
        mode = 0
        while b'"left-out"' not in target.read_bytes():
            assert time.monotonic() < until
            mode ^= 0o044
            archive.chmod(0o600 | mode)
            time.sleep(0.002)
        for _ in range(20):
            mode ^= 0o044
            archive.chmod(0o600 | mode)
            time.sleep(0.01)
        assert it.end(signal.SIGTERM)[0] == 0
    assert target.stat().st_size <= bound
    moments = assert_sound(lines_of(target))
    assert [moment["change"] for moment in moments[-2:]] == ["left-out", "ended"]
    assert moments[-1]["summary"]["left_out"] > 1


def test_a_file_that_is_full_already(place: Path) -> None:
    target = place / "watch.jsonl"
    target.write_bytes(b"x" * 20_000 + b"\n")
    archive = place.joinpath(*["d" * 200] * 8) / "image.tar"  # the first moment names every directory on the way
    archive.parent.mkdir(parents=True)
    archive.touch()
    assert probe("watch", archive, "-o", target, "--max-size", "16KiB", "--for", "0.2s").status == 0
    lines = target.read_bytes().splitlines()[1:]
    assert [moment["change"] for moment in assert_sound([json.loads(line) for line in lines])] == ["left-out", "ended"]
    assert sum(map(len, lines[1:])) < 2 * (3072 + len(str(archive)))


@pytest.mark.root
def test_a_full_disk(archive: Path, place: Path) -> None:
    """Said once; the watch goes on, writes again when there is room, and no line is torn; status 4."""
    volume = place / "small"
    volume.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(volume)], check=True)
    target = volume / "watch.jsonl"
    try:
        with Running(archive, "-o", target) as it:
            wait_for_lines(target, 2)
            (volume / "rest").write_bytes(bytes(8192))
            said = b""
            assert it.process.stderr is not None
            os.set_blocking(it.process.stderr.fileno(), False)
            until = time.monotonic() + PATIENCE
            mode = 0
            while b"could not be written" not in said:
                assert time.monotonic() < until
                mode ^= 0o044
                archive.chmod(0o600 | mode)
                time.sleep(0.005)
                said += it.process.stderr.read(1 << 16) or b""
            (volume / "rest").unlink()
            archive.chmod(0o400)
            it.process.send_signal(signal.SIGTERM)
            assert it.process.wait(PATIENCE) == 4
            said += it.process.stderr.read() or b""
            assert said.count(b"could not be written: No space left") == 1
        moments = lines_of(target)[1:]
        numbers = [moment["number"] for moment in moments]
        assert numbers == sorted(set(numbers)) and len(numbers) <= numbers[-1], "what was lost left a gap"
        assert moments[-1]["change"] == "ended"
    finally:
        subprocess.run(["umount", str(volume)], check=True)


def test_a_reader_that_goes_away_ends_it(archive: Path) -> None:
    with Running(archive) as it:
        it.until("started")
        assert it.process.stdout is not None
        it.process.stdout.close()
        it.process.stdout = None
        archive.chmod(0o600)
        assert it.process.wait(PATIENCE) == 0
        assert it.process.stderr is not None and it.process.stderr.read() == b""


@pytest.mark.root
def test_it_ends_while_a_mount_hangs(mount_fuse: Callable[..., Path], place: Path) -> None:  # noqa: F811
    """The child is asleep in the kernel; nobody waits for it."""
    source = place / "source"
    source.mkdir()
    (source / "f").touch()
    mount = mount_fuse(source, "getattr=/f=hang")
    with Running(mount / "f") as it:
        until = time.monotonic() + PATIENCE
        while not it.lines:
            assert time.monotonic() < until
            it.read(0.1)
        status, said = it.end(signal.SIGTERM)
        assert (status, said) == (0, "")
        assert_sound(it.lines)


@pytest.mark.root
def test_a_bare_identity(archive: Path) -> None:
    """A random uid, no capabilities, a directory that may not be entered: still a watch."""
    archive.parent.chmod(0o700)
    with Running(f"oci-archive:{archive}", before=Person(uid=1234567, groups=(0,)).become) as it:
        assert it.until("started")["errno"] == "EACCES"
        archive.parent.chmod(0o755)
        it.until("readable")
        it.until("complete")
        assert it.end(signal.SIGTERM)[0] == 0
