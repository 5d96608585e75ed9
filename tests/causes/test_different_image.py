"""different-image: same path and transport, other content."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.handover import OLD, look_in_pod, seal_in_pod, second_volume
from support.images import Layout, layer_tar, pack
from support.recorded import on_another_node, shifted
from support.registry import local_registry
from support.stage import ROOT, Stage, assert_verdict, assessment, volume

from probe.classify.judge import judge_case
from probe.evidence.report import Report

pytestmark = pytest.mark.root
RUN = {"pipeline_run": "release-7"}


def rewrite(path: Path, data: bytes) -> None:
    """As skopeo writes an archive again: in place."""
    path.write_bytes(data)


def later(report: Report, seconds: float) -> Report:
    """The same look, made so much later by every clock."""
    tree = json.loads(shifted(report, seconds).model_dump_json(by_alias=True))
    tree["started_monotonic"] += seconds
    for sample in tree["writers"]["value"]["samples"]:
        sample["monotonic"] += seconds
    return Report.model_validate(tree)


@pytest.fixture
def archive(stage: Stage) -> tuple[str, Path]:
    """The reference, and the volume that it lies on."""
    workspace = stage.workspace()
    return f"oci-archive:{workspace}/oci/image.tar", workspace


def test_fires_when_it_is_overwritten_after_it_was_sealed(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    made = seal_in_pod(stage, reference, workspace, task="build", **RUN)
    rewrite(workspace / "oci/image.tar", OLD)
    push = look_in_pod(stage, "push", reference, workspace, workspace, **RUN)
    document = judge_case([push], seals=[made])
    assert_verdict(document, "different-image")
    assert not assessment(document, "different-volume").status.holds
    assert "push reads another image" in document.verdict.statement
    pointers = {claim.pointer for claim in document.assessments[0].supports}
    assert {"/seals/0/image", "/evidence/0/image/value/images/0"} <= pointers


def test_who_wrote_it_in_between_is_not_known_without_the_run(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    made = seal_in_pod(stage, reference, workspace, task="build")
    rewrite(workspace / "oci/image.tar", OLD)
    push = look_in_pod(stage, "push", reference, workspace, workspace)
    document = judge_case([push], seals=[made])
    assert_verdict(document, "different-image", "likely")
    assert any("another run may have done so" in claim.sentence for claim in document.assessments[0].missing)


def test_a_rewrite_by_the_next_run_is_no_fault(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    made = seal_in_pod(stage, reference, workspace, task="build", pipeline_run="release-7")
    rewrite(workspace / "oci/image.tar", OLD)
    push = look_in_pod(stage, "push", reference, workspace, workspace, pipeline_run="release-8")
    document = judge_case([push], seals=[made])
    assert_verdict(document, "healthy")


def test_the_last_word_before_the_look_counts(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    first = seal_in_pod(stage, reference, workspace, task="build", **RUN)
    rewrite(workspace / "oci/image.tar", OLD)
    second = seal_in_pod(stage, reference, workspace, task="build", **RUN)
    push = look_in_pod(stage, "push", reference, workspace, workspace, **RUN)
    for seals in ([first, second], [second, first]):
        document = judge_case([push], seals=seals)
        assert_verdict(document, "healthy")
        assert assessment(document, "different-image").status == "refuted"


def test_a_producers_look_before_it_built_is_not_its_last_word(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    before = look_in_pod(stage, "build", reference, workspace, workspace, role="producer", **RUN)
    rewrite(workspace / "oci/image.tar", OLD)
    push = look_in_pod(stage, "push", reference, workspace, workspace, **RUN)
    document = judge_case([before, push])
    found = assessment(document, "different-image")
    assert found.status == "possible"
    assert any("seal" in claim.sentence for claim in found.missing)
    assert document.verdict.cause != "different-image"


def test_a_reader_that_came_before_the_seal(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    push = look_in_pod(stage, "push", reference, workspace, workspace, role="consumer", **RUN)
    anybody = look_in_pod(stage, "check", reference, workspace, workspace, **RUN)
    rewrite(workspace / "oci/image.tar", OLD)
    made = seal_in_pod(stage, reference, workspace, task="build", **RUN)
    assert_verdict(judge_case([push], seals=[made]), "different-image", "likely")
    assert assessment(judge_case([anybody], seals=[made]), "different-image").status == "possible"


def test_two_consumers_of_one_run_disagree(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    a = look_in_pod(stage, "push-a", reference, workspace, workspace, **RUN)
    rewrite(workspace / "oci/image.tar", OLD)
    b = look_in_pod(stage, "push-b", reference, workspace, workspace, **RUN)
    assert_verdict(judge_case([a, b]), "different-image", "likely")
    unnamed = [report.model_copy(update={"context": report.context.model_copy(update={"pipeline_run": None})})
               for report in (a, b)]  # fmt: skip
    assert assessment(judge_case(unnamed), "different-image").status == "possible"


def test_hours_apart_it_is_a_possibility(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    made = seal_in_pod(stage, reference, workspace, task="build")
    rewrite(workspace / "oci/image.tar", OLD)
    push = later(look_in_pod(stage, "push", reference, workspace, workspace), 7200)
    assert assessment(judge_case([push], seals=[made]), "different-image").status == "possible"


def test_from_another_node_it_is_as_sure_as_the_clocks(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    made = seal_in_pod(stage, reference, workspace, task="build", **RUN)
    push = look_in_pod(stage, "push", reference, other, workspace, **RUN)
    assert assessment(judge_case([on_another_node(push, 1)], seals=[made]), "different-image").status == "likely"
    assert assessment(judge_case([on_another_node(push, 60)], seals=[made]), "different-image").status == "confirmed"


def test_refuted_for_one_image_on_one_volume(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    made = seal_in_pod(stage, reference, workspace, task="build")
    push = look_in_pod(stage, "push", reference, workspace, workspace)
    document = judge_case([push], seals=[made])
    assert_verdict(document, "healthy")
    assert assessment(document, "different-image").status == "refuted"


def test_not_assessable_from_one_side(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    assert assessment(stage.check(reference, **volume(workspace)), "different-image").status == "not-assessable"


def test_not_assessable_where_the_reader_cannot_read(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    made = seal_in_pod(stage, reference, workspace, task="build")
    os.chmod(workspace / "oci", 0o700)
    push = look_in_pod(stage, "push", reference, workspace, workspace)
    assert assessment(judge_case([push], seals=[made]), "different-image").status == "not-assessable"


# -- one image that goes by several digests


@pytest.mark.skopeo
def test_other_digests_of_one_image_are_explained(stage: Stage, archive: tuple[str, Path]) -> None:
    """Layers compressed anew: another manifest, the same config."""
    reference, workspace = archive
    layout = Layout(stage.root / "layout")
    image = layout.image([layer_tar(0), layer_tar(1)])
    pack(layout.write((None, image)), workspace / "oci/image.tar")
    made = seal_in_pod(stage, reference, workspace, task="build", **RUN)
    plain = Layout(stage.root / "plain")
    pack(
        plain.write((None, plain.image([layer_tar(0), layer_tar(1)], compression="none"))), workspace / "oci/image.tar"
    )
    push = look_in_pod(stage, "push", reference, workspace, workspace, **RUN)
    document = judge_case([push], seals=[made])
    assert_verdict(document, "healthy")
    assert any("config digest and so every diff_id are equal" in note for note in document.notes)


def test_equal_layers_under_another_config_are_explained(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    for number, settings in enumerate(({}, {"author": "somebody else"})):
        layout = Layout(stage.root / f"layout{number}")
        image = layout.image([layer_tar(0)], settings=settings)
        pack(layout.write((None, image)), workspace / "oci/image.tar")
        if number == 0:
            made = seal_in_pod(stage, reference, workspace, task="build", **RUN)
    push = look_in_pod(stage, "push", reference, workspace, workspace, **RUN)
    document = judge_case([push], seals=[made])
    assert_verdict(document, "healthy")
    assert any("every diff_id is equal" in note for note in document.notes)


def test_another_tag_of_one_archive_is_another_choice(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    layout = Layout(stage.root / "layout")
    one, other = layout.image([layer_tar(0)]), layout.image([layer_tar(1)])
    pack(layout.write(("one", one), ("other", other)), workspace / "oci/image.tar")
    made = seal_in_pod(stage, f"{reference}:one", workspace, task="build", **RUN)
    push = look_in_pod(stage, "push", f"{reference}:other", workspace, workspace, **RUN)
    found = assessment(judge_case([push], seals=[made]), "different-image")
    assert found.status == "possible"
    assert "another tag was asked for" in found.statement


def test_another_platform_is_another_choice(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    reports = []
    for number, machine in enumerate(("amd64", "arm64")):
        layout = Layout(stage.root / f"layout{number}")
        image = layout.image([layer_tar(number)], platform=("linux", machine))
        pack(layout.write((None, image)), workspace / "oci/image.tar")
        role = "producer" if number == 0 else "consumer"
        reports.append(look_in_pod(stage, machine, reference, workspace, workspace, role=role, **RUN))
    found = assessment(judge_case(reports), "different-image")
    assert found.status == "possible"
    assert "linux/arm64" in found.statement


def test_what_a_damaged_config_says_is_not_believed(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    made = seal_in_pod(stage, reference, workspace, task="build", **RUN)
    path = workspace / "oci/image.tar"
    layer = stage.looks(reference)[0].image.value.images[0].diff_ids[0]  # type: ignore[union-attr]
    rewrite(path, path.read_bytes().replace(layer.encode(), b"sha256:" + b"0" * 64))
    push = look_in_pod(stage, "push", reference, workspace, workspace, **RUN)
    document = judge_case([push], seals=[made])
    assert document.verdict.cause == "corrupt"
    assert not assessment(document, "different-image").status.holds


# -- what arrived in a registry


@pytest.mark.skopeo
def test_what_arrived_in_the_registry(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    rewrite(stage.root / "old.tar", OLD)
    with local_registry() as registry:
        same = registry.push(reference, "org/app:1")
        other = registry.push(f"oci-archive:{stage.root}/old.tar", "org/app:old")
        schema = registry.push(reference, "org/app:schema2", "--format", "v2s2")
        good = stage.check(reference, same, by=ROOT, tls_verify=False)
        bad = stage.check(reference, other, by=ROOT, tls_verify=False)
        anew = stage.check(reference, schema, by=ROOT, tls_verify=False)
        (look,) = stage.looks(other, by=ROOT, tls_verify=False)
    assert_verdict(good, "healthy")
    assert any("byte for byte" in claim.sentence for claim in good.assessments[0].supports)
    assert assessment(good, "different-reference").status == "not-assessable", "a copy has another name"
    assert_verdict(anew, "healthy")
    assert any("schema 2" in note for note in anew.notes)
    assert_verdict(bad, "different-image")
    assert "org/app:old holds another image" in bad.verdict.statement
    made = seal_in_pod(stage, reference, workspace, task="build")
    assert_verdict(judge_case([look], seals=[made]), "different-image")
