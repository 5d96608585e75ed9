"""server-denied: mode bits allow, and the server or daemon behind the file system refuses."""

from __future__ import annotations

import errno
import os

import pytest
from support.fuse import mirror
from support.stage import ROOT, Stage, assert_verdict, assessment

from probe.access.credentials import parse_identity

pytestmark = pytest.mark.root

needs_fuse = pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="there is no /dev/fuse")


@needs_fuse
def test_server_denied_fires_when_the_server_refuses(stage: Stage) -> None:
    workspace = stage.workspace()
    with mirror(workspace, stage.root / "remote", {("open", "/oci/image.tar"): errno.EACCES}):
        document = stage.check(f"oci-archive:{stage.root}/remote/oci/image.tar")
    assert_verdict(document, "server-denied", "likely", also={"denied-unexplained"})
    assert assessment(document, "file-read-denied").status == "refuted"


@needs_fuse
def test_server_denied_fires_without_allow_other(stage: Stage) -> None:
    workspace = stage.workspace()
    with mirror(workspace, stage.root / "remote", {}, allow_other=False):
        document = stage.check(f"oci-archive:{stage.root}/remote/oci/image.tar")
    assert document.verdict.cause == "server-denied", document.verdict.statement
    assert any("allow_other" in claim.sentence for claim in document.assessments[0].supports)


@needs_fuse
def test_server_denied_is_refuted_when_the_bits_deny_on_such_a_mount(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    with mirror(workspace, stage.root / "remote", {}):
        document = stage.check(f"oci-archive:{stage.root}/remote/oci/image.tar")
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "server-denied").status == "refuted"


@needs_fuse
def test_server_denied_is_predicted_for_who_is_shut_out(stage: Stage) -> None:
    workspace = stage.workspace()
    with mirror(workspace, stage.root / "remote", {}, allow_other=False):
        document = stage.check(
            f"oci-archive:{stage.root}/remote/oci/image.tar",
            by=ROOT,
            predict_for=parse_identity("1000970000:0:1000970000"),
        )
    assert_verdict(document, "server-denied", "likely")


@needs_fuse
def test_a_prediction_on_such_a_mount_gives_no_all_clear(stage: Stage) -> None:
    workspace = stage.workspace()
    with mirror(workspace, stage.root / "remote", {}):
        document = stage.check(
            f"oci-archive:{stage.root}/remote/oci/image.tar",
            by=ROOT,
            predict_for=parse_identity("1000970000:0:1000970000"),
        )
    assert_verdict(document, "inconclusive", "not-assessable")
