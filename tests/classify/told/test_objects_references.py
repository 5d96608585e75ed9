"""different-reference from the specs: what each task's own command names."""

from __future__ import annotations

import pytest
from support.objects import BUILD, DIGEST, IMAGE, OTHER, OTHER_DIGEST, PUSH, Task, failed, judged, run, storage, to_come
from support.stage import assessment


def pushes(task: Task, reference: str) -> Task:
    return task.but(script=f"skopeo copy {reference} docker://b.example/model:1")


def test_another_transport() -> None:
    document = judged(*run(BUILD, PUSH, failed(pushes(OTHER, "dir:/workspace/source/oci"))), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("different-reference", "likely")
    found = assessment(document, "different-reference")
    said = [claim.sentence for claim in found.supports]
    assert f"build makes {IMAGE}:model" in said
    assert "push-b reads dir:/workspace/source/oci" in said
    assert found.remedy is not None and IMAGE in found.remedy.smallest.sentence


def test_another_path_in_one_volume() -> None:
    document = judged(*run(BUILD, failed(pushes(PUSH, "oci-archive:/workspace/source/oci/img.tar"))), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("different-reference", "likely")


def test_before_anything_ran_too() -> None:
    wrong = to_come(pushes(OTHER, "dir:/workspace/source/oci"))
    document = judged(*run(to_come(BUILD), to_come(PUSH), wrong), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("different-reference", "likely")


def test_the_pipeline_run_alone_shows_it() -> None:
    wrong = to_come(pushes(OTHER, "dir:/workspace/source/oci"))
    document = judged(run(to_come(BUILD), to_come(PUSH), wrong)[0])
    assert (document.verdict.cause, document.verdict.status) == ("different-reference", "likely")


def test_another_mount_point_is_no_other_path() -> None:
    there = PUSH.but(mount="/data", script="skopeo copy oci-archive:/data/oci/image.tar docker://a.example/model:1")
    document = judged(*run(BUILD, there, OTHER), *storage())
    assert assessment(document, "different-reference").status not in ("likely", "possible")
    assert document.verdict.cause == "healthy"


def test_a_sub_path_is_part_of_the_path() -> None:
    reference = "oci-archive:/workspace/source/image.tar"
    document = judged(*run(BUILD, pushes(PUSH, reference).but(sub_path="oci")), *storage())
    assert assessment(document, "different-reference").status not in ("likely", "possible")
    document = judged(*run(BUILD, failed(pushes(PUSH, reference)).but(sub_path="")), *storage())
    assert assessment(document, "different-reference").status != "refuted"


def test_a_tag_may_be_left_out() -> None:
    assert assessment(judged(*run(BUILD, PUSH), *storage()), "different-reference").status != "likely"
    document = judged(*run(BUILD, failed(pushes(PUSH, f"{IMAGE}:v2"))), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("different-reference", "likely")


@pytest.mark.parametrize(
    "made",
    [
        "cd /workspace/source/oci; skopeo copy oci:/tmp/l oci-archive:.part; mv .part image.tar",
        "cp /tmp/image.tar /workspace/source/oci/image.tar",
        "tar -cf /workspace/source/oci/image.tar -C /tmp/layout .",
    ],
)
def test_file_tools_make_any_kind_of_image(made: str) -> None:
    document = judged(*run(BUILD.but(script=made), failed(PUSH)), *storage())
    assert assessment(document, "different-reference").status != "likely"
    assert document.verdict.cause == "inconclusive"


def test_a_copied_directory_is_an_image_of_some_kind() -> None:
    build = BUILD.but(script="cp -r /tmp/layout /workspace/source/oci")
    document = judged(*run(build, failed(pushes(PUSH, "oci:/workspace/source/oci/layout"))), *storage())
    assert assessment(document, "different-reference").status not in ("likely", "possible")


def test_who_succeeded_with_the_same_digest_read_the_right_image_by_another_name() -> None:
    build = BUILD.but(script="skopeo copy oci:/tmp/layout oci:/workspace/source/oci/layout")
    other = pushes(OTHER, "oci-archive:/workspace/source/oci/image.tar")
    document = judged(*run(build, PUSH, other), *storage())
    assert assessment(document, "different-reference").status == "possible"
    document = judged(
        *run(
            build, pushes(PUSH, "oci:/workspace/source/oci/layout").but(digest=DIGEST), other.but(digest=OTHER_DIGEST)
        ),
        *storage(),
    )
    assert (document.verdict.cause, document.verdict.status) == ("different-reference", "likely")


def test_directories_side_by_side_in_the_volume_are_two_images() -> None:
    base = Task("mirror", "skopeo copy dir:/workspace/source/base docker://c.example/base:1", began=5, ended=8)
    document = judged(*run(BUILD, PUSH, failed(base)), *storage())
    assert assessment(document, "different-reference").status != "likely"


def test_without_a_maker_the_one_that_failed_is_asked_about() -> None:
    document = judged(*run(PUSH, failed(pushes(OTHER, "dir:/workspace/source/oci"))), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("different-reference", "likely")
    assert document.verdict.statement.startswith("push-b reads dir:")
