"""denied-unexplained: refused although mode bits, ACLs and capabilities allow it, and nothing else seen explains it."""

from __future__ import annotations

import os

import pytest
from support import landlock
from support.stage import Stage, assert_verdict, assessment

pytestmark = pytest.mark.root

needs_landlock = pytest.mark.skipif(not landlock.available(), reason="this kernel has no Landlock")


@needs_landlock
def test_denied_unexplained_fires_for_landlock(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", before=landlock.deny_reading_files)
    assert_verdict(document, "denied-unexplained")
    for cause in ("dir-search-denied", "file-read-denied", "server-denied", "selinux-denied"):
        assert assessment(document, cause).status == "refuted"


def test_denied_unexplained_is_refuted_where_the_bits_deny(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", 0o600)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert assessment(document, "denied-unexplained").status == "refuted"


def test_denied_unexplained_is_refuted_where_nothing_was_refused(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    for cause in ("denied-unexplained", "selinux-denied", "server-denied", "stale-handle"):
        assert assessment(document, cause).status == "refuted"
