"""unmapped-ids: in a user namespace, capabilities do not count for inodes whose ids are not mapped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.stage import BARE_ROOT, Stage, assert_verdict, assessment

from probe.classify.verdict import VerdictDocument

pytestmark = pytest.mark.root

ROOT = Path(__file__).resolve().parents[2]


def check_in_user_namespace(reference: str, uid: int, *through: str) -> VerdictDocument:
    """The command line itself, as a mapped root inside a namespace that maps only `uid`."""
    command = [sys.executable, "-m", "probe", "check", reference, "--json", "--skopeo", "never", "--gap", "50ms"]
    ran = subprocess.run(
        ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "unshare", "-Ur", *through, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "Permission denied" in ran.stderr and not ran.stdout:
        pytest.skip("the interpreter is not reachable for another uid")
    return VerdictDocument.model_validate(json.loads(ran.stdout))


def test_fires_for_a_mapped_root_on_a_foreign_inode(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    document = check_in_user_namespace(f"oci-archive:{workspace}/oci/image.tar", 12345)
    assert_verdict(document, "unmapped-ids")
    assert assessment(document, "dir-search-denied").implied_by == "unmapped-ids"


def test_refuted_where_the_owner_is_mapped(stage: Stage) -> None:
    workspace = stage.workspace()
    for path in (workspace / "oci/image.tar", workspace / "oci"):
        os.chown(path, 12345, 12345)
    os.chmod(workspace / "oci", 0o000)
    assert_verdict(check_in_user_namespace(f"oci-archive:{workspace}/oci/image.tar", 12345), "healthy")


def test_refuted_in_the_initial_namespace(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chown(workspace / "oci", 1001, 1001)
    os.chmod(workspace / "oci", 0o700)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", by=BARE_ROOT)
    assert assessment(document, "unmapped-ids").status == "refuted"


def test_likely_where_no_capability_was_there_to_be_lost(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2770)
    reference = f"oci-archive:{workspace}/oci/image.tar"
    document = check_in_user_namespace(reference, 12345, "setpriv", "--bounding-set", "-all", "--inh-caps", "-all")
    assert assessment(document, "group-not-held").status == "refuted"
    assert assessment(document, "unmapped-ids").status == "likely"
    assert_verdict(document, "root-without-capability")
