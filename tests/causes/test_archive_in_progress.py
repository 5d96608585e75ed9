"""archive-in-progress: a writer is still at it."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.recorded import shifted
from support.stage import ROOT, Stage, assert_verdict, assessment
from support.watching import Watching

from probe.classify.judge import judge_case
from probe.collect.libc import birth
from probe.evidence.observation import Seen
from probe.evidence.report import Report
from probe.evidence.seal import Seal
from probe.evidence.watch import Change, Timeline
from probe.skopeo.messages import parse_messages

pytestmark = pytest.mark.root


@contextmanager
def slow_writer(source: Path, target: Path, chunk: int = 512, pause: float = 0.02) -> Iterator[None]:
    """Another process that really copies `source` to `target`, slowly, and stops short of the end."""
    pid = os.fork()
    if pid == 0:
        with open(source, "rb") as old, open(target, "wb", buffering=0) as new:
            os.chmod(target, 0o644)
            size = os.path.getsize(source) - 2048
            while new.tell() < size:
                new.write(old.read(min(chunk, size - new.tell())))
                time.sleep(pause)
            time.sleep(60)
        os._exit(0)
    try:
        while not target.exists() or target.stat().st_size == 0:
            time.sleep(0.005)
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_fires_while_the_archive_grows(stage: Stage) -> None:
    workspace = stage.workspace()
    with slow_writer(stage.archive, workspace / "oci/new.tar"):
        document = stage.check(f"oci-archive:{workspace}/oci/new.tar", gap=0.3)
    assert_verdict(document, "archive-in-progress")
    assert document.verdict.family == "race"
    assert any("bytes, then" in claim.sentence for claim in document.assessments[0].supports)
    assert assessment(document, "truncated").status == "refuted"


def test_fires_by_lease_while_the_writer_pauses(stage: Stage) -> None:
    workspace = stage.workspace()
    with slow_writer(stage.archive, workspace / "oci/new.tar", chunk=1 << 20):
        time.sleep(0.1)
        document = stage.check(f"oci-archive:{workspace}/oci/new.tar", by=ROOT, lease=True)
    assert_verdict(document, "archive-in-progress")
    assert any("lease" in claim.sentence for claim in document.assessments[0].supports)


def test_a_pausing_writer_is_not_called_truncated_for_sure(stage: Stage) -> None:
    workspace = stage.workspace()
    with slow_writer(stage.archive, workspace / "oci/new.tar", chunk=1 << 20):
        time.sleep(0.1)
        document = stage.check(f"oci-archive:{workspace}/oci/new.tar")
    assert assessment(document, "truncated").status != "confirmed"
    assert assessment(document, "archive-in-progress").status in ("possible", "confirmed")


def test_refuted_for_a_whole_archive_at_rest(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "healthy")
    assert assessment(document, "archive-in-progress").status == "refuted"


def test_refuted_for_a_cut_archive_that_nobody_has_open(stage: Stage) -> None:
    workspace = stage.workspace()
    os.truncate(workspace / "oci/image.tar", 5000)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", by=ROOT, lease=True)
    assert assessment(document, "archive-in-progress").status == "refuted"
    assert_verdict(document, "truncated")


def test_does_not_explain_a_refusal(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    with slow_writer(stage.archive, workspace / "oci/new.tar"):
        document = stage.check(f"oci-archive:{workspace}/oci/new.tar", gap=0.2)
    assert_verdict(document, "dir-search-denied")


def test_likely_when_the_command_met_the_end_and_the_file_changed_after(stage: Stage) -> None:
    workspace = stage.workspace()
    early = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
    path = workspace / "oci/image.tar"
    stderr = (
        f'time="{early}" level=fatal msg="initializing source oci-archive:{path}:: creating temp directory: '
        'untarring file \\"/var/tmp/oci1\\": unexpected EOF"'
    )
    assert_verdict(stage.check(f"oci-archive:{path}", stderr=stderr), "archive-in-progress", "likely")


@pytest.mark.parametrize("want", ["write", "execute"])
def test_a_growing_file_does_not_stop_who_wants_no_reading(stage: Stage, want: str) -> None:
    workspace = stage.workspace()
    with slow_writer(stage.archive, workspace / "oci/new.tar"):
        os.chmod(workspace / "oci/new.tar", 0o777)
        document = stage.check(workspace / "oci/new.tar", want=want, gap=0.2)
    assert assessment(document, "archive-in-progress").status == "refuted"
    assert document.verdict.cause == "healthy"


def test_a_message_of_long_ago_shows_no_race(stage: Stage) -> None:
    workspace = stage.workspace()
    early = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86400))
    stderr = f'time="{early}" level=fatal msg="untarring file \\"/var/tmp/oci1\\": unexpected EOF"'
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", stderr=stderr)
    assert not assessment(document, "archive-in-progress").status.holds


# -- over several sources


_EOF = 'level=fatal msg="initializing source: untarring file \\"/var/tmp/oci1\\": unexpected EOF"'


def failing(report: Report, started: int, ended: int, text: str = _EOF) -> Report:
    """The report as `probe exec` leaves it: with the outcome of the command that it ran."""
    told = {"program": "skopeo", "started": started, "ended": ended, "exit_status": 1}
    return report.model_copy(update={"command": parse_messages(text).model_copy(update=told)})


def append(path: Path, data: bytes) -> None:
    with open(path, "ab") as stream:
        stream.write(data)


@pytest.fixture
def begun(stage: Stage) -> tuple[Path, list[bytes]]:
    """An archive that somebody has begun to write, and what is still to come of it."""
    path = stage.workspace() / "oci/new.tar"
    data = stage.archive.read_bytes()
    thirds = [data[: len(data) // 3], data[len(data) // 3 : -len(data) // 3], data[-len(data) // 3 :]]
    append(path, thirds[0])
    os.chmod(path, 0o644)
    return path, thirds[1:]


def test_fires_for_growth_while_a_command_ran(stage: Stage, begun: tuple[Path, list[bytes]]) -> None:
    path, (second, third) = begun
    before, after = stage.looks(f"oci-archive:{path}", lambda: (append(path, second), append(path, third))[0], gap=0.0)
    started = before.started + round(before.duration_ms * 1e6)
    document = judge_case([before, failing(after, started, after.started)])
    assert_verdict(document, "archive-in-progress")
    assert any("around the failure" in claim.sentence for claim in document.assessments[0].supports)


def test_a_command_that_failed_by_something_else_is_no_race(stage: Stage, begun: tuple[Path, list[bytes]]) -> None:
    path, (second, third) = begun
    before, after = stage.looks(f"oci-archive:{path}", lambda: (append(path, second), append(path, third))[0], gap=0.0)
    denied = 'level=fatal msg="writing blob: initiating layer upload to /v2/a/blobs/uploads/ in quay.io: denied"'
    document = judge_case([before, failing(after, before.started, after.started, denied)])
    assert document.verdict.cause == "registry-denied"
    assert assessment(document, "archive-in-progress").status != "confirmed"


def watched(stage: Stage, path: Path, *steps: tuple[Change, bytes | None], read: int) -> tuple[list[Report], Timeline]:
    """A watch over these steps of a writer, and a reader's report after so many of them."""
    watching, reports = Watching(f"oci-archive:{path}"), []

    def step(change: Change, data: bytes | None) -> None:
        if data is not None:
            append(path, data)
        elif change is Change.SHRANK:
            os.truncate(path, 0)
        watching.see(change)

    watching.begin()
    for number, (change, data) in enumerate(steps):
        if number == read:
            reports += stage.looks(f"oci-archive:{path}", gap=0.0)
        step(change, data)
    return reports, watching.end()


