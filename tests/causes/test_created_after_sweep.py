"""created-after-sweep: made after this pod's fsGroup sweep, with bits that deny."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from support.stage import FS_GROUP, Stage, assert_verdict, assessment, volume

pytestmark = pytest.mark.root


def make_late(workspace: Path) -> None:
    """What a root producer with umask 077 makes while the reader's container already runs."""
    time.sleep(0.1)
    os.mkdir(workspace / "late")
    shutil.copy(workspace / "oci/image.tar", workspace / "late/image.tar")
    os.chmod(workspace / "late", 0o2700)


def test_fires_for_a_directory_born_after_the_container_started(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(
        f"oci-archive:{workspace}/late/image.tar",
        facts={"fs-group": str(FS_GROUP)},
        **volume(workspace, lambda: make_late(workspace)),
    )
    assert_verdict(document, "created-after-sweep")
    assert document.verdict.family == "race"
    assert assessment(document, "dir-search-denied").implied_by == "created-after-sweep"
    assert len(
        [c for c in assessment(document, "created-after-sweep").supports if "after this container" in c.sentence]
    )


def test_refuted_when_it_is_older(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2700)
    time.sleep(0.1)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", **volume(workspace))
    assert assessment(document, "created-after-sweep").status == "refuted"


def test_a_late_chmod_of_an_old_directory_is_not_late_creation(stage: Stage) -> None:
    workspace = stage.workspace()
    time.sleep(0.1)

    def chmod_late() -> None:
        time.sleep(0.1)
        os.chmod(workspace / "oci", 0o2700)

    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", **volume(workspace, chmod_late))
    assert assessment(document, "created-after-sweep").status == "refuted"
    assert_verdict(document, "dir-search-denied")


def test_race_not_shown_without_a_container_start(stage: Stage) -> None:
    workspace = stage.workspace()
    make_late(workspace)
    document = stage.check(f"oci-archive:{workspace}/late/image.tar", facts={"fs-group": str(FS_GROUP)})
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "created-after-sweep").status == "refuted"


def test_only_likely_when_the_fs_group_was_not_told(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/late/image.tar", **volume(workspace, lambda: make_late(workspace)))
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "created-after-sweep").status == "likely"
