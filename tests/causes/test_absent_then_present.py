"""absent-then-present: absent at one moment, present at a later one."""

from __future__ import annotations

import os
import shutil
import time

import pytest
from support.stage import Stage, assert_verdict, assessment

pytestmark = pytest.mark.root


def test_fires_when_it_comes_while_the_probe_looks(stage: Stage) -> None:
    workspace = stage.workspace()
    target = workspace / "oci/late.tar"
    pid = os.fork()
    if pid == 0:
        time.sleep(0.4)
        shutil.copy(stage.archive, workspace / "oci/.partial")
        os.chmod(workspace / "oci/.partial", 0o644)
        os.rename(workspace / "oci/.partial", target)
        os._exit(0)
    document = stage.check(f"oci-archive:{target}", gap=0.8)
    os.waitpid(pid, 0)
    assert_verdict(document, "absent-then-present")
    assert assessment(document, "wrong-path").status in ("refuted", "likely", "possible")


def test_likely_from_the_commands_message_and_a_later_change(stage: Stage) -> None:
    workspace = stage.workspace()
    path = workspace / "oci/image.tar"
    early = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
    stderr = (
        f'time="{early}" level=fatal msg="initializing source oci-archive:{path}:: creating temp directory: '
        f'open {path}: no such file or directory"'
    )
    assert_verdict(stage.check(f"oci-archive:{path}", stderr=stderr), "absent-then-present", "likely")


def test_race_not_shown_when_it_stays_absent(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/never.tar")
    found = assessment(document, "absent-then-present")
    assert found.status == "possible"
    assert any("race not shown" in claim.sentence for claim in found.missing)


def test_refuted_when_it_was_always_there(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert assessment(document, "absent-then-present").status == "refuted"


def test_refuted_when_it_was_there_and_is_removed(stage: Stage) -> None:
    workspace = stage.workspace()
    pid = os.fork()
    if pid == 0:
        time.sleep(0.4)
        os.unlink(workspace / "oci/image.tar")
        os._exit(0)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", gap=0.8)
    os.waitpid(pid, 0)
    found = assessment(document, "absent-then-present")
    assert found.status == "refuted"
    assert any("removed" in claim.sentence for claim in found.contradicts)
    assert document.verdict.status != "confirmed"


def test_not_shown_by_a_directory_that_closes(stage: Stage) -> None:
    workspace = stage.workspace()
    pid = os.fork()
    if pid == 0:
        time.sleep(0.4)
        os.chmod(workspace / "oci", 0o700)
        os._exit(0)
    document = stage.check(f"oci-archive:{workspace}/oci/never.tar", gap=0.8)
    os.waitpid(pid, 0)
    assert assessment(document, "absent-then-present").status != "confirmed"


def test_a_message_of_long_ago_shows_no_race(stage: Stage) -> None:
    workspace = stage.workspace()
    path = workspace / "oci/image.tar"
    early = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86400))
    stderr = f'time="{early}" level=fatal msg="open {path}: no such file or directory"'
    document = stage.check(f"oci-archive:{path}", stderr=stderr)
    assert assessment(document, "absent-then-present").status == "possible"
