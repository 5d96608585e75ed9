"""different-volume: two tasks look into two volumes at one path."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from support.handover import OLD, look_in_pod, mounted, seal_in_pod, second_volume
from support.recorded import as_if_remote, on_another_node, shifted
from support.stage import Stage, assert_verdict, assessment, volume

from probe.classify.judge import judge_case
from probe.evidence.report import Report

pytestmark = pytest.mark.root
RUN = {"pipeline_run": "release-7"}


def edited(report: Report, **mount: object) -> Report:
    """The same with something else mounted there."""
    tree = json.loads(report.model_dump_json(by_alias=True))
    tree["mounts"]["carrying"]["value"].update(mount)
    return Report.model_validate(tree)


@pytest.fixture
def archive(stage: Stage) -> tuple[str, Path]:
    """The reference, and the volume that is mounted where it points."""
    workspace = stage.workspace()
    return f"oci-archive:{workspace}/oci/image.tar", workspace


def test_fires_for_a_push_from_another_claim(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    push = look_in_pod(stage, "push-to-quay", reference, other, workspace)
    document = judge_case([build, push])
    assert_verdict(document, "different-volume")
    assert "push-to-quay looks into another volume" in document.verdict.statement
    assert "than build wrote to" in document.verdict.statement
    assert assessment(document, "different-image").implied_by == "different-volume"
    assert {claim.pointer.split("/")[2] for claim in document.assessments[0].supports} == {"0", "1"}


def test_whoever_is_named_first(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    push = look_in_pod(stage, "push-to-quay", reference, other, workspace)
    internal = look_in_pod(stage, "push-to-internal", reference, workspace, workspace)
    for reports in ([push, internal, build], [internal, build, push]):
        document = judge_case(reports)
        assert_verdict(document, "different-volume")
        assert document.verdict.statement.startswith("push-to-quay looks into another volume")


def test_fires_where_nothing_lies_at_the_path_for_the_reader(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    empty = stage.root / "empty"
    (empty / "oci").mkdir(parents=True)
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    push = look_in_pod(stage, "push", reference, empty, workspace)
    assert_verdict(judge_case([build, push]), "different-volume")


def test_two_consumers_of_one_run(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    a = look_in_pod(stage, "push-a", reference, workspace, workspace, **RUN)
    b = look_in_pod(stage, "push-b", reference, other, workspace, **RUN)
    assert_verdict(judge_case([a, b]), "different-volume")
    c = look_in_pod(stage, "push-c", reference, other, workspace)
    document = judge_case([a, c])
    assert_verdict(document, "different-volume", "likely")
    assert any("pipeline-run" in claim.sentence for claim in document.assessments[0].missing)


def test_of_three_consumers_the_one_that_stands_alone_is_named(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    odd = look_in_pod(stage, "push-a", reference, other, workspace, **RUN)
    rest = [look_in_pod(stage, f"push-{name}", reference, workspace, workspace, **RUN) for name in "bc"]
    assert judge_case([odd, *rest]).verdict.statement.startswith("push-a looks into another volume")


def test_two_runs_may_have_two_volumes(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer", pipeline_run="release-7")
    push = look_in_pod(stage, "push", reference, other, workspace, pipeline_run="release-8")
    document = judge_case([build, push])
    assert_verdict(document, "healthy")
    assert assessment(document, "different-volume").status == "not-assessable"


def test_each_reader_belongs_to_the_producer_whose_place_it_met(stage: Stage, archive: tuple[str, Path]) -> None:
    """Two runs side by side, which nobody has named."""
    reference, workspace = archive
    other = second_volume(stage, OLD)
    sides = [
        look_in_pod(stage, f"{task}-{number}", reference, what, workspace, role=role)
        for number, what in enumerate((workspace, other))
        for task, role in (("build", "producer"), ("push", "consumer"))
    ]
    document = judge_case(sides)
    assert_verdict(document, "healthy")
    assert assessment(document, "different-volume").status == "refuted"


def test_a_part_of_the_volume_is_another_root(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    shutil.copytree(workspace / "oci", workspace / "sub/oci")
    (workspace / "sub/oci/image.tar").write_bytes(OLD)
    os.chmod(workspace / "sub/oci/image.tar", 0o644)
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    push = look_in_pod(stage, "push", reference, workspace / "sub", workspace)
    document = judge_case([build, push])
    assert_verdict(document, "different-volume")
    assert any("subPath" in claim.sentence for claim in document.assessments[0].supports)


def test_a_copy_of_the_same_image_does_no_harm(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other = second_volume(stage)
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    push = look_in_pod(stage, "push", reference, other, workspace)
    document = judge_case([build, push])
    assert_verdict(document, "healthy")
    found = assessment(document, "different-volume")
    assert found.status == "possible"
    assert any("hold the same image" in claim.sentence for claim in found.contradicts)
    assert any("two volumes" in note and "same image" in note for note in document.notes)


def test_refuted_for_one_volume(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    push = look_in_pod(stage, "push", reference, workspace, workspace)
    document = judge_case([build, push])
    assert_verdict(document, "healthy")
    assert assessment(document, "different-volume").status == "refuted"


def test_one_volume_at_two_paths_is_no_fault(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    elsewhere = stage.root / "shared"
    elsewhere.mkdir()
    build = look_in_pod(stage, "build", f"oci-archive:{elsewhere}/oci/image.tar", workspace, elsewhere, role="producer")
    push = look_in_pod(stage, "push", reference, workspace, workspace)
    assert assessment(judge_case([build, push]), "different-volume").status == "refuted"


def test_two_volumes_at_two_paths_are_likely_at_most(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other, elsewhere = second_volume(stage, OLD), stage.root / "shared"
    elsewhere.mkdir()
    build = look_in_pod(stage, "build", f"oci-archive:{elsewhere}/oci/image.tar", other, elsewhere, role="producer")
    push = look_in_pod(stage, "push", reference, workspace, workspace)
    found = assessment(judge_case([build, push]), "different-volume")
    assert found.status == "likely"
    assert any("meant to be one" in claim.sentence for claim in found.missing)


def test_one_look_cannot_know(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    document = stage.check(reference, **volume(workspace))
    assert assessment(document, "different-volume").status == "not-assessable"


def test_likely_by_the_producers_seal(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    made = seal_in_pod(stage, reference, workspace, task="build")
    push = look_in_pod(stage, "push", reference, other, workspace)
    document = judge_case([push], seals=[made])
    assert document.verdict.cause in ("different-volume", "different-image")
    found = assessment(document, "different-volume")
    assert found.status == "likely"
    assert any(claim.pointer.startswith("/seals/0/way/") for claim in found.supports)


def test_hours_apart_it_is_a_possibility(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    push = look_in_pod(stage, "push", reference, other, workspace)
    late = push.model_copy(update={"started_monotonic": push.started_monotonic + 7200})
    late = shifted(late, 7200)
    tree = json.loads(late.model_dump_json(by_alias=True))
    for sample in tree["writers"]["value"]["samples"]:
        sample["monotonic"] += 7200
    document = judge_case([build, Report.model_validate(tree)])
    assert assessment(document, "different-volume").status == "possible"


def test_two_file_systems_in_memory_are_two(stage: Stage, archive: tuple[str, Path]) -> None:
    """An emptyDir of medium Memory each: their roots have one and the same number."""
    reference, workspace = archive
    decoy = stage.root / "decoy"
    decoy.mkdir()

    def fresh(at: Path) -> None:
        assert os.system(f"mount -t tmpfs none {at}") == 0

    def fill() -> None:
        (workspace / "oci").mkdir()
        shutil.copy(stage.archive, workspace / "oci/image.tar")

    def first() -> None:
        fresh(workspace)
        fill()

    def second() -> None:
        fresh(decoy)  # device numbers of what is gone are given anew
        fresh(workspace)
        fill()
        (workspace / "oci/image.tar").write_bytes(OLD)

    (build,) = stage.looks(reference, prepare=first, container=True, facts={"task": "build", "role": "producer"})
    (push,) = stage.looks(reference, prepare=second, container=True, facts={"task": "push"})
    assert_verdict(judge_case([build, push]), "different-volume")
    (again,) = stage.looks(reference, prepare=first, container=True, facts={"task": "push"})
    found = assessment(judge_case([build, again]), "different-volume")
    assert found.status == "not-assessable", "the same numbers, of another file system: that does not show"


# -- what device numbers do not prove


def test_a_volume_that_is_attached_anew_gets_another_number(stage: Stage, archive: tuple[str, Path]) -> None:
    """The same directory, its device renumbered, in a pod that came after the first one's end."""
    reference, workspace = archive
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    push = look_in_pod(stage, "push", reference, workspace, workspace)
    text = push.model_dump_json(by_alias=True)
    device = push.chain.value.target.inode.value.device  # type: ignore[union-attr]
    anew = Report.model_validate_json(text.replace(f'"device":"{device}"', '"device":"250:77"'))
    found = assessment(judge_case([build, anew]), "different-volume")
    assert found.status == "not-assessable"
    assert any("attached anew" in claim.sentence for claim in found.contradicts)


