"""stale-handle: ESTALE, the file behind the handle is gone on the server."""

from __future__ import annotations

import errno
import os

import pytest
from support.fuse import mirror
from support.stage import Stage, assert_verdict, assessment

pytestmark = pytest.mark.root

needs_fuse = pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="there is no /dev/fuse")


@needs_fuse
@pytest.mark.parametrize("call", ["open", "getattr"])
def test_stale_handle_fires(stage: Stage, call: str) -> None:
    workspace = stage.workspace()
    with mirror(workspace, stage.root / "remote", {(call, "/oci/image.tar"): errno.ESTALE}):
        document = stage.check(f"oci-archive:{stage.root}/remote/oci/image.tar")
    assert_verdict(document, "stale-handle")


@needs_fuse
def test_refuted_when_the_server_answers(stage: Stage) -> None:
    workspace = stage.workspace()
    with mirror(workspace, stage.root / "remote", {}):
        document = stage.check(f"oci-archive:{stage.root}/remote/oci/image.tar")
    assert_verdict(document, "healthy")
    assert assessment(document, "stale-handle").status == "refuted"
