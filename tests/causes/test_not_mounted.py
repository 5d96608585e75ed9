"""not-mounted: the path lies on the container's own root file system although a workspace was expected."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.stage import Stage, assert_verdict, assessment
from support.workspace import workspace_to_mount_on

pytestmark = pytest.mark.root


@pytest.fixture(autouse=True, scope="module")
def mount_point() -> Iterator[None]:
    if os.geteuid() == 0:
        with workspace_to_mount_on():
            yield
    else:
        yield


def empty_workspace() -> None:
    """/workspace/source as a directory of the root file system, seen only in this mount namespace."""
    assert os.system("mount -t tmpfs none /workspace") == 0
    os.mkdir("/workspace/source")


def test_fires_on_the_root_file_system_of_a_container(stage: Stage) -> None:
    if os.path.ismount("/workspace"):
        pytest.skip("this machine mounts /workspace")
    document = stage.check("oci-archive:/workspace/source-of-nobody/oci/image.tar", container=True)
    assert_verdict(document, "not-mounted")
    assert document.verdict.component == "/workspace/source-of-nobody"


def test_likely_in_a_step_whose_workspace_is_tektons_empty_one(stage: Stage) -> None:
    document = stage.check(
        "oci-archive:/workspace/source/oci/image.tar", prepare=empty_workspace, container=True, facts={"step": "push"}
    )
    assert_verdict(document, "not-mounted", "likely")


def test_a_volume_at_workspace_itself_is_not_called_missing(stage: Stage) -> None:
    document = stage.check("oci-archive:/workspace/app/image.tar", prepare=empty_workspace, container=True)
    assert assessment(document, "not-mounted").status == "possible"
    assert_verdict(document, "inconclusive", "not-assessable")


def test_fires_where_it_was_told_that_a_volume_belongs(stage: Stage) -> None:
    (stage.root / "data").mkdir()
    document = stage.check(f"oci-archive:{stage.root}/data/image.tar", facts={"workspace": str(stage.root / "data")})
    assert_verdict(document, "not-mounted")


def test_refuted_where_a_volume_is_mounted(stage: Stage) -> None:
    def mount() -> None:
        empty_workspace()
        assert os.system("mount -t tmpfs none /workspace/source") == 0

    document = stage.check("oci-archive:/workspace/source/oci/image.tar", prepare=mount, container=True)
    assert assessment(document, "not-mounted").status == "refuted"
    assert document.verdict.cause == "inconclusive"


def test_a_readable_image_there_is_healthy(stage: Stage) -> None:
    def mount() -> None:
        empty_workspace()
        shutil.copy(stage.archive, Path("/workspace/source/image.tar"))
        os.chmod("/workspace/source/image.tar", 0o644)

    document = stage.check("oci-archive:/workspace/source/image.tar", prepare=mount, container=True)
    assert_verdict(document, "healthy")
    assert assessment(document, "not-mounted").status == "possible"
