"""What a reader needs beside the image: room, other files, a registry; and what ends a pod from outside."""

from __future__ import annotations

from typing import Any

from support.objects import BUILD, OTHER, PUSH, Task, event, failed, judged, run, storage, to_come
from support.stage import assessment

MOUNTED = ({"name": "vartmp", "mountPath": "/var/tmp"},)


def room(task: Task, **empty_dir: Any) -> Task:
    return task.but(volumes=({"name": "vartmp", "emptyDir": empty_dir},), mounts=MOUNTED)


SCARCE = {"medium": "Memory", "sizeLimit": "8Mi"}


def test_memory_where_archives_are_unpacked() -> None:
    document = judged(*run(BUILD, room(failed(PUSH), **SCARCE), OTHER), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("no-space", "likely")
    found = assessment(document, "no-space")
    assert found.component == "/var/tmp"
    assert any("memory with at most 8388608 bytes" in claim.sentence for claim in found.supports)


def test_who_has_as_little_and_succeeds_speaks_against_it() -> None:
    document = judged(*run(BUILD, room(failed(PUSH), **SCARCE), room(OTHER, **SCARCE)), *storage())
    assert assessment(document, "no-space").status not in ("likely", "possible")


def test_without_a_reader_that_succeeded_it_is_only_possible() -> None:
    document = judged(*run(BUILD, room(failed(PUSH), **SCARCE)), *storage())
    assert document.verdict.cause == "inconclusive"
    assert assessment(document, "no-space").status == "possible"


def test_a_disk_and_a_large_memory_are_no_bound() -> None:
    assert judged(*run(BUILD, room(failed(PUSH), sizeLimit="8Mi"), OTHER), *storage()).verdict.cause == "inconclusive"
    large = room(failed(PUSH), medium="Memory", sizeLimit="20Gi")
    assert judged(*run(BUILD, large, OTHER), *storage()).verdict.cause == "inconclusive"


def test_an_image_directory_is_not_unpacked() -> None:
    build = BUILD.but(script="skopeo copy oci:/tmp/l oci:/workspace/source/oci")
    push = PUSH.but(script="skopeo copy oci:/workspace/source/oci docker://a.example/m:1")
    other = OTHER.but(script="skopeo copy oci:/workspace/source/oci docker://b.example/m:1")
    document = judged(*run(build, room(failed(push), **SCARCE), other), *storage())
    assert assessment(document, "no-space").status not in ("likely", "possible")


def test_another_temp_directory_is_looked_at_instead() -> None:
    told = failed(PUSH).but(script=PUSH.script.replace("skopeo copy", "skopeo --tmpdir /scratch copy"))
    beside = room(told, **SCARCE)
    assert judged(*run(BUILD, beside, OTHER), *storage()).verdict.cause == "inconclusive"
    there = beside.but(mounts=({"name": "vartmp", "mountPath": "/scratch"},))
    document = judged(*run(BUILD, there, OTHER), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("no-space", "likely")


def test_a_pod_that_was_evicted_for_its_empty_dir() -> None:
    told = event("r-push-a-pod", "Evicted", 'Usage of EmptyDir volume "vartmp" exceeds the limit "8Mi".')
    document = judged(*run(BUILD, room(failed(PUSH), sizeLimit="8Mi"), OTHER), *storage(), told)
    assert (document.verdict.cause, document.verdict.status) == ("no-space", "likely")
    assert "Evicted" in document.verdict.statement


def test_a_file_that_only_the_failed_one_names() -> None:
    script = PUSH.script.replace("copy", "copy --authfile /workspace/source/.docker/config.json")
    document = judged(*run(BUILD, failed(PUSH, script=script), OTHER), *storage())
    assert document.verdict.cause == "inconclusive"
    found = assessment(document, "other-path-failed")
    assert (found.status, found.component) == ("possible", "/workspace/source/.docker/config.json")
    assert any("lies on claim data" in claim.sentence for claim in found.supports)
    both = OTHER.but(script=OTHER.script.replace("copy", "copy --authfile /workspace/source/.docker/config.json"))
    document = judged(*run(BUILD, failed(PUSH, script=script), both), *storage())
    assert assessment(document, "other-path-failed").status != "possible"


def test_a_reader_that_never_ran_says_why() -> None:
    told = event("r-push-a-pod", "FailedAttachVolume", "Multi-Attach error for volume pv-data: already used on node-b")
    document = judged(*run(BUILD, to_come(PUSH)), *storage(), told)
    assert document.verdict.cause == "inconclusive"
    assert "no reader ran (push-a; pod r-push-a-pod: FailedAttachVolume (2 times): Multi-Attach" in (
        document.verdict.statement
    )


def test_events_are_told_as_notes() -> None:
    told = event("r-push-a-pod", "FailedScheduling", "0/3 nodes are available: volume node affinity conflict")
    document = judged(*run(BUILD, PUSH, OTHER), *storage(), told)
    assert any("FailedScheduling" in note for note in document.notes)