def test_two_mounts_of_one_export_have_two_numbers(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    server = {"filesystem": "nfs4", "source": "nas:/exports/pvc-1", "root": "/"}
    build = edited(look_in_pod(stage, "build", reference, workspace, workspace, role="producer"), **server)
    push = edited(look_in_pod(stage, "push", reference, other, workspace), **server)
    renumbered = Report.model_validate_json(
        push.model_dump_json(by_alias=True).replace(
            f'"device":"{push.mounts.carrying.value.device}"',  # type: ignore[union-attr]
            '"device":"0:99"',
        )
    )
    for reports in ([build, renumbered], [build, on_another_node(renumbered, 30)]):
        assert not assessment(judge_case(reports), "different-volume").status.holds


def test_two_exports_of_a_server_are_likely(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    server = {"filesystem": "nfs4", "root": "/"}
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    push = look_in_pod(stage, "push", reference, other, workspace)
    build = edited(build, source="nas:/exports/pvc-1", **server)
    push = on_another_node(edited(push, source="10.0.0.7:/exports/pvc-2", **server), 30)
    document = judge_case([build, push])
    assert assessment(document, "different-volume").status == "likely"
    one = edited(push, source="10.0.0.7:/exports/pvc-1", **server)
    assert not assessment(judge_case([build, one]), "different-volume").status.holds


def test_from_two_nodes_numbers_alone_prove_nothing(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    push = look_in_pod(stage, "push", reference, workspace, workspace)
    moved = on_another_node(push, 30)
    text = moved.model_dump_json(by_alias=True)
    device = push.chain.value.target.inode.value.device  # type: ignore[union-attr]
    moved = Report.model_validate_json(text.replace(f'"device":"{device}"', '"device":"250:77"'))
    assert not assessment(judge_case([build, moved]), "different-volume").status.holds
    assert not assessment(judge_case([build, as_if_remote(moved)]), "different-volume").status.holds


def test_nothing_mounted_at_all_is_told_as_that(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    (workspace / "oci/image.tar").rename(stage.root / "kept.tar")
    other = second_volume_of(stage, workspace)
    build = look_in_pod(stage, "build", reference, other, workspace, role="producer")
    (push,) = stage.looks(reference, container=True, facts={"task": "push", "workspace": str(workspace)})
    document = judge_case([build, push])
    assert document.verdict.cause == "not-mounted"
    assert assessment(document, "different-volume").implied_by == "not-mounted"


def second_volume_of(stage: Stage, workspace: Path) -> Path:
    other = stage.root / "other"
    shutil.copytree(workspace, other)
    shutil.copy(stage.root / "kept.tar", other / "oci/image.tar")
    return other


def test_one_pods_own_two_looks_are_no_two_sides(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    first, second = stage.looks(reference, mounted(other, workspace), container=True)
    assert assessment(judge_case([first, second]), "different-volume").status == "not-assessable"
