"""dir-search-denied: a directory on the way denies search by its mode bits."""

from __future__ import annotations

import os
import time

import pytest
from support.stage import PUSHER, ROOT, Person, Stage, assert_verdict, assessment

pytestmark = pytest.mark.root


@pytest.mark.parametrize("mode", [0o700, 0o744, 0o2700, 0o600, 0o766])
def test_fires_where_nobody_but_the_owner_may_search(stage: Stage, mode: int) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", mode)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "dir-search-denied")
    assert document.verdict.component == str(workspace / "oci")
    assert "x" in document.verdict.statement and f"{mode:04o}" in document.verdict.statement


def test_the_fix_is_one_bit_and_works(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    remedy = stage.check(f"oci-archive:{workspace}/oci/image.tar").assessments[0].remedy
    assert remedy is not None and remedy.smallest.command is not None
    assert "777" not in remedy.smallest.command
    assert os.system(remedy.smallest.command) == 0
    assert_verdict(stage.check(f"oci-archive:{workspace}/oci/image.tar"), "healthy")


def test_the_owner_class_does_not_fall_through(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chown(workspace / "oci", PUSHER.uid, -1)
    os.chmod(workspace / "oci", 0o077)
    assert_verdict(stage.check(f"oci-archive:{workspace}/oci/image.tar"), "dir-search-denied")


def test_a_listable_directory_is_no_contradiction(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o744)
    found = assessment(stage.check(f"oci-archive:{workspace}/oci/image.tar"), "dir-search-denied")
    assert not found.contradicts
    assert any("ls" in claim.sentence for claim in found.supports)


@pytest.mark.parametrize("mode", [0o711, 0o710, 0o2770, 0o755])
def test_refuted_where_the_reader_may_search(stage: Stage, mode: int) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", mode)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "healthy")
    assert assessment(document, "dir-search-denied").status == "refuted"


def test_refuted_for_root_with_its_capability(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chown(workspace / "oci", 1001, 1001)
    os.chmod(workspace / "oci", 0o700)
    assert_verdict(stage.check(f"oci-archive:{workspace}/oci/image.tar", by=ROOT), "healthy")


def test_a_directory_behind_a_symlink_is_named(stage: Stage) -> None:
    workspace = stage.workspace()
    os.rename(workspace / "oci", workspace / "real")
    os.symlink("real", workspace / "oci")
    os.chmod(workspace / "real", 0o700)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "dir-search-denied")
    assert document.verdict.component == str(workspace / "real")


def test_a_prediction_is_never_confirmed(stage: Stage) -> None:
    from probe.access.credentials import parse_identity

    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    document = stage.check(
        f"oci-archive:{workspace}/oci/image.tar",
        by=ROOT,
        predict_for=parse_identity("1000970000:0:1000970000"),
    )
    assert_verdict(document, "dir-search-denied", "likely")


def test_what_lies_below_is_said_to_be_unobservable(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", by=Person(uid=4242, gid=4242, groups=()))
    chain = document.evidence[0].chain
    assert chain.status == "seen"
    assert chain.value.components[-1].inode.status == "not-seen"


def test_access_that_is_lost_while_the_probe_looks_is_a_refusal(stage: Stage) -> None:
    workspace = stage.workspace()
    pid = os.fork()
    if pid == 0:
        time.sleep(0.4)
        os.chmod(workspace / "oci", 0o700)
        os._exit(0)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", gap=1.0)
    os.waitpid(pid, 0)
    assert_verdict(document, "dir-search-denied")
    assert "0700" in document.verdict.statement
