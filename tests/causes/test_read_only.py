"""read-only: EROFS on a needed write; never a reader's problem."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.stage import ROOT, Stage, assert_verdict, assessment

pytestmark = pytest.mark.root


def read_only_bind(workspace: Path) -> None:
    assert os.system(f"mount --bind {workspace} {workspace} && mount -o remount,bind,ro {workspace}") == 0


@pytest.mark.parametrize(("name", "want"), [("oci/image.tar", "write"), ("oci/new.tar", "create")])
def test_fires_for_a_wanted_write(stage: Stage, name: str, want: str) -> None:
    workspace = stage.workspace()
    document = stage.check(
        f"oci-archive:{workspace}/{name}", want=want, by=ROOT, prepare=lambda: read_only_bind(workspace)
    )
    assert_verdict(document, "read-only")
    assert document.verdict.component == str(workspace)


def test_refuted_for_a_reader_on_the_same_mount(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", prepare=lambda: read_only_bind(workspace))
    assert_verdict(document, "healthy")
    assert assessment(document, "read-only").status == "refuted"


def test_refuted_where_the_mount_is_writable(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", want="write")
    assert assessment(document, "read-only").status == "refuted"


def test_likely_where_the_mode_bits_deny_as_well(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2755)
    document = stage.check(
        f"oci-archive:{workspace}/oci/new.tar", want="create", prepare=lambda: read_only_bind(workspace)
    )
    assert_verdict(document, "read-only", "likely")
