"""Two hundred waits in front of writers that do what they can to look finished. None may open early."""

from __future__ import annotations

import itertools
import mmap
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.gates import WITHOUT_INOTIFY, Waiting, may_go_without_inotify
from support.program import probe
from support.writers import SlowSkopeo

from probe.demo.image import DemoImage, build_image

RUNS = 200
AT_ONCE = 8
LONGER_THAN_THE_REST = 1.3
LOOP = 'for i in $(seq 3000); do [ -f "$1" ] && [ -r "$1" ] && break; sleep 0.01; done'
"""The loop of the incident, but for its pause: with two seconds it would miss a writer that takes one."""


@dataclass
class Scene:
    """One writer's directory, its dice, and what is to be there in the end."""

    directory: Path
    dice: random.Random
    image: DemoImage
    old: DemoImage

    @property
    def path(self) -> Path:
        return self.directory / "image.tar"

    @property
    def data(self) -> bytes:
        return self.image.archive

    def pause(self, most: float = 0.15) -> None:
        time.sleep(self.dice.uniform(0.0, most))

    def cuts(self, count: int) -> list[tuple[int, int]]:
        """The archive in pieces of random size."""
        at = sorted({0, len(self.data), *(self.dice.randrange(len(self.data)) for _ in range(count))})
        return list(itertools.pairwise(at))


Writer = Callable[[Scene], None]


def in_place(scene: Scene) -> None:
    with open(scene.path, "wb", buffering=0) as stream:
        for begin, end in scene.cuts(8):
            scene.pause()
            stream.write(scene.data[begin:end])


def with_a_long_pause(scene: Scene) -> None:
    cut = scene.dice.randrange(len(scene.data))
    with open(scene.path, "wb", buffering=0) as stream:
        stream.write(scene.data[:cut])
        time.sleep(LONGER_THAN_THE_REST)
        stream.write(scene.data[cut:])


def pausing_at_the_end_blocks(scene: Scene) -> None:
    """Where the archive lacks only its end, or a part of it."""
    lacking = scene.dice.choice([1, 511, 512, 513, 1023, 1024, 1025, 1536])
    with open(scene.path, "wb", buffering=0) as stream:
        stream.write(scene.data[:-lacking])
        time.sleep(scene.dice.choice([0.05, LONGER_THAN_THE_REST]))
        stream.write(scene.data[-lacking:])


def in_two_stages(scene: Scene) -> None:
    """Closed half-way, and opened again."""
    cut = scene.dice.randrange(len(scene.data))
    scene.path.write_bytes(scene.data[:cut])
    time.sleep(scene.dice.choice([0.02, 0.3, LONGER_THAN_THE_REST]))
    with open(scene.path, "ab", buffering=0) as stream:
        stream.write(scene.data[cut:])


def appending_again_and_again(scene: Scene) -> None:
    for begin, end in scene.cuts(10):
        with open(scene.path, "ab", buffering=0) as stream:
            stream.write(scene.data[begin:end])
        scene.pause(0.05)


def into_full_length(scene: Scene) -> None:
    """Allocated first, then filled: its size never changes again."""
    with open(scene.path, "wb", buffering=0) as stream:
        if scene.dice.random() < 0.5:
            os.posix_fallocate(stream.fileno(), 0, len(scene.data))
        else:
            stream.truncate(len(scene.data))
        for begin, end in scene.cuts(6):
            scene.pause(0.2)
            stream.write(scene.data[begin:end])


def in_random_order(scene: Scene) -> None:
    """Every header may be there long before the last byte is: only its not resting gives it away."""
    cuts = scene.cuts(10)
    scene.dice.shuffle(cuts)
    with open(scene.path, "wb", buffering=0) as stream:
        stream.truncate(len(scene.data))
        for begin, end in cuts:
            scene.pause(0.3)
            os.pwrite(stream.fileno(), scene.data[begin:end], begin)


def by_mapped_memory(scene: Scene) -> None:
    with open(scene.path, "w+b", buffering=0) as stream:
        stream.truncate(len(scene.data))
        with mmap.mmap(stream.fileno(), 0) as memory:
            for begin, end in scene.cuts(6):
                scene.pause()
                memory[begin:end] = scene.data[begin:end]


def begun_again(scene: Scene) -> None:
    with open(scene.path, "wb", buffering=0) as stream:
        stream.write(scene.data[: scene.dice.randrange(len(scene.data))])
        scene.pause(0.3)
        stream.truncate(0)
        stream.seek(0)
        scene.pause(0.3)
        stream.write(scene.data)


def by_a_rename(scene: Scene) -> None:
    temporary = scene.directory / ".image.tar.tmp"
    temporary.write_bytes(scene.data[:1000])
    scene.pause(0.3)
    temporary.write_bytes(scene.data)
    temporary.rename(scene.path)


