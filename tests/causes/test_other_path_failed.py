"""other-path-failed: the failing operation concerned another path than the archive and its ancestors."""

from __future__ import annotations

import os

import pytest
from support.commands import skopeo
from support.stage import Stage, assert_verdict, assessment

from probe.classify.judge import judge_case

pytestmark = [pytest.mark.root, pytest.mark.skopeo]


def test_other_path_failed_fires_for_an_unreadable_auth_file(stage: Stage) -> None:
    workspace = stage.workspace()
    auth = stage.root / "auth.json"
    auth.write_text("{}")
    os.chmod(auth, 0o600)
    archive = f"oci-archive:{workspace}/oci/image.tar"
    said = skopeo(
        stage, "copy", "--authfile", str(auth), "--dest-tls-verify=false", archive, "docker://127.0.0.1:1/x:y"
    )
    document = stage.check(archive, stderr=said)
    assert_verdict(document, "other-path-failed")
    assert document.verdict.component == str(auth)
    for cause in ("dir-search-denied", "file-read-denied", "access-healed", "archive-in-progress"):
        assert assessment(document, cause).status == "refuted"


def test_other_path_failed_fires_for_an_unwritable_temp_directory(stage: Stage) -> None:
    workspace = stage.workspace()
    closed = stage.root / "closed"
    closed.mkdir(mode=0o700)
    archive = f"oci-archive:{workspace}/oci/image.tar"
    document = stage.check(archive, stderr=skopeo(stage, "--tmpdir", str(closed), "inspect", archive))
    assert_verdict(document, "other-path-failed")
    assert "temp" in document.verdict.statement


def test_other_path_failed_is_refuted_when_the_archive_itself_failed(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    archive = f"oci-archive:{workspace}/oci/image.tar"
    document = stage.check(archive, stderr=skopeo(stage, "inspect", archive))
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "other-path-failed").status == "refuted"


def test_the_target_of_a_link_is_not_another_path(stage: Stage) -> None:
    workspace = stage.workspace()
    os.rename(workspace / "oci", workspace / "real")
    os.chmod(workspace / "real", 0o700)
    os.symlink("real/image.tar", workspace / "link.tar")
    archive = f"oci-archive:{workspace}/link.tar"
    document = stage.check(archive, stderr=skopeo(stage, "inspect", archive))
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "other-path-failed").status == "refuted"


def test_fires_for_a_registry_that_is_not_there(stage: Stage) -> None:
    workspace = stage.workspace()
    archive = f"oci-archive:{workspace}/oci/image.tar"
    said = skopeo(stage, "copy", "--dest-tls-verify=false", archive, "docker://127.0.0.1:1/x:y")
    document = stage.check(archive, stderr=said)
    assert_verdict(document, "other-path-failed")
    assert document.verdict.component == "127.0.0.1:1"
    assert assessment(document, "registry-denied").status == "refuted"


def test_the_target_of_another_reference_is_not_elsewhere(stage: Stage) -> None:
    """One command, asked about with what it reads and with what it makes: its source is not elsewhere for the other."""
    workspace = stage.workspace()
    source, made = (f"oci-archive:{workspace}/oci/{name}.tar" for name in ("image", "copy"))
    os.chmod(workspace / "oci/image.tar", 0o600)
    stderr = f'level=fatal msg="creating temp directory: open {workspace}/oci/image.tar: permission denied"'
    read, wrote = (
        stage.check(reference, want=want, stderr=stderr).evidence[0]
        for reference, want in ((source, "read"), (made, "create"))
    )
    assert_verdict(judge_case([wrote]), "other-path-failed")
    document = judge_case([read, wrote])
    assert_verdict(document, "file-read-denied")
    assert assessment(document, "other-path-failed").status == "refuted"
    assert not assessment(document, "different-reference").status.holds