def test_fires_for_a_watch_that_saw_it_grow_on_both_sides(stage: Stage, begun: tuple[Path, list[bytes]]) -> None:
    path, (second, third) = begun
    reports, timeline = watched(stage, path, (Change.GREW, second), (Change.GREW, third), read=1)
    document = judge_case(reports, [timeline])
    assert_verdict(document, "archive-in-progress")
    assert {claim.pointer.split("/")[1] for claim in document.assessments[0].supports} == {"evidence", "timelines"}


def test_written_anew_later_is_not_sure(stage: Stage, begun: tuple[Path, list[bytes]]) -> None:
    """The first writer may be dead: what the reader met was then cut off, and another build made it whole."""
    path, (second, _) = begun
    whole = stage.archive.read_bytes()
    reports, timeline = watched(
        stage, path, (Change.GREW, second), (Change.CLOSED, None), (Change.SHRANK, None), (Change.GREW, whole), read=2
    )
    found = assessment(judge_case(reports, [timeline]), "archive-in-progress")
    assert found.status == "likely"
    assert any("very moment" in claim.sentence for claim in found.missing)


def test_a_line_of_the_watch_that_is_lost_may_have_told_its_end(stage: Stage, begun: tuple[Path, list[bytes]]) -> None:
    path, (second, third) = begun
    reports, timeline = watched(
        stage, path, (Change.GREW, second), (Change.CLOSED, None), (Change.MODE, None), (Change.GREW, third), read=2
    )
    lost = tuple(moment for moment in timeline.moments if moment.change is not Change.CLOSED)
    document = judge_case(reports, [timeline.model_copy(update={"moments": lost})])
    assert assessment(document, "archive-in-progress").status == "likely"


