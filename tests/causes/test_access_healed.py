"""access-healed: denied, then granted to the same identity, with the change in between."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from support.stage import ROOT, Stage, assert_verdict, assessment, volume
from support.watching import Watching

from probe.classify.judge import judge_case
from probe.evidence.watch import Change, Timeline

pytestmark = pytest.mark.root


def test_fires_for_a_late_chmod(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", 0o600)
    pid = os.fork()
    if pid == 0:
        time.sleep(0.4)
        os.chmod(workspace / "oci/image.tar", 0o644)
        os._exit(0)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", gap=0.8)
    os.waitpid(pid, 0)
    assert_verdict(document, "access-healed")
    assert assessment(document, "file-read-denied").implied_by == "access-healed"
    assert any("in between" in claim.sentence for claim in document.assessments[0].supports)


def test_likely_from_the_commands_refusal_and_a_later_change(stage: Stage) -> None:
    workspace = stage.workspace()
    path = workspace / "oci/image.tar"
    early = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
    stderr = (
        f'time="{early}" level=fatal msg="initializing source oci-archive:{path}:: creating temp directory: '
        f'open {path}: permission denied"'
    )
    assert_verdict(stage.check(f"oci-archive:{path}", stderr=stderr), "access-healed", "likely")


def test_race_not_shown_without_a_later_change(stage: Stage) -> None:
    workspace = stage.workspace()
    path = workspace / "oci/image.tar"
    late = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
    stderr = f'time="{late}" level=fatal msg="open {path}: permission denied"'
    document = stage.check(f"oci-archive:{path}", stderr=stderr)
    assert assessment(document, "access-healed").status == "possible"
    assert_verdict(document, "inconclusive", "not-assessable")


def test_refusal_that_stays_is_no_race(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", 0o600)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "file-read-denied")
    assert assessment(document, "access-healed").status == "possible"
    assert "race not shown" in assessment(document, "access-healed").statement


def test_refuted_when_nothing_was_refused(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert assessment(document, "access-healed").status == "refuted"


# -- over several sources


def closed(stage: Stage) -> tuple[Path, str]:
    """A volume with a closed directory, and the reference into it."""
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2700)
    return workspace, f"oci-archive:{workspace}/oci/image.tar"


@pytest.mark.parametrize("container", [False, True])
def test_fires_for_two_reports_of_one_process(stage: Stage, container: bool) -> None:
    workspace, reference = closed(stage)
    reports = stage.looks(reference, lambda: os.chmod(workspace / "oci", 0o2750), prepare=nothing, container=container)
    document = judge_case(list(reversed(reports)))
    assert_verdict(document, "access-healed", also={"dir-search-denied"})
    assert assessment(document, "dir-search-denied").implied_by == "access-healed"
    assert any(
        "mode 2700" in claim.sentence and "mode 2750" in claim.sentence for claim in document.assessments[0].supports
    )


def test_refused_and_then_granted_without_a_change_shows_no_race(stage: Stage) -> None:
    """As if a security module had let go: two answers that differ, and nothing that changed."""
    first, granted = stage.looks(f"oci-archive:{stage.workspace()}/oci/image.tar", lambda: None)
    attempts = tuple(one.model_copy(update={"errno": "EACCES"}) for one in first.attempts)
    found = assessment(judge_case([first.model_copy(update={"attempts": attempts}), granted]), "access-healed")
    assert found.status == "possible" and "race not shown" in found.statement


def test_another_container_shows_no_race_though_it_has_the_same_identity(stage: Stage) -> None:
    workspace, reference = closed(stage)
    first = stage.looks(reference, **volume(workspace))
    time.sleep(0.1)
    os.chmod(workspace / "oci", 0o2770)
    os.chmod(workspace, 0o2775)
    time.sleep(0.1)
    second = stage.looks(reference, **volume(workspace))
    document = judge_case([*first, *second])
    found = assessment(document, "access-healed")
    assert found.status == "possible" and "race not shown" in found.statement
    assert_verdict(document, "dir-search-denied")
    said = " ".join(claim.sentence for claim in found.contradicts)
    assert "another container" in said and "own sweep" in said


def test_two_processes_of_a_node_show_no_race(stage: Stage) -> None:
    workspace, reference = closed(stage)
    first = stage.looks(reference)
    os.chmod(workspace / "oci", 0o2750)
    time.sleep(0.1)
    second = stage.looks(reference)
    assert_verdict(judge_case([*first, *second]), "dir-search-denied")


def test_another_identity_shows_nothing(stage: Stage) -> None:
    _, reference = closed(stage)
    (first,) = stage.looks(reference)
    (second,) = stage.looks(reference, by=ROOT)
    document = judge_case([first, second])
    assert assessment(document, "access-healed").status != "confirmed"
    assert_verdict(document, "dir-search-denied")


def test_another_question_is_no_grant(stage: Stage) -> None:
    """To be let read is no answer to the refusal of a write."""
    workspace = stage.workspace()
    path = workspace / "oci/image.tar"
    os.chmod(path, 0o644)
    wanting = [stage.looks(path, want=want)[0] for want in ("write", "read")]
    assert not assessment(judge_case(wanting), "access-healed").status.holds


def test_fires_for_a_watch_alone_that_was_refused_first(stage: Stage) -> None:
    workspace, reference = closed(stage)
    watching = Watching(reference)

    def healed() -> Timeline:
        watching.see(Change.MODE, workspace / "oci")
        return watching.end()

    (text,) = stage.visit(watching.begin, healed, between=[lambda: os.chmod(workspace / "oci", 0o2750)])
    timeline = Timeline.model_validate_json(text)
    document = judge_case([], [timeline])
    assert_verdict(document, "access-healed")
    (report,) = stage.looks(reference)
    document = judge_case([report], [timeline])
    assert document.verdict.cause == "healthy", "who read afterwards was not harmed by it"


@pytest.mark.parametrize(("mode", "status"), [(0o2750, "likely"), (0o2770, "possible"), (0o2701, "possible")])
def test_a_watch_that_saw_what_refused_a_reader_open_up(stage: Stage, mode: int, status: str) -> None:
    """Both timestamps are there. What a starting pod's sweep leaves, or what lets nobody in, is no race."""
    workspace, reference = closed(stage)
    watching, reports = Watching(reference), []
    watching.begin()
    reports += stage.looks(reference)
    os.chmod(workspace / "oci", mode)
    watching.see(Change.MODE, workspace / "oci")
    document = judge_case(reports, [watching.end()])
    found = assessment(document, "access-healed")
    assert found.status == status, found.statement
    assert_verdict(document, "dir-search-denied")


def test_a_watch_alone_that_saw_no_refusal(stage: Stage) -> None:
    watching = Watching(f"oci-archive:{stage.workspace()}/oci/image.tar")
    (text,) = stage.visit(watching.begin, watching.end)
    document = judge_case([], [Timeline.model_validate_json(text)])
    assert document.verdict.cause == "inconclusive"
    assert "no report of a reader" in document.verdict.statement


def nothing() -> None:
    """A mount namespace of its own is all that is needed."""
