"""archive-in-progress: a writer is still at it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.stage import ROOT, Stage, assert_verdict, assessment

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