def test_who_read_a_finished_archive_met_no_writer(stage: Stage, begun: tuple[Path, list[bytes]]) -> None:
    path, (second, third) = begun
    reports, timeline = watched(
        stage, path, (Change.GREW, second), (Change.GREW, third), (Change.COMPLETE, None), read=2
    )
    assert judge_case(reports, [timeline]).verdict.cause == "healthy"


def sealed(report: Report, **context: object) -> Seal:
    """The producer's word, a moment after this report on the finished archive."""
    assert isinstance(report.chain, Seen) and report.chain.value.target is not None
    inode = report.chain.value.target.inode
    assert isinstance(inode, Seen)
    return Seal(
        tool=report.tool,
        at=report.started + 10**9,
        monotonic=report.started_monotonic + 1,
        context=report.context.model_copy(update=context),
        identity=report.identity,
        reference=report.reference,
        inode=inode.value,
    )


def test_the_producers_seal_after_the_failure(stage: Stage, begun: tuple[Path, list[bytes]]) -> None:
    path, (second, third) = begun
    before, after = stage.looks(f"oci-archive:{path}", lambda: append(path, second + third), gap=0.0)
    early = Seen[int](value=before.started - 10**10, at=before.started)
    late = Seen[int](value=after.started, at=after.started)
    for started, status in ((early, "confirmed"), (late, "possible")):
        seal = sealed(after, in_container=True, container_started=started, hostname="build-pod", role="producer")
        document = judge_case([before], seals=[seal])
        found = assessment(document, "archive-in-progress")
        assert found.status == status, found.statement
        assert any(claim.pointer.startswith("/seals/0") for claim in found.supports)


def test_a_seal_of_before_says_nothing(stage: Stage) -> None:
    path = stage.workspace() / "oci/image.tar"
    (report,) = stage.looks(f"oci-archive:{path}")
    seal = sealed(report).model_copy(update={"at": report.started - 10**10, "monotonic": 1.0})
    assert judge_case([report], seals=[seal]).verdict.cause == "healthy"


def test_a_seal_of_another_file_says_nothing(stage: Stage, begun: tuple[Path, list[bytes]]) -> None:
    path, _ = begun
    (cut,) = stage.looks(f"oci-archive:{path}")
    (whole,) = stage.looks(f"oci-archive:{path.parent}/image.tar")
    document = judge_case([cut], seals=[sealed(whole)])
    assert not any("/seals" in claim.pointer for claim in assessment(document, "archive-in-progress").supports)


# -- what another writer left, or another file, or the producer's own look


@pytest.fixture
def left(stage: Stage) -> tuple[Path, bytes]:
    """An archive that a writer left unfinished, long ago; and what a whole one holds."""
    path = stage.workspace() / "oci/new.tar"
    data = stage.archive.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    os.chmod(path, 0o644)
    os.utime(path, (time.time() - 3000,) * 2)
    return path, data


