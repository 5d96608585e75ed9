"""other-path-failed, registry-denied, no-space: what only the failing command's own messages decide."""

from __future__ import annotations

import os
import subprocess

import pytest
from support.stage import PUSHER, Person, Stage, assert_verdict, assessment

pytestmark = [pytest.mark.root, pytest.mark.skopeo]


def skopeo(stage: Stage, *arguments: str, by: Person = PUSHER, environment: dict[str, str] | None = None) -> str:
    """Standard error of a real skopeo, run as `by`."""

    def act() -> str:
        ran = subprocess.run(
            ["skopeo", "--insecure-policy", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": "/", **(environment or {})},
            cwd="/",
        )
        assert ran.returncode != 0, "the command was meant to fail"
        return ran.stderr

    return stage.run(act, by=by)


def test_other_path_failed_fires_for_an_unreadable_auth_file(stage: Stage) -> None:
    workspace = stage.workspace()
    auth = stage.root / "auth.json"
    auth.write_text("{}")
    os.chmod(auth, 0o600)
    archive = f"oci-archive:{workspace}/oci/image.tar"
    said = skopeo(stage, "copy", "--authfile", str(auth), "--dest-tls-verify=false", archive, "docker://127.0.0.1:1/x:y")
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


def test_no_space_fires_for_a_full_temp_directory(stage: Stage) -> None:
    workspace = stage.workspace()
    small = stage.root / "small"
    small.mkdir()
    archive = f"oci-archive:{workspace}/oci/image.tar"
    assert os.system(f"mount -t tmpfs -o size=16k,mode=1777 none {small}") == 0
    try:
        said = skopeo(stage, "--tmpdir", str(small), "inspect", archive)
    finally:
        os.system(f"umount {small}")
    document = stage.check(archive, stderr=said)
    assert_verdict(document, "no-space")
    assert assessment(document, "other-path-failed").status == "refuted"


def test_no_space_is_refuted_when_nothing_ran_out(stage: Stage) -> None:
    workspace = stage.workspace()
    archive = f"oci-archive:{workspace}/oci/image.tar"
    document = stage.check(archive, want="write")
    assert assessment(document, "no-space").status == "refuted"
    assert assessment(stage.check(archive), "no-space").status == "not-assessable"


@pytest.mark.parametrize(
    "said",
    [
        "writing blob: initiating layer upload to /v2/ns/app/blobs/uploads/ in 127.0.0.1:5998: denied: permission denied",
        "writing blob: initiating layer upload to /v2/ns/app/blobs/uploads/ in 127.0.0.1:5998: unauthorized",
    ],
)
def test_registry_denied_fires_for_a_refused_push(stage: Stage, said: str) -> None:
    workspace = stage.workspace()
    document = stage.check(
        f"oci-archive:{workspace}/oci/image.tar", stderr=f'time="2026-11-21T16:51:42Z" level=fatal msg="{said}"'
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
