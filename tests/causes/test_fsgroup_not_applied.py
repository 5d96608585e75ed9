"""fsgroup-not-applied: the volume root shows no sweep although the pod asks for an fsGroup."""

from __future__ import annotations

import os

import pytest
from support.stage import FS_GROUP, Stage, assert_verdict, assessment, volume

pytestmark = pytest.mark.root


def unswept(stage: Stage) -> dict[str, object]:
    """A check on a volume that no sweep has touched, as a driver without support mounts it."""

    def prepare() -> None:
        (stage.root / "source").mkdir()
        assert os.system(f"mount -t tmpfs -o mode=755 none {stage.root}/source") == 0
        (stage.root / "source/oci").mkdir(mode=0o700)

    return {"prepare": prepare, "container": True}


def test_fires_when_the_fs_group_was_told(stage: Stage) -> None:
    document = stage.check(
        f"oci-archive:{stage.root}/source/oci/image.tar", facts={"fs-group": str(FS_GROUP)}, **unswept(stage)
    )
    assert_verdict(document, "fsgroup-not-applied")
    assert assessment(document, "dir-search-denied").implied_by == "fsgroup-not-applied"


def test_only_possible_when_it_was_not_told(stage: Stage) -> None:
    document = stage.check(f"oci-archive:{stage.root}/source/oci/image.tar", **unswept(stage))
    assert_verdict(document, "dir-search-denied")
    found = assessment(document, "fsgroup-not-applied")
    assert found.status == "possible"
    assert any("fs-group" in claim.sentence for claim in found.missing)


def test_refuted_when_the_root_was_swept(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2700)
    document = stage.check(
        f"oci-archive:{workspace}/oci/image.tar", facts={"fs-group": str(FS_GROUP)}, **volume(workspace)
    )
    assert assessment(document, "fsgroup-not-applied").status == "refuted"
