"""absent-then-present: absent at one moment, present at a later one."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from support.recorded import as_if_remote, on_another_node, shifted
from support.stage import ROOT, Stage, assert_verdict, assessment, volume
from support.watching import Watching

from probe.classify.judge import judge_case
from probe.evidence.path import Want
from probe.evidence.report import Report
from probe.evidence.seal import Seal
from probe.evidence.watch import Change, Timeline
from probe.handoff.seal.sealing import seal
from probe.image.reference import parse_reference
from probe.skopeo.messages import parse_messages

pytestmark = pytest.mark.root


def test_fires_when_it_comes_while_the_probe_looks(stage: Stage) -> None:
    workspace = stage.workspace()
    target = workspace / "oci/late.tar"
    pid = os.fork()
    if pid == 0:
        time.sleep(0.4)
        shutil.copy(stage.archive, workspace / "oci/.partial")
        os.chmod(workspace / "oci/.partial", 0o644)
        os.rename(workspace / "oci/.partial", target)
        os._exit(0)
    document = stage.check(f"oci-archive:{target}", gap=0.8)
    os.waitpid(pid, 0)
    assert_verdict(document, "absent-then-present")
    assert assessment(document, "wrong-path").status in ("refuted", "likely", "possible")


def test_likely_from_the_commands_message_and_a_later_change(stage: Stage) -> None:
    workspace = stage.workspace()
    path = workspace / "oci/image.tar"
    early = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
    stderr = (
        f'time="{early}" level=fatal msg="initializing source oci-archive:{path}:: creating temp directory: '
        f'open {path}: no such file or directory"'
    )
    assert_verdict(stage.check(f"oci-archive:{path}", stderr=stderr), "absent-then-present", "likely")


def test_race_not_shown_when_it_stays_absent(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/never.tar")
    found = assessment(document, "absent-then-present")
    assert found.status == "possible"
    assert any("race not shown" in claim.sentence for claim in found.missing)


def test_refuted_when_it_was_always_there(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert assessment(document, "absent-then-present").status == "refuted"


def test_refuted_when_it_was_there_and_is_removed(stage: Stage) -> None:
    workspace = stage.workspace()
    pid = os.fork()
    if pid == 0:
        time.sleep(0.4)
        os.unlink(workspace / "oci/image.tar")
        os._exit(0)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", gap=0.8)
    os.waitpid(pid, 0)
    found = assessment(document, "absent-then-present")
    assert found.status == "refuted"
    assert any("removed" in claim.sentence for claim in found.contradicts)
    assert document.verdict.status != "confirmed"


def test_not_shown_by_a_directory_that_closes(stage: Stage) -> None:
    workspace = stage.workspace()
    pid = os.fork()
    if pid == 0:
        time.sleep(0.4)
        os.chmod(workspace / "oci", 0o700)
        os._exit(0)
    document = stage.check(f"oci-archive:{workspace}/oci/never.tar", gap=0.8)
    os.waitpid(pid, 0)
    assert assessment(document, "absent-then-present").status != "confirmed"


def test_a_message_of_long_ago_shows_no_race(stage: Stage) -> None:
    workspace = stage.workspace()
    path = workspace / "oci/image.tar"
    early = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86400))
    stderr = f'time="{early}" level=fatal msg="open {path}: no such file or directory"'
    document = stage.check(f"oci-archive:{path}", stderr=stderr)
    assert assessment(document, "absent-then-present").status == "possible"


# -- over several sources


def publish(stage: Stage, target: Path) -> None:
    shutil.copy(stage.archive, target)
    os.chmod(target, 0o644)


def test_fires_for_two_looks_of_two_processes(stage: Stage) -> None:
    target = stage.workspace() / "oci/late.tar"
    (first,) = stage.looks(f"oci-archive:{target}")
    publish(stage, target)
    (second,) = stage.looks(f"oci-archive:{target}")
    document = judge_case([second, first])
    assert_verdict(document, "absent-then-present")
    assert any("by one clock" in claim.sentence for claim in document.assessments[0].supports)
    assert any(event.pointer.startswith("/evidence/1/") for event in document.timeline)


def test_fires_when_a_watch_saw_it_come(stage: Stage) -> None:
    target = stage.workspace() / "oci/late.tar"
    watching = Watching(f"oci-archive:{target}")
    reports: list[Report] = []

    def come() -> None:
        reports.extend(stage.looks(f"oci-archive:{target}"))
        publish(stage, target)

    def appeared() -> Timeline:
        watching.see(Change.APPEARED)
        return watching.end()

    (first,) = stage.looks(f"oci-archive:{target}")
    (text,) = stage.visit(watching.begin, appeared, between=[come], by=ROOT)
    document = judge_case([first], [Timeline.model_validate_json(text)])
    assert_verdict(document, "absent-then-present")
    assert any(claim.pointer.startswith("/timelines/0/moments/1") for claim in document.assessments[0].supports)


def test_two_pods_with_two_volumes_at_one_path_show_no_race(stage: Stage) -> None:
    workspace = stage.workspace()
    other = stage.root / "other"
    shutil.copytree(workspace, other)
    os.unlink(workspace / "oci/image.tar")

    def mount_other() -> None:
        assert os.system(f"mount --bind {other} {workspace}") == 0

    for container in (False, True):
        first = stage.looks(f"oci-archive:{workspace}/oci/image.tar", **{**volume(workspace), "container": container})
        second = stage.looks(
            f"oci-archive:{workspace}/oci/image.tar", by=ROOT, prepare=mount_other, container=container
        )
        document = judge_case([*first, *second])
        assert not assessment(document, "absent-then-present").status.holds
        assert document.verdict.family != "race"


def test_names_of_one_hand_over_and_predictions_show_no_race(stage: Stage) -> None:
    workspace = stage.workspace()
    absent, there = (f"oci-archive:{workspace}/oci/{name}.tar" for name in ("other", "image"))
    document = stage.check(absent, there)
    assert not assessment(document, "absent-then-present").status.holds
    (first,) = stage.looks(absent)
    publish(stage, workspace / "oci/other.tar")
    (second,) = stage.looks(absent)
    asked = first.model_copy(update={"predict_for": first.identity})
    assert not assessment(judge_case([asked, second]), "absent-then-present").status.holds


def test_what_a_command_makes_was_rightly_absent(stage: Stage) -> None:
    target = stage.workspace() / "oci/late.tar"
    (first,) = stage.looks(f"oci-archive:{target}", want=Want.CREATE)
    publish(stage, target)
    (second,) = stage.looks(f"oci-archive:{target}")
    assert judge_case([first, second]).verdict.cause == "healthy"


def test_a_look_at_the_start_of_a_command_that_failed_by_something_else(stage: Stage) -> None:
    """`probe exec` looks when the command begins, and again when it has failed."""
    target = stage.workspace() / "oci/late.tar"
    reference = f"oci-archive:{target}"
    first, second = stage.looks(reference, lambda: publish(stage, target))
    said = 'level=fatal msg="{}: no such file or directory"'
    for text, status in (
        (said.format(f"open {target}"), "confirmed"),
        (said.format("open /etc/containers/policy.json"), "possible"),
        ("", "likely"),
    ):
        command = parse_messages(text).model_copy(
            update={"program": "skopeo", "started": first.started, "ended": second.started, "exit_status": 1}
        )
        document = judge_case([first, second.model_copy(update={"command": command})])
        assert assessment(document, "absent-then-present").status == status, text


def test_an_earlier_run_is_judged_by_what_was_seen_when_it_failed(stage: Stage) -> None:
    """`probe exec --retry`: the second run found it there, and failed by something else at once."""
    target = stage.workspace() / "oci/late.tar"
    first, second = stage.looks(f"oci-archive:{target}", lambda: publish(stage, target))
    said = f'level=fatal msg="open {target}: no such file or directory"'
    denied = 'level=fatal msg="writing blob: initiating layer upload to /v2/a/blobs/uploads/ in quay.io: denied"'
    reports = []
    for run, (report, text) in enumerate(((first, said), (second, denied)), 1):
        told = {"program": "skopeo", "run": run, "started": report.started - 10**7, "ended": report.started}
        command = parse_messages(text).model_copy(update={**told, "exit_status": 1})
        reports.append(report.model_copy(update={"command": command}))
    document = judge_case(reports)
    assert document.verdict.cause == "registry-denied"
    assert assessment(document, "absent-then-present").status == "confirmed"
    succeeded = reports[1].command.model_copy(update={"exit_status": 0})
    document = judge_case([reports[0], second.model_copy(update={"command": succeeded})])
    assert_verdict(document, "absent-then-present")


def test_removed_between_two_looks(stage: Stage) -> None:
    workspace = stage.workspace()
    path = workspace / "oci/image.tar"
    reports = stage.looks(f"oci-archive:{path}", lambda: os.unlink(path))
    assert not assessment(judge_case(reports), "absent-then-present").status.holds


def test_another_node_is_at_most_likely_and_says_so(stage: Stage) -> None:
    target = stage.workspace() / "oci/late.tar"
    (first,) = stage.looks(f"oci-archive:{target}")
    publish(stage, target)
    (second,) = stage.looks(f"oci-archive:{target}")
    for seconds, remote, status in ((60, True, "likely"), (3, True, "possible"), (60, False, "possible")):
        far = on_another_node(second, seconds)
        pair = [first, far]
        document = judge_case([as_if_remote(one) for one in pair] if remote else pair)
        found = assessment(document, "absent-then-present")
        assert found.status == status, (seconds, remote, found.statement)
        assert any("the skew is unknown" in sentence for sentence in document.clocks)


def test_a_wall_clock_that_was_set_back_orders_nothing(stage: Stage) -> None:
    """One boot: the monotonic clock says what came first, whatever the wall clock says, and the step is told."""
    target = stage.workspace() / "oci/late.tar"
    (first,) = stage.looks(f"oci-archive:{target}")
    publish(stage, target)
    (second,) = stage.looks(f"oci-archive:{target}")
    moved = shifted(second, -3600)
    document = judge_case([moved, first])
    assert any("was moved by -3600" in sentence for sentence in document.clocks)
    assert any("-3600" in sentence for sentence in document.clocks)
    assert next(event.source for event in document.timeline if "ENOENT" in event.what) == "report 2"


# -- with the producer's seal


def test_the_producer_seals_it_later(stage: Stage) -> None:
    """An older image lies beside it: the path is right all the same, for the producer names it too."""
    target = stage.workspace() / "oci/late.tar"
    (report,) = stage.looks(f"oci-archive:{target}")
    assert judge_case([report]).verdict.cause == "wrong-path"
    publish(stage, target)
    made = seal(parse_reference(f"oci-archive:{target}"))
    document = judge_case([report], seals=[made])
    assert_verdict(document, "absent-then-present")
    assert any(claim.pointer.startswith("/seals/0/way/") for claim in document.assessments[0].supports)
    assert any("names" in claim.sentence for claim in assessment(document, "wrong-path").contradicts)


def test_a_seal_on_another_volume_at_this_path_shows_no_race(stage: Stage) -> None:
    workspace = stage.workspace()
    other = stage.root / "other"
    shutil.copytree(workspace, other)
    os.unlink(workspace / "oci/image.tar")
    reference = f"oci-archive:{workspace}/oci/image.tar"

    def mount_other() -> None:
        assert os.system(f"mount --bind {other} {workspace}") == 0

    for container in (False, True):
        (report,) = stage.looks(reference, **{**volume(workspace), "container": container})
        (text,) = stage.visit(
            lambda: seal(parse_reference(reference)), by=ROOT, prepare=mount_other, container=container
        )
        document = judge_case([report], seals=[Seal.model_validate_json(text)])
        assert not assessment(document, "absent-then-present").status.holds
        assert (document.verdict.cause, document.verdict.status) == ("different-volume", "likely"), (
            "not that it came later"
        )
