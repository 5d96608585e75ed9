"""no-space: ENOSPC or EDQUOT, usually in skopeo's temp directory."""

from __future__ import annotations

import os

import pytest
from support.commands import skopeo
from support.stage import Stage, assert_verdict, assessment

pytestmark = [pytest.mark.root, pytest.mark.skopeo]


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


def test_no_space_is_not_a_matter_of_inotify_watches(stage: Stage) -> None:
    workspace = stage.workspace()
    stderr = 'time="2026-11-21T16:51:42Z" level=fatal msg="creating fsnotify watcher: no space left on device"'
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", stderr=stderr)
    assert not assessment(document, "no-space").status.holds


def test_no_space_is_only_likely_where_no_path_is_named(stage: Stage) -> None:
    workspace = stage.workspace()
    stderr = 'time="2026-11-21T16:51:42Z" level=fatal msg="write error: no space left on device"'
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", stderr=stderr)
    assert_verdict(document, "no-space", "likely")


@pytest.mark.parametrize(
    ("options", "want", "status"),
    [
        ("size=8k,mode=777", "create", "likely"),
        ("nr_inodes=3,mode=777", "create", "likely"),
        ("nr_inodes=3,mode=777", "write", "refuted"),
        ("mode=777", "create", "refuted"),
    ],
)
def test_no_space_for_who_wants_to_write(stage: Stage, options: str, want: str, status: str) -> None:
    """A full file system for a new name or new bytes; one without inodes only for a new name."""

    def fill() -> None:
        target = stage.root / "full"
        target.mkdir()
        assert os.system(f"mount -t tmpfs -o {options} none {target}") == 0
        for name in ("old", "other"):
            (target / name).touch()
            os.chmod(target / name, 0o666)
        if options.startswith("size"):
            os.system(f"head -c 100000 /dev/zero > {target}/old 2>/dev/null")

    name = "new" if want == "create" else "old"
    document = stage.check(stage.root / "full" / name, want=want, prepare=fill)
    assert assessment(document, "no-space").status == status
    assert document.verdict.cause == ("no-space" if status == "likely" else "healthy")
