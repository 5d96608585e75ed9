"""wrong-transport: what lies at the path is another kind of container than the transport reads."""

from __future__ import annotations

import shutil
import subprocess
import tarfile

import pytest
from support.commands import copy
from support.stage import Stage, assert_verdict, assessment

pytestmark = [pytest.mark.root, pytest.mark.skopeo]


@pytest.mark.parametrize(
    "reference",
    ["docker-archive:{}/oci/image.tar", "dir:{}/oci", "oci:{}/oci", "oci-archive:{}/oci", "dir:{}/oci/image.tar"],
)
def test_fires_where_an_oci_archive_lies(stage: Stage, reference: str) -> None:
    workspace = stage.workspace()
    assert_verdict(stage.check(reference.format(workspace)), "wrong-transport")


@pytest.mark.parametrize("transport", ["oci", "dir", "docker-archive"])
def test_fires_for_an_archive_reference_on_other_containers(stage: Stage, transport: str) -> None:
    workspace = stage.workspace()
    target = f"{workspace}/oci/other"
    copy(f"oci-archive:{workspace}/oci/image.tar", f"{transport}:{target}{':x:y' if transport[0:3] == 'doc' else ''}")
    subprocess.run(["chmod", "-R", "a+rX", target], check=True)
    document = stage.check(f"oci-archive:{target}")
    assert_verdict(document, "wrong-transport")
    assert document.assessments[0].remedy is not None
    assert_verdict(stage.check(f"{transport}:{target}"), "healthy")


def test_fires_for_a_plain_tar(stage: Stage) -> None:
    workspace = stage.workspace()
    with tarfile.open(workspace / "oci/plain.tar", "w") as tar:
        tar.add(__file__, "file.py")
    assert_verdict(stage.check(f"oci-archive:{workspace}/oci/plain.tar"), "wrong-transport")


def test_refuted_where_the_transport_fits(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "healthy")
    assert assessment(document, "wrong-transport").status == "refuted"


def test_an_empty_file_tells_no_kind(stage: Stage) -> None:
    workspace = stage.workspace()
    (workspace / "oci/empty.tar").touch(0o644)
    document = stage.check(f"oci-archive:{workspace}/oci/empty.tar")
    assert assessment(document, "wrong-transport").status in ("possible", "refuted")
    assert document.verdict.family != "B"


def test_an_empty_directory_is_inconclusive(stage: Stage) -> None:
    workspace = stage.workspace()
    (workspace / "bare").mkdir()
    assert_verdict(stage.check(f"dir:{workspace}/bare"), "inconclusive", "not-assessable")


def test_points_at_what_lies_inside_and_not_beside(stage: Stage) -> None:
    workspace = stage.workspace()
    for name in ("a.tar", "b.tar"):
        shutil.copy(stage.archive, workspace / name)
    document = stage.check(f"dir:{workspace}/oci")
    assert_verdict(document, "wrong-transport")
    nearby = document.evidence[0].nearby
    assert nearby.status == "seen"
    named = [claim for claim in document.assessments[0].supports if "/nearby/" in claim.pointer]
    for claim in named:
        assert nearby.value[int(claim.pointer.rpartition("/")[2])].path in claim.sentence
    assert named
