"""`probe wait` on real files that real processes write, chmod, move and remove meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.gates import Waiting
from support.images import ImageFactory
from support.stage import FS_GROUP, PUSHER
from support.writers import SlowSkopeo, in_background, in_pieces, write_slowly

from probe.demo.image import DemoImage, build_image
from probe.evidence.base import parse_timestamp

CHANGES = pytest.mark.parametrize("wait_for", ["complete", "readable"])


@pytest.fixture
def oci(place: Path) -> Path:
    """A directory that is a volume to everybody."""
    path = place / "oci"
    path.mkdir(mode=0o755)
    return path


def opened_at(document: dict[str, object]) -> int:
    return parse_timestamp(str(document["at"]))


def rested(path: Path) -> Path:
    """The same, once its times lie far enough back that it rests."""
    while time.time() - max(os.stat(path).st_ctime, os.stat(path).st_mtime) < 1.1:
        time.sleep(0.05)
    return path


def test_a_finished_archive_that_rests_opens_at_once(archive: Path, demo_image: DemoImage) -> None:
    waiting = Waiting(f"oci-archive:{rested(archive)}")
    document = waiting.opened()
    assert waiting.states == ["open, " + waiting.states[0].partition(", ")[2]], "one line, and no settling"
    (target,) = document["targets"]
    assert target["manifest_digest"] == demo_image.manifest_digest
    assert target["inode"]["size"] == archive.stat().st_size
    assert (target["state"], target["seal"], document["until"]) == ("open", None, "complete")
    changes = [moment["change"] for moment in document["timelines"][0]["moments"]]
    assert changes[0] == "started" and changes[-1] == "ended" and "complete" in changes


def test_a_young_one_settles_first(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes())
    waiting = Waiting(f"oci-archive:{archive}")
    document = waiting.opened()
    assert [state.split(",")[0] for state in waiting.states] in (["settling", "open"], ["open"])
    stamped = max(os.stat(archive).st_mtime_ns, os.stat(archive).st_ctime_ns)
    assert opened_at(document) - stamped >= 1e9


def test_a_rest_that_was_asked_for_is_kept(archive: Path) -> None:
    os.utime(archive)
    document = Waiting("--settle", "1.5s", f"oci-archive:{archive}").opened()
    assert opened_at(document) - os.stat(archive).st_ctime_ns >= 1.5e9


def test_zero_bytes_pass_the_loop_and_not_the_gate(oci: Path) -> None:
    path = oci / "image.tar"
    path.touch()
    assert subprocess.run(["sh", "-c", f"[ -f {path} ] && [ -r {path} ]"], check=False).returncode == 0
    waiting = Waiting("--timeout", "0", f"oci-archive:{path}")
    document = waiting.gave_up()
    assert waiting.states == ["empty"]
    assert document["verdict"]["cause"] != "healthy"


@pytest.mark.skopeo
def test_it_stays_shut_while_skopeo_writes(oci: Path, tmp_path: Path) -> None:
    path, source = oci / "image.tar", tmp_path / "source.tar"
    source.write_bytes(build_image(16 << 20).archive)
    for _ in range(5):  # skopeo may be through before it could be stopped for the first time
        path.unlink(missing_ok=True)
        waiting = Waiting(f"oci-archive:{path}")
        waiting.until("absent")
        writer = SlowSkopeo(f"oci-archive:{source}", path)
        writer.finish()
        finished = os.stat(path)
        document = waiting.opened()
        assert opened_at(document) >= finished.st_mtime_ns
        assert document["targets"][0]["inode"]["size"] == finished.st_size
        if any(0 < size < finished.st_size for size in writer.sizes):
            break
    else:
        pytest.fail("skopeo was never slow")
    command = ["skopeo", "--tmpdir", str(tmp_path), "inspect", f"oci-archive:{path}"]
    subprocess.run(command, check=True, capture_output=True)


def test_it_stays_shut_while_a_copy_is_made(oci: Path, demo_image: DemoImage) -> None:
    path = oci / "image.tar"
    waiting = Waiting(f"oci-archive:{path}")
    waiting.until("absent")
    last = write_slowly(path, demo_image.archive)
    document = waiting.opened()
    assert opened_at(document) >= last
    assert {state.split(",")[0] for state in waiting.states} <= {"absent", "empty", "growing", "settling", "open"}
    assert document["targets"][0]["manifest_digest"] == demo_image.manifest_digest


# -- access


@pytest.mark.root
@CHANGES
def test_a_refusal_that_heals(archive: Path, wait_for: str) -> None:
    archive.parent.chmod(0o700)
    waiting = Waiting("--until", wait_for, f"oci-archive:{archive}", before=PUSHER.become)
    line = waiting.until("refused")
    assert "EACCES" in line and str(archive.parent) in line and "cannot be searched" in line
    archive.parent.chmod(0o755)
    document = waiting.opened()
    changes = [moment["change"] for moment in document["timelines"][0]["moments"]]
    assert "readable" in changes
    assert waiting.states[0].startswith("refused")


@pytest.mark.root
def test_swept_to_another_group_while_it_waits(oci: Path, demo_image: DemoImage) -> None:
    path = oci / "image.tar"
    path.write_bytes(demo_image.archive[:100_000])
    os.chown(path, 0, FS_GROUP)
    path.chmod(0o640)
    waiting = Waiting("--timeout", "1500ms", f"oci-archive:{path}", before=PUSHER.become)
    waiting.until("unfinished")
    os.chown(path, 0, FS_GROUP + 1)
    assert "EACCES: open for reading" in waiting.until("refused")
    document = waiting.gave_up()
    assert document["verdict"]["family"] in ("A", "race")
    assert "group-not-held" in {one["cause"] for one in document["assessments"]}


@pytest.mark.root
def test_made_late_under_umask_077(oci: Path, demo_image: DemoImage) -> None:
    path = oci / "image.tar"
    waiting = Waiting(f"oci-archive:{path}", before=PUSHER.become)
    waiting.until("absent")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(demo_image.archive)
    waiting.until("refused")
    path.chmod(0o644)
    waiting.opened()
    states = [state.split(",")[0] for state in waiting.states]
    assert states[:2] == ["absent", "refused"] and states[-1] == "open"


# -- names and inodes


def test_renamed_into_place(oci: Path, demo_image: DemoImage) -> None:
    path, temporary = oci / "image.tar", oci / ".image.tar.tmp"
    waiting = Waiting(f"oci-archive:{path}")
    waiting.until("absent")
    write_slowly(temporary, demo_image.archive, pieces=3)
    temporary.rename(path)
    document = waiting.opened()
    assert "growing" not in " ".join(waiting.states), "no half of it was ever under its name"
    assert "renamed" in {moment["change"] for moment in document["timelines"][0]["moments"]}


def test_replaced_by_a_new_inode(oci: Path, demo_image: DemoImage) -> None:
    path = oci / "image.tar"
    path.write_bytes(demo_image.archive[:100_000])
    old = path.stat().st_ino
    waiting = Waiting(f"oci-archive:{path}")
    waiting.until("unfinished")
    (oci / "new").write_bytes(demo_image.archive)
    (oci / "new").rename(path)
    document = waiting.opened()
    assert document["targets"][0]["inode"]["inode"] == path.stat().st_ino != old


def test_an_old_image_written_over_in_place(oci: Path, demo_image: DemoImage) -> None:
    path, new = oci / "image.tar", build_image(300_000)
    path.write_bytes(demo_image.archive)
    assert new.manifest_digest != demo_image.manifest_digest
    waiting = Waiting("--digest", new.manifest_digest, f"oci-archive:{path}")
    line = waiting.until("another image")
    assert demo_image.manifest_digest in line and new.manifest_digest in line
    last = write_slowly(path, new.archive)
    document = waiting.opened()
    assert opened_at(document) >= last
    assert document["targets"][0]["manifest_digest"] == new.manifest_digest


def test_an_old_image_alone_is_given_up_with_the_reason(archive: Path) -> None:
    waiting = Waiting("--timeout", "0", "--digest", "sha256:" + "0" * 64, f"oci-archive:{archive}")
    waiting.gave_up()
    assert any("not open after" in line and "another image" in line for line in waiting.lines)


def test_a_directory_that_disappears_and_comes_back(archive: Path, demo_image: DemoImage) -> None:
    half = demo_image.archive[:100_000]
    archive.write_bytes(half)
    waiting = Waiting(f"oci-archive:{archive}")
    waiting.until("unfinished")
    shutil.rmtree(archive.parent)
    assert "does not exist" in waiting.until(f"absent, {archive.parent}")
    archive.parent.mkdir()
    archive.write_bytes(demo_image.archive)
    waiting.opened()


def test_the_wrong_kind_stays_shut_and_is_named(archive: Path) -> None:
    waiting = Waiting("--timeout", "0", f"docker-archive:{archive}")
    waiting.gave_up("wrong-transport")
    assert waiting.states == [waiting.states[0]]
    assert "of another kind" in waiting.states[0] and "oci-archive lies there" in waiting.states[0]


@pytest.mark.skopeo
@pytest.mark.parametrize("transport", ["oci", "dir"])
def test_an_image_directory_whose_blob_grows(transport: str, oci: Path, image_factory: ImageFactory) -> None:
    """What is written inside a blob shows in no inode that is watched."""
    built = image_factory(transport).copy_to(oci)
    blobs = built.path / "blobs/sha256" if transport == "oci" else built.path
    blob = max((one for one in blobs.iterdir() if len(one.name) == 64), key=lambda one: one.stat().st_size)
    data = blob.read_bytes()
    blob.write_bytes(data[:100])
    waiting = Waiting(built.reference)
    waiting.until("unfinished")
    with open(blob, "r+b", buffering=0) as stream:
        stream.seek(100)
        for piece in in_pieces(data[100:], 3):
            time.sleep(0.05)
            stream.write(piece)
    document = waiting.opened()
    assert opened_at(document) >= blob.stat().st_mtime_ns


@pytest.mark.skopeo
def test_an_image_directory_that_skopeo_writes(oci: Path, image_factory: ImageFactory) -> None:
    path = oci / "image"
    waiting = Waiting(f"oci:{path}:localhost/app:1")
    waiting.until("absent")
    source = image_factory("oci").reference
    command = ["skopeo", "--insecure-policy", "copy", "-q", source, f"oci:{path}:localhost/app:1"]
    subprocess.run(command, check=True, capture_output=True)
    waiting.opened()


# -- several


def test_several_open_in_the_same_moment(oci: Path, demo_image: DemoImage) -> None:
    first, second = oci / "a.tar", oci / "b.tar"
    first.write_bytes(demo_image.archive)
    waiting = Waiting(f"oci-archive:{first}", second)
    waiting.until(f"{first}  open")
    first.unlink()
    waiting.until(f"{first}  absent")
    second.write_text("ready\n")
    waiting.until(f"{second}  open")
    assert waiting.process.poll() is None
    first.write_bytes(demo_image.archive)
    document = waiting.opened()
    assert [target["state"] for target in document["targets"]] == ["open", "open"]


# -- when time is up


def test_nothing_there_says_where_an_image_lies(archive: Path) -> None:
    document = Waiting("--timeout", "0", f"oci-archive:{archive.parent}/other.tar").gave_up()
    assert document["verdict"]["cause"] in ("wrong-path", "inconclusive")
    assert document["verdict"]["status"] != "confirmed"
    (wrong,) = (one for one in document["assessments"] if one["cause"] == "wrong-path")
    assert wrong["status"] in ("likely", "possible") and str(archive) in wrong["statement"]


def growing(path: Path, data: bytes, stop: Callable[[], bool]) -> None:
    with open(path, "wb", buffering=0) as stream:
        while not stop():
            stream.write(data[:4096])
            time.sleep(0.01)


def test_a_growing_file_is_an_archive_in_progress(oci: Path, demo_image: DemoImage) -> None:
    path = oci / "image.tar"
    waiting = Waiting("--timeout", "1s", f"oci-archive:{path}")
    waiting.until("absent")
    thread = in_background(lambda: growing(path, demo_image.archive[512:], lambda: waiting.process.poll() is not None))
    try:
        document = waiting.gave_up("archive-in-progress")
    finally:
        thread.join()
    assert document["verdict"]["family"] == "race"
    assert any("not open after" in line and "growing" in line for line in waiting.lines)


@pytest.mark.root
def test_a_refusal_is_judged_by_its_cause(archive: Path) -> None:
    archive.parent.chmod(0o700)
    document = Waiting("--timeout", "0", f"oci-archive:{archive}", before=PUSHER.become).gave_up("dir-search-denied")
    assert document["verdict"]["status"] == "confirmed"


def test_while_growing_goes_on_after_the_time(oci: Path, demo_image: DemoImage) -> None:
    path = oci / "image.tar"
    waiting = Waiting("--timeout", "1s", "--while-growing", f"oci-archive:{path}")
    waiting.until("absent")
    write_slowly(path, demo_image.archive, pieces=10, pause=0.2)
    document = waiting.opened()
    assert document["waited_seconds"] > 1


@pytest.mark.skopeo
def test_while_growing_sees_a_blob_that_grows_in_an_image_directory(oci: Path, image_factory: ImageFactory) -> None:
    """As skopeo writes it: under another name in the directory, whose own inode does not show it."""
    built = image_factory("oci").copy_to(oci)
    index, blobs = built.path / "index.json", built.path / "blobs/sha256"
    blob = max(blobs.iterdir(), key=lambda one: one.stat().st_size)
    data, growing = blob.read_bytes(), built.path / "oci-put-blob1"
    index.rename(oci / "index.json")
    blob.unlink()
    growing.touch()
    waiting = Waiting("--timeout", "2s", "--while-growing", built.reference)
    waiting.until("unfinished")
    step = len(data) // 40 + 1
    with open(growing, "wb", buffering=0) as stream:
        for at in range(0, len(data), step):
            time.sleep(0.1)
            stream.write(data[at : at + step])
    growing.rename(blob)
    (oci / "index.json").rename(index)
    assert waiting.opened()["waited_seconds"] > 2


def test_while_growing_has_its_end_too(oci: Path, demo_image: DemoImage) -> None:
    path = oci / "image.tar"
    waiting = Waiting("--timeout", "200ms", "--while-growing", "--max", "800ms", f"oci-archive:{path}")
    thread = in_background(lambda: growing(path, demo_image.archive[512:], lambda: waiting.process.poll() is not None))
    try:
        waiting.gave_up()
    finally:
        thread.join()
    said = next(line for line in waiting.lines if "not open after" in line)
    assert float(said.split("not open after ")[1].split(" s")[0]) >= 0.8


def test_growth_is_one_line_and_not_one_for_each_piece(oci: Path, demo_image: DemoImage) -> None:
    path = oci / "image.tar"
    waiting = Waiting(f"oci-archive:{path}")
    waiting.until("absent")
    write_slowly(path, demo_image.archive, pieces=30, pause=0.03)
    waiting.opened()
    assert sum("growing" in state for state in waiting.states) <= 1


def test_a_writer_that_closes_after_each_piece_is_one_line_too(oci: Path, demo_image: DemoImage) -> None:
    path, data = oci / "image.tar", demo_image.archive
    waiting = Waiting(f"oci-archive:{path}")
    waiting.until("absent")
    for at in range(0, len(data), len(data) // 20):
        with open(path, "ab") as file:
            file.write(data[at : at + len(data) // 20])
        time.sleep(0.03)
    waiting.opened()
    assert sum("growing" in state for state in waiting.states) <= 1
    assert not any("unfinished" in state or "another kind" in state for state in waiting.states)
