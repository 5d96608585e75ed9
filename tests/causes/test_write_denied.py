"""write-denied: reading would be allowed, the wanted write or create is not."""

from __future__ import annotations

import os
import subprocess

import pytest
from support.stage import PUSHER, ROOT, STRANGER, Stage, assert_verdict, assessment

pytestmark = pytest.mark.root


def test_fires_on_a_file_that_can_only_be_read(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", 0o644)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", want="write")
    assert_verdict(document, "write-denied")
    assert_verdict(stage.check(f"oci-archive:{workspace}/oci/image.tar"), "healthy")


def test_fires_on_a_directory_in_which_nothing_can_be_created(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2755)
    document = stage.check(f"oci-archive:{workspace}/oci/new.tar", want="create")
    assert_verdict(document, "write-denied")
    assert document.verdict.component == str(workspace / "oci")


def test_fires_on_an_immutable_file(stage: Stage) -> None:
    workspace = stage.workspace()
    if subprocess.run(["chattr", "+i", workspace / "oci/image.tar"], check=False, capture_output=True).returncode:
        pytest.skip("this file system has no immutable flag")
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", want="write", by=ROOT)
    assert_verdict(document, "write-denied")
    assert "immutable" in document.verdict.statement


def test_refuted_where_writing_is_allowed(stage: Stage) -> None:
    workspace = stage.workspace()
    for reference, want in (("oci/image.tar", "write"), ("oci/new.tar", "create")):
        document = stage.check(f"oci-archive:{workspace}/{reference}", want=want, by=PUSHER)
        assert document.verdict.cause == "healthy", document.verdict.statement
        assert assessment(document, "write-denied").status == "refuted"


def test_nothing_was_changed_by_looking(stage: Stage) -> None:
    workspace = stage.workspace()
    before = os.stat(workspace / "oci/image.tar"), os.listdir(workspace / "oci")
    stage.check(f"oci-archive:{workspace}/oci/image.tar", want="write")
    stage.check(f"oci-archive:{workspace}/oci/new.tar", want="create")
    after = os.stat(workspace / "oci/image.tar"), os.listdir(workspace / "oci")
    assert (before[0].st_mtime_ns, before[0].st_ctime_ns, before[1]) == (
        after[0].st_mtime_ns,
        after[0].st_ctime_ns,
        after[1],
    )


def test_a_denied_search_is_not_a_denied_write(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", want="write", by=STRANGER)
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "write-denied").status == "refuted"
