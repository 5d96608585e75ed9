"""registry-denied: the registry refused, not the file system."""

from __future__ import annotations

import os

import pytest
from support.commands import skopeo
from support.stage import Stage, assert_verdict, assessment

pytestmark = [pytest.mark.root, pytest.mark.skopeo]


_UPLOAD = "writing blob: initiating layer upload to /v2/ns/app/blobs/uploads/ in 127.0.0.1:5998: "


@pytest.mark.parametrize(
    "said",
    [
        "denied: permission denied",
        "unauthorized",
    ],
)
def test_registry_denied_fires_for_a_refused_push(stage: Stage, said: str) -> None:
    workspace = stage.workspace()
    document = stage.check(
        f"oci-archive:{workspace}/oci/image.tar",
        stderr=f'time="2026-11-21T16:51:42Z" level=fatal msg="{_UPLOAD}{said}"',
    )
    assert_verdict(document, "registry-denied")
    assert document.verdict.component == "127.0.0.1:5998"
    assert assessment(document, "other-path-failed").status == "refuted"


def test_registry_denied_is_refuted_for_a_file_that_was_refused(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", 0o600)
    archive = f"oci-archive:{workspace}/oci/image.tar"
    document = stage.check(archive, stderr=skopeo(stage, "inspect", archive))
    assert_verdict(document, "file-read-denied")
    assert assessment(document, "registry-denied").status == "refuted"


def test_fires_for_a_plain_403(stage: Stage) -> None:
    workspace = stage.workspace()
    said = (
        "trying to reuse blob sha256:0000000000000000000000000000000000000000000000000000000000000000 at destination: "
        "failed to read from destination repository team/app: 403 (Forbidden)"
    )
    document = stage.check(
        f"oci-archive:{workspace}/oci/image.tar", stderr=f'time="2026-11-21T16:51:42Z" level=fatal msg="{said}"'
    )
    assert_verdict(document, "registry-denied")