def by_another_inode(scene: Scene) -> None:
    scene.path.write_bytes(scene.data[: len(scene.data) // 2])
    scene.pause(0.3)
    scene.path.unlink()
    in_place(scene)


def behind_a_link(scene: Scene) -> None:
    half, whole = scene.directory / "half", scene.directory / "whole"
    half.write_bytes(scene.data[: scene.dice.randrange(len(scene.data))])
    scene.path.symlink_to(half)
    scene.pause(0.3)
    whole.write_bytes(scene.data)
    (scene.directory / "link").symlink_to(whole)
    (scene.directory / "link").rename(scene.path)


def with_a_late_chmod(scene: Scene) -> None:
    in_place(scene)
    scene.path.chmod(0o600)
    scene.path.chmod(0o644)


def over_an_old_one(scene: Scene) -> None:
    """An image of an earlier run is there, complete; the new one comes in its place."""
    with open(scene.path, "r+b", buffering=0) as stream:
        if scene.dice.random() < 0.5:
            stream.truncate(0)
        for begin, end in scene.cuts(6):
            scene.pause(0.2)
            stream.write(scene.data[begin:end])
        stream.truncate(len(scene.data))


def by_skopeo(scene: Scene) -> None:
    source = scene.directory / "source.tar"
    source.write_bytes(scene.data)
    SlowSkopeo(f"oci-archive:{source}", scene.path, stopped=scene.dice.uniform(0.0, 0.05)).finish()


def sealed_at_last(scene: Scene) -> None:
    """In random order, closed and opened again, with pauses that outlast any rest: only the seal tells."""
    cuts = scene.cuts(4)
    scene.dice.shuffle(cuts)
    scene.path.touch()
    os.truncate(scene.path, len(scene.data))
    for begin, end in cuts:
        time.sleep(scene.dice.choice([0.02, 0.02, LONGER_THAN_THE_REST]))
        with open(scene.path, "r+b", buffering=0) as stream:
            os.pwrite(stream.fileno(), scene.data[begin:end], begin)
    assert probe("seal", f"oci-archive:{scene.path}").status == 0


WRITERS: tuple[Writer, ...] = (
    in_place,
    with_a_long_pause,
    pausing_at_the_end_blocks,
    in_two_stages,
    appending_again_and_again,
    into_full_length,
    in_random_order,
    by_mapped_memory,
    begun_again,
    by_a_rename,
    by_another_inode,
    behind_a_link,
    with_a_late_chmod,
    over_an_old_one,
    sealed_at_last,
    *((by_skopeo,) if shutil.which("skopeo") else ()),
)


def options(writer: Writer, scene: Scene) -> list[str]:
    if writer is over_an_old_one:
        scene.path.write_bytes(scene.old.archive)
        return ["--digest", scene.image.manifest_digest]
    return ["--until", "sealed"] if writer is sealed_at_last else []


def play(number: int, directory: Path, images: tuple[DemoImage, DemoImage], *, polling: bool) -> str:
    """One wait with a reader behind it: empty when the reader found the finished bytes, otherwise what happened."""
    writer = WRITERS[number % len(WRITERS)]
    directory.mkdir()
    scene = Scene(directory, random.Random(number), *images)
    more = options(writer, scene)
    prefix = WITHOUT_INOTIFY if polling else ()
    waiting = Waiting("--timeout", "50s", *more, f"oci-archive:{scene.path}", json=False, prefix=prefix)
    waiting.until("another image" if writer is over_an_old_one else "absent")
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(writer, scene)
        status = waiting.process.wait()
        found = scene.path.read_bytes() if status == 0 else b""
        writing.result()
    waiting.end()
    finished = scene.path.read_bytes()
    assert writer is by_skopeo or finished == scene.data
    if found == finished:
        return ""
    how = "polling" if polling else "inotify"
    return f"{number} {writer.__name__} ({how}): status {status}, {len(found)} bytes, {waiting.lines}"


@pytest.mark.slow
def test_it_never_opens_early(place: Path) -> None:
    """Every third of them without inotify, where that can be had."""
    images, polled = (build_image(150_000), build_image(160_000)), may_go_without_inotify()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        played = list(
            pool.map(
                lambda number: play(number, place / str(number), images, polling=polled and number % 3 == 0),
                range(RUNS),
            )
        )
    assert len(played) == RUNS
    assert [one for one in played if one] == []


@pytest.mark.slow
def test_the_loop_opens_early_in_front_of_the_same_writers(place: Path) -> None:
    """The comparison that shows that an early opening would be seen."""
    early = 0
    images = build_image(150_000), build_image(160_000)
    for number, writer in enumerate((in_place, with_a_long_pause, in_two_stages, into_full_length)):
        scene = Scene(place / str(number), random.Random(number), *images)
        scene.directory.mkdir()
        with subprocess.Popen(["sh", "-c", LOOP, "sh", str(scene.path)]) as loop, ThreadPoolExecutor(1) as pool:
            writing = pool.submit(writer, scene)
            loop.wait()
            early += scene.path.read_bytes() != scene.data
            writing.result()
    assert early == 4
