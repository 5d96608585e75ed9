"""healthy: readable, whole, digests agree; and what keeps it from being called so."""

from __future__ import annotations

import os
import socket
import tarfile

import pytest
from support.stage import Stage, assert_verdict, assessment

pytestmark = pytest.mark.root


def test_fires_with_every_digest_verified(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", deep=True)
    assert_verdict(document, "healthy")
    assert "sha256:" in document.verdict.statement
    assert all(found.status != "possible" or found.cause != "corrupt" for found in document.assessments)


def test_fires_for_a_plain_path(stage: Stage) -> None:
    workspace = stage.workspace()
    assert_verdict(stage.check(workspace / "oci/image.tar"), "healthy")
    assert_verdict(stage.check(workspace / "oci", want="list"), "healthy")


@pytest.mark.skopeo
def test_skopeo_agrees(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", skopeo="always")
    assert_verdict(document, "healthy")
    facts = document.evidence[0].skopeo
    assert facts.status == "seen" and facts.value.agrees is True


def test_refuted_when_it_cannot_be_read(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert assessment(document, "healthy").status == "refuted"


def test_a_failed_command_and_nothing_wrong_now_is_inconclusive(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(
        f"oci-archive:{workspace}/oci/image.tar",
        stderr='time="2026-11-21T16:51:42Z" level=fatal msg="something nobody has seen before"',
    )
    assert_verdict(document, "inconclusive", "not-assessable")
    assert "command" in document.verdict.statement


@pytest.mark.parametrize("said", ["permission denied", "it did not work\n", "Traceback (most recent call last):\n"])
def test_a_message_that_is_not_understood_is_no_all_clear(stage: Stage, said: str) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", stderr=said)
    assert_verdict(document, "inconclusive", "not-assessable")


def test_a_command_that_said_nothing_is_no_contradiction(stage: Stage) -> None:
    workspace = stage.workspace()
    assert_verdict(stage.check(f"oci-archive:{workspace}/oci/image.tar", stderr=""), "healthy")


def test_a_socket_cannot_be_read(stage: Stage) -> None:
    workspace = stage.workspace()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(workspace / "oci/socket"))
        os.chmod(workspace / "oci/socket", 0o666)
        document = stage.check(workspace / "oci/socket")
    assert_verdict(document, "inconclusive", "not-assessable")
    assert "ENXIO" in document.verdict.statement


@pytest.mark.skopeo
def test_no_all_clear_when_skopeo_cannot_read_it(stage: Stage) -> None:
    """An archive whose directory members cannot be entered: nothing here minds, skopeo cannot unpack it."""
    workspace = stage.workspace()
    with tarfile.open(stage.archive) as old, tarfile.open(workspace / "oci/odd.tar", "w") as new:
        for member in old:
            if member.isdir():
                member.mode = 0o644
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    os.chmod(workspace / "oci/odd.tar", 0o644)
    document = stage.check(f"oci-archive:{workspace}/oci/odd.tar", skopeo="always")
    assert_verdict(document, "inconclusive", "not-assessable")
    assert any("skopeo" in claim.sentence for claim in assessment(document, "healthy").contradicts)
