"""acl-denied: a POSIX ACL entry or mask decides."""

from __future__ import annotations

import os
import subprocess

import pytest
from support.stage import FS_GROUP, PUSHER, Stage, assert_verdict, assessment

pytestmark = pytest.mark.root


def setfacl(entries: str, path: object) -> None:
    subprocess.run(["setfacl", "-m", entries, str(path)], check=True)


def test_fires_for_a_named_user_without_the_right(stage: Stage) -> None:
    workspace = stage.workspace()
    setfacl(f"u:{PUSHER.uid}:r", workspace / "oci")
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "acl-denied")
    assert assessment(document, "dir-search-denied").implied_by == "acl-denied"


def test_fires_for_a_mask_that_takes_the_right_away(stage: Stage) -> None:
    workspace = stage.workspace()
    setfacl(f"g:{FS_GROUP}:rwx,m::rw", workspace / "oci")
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "acl-denied")
    assert "mask" in document.verdict.statement


def test_fires_on_a_file(stage: Stage) -> None:
    workspace = stage.workspace()
    setfacl(f"u:{PUSHER.uid}:-", workspace / "oci/image.tar")
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "acl-denied")


def test_refuted_where_an_entry_grants(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    setfacl(f"u:{PUSHER.uid}:rx", workspace / "oci")
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "healthy")
    assert assessment(document, "acl-denied").status == "refuted"


def test_refuted_without_any_acl(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "acl-denied").status == "refuted"
