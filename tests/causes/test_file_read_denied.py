"""file-read-denied: every ancestor can be traversed, the file's own bits deny."""

from __future__ import annotations

import os

import pytest
from support.stage import PUSHER, ROOT, Stage, assert_verdict, assessment

pytestmark = pytest.mark.root


@pytest.mark.parametrize("mode", [0o600, 0o602, 0o711])
def test_fires_on_the_file_itself(stage: Stage, mode: int) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", mode)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "file-read-denied")
    assert document.verdict.component == str(workspace / "oci/image.tar")
    assert assessment(document, "dir-search-denied").status == "refuted"


def test_fires_for_a_member_whose_group_bits_deny_though_other_bits_allow(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", 0o604)
    assert_verdict(stage.check(f"oci-archive:{workspace}/oci/image.tar"), "file-read-denied")


def test_fires_for_listing_a_directory(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o711)
    document = stage.check(workspace / "oci", want="list")
    assert_verdict(document, "file-read-denied")
    assert_verdict(stage.check(workspace / "oci", want="list", by=ROOT), "healthy")


def test_fires_for_executing(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", 0o664)
    assert_verdict(stage.check(workspace / "oci/image.tar", want="execute"), "file-read-denied")
    os.chmod(workspace / "oci/image.tar", 0o775)
    document = stage.check(workspace / "oci/image.tar", want="execute")
    assert document.verdict.cause == "healthy"


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o444, 0o4440])
def test_refuted_where_the_reader_may_read(stage: Stage, mode: int) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", mode)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "healthy")
    assert assessment(document, "file-read-denied").status == "refuted"


def test_the_owner_bits_decide_for_the_owner(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chown(workspace / "oci/image.tar", PUSHER.uid, -1)
    os.chmod(workspace / "oci/image.tar", 0o066)
    assert_verdict(stage.check(f"oci-archive:{workspace}/oci/image.tar"), "file-read-denied")
    os.chmod(workspace / "oci/image.tar", 0o400)
    assert_verdict(stage.check(f"oci-archive:{workspace}/oci/image.tar"), "healthy")
