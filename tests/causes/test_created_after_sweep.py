"""created-after-sweep: made after this pod's fsGroup sweep, with bits that deny."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from support.stage import FS_GROUP, Stage, assert_verdict, assessment, volume
from support.watching import Watching

from probe.classify.judge import judge_case
from probe.evidence.report import Report
from probe.evidence.watch import Change, Timeline

pytestmark = pytest.mark.root


def make_late(workspace: Path) -> None:
    """What a root producer with umask 077 makes while the reader's container already runs."""
    time.sleep(0.1)
    os.mkdir(workspace / "late")
    shutil.copy(workspace / "oci/image.tar", workspace / "late/image.tar")
    os.chmod(workspace / "late", 0o2700)


def test_fires_for_a_directory_born_after_the_container_started(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(
        f"oci-archive:{workspace}/late/image.tar",
        facts={"fs-group": str(FS_GROUP)},
        **volume(workspace, lambda: make_late(workspace)),
    )
    assert_verdict(document, "created-after-sweep")
    assert document.verdict.family == "race"
    assert assessment(document, "dir-search-denied").implied_by == "created-after-sweep"
    assert len(
        [c for c in assessment(document, "created-after-sweep").supports if "after this container" in c.sentence]
    )


def test_refuted_when_it_is_older(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2700)
    time.sleep(0.1)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", **volume(workspace))
    assert assessment(document, "created-after-sweep").status == "refuted"


def test_a_late_chmod_of_an_old_directory_is_not_late_creation(stage: Stage) -> None:
    workspace = stage.workspace()
    time.sleep(0.1)

    def chmod_late() -> None:
        time.sleep(0.1)
        os.chmod(workspace / "oci", 0o2700)

    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", **volume(workspace, chmod_late))
    assert assessment(document, "created-after-sweep").status == "refuted"
    assert_verdict(document, "dir-search-denied")


def test_race_not_shown_without_a_container_start(stage: Stage) -> None:
    workspace = stage.workspace()
    make_late(workspace)
    document = stage.check(f"oci-archive:{workspace}/late/image.tar", facts={"fs-group": str(FS_GROUP)})
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "created-after-sweep").status == "refuted"


def test_only_likely_when_the_fs_group_was_not_told(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/late/image.tar", **volume(workspace, lambda: make_late(workspace)))
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "created-after-sweep").status == "likely"


# -- over several sources


def without_births(report: Report) -> Report:
    """As from a file system that keeps no birth times."""
    tree = report.model_dump(mode="json", by_alias=True)
    for component in tree["chain"]["value"]["components"]:
        if component["inode"]["status"] == "seen":
            component["inode"]["value"]["born"] = None
    return Report.model_validate(tree)


@pytest.mark.parametrize(("noticed", "status"), [("inotify", "confirmed"), ("poll", "likely")])
def test_a_watch_that_saw_it_appear_tells_when_it_was_made(stage: Stage, noticed: str, status: str) -> None:
    workspace = stage.workspace()
    reference = f"oci-archive:{workspace}/late/image.tar"
    watching, timelines = Watching(reference), []
    watching.begin()

    def late() -> None:
        make_late(workspace)
        watching.see(Change.APPEARED, workspace / "late", noticed=noticed)
        (stage.root / "watch.json").write_text(watching.end().model_dump_json(by_alias=True))

    (report,) = stage.looks(reference, facts={"fs-group": str(FS_GROUP)}, **volume(workspace, late))
    timelines.append(Timeline.model_validate_json((stage.root / "watch.json").read_text()))
    bare = without_births(report)
    assert assessment(judge_case([bare]), "created-after-sweep").status == "likely"
    document = judge_case([bare], timelines)
    found = assessment(document, "created-after-sweep")
    assert found.status == status, found
    assert any(claim.pointer == "/timelines/0/moments/1" for claim in found.supports)


def test_what_a_watch_saw_appear_before_the_container_started_is_not_late(stage: Stage) -> None:
    workspace = stage.workspace()
    reference = f"oci-archive:{workspace}/late/image.tar"
    watching = Watching(reference)
    watching.begin()
    make_late(workspace)
    watching.see(Change.APPEARED, workspace / "late")
    time.sleep(0.1)

    def touch() -> None:
        time.sleep(0.1)
        os.chmod(workspace / "late", 0o2700)

    (report,) = stage.looks(reference, facts={"fs-group": str(FS_GROUP)}, **volume(workspace, touch))
    document = judge_case([without_births(report)], [watching.end()])
    assert assessment(document, "created-after-sweep").status == "likely", "as without the watch"
    assert_verdict(document, "dir-search-denied")