def test_what_a_dead_writer_left_and_another_wrote_over(stage: Stage, left: tuple[Path, bytes]) -> None:
    """The second one began after the failure: it was not being written when it was read."""
    path, data = left
    before, after = stage.looks(f"oci-archive:{path}", lambda: _rewrite(path, data), gap=0.0)
    failed = before.started + round(before.duration_ms * 1e6)
    found = assessment(judge_case([before, failing(after, before.started, failed)]), "archive-in-progress")
    assert found.status == "likely", found.statement
    seal = sealed(
        after,
        in_container=True,
        container_started=Seen[int](value=before.started - 10**10, at=before.started),
        hostname="build-pod",
        role="producer",
    )
    found = assessment(judge_case([before], seals=[seal]), "archive-in-progress")
    assert found.status == "likely", "its producer's container ran, and had not begun to write"


def test_what_a_dead_writer_left_and_another_made_anew_with_the_number(stage: Stage, left: tuple[Path, bytes]) -> None:
    path, data = left
    (before,) = stage.looks(f"oci-archive:{path}", gap=0.0)
    number = path.stat().st_ino
    path.unlink()
    path.write_bytes(data)
    os.chmod(path, 0o644)
    (after,) = stage.looks(f"oci-archive:{path}", gap=0.0)
    seal = sealed(after)
    born = birth(os.fsencode(path), path.stat().st_ino)
    assert born is not None, "this needs a file system that keeps birth times"
    told = seal.model_copy(update={"inode": seal.inode.model_copy(update={"inode": number, "born": born})})
    found = assessment(judge_case([before], seals=[told]), "archive-in-progress")
    assert found.status == "possible", found.statement
    assert not any("/seals" in claim.pointer for claim in found.supports)


def test_a_failure_by_another_image_is_not_joined(stage: Stage, begun: tuple[Path, list[bytes]]) -> None:
    path, (second, third) = begun
    before, after = stage.looks(f"oci-archive:{path}", lambda: append(path, second + third), gap=0.0)
    for other in (path.with_name("other.tar"), Path("/elsewhere/other.tar")):
        text = _EOF.replace("source:", f"source oci-archive:{other}::")
        document = judge_case([before, failing(after, before.started, after.started, text)])
        assert document.verdict.cause in ("different-reference", "other-path-failed")
        assert assessment(document, "archive-in-progress").status != "confirmed"


@pytest.mark.parametrize("seconds", [-3600, -5])
def test_a_clock_that_was_set_back_makes_nothing_written(stage: Stage, seconds: int) -> None:
    """The file's times are then later than the look at it, and it did not change."""
    path = stage.workspace() / "oci/image.tar"
    os.truncate(path, 3_000_000)
    a, b = stage.looks(f"oci-archive:{path}", lambda: None, gap=0.0)
    document = judge_case([a, shifted(b, seconds)])
    assert not assessment(document, "archive-in-progress").status.holds


def test_a_message_counts_whole_seconds(stage: Stage, begun: tuple[Path, list[bytes]]) -> None:
    """What was written in the second of the message may have been written after the failure."""
    path, (second, third) = begun
    watching = Watching(f"oci-archive:{path}")
    watching.begin()
    time.sleep(1.05 - time.time() % 1)
    said = f'time="{time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}" {_EOF}'
    append(path, second)
    watching.see(Change.GREW)
    time.sleep(1.0)
    append(path, third)
    watching.see(Change.GREW)
    (report,) = stage.looks(f"oci-archive:{path}", gap=0.0)
    document = judge_case([report.model_copy(update={"command": parse_messages(said)})], [watching.end()])
    found = assessment(document, "archive-in-progress")
    assert found.status == "likely", found.statement


def test_its_producer_sees_it_grow_and_that_harms_nobody(stage: Stage) -> None:
    path = stage.workspace() / "oci/new.tar"
    with slow_writer(stage.archive, path):
        (during,) = stage.looks(f"oci-archive:{path}", gap=0.2, facts={"role": "producer"})
        (early,) = stage.looks(f"oci-archive:{path}", gap=0.2)
    document = judge_case([during])
    assert_verdict(document, "inconclusive", "not-assessable")
    assert "a reader's report" in document.verdict.statement
    shutil.copy(stage.archive, path)
    (after,) = stage.looks(f"oci-archive:{path}")
    assert_verdict(judge_case([during, after]), "healthy")
    assert_verdict(judge_case([during, early, after]), "archive-in-progress")


def _rewrite(path: Path, data: bytes) -> None:
    with open(path, "wb") as stream:
        stream.write(data)
