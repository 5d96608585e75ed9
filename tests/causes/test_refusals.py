"""server-denied, denied-unexplained, selinux-denied, stale-handle: refusals that mode bits do not explain."""

from __future__ import annotations

import errno
import os

import pytest
from support import landlock
from support.fuse import mirror
from support.stage import PUSHER, Stage, assert_verdict, assessment

from probe.classify.judge import judge_case
from probe.classify.verdict import VerdictDocument
from probe.evidence.observation import Seen

pytestmark = pytest.mark.root

needs_landlock = pytest.mark.skipif(not landlock.available(), reason="this kernel has no Landlock")
needs_fuse = pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="there is no /dev/fuse")


@needs_landlock
def test_denied_unexplained_fires_for_landlock(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", before=landlock.deny_reading_files)
    assert_verdict(document, "denied-unexplained")
    for cause in ("dir-search-denied", "file-read-denied", "server-denied", "selinux-denied"):
        assert assessment(document, cause).status == "refuted"


def test_denied_unexplained_is_refuted_where_the_bits_deny(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", 0o600)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert assessment(document, "denied-unexplained").status == "refuted"


def test_denied_unexplained_is_refuted_where_nothing_was_refused(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    for cause in ("denied-unexplained", "selinux-denied", "server-denied", "stale-handle"):
        assert assessment(document, cause).status == "refuted"


@needs_fuse
def test_server_denied_fires_when_the_server_refuses(stage: Stage) -> None:
    workspace = stage.workspace()
    with mirror(workspace, stage.root / "remote", {("open", "/oci/image.tar"): errno.EACCES}):
        document = stage.check(f"oci-archive:{stage.root}/remote/oci/image.tar")
    assert_verdict(document, "server-denied", "likely", also={"denied-unexplained"})
    assert assessment(document, "file-read-denied").status == "refuted"


@needs_fuse
def test_server_denied_fires_without_allow_other(stage: Stage) -> None:
    workspace = stage.workspace()
    with mirror(workspace, stage.root / "remote", {}, allow_other=False):
        document = stage.check(f"oci-archive:{stage.root}/remote/oci/image.tar")
    assert document.verdict.cause == "server-denied", document.verdict.statement
    assert any("allow_other" in claim.sentence for claim in document.assessments[0].supports)


@needs_fuse
def test_server_denied_is_refuted_when_the_bits_deny_on_such_a_mount(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    with mirror(workspace, stage.root / "remote", {}):
        document = stage.check(f"oci-archive:{stage.root}/remote/oci/image.tar")
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "server-denied").status == "refuted"


@needs_fuse
@pytest.mark.parametrize("call", ["open", "getattr"])
def test_stale_handle_fires(stage: Stage, call: str) -> None:
    workspace = stage.workspace()
    with mirror(workspace, stage.root / "remote", {(call, "/oci/image.tar"): errno.ESTALE}):
        document = stage.check(f"oci-archive:{stage.root}/remote/oci/image.tar")
    assert_verdict(document, "stale-handle")


@needs_landlock
def test_selinux_denied_is_likely_when_the_categories_are_not_dominated(stage: Stage) -> None:
    """This kernel has no SELinux: the refusal and the file's label are real, the process's label is put in."""
    document = labelled(stage, "system_u:object_r:container_file_t:s0:c5,c9", "system_u:system_r:container_t:s0:c1,c2")
    assert_verdict(document, "selinux-denied", "likely", also={"denied-unexplained"})
    assert "c5,c9" in document.verdict.statement
    assert any("AVC" in claim.sentence for claim in document.assessments[0].missing)


@needs_landlock
def test_selinux_denied_is_likely_for_a_foreign_type(stage: Stage) -> None:
    document = labelled(stage, "system_u:object_r:user_home_t:s0", "system_u:system_r:container_t:s0:c1,c2")
    assert_verdict(document, "selinux-denied", "likely", also={"denied-unexplained"})


@needs_landlock
@pytest.mark.parametrize("level", ["s0", "s0:c1", "s0:c1,c2", "s0:c0.c9"])
def test_selinux_denied_is_not_claimed_when_the_label_is_dominated(stage: Stage, level: str) -> None:
    file = "system_u:object_r:container_file_t:s0:c1" if level == "s0:c0.c9" else f"a:b:container_file_t:{level}"
    process = "system_u:system_r:container_t:" + ("s0:c0.c9" if level == "s0:c0.c9" else "s0:c1,c2")
    document = labelled(stage, file, process)
    assert assessment(document, "selinux-denied").status == "possible"


def labelled(stage: Stage, file: str, process: str) -> VerdictDocument:
    """A real refusal of a really labelled file, judged as if the process carried `process`."""
    workspace = stage.workspace()
    os.setxattr(workspace / "oci/image.tar", "security.selinux", file.encode() + b"\0")
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", by=PUSHER, before=landlock.deny_reading_files)
    report = document.evidence[0]
    identity = report.identity.model_copy(update={"label": Seen[str](value=process, at=report.started)})
    return judge_case([report.model_copy(update={"identity": identity})])
