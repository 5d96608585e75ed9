"""What the objects of real runs say is what was true of those runs."""

from __future__ import annotations

import pytest
from cluster.conftest import CAPTURES, captured, described, pod, task

from probe.evidence.base import parse_timestamp
from probe.evidence.cluster import Cluster, ContainerKind, Outcome, TaskRun

NAMES = sorted(path.name for path in CAPTURES.iterdir() if path.is_dir())
A = "oci-archive:/workspace/source/oci/image.tar"
GROUP = 1000970000


def reads(one: TaskRun) -> list[str]:
    """What its steps copy to somewhere else."""
    return [
        f"{reference.transport}:{reference.path}"
        for step in one.steps
        for invocation in step.invocations
        if invocation.verb == "copy"
        for reference in invocation.reads
    ]


def claims(one: TaskRun) -> list[str | None]:
    return [workspace.claim for workspace in one.workspaces]


@pytest.mark.parametrize("name", NAMES)
def test_every_object_is_used(name: str) -> None:
    cluster = captured(name)
    assert len(cluster.runs) == 1
    run = cluster.runs[0]
    started = [one for one in cluster.tasks if one.pipeline_run == run.key.name]
    assert {(one.pipeline_task, one.key.name) for one in started} == set(run.task_runs)
    assert {one.pod for one in cluster.tasks} <= {one.key.name for one in cluster.pods}
    assert cluster.claims and cluster.volumes and cluster.notices
    assert Cluster.model_validate_json(cluster.model_dump_json(by_alias=True)) == cluster


@pytest.mark.parametrize("name", NAMES)
def test_a_pod_knows_the_claim_that_its_task_was_given(name: str) -> None:
    cluster = captured(name)
    for one in cluster.tasks:
        volumes = [volume.claim for volume in pod(cluster, one.pod).volumes if volume.claim]
        assert volumes == claims(one)
        for volume in volumes:
            claim = next(claim for claim in cluster.claims if claim.key.name == volume)
            backing = next(backing for backing in cluster.volumes if backing.key.name == claim.volume)
            assert backing.claim == volume


@pytest.mark.parametrize("name", NAMES)
def test_steps_and_their_containers_say_the_same(name: str) -> None:
    cluster = captured(name)
    for one in cluster.tasks:
        containers = {container.name: container for container in pod(cluster, one.pod).containers}
        for step in one.steps:
            container = containers[step.container]
            assert container.kind is (ContainerKind.SIDECAR if step.sidecar else ContainerKind.STEP)
            assert step.invocations == container.invocations, "the spec, and the script in the pod"
            if not step.sidecar:
                assert (step.ended, step.exit_status) == (container.ended, container.exit_status)
                assert container.began is not None and step.started is not None and container.started is not None
                assert container.started <= container.began
                assert abs(container.began - step.started) < 2 * 10**9


@pytest.mark.parametrize("name", NAMES)
def test_a_description_says_what_the_object_says(name: str) -> None:
    objects = {one.key.name: one for one in captured(name).pods}
    texts = described(name).pods
    assert {one.key.name for one in texts} == set(objects)
    for text in texts:
        known = objects[text.key.name]
        for field in ("node", "started", "pipeline_run", "task_run", "pipeline_task", "volumes", "scc"):
            assert getattr(text, field) == getattr(known, field), field
        for described_one, container in zip(text.containers, known.containers, strict=True):
            for field in ("name", "kind", "image", "started", "began", "ended", "exit_status", "reason", "restarts"):
                assert getattr(described_one, field) == getattr(container, field), field
            assert set(described_one.mounts) == set(container.mounts)
            said = [one.text for one in container.invocations]
            without_directory = [text for text in said if not text.startswith("chmod")]
            assert [one.text for one in described_one.invocations] in (said, without_directory)
    assert {one.name for one in described(name).notices if one.reason == "Scheduled"} == set(objects)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_tasks(name: str) -> None:
    run = captured(name).runs[0]
    waits = {one.name: (one.run_after, one.results_of) for one in run.tasks}
    if "register-model" in waits:
        assert set(waits["register-model"][1]) == {"push-to-internal", "push-to-quay"}
        late = name in ("12-race-no-runafter", "14-late-creation-umask077")
        for push in ("push-to-internal", "push-to-quay"):
            assert waits[push][0] == (("download-model",) if late else ("build-image",)), push
        assert waits["build-image"][0] == ("download-model",)
    else:
        assert waits == {"build": ((), ()), "push-a": (("build",), ()), "push-b": (("build",), ())}


def test_healthy() -> None:
    cluster = captured("10-healthy-push")
    assert cluster.runs[0].outcome is Outcome.SUCCEEDED
    digests = {result.value for one in cluster.tasks for result in one.results}
    assert digests == {"sha256:efff9a96cbd05b26073abf46001342ca4cdd022a98c141382aba123adfcc46fa"}
    build, push = task(cluster, "build-image"), task(cluster, "push-to-quay")
    assert [one.makes[0].path for one in build.steps[0].invocations if one.verb == "copy"] == [
        "/workspace/source/oci/image.tar"
    ]
    assert push.steps[0].security.run_as_user == GROUP and push.steps[0].security.dropped == ("ALL",)
    assert push.security.fs_group == GROUP and push.security.fs_group_policy == "OnRootMismatch"


def test_another_transport() -> None:
    cluster = captured("11-mismatch-transport")
    assert reads(task(cluster, "push-to-quay")) == ["dir:/workspace/source/oci"]
    assert reads(task(cluster, "push-to-internal")) == [A]
    (skipped,) = cluster.runs[0].skipped
    assert (skipped.name, skipped.reason) == ("register-model", "PipelineRun was stopping")
    assert "register-model" not in {one.pipeline_task for one in cluster.tasks}


def test_readers_beside_their_writer() -> None:
    cluster = captured("12-race-no-runafter")
    build, push = task(cluster, "build-image"), task(cluster, "push-to-internal")
    assert push.completed < build.completed  # type: ignore[operator]
    touching = [one for one in build.steps[0].invocations if one.program == "python3"]
    assert "/workspace/source/oci/image.tar" in {file.path for one in touching for file in one.files}


def test_a_writer_that_outlives_its_task() -> None:
    cluster = captured("13-race-detached-writer")
    build = task(cluster, "build-image")
    step, sidecar = build.steps
    assert (step.sidecar, sidecar.sidecar) == (False, True)
    assert build.completed == parse_timestamp("2026-11-21T17:32:51Z")
    assert sidecar.ended == parse_timestamp("2026-11-21T17:33:09Z")
    assert build.outcome is Outcome.SUCCEEDED
    assert task(cluster, "push-to-quay").started == build.completed
    body = pod(cluster, "build-image")
    assert body.phase == "Failed"
    (replaced,) = [one for one in body.containers if one.name == "sidecar-builder"]
    assert (replaced.kind, replaced.restarts) == (ContainerKind.SIDECAR, 1)
    (written,) = [one for one in sidecar.invocations if one.program == "python3" and len(one.files) == 3]
    assert written.files[-1].path == "/workspace/source/oci/image.tar"


def test_a_step_began_after_its_container() -> None:
    (step,) = [
        one for one in pod(captured("13-race-detached-writer"), "push-to-quay").containers if one.name == "step-push"
    ]
    assert step.started == parse_timestamp("2026-11-21T17:32:54Z")
    assert step.began == parse_timestamp("2026-11-21T17:32:55.953Z")
    assert step.message == ""


def test_a_umask_that_shuts_others_out() -> None:
    for name, umask in (("14-late-creation-umask077", "077"), ("10-healthy-push", "022")):
        step = task(captured(name), "build-image").steps[0]
        assert [one.verb for one in step.invocations if one.program == "umask"] == [umask]


def test_another_pod_with_another_group() -> None:
    cluster = captured("15-second-pod-other-fsgroup")
    notebook = pod(cluster, "notebook-0")
    assert notebook.security.fs_group not in (None, GROUP)
    volume = next(one.claim for one in notebook.volumes if one.claim)
    assert claims(task(cluster, "push-to-quay")) == [volume]
    assert notebook.task_run == "" and notebook.containers[0].kind is ContainerKind.OTHER


def test_root_with_and_without_capabilities() -> None:
    cluster = captured("16-root-without-dac-override")
    internal, quay = (task(cluster, name).steps[0].security for name in ("push-to-internal", "push-to-quay"))
    assert (internal.run_as_user, internal.dropped) == (0, ("ALL",))
    assert (quay.run_as_user, quay.dropped) == (0, ())


def test_a_small_temp_directory() -> None:
    cluster = captured("18-enospc-tmp")
    internal, quay = pod(cluster, "push-to-internal"), pod(cluster, "push-to-quay")
    (small,) = [one for one in internal.volumes if one.size_limit]
    assert (small.kind, small.medium, small.size_limit) == ("emptyDir", "Memory", 8 << 20)
    step = next(one for one in internal.containers if one.kind is ContainerKind.STEP)
    assert [one.path for one in step.mounts if one.volume == small.name] == ["/var/tmp"]
    assert not [one for one in quay.volumes if one.size_limit]


def test_a_file_besides_the_image() -> None:
    (step,) = task(captured("19-authfile-denied"), "push-to-quay").steps
    assert [(one.option, one.path) for one in step.invocations[0].files if one.option == "--authfile"] == [
        ("--authfile", "/workspace/source/.docker/config.json")
    ]


def test_two_claims() -> None:
    cluster = captured("20-two-pvcs")
    assert claims(task(cluster, "push-to-quay")) == ["model-cache"]
    assert claims(task(cluster, "push-to-internal")) == claims(task(cluster, "build-image")) == ["pvc-88122ddb6a"]
    digests = {one.pipeline_task: result.value for one in cluster.tasks for result in one.results}
    assert digests["push-to-quay"] != digests["push-to-internal"]


def test_storage_and_what_a_chmod_in_the_script_says() -> None:
    cluster = captured("02-fail-dir-0700")
    (chmod,) = [one for one in task(cluster, "build").steps[0].invocations if one.program == "chmod"]
    assert (chmod.verb, chmod.files[0].path) == ("0700", "/workspace/source/oci")
    assert {one.key.name: one.provisioner for one in cluster.storage_classes}["lab-local"]
    driver = captured("04-csi-onrootmismatch-0700")
    claim = next(one for one in driver.claims if one.key.name == claims(task(driver, "build"))[0])
    volume = next(one for one in driver.volumes if one.key.name == claim.volume)
    assert (volume.kind, volume.driver, claim.access_modes) == ("csi", "hostpath.csi.k8s.io", ("ReadWriteOnce",))
    policies = {name: task(captured(name), "push-a").security.fs_group_policy for name in NAMES if name.startswith("0")}
    assert policies["05-csi-always-0700"] == "Always" and policies["02-fail-dir-0700"] == "OnRootMismatch"


def test_what_a_task_that_never_ran_would_have_done() -> None:
    run = captured("11-mismatch-transport").runs[0]
    by_name = {one.name: one for one in run.tasks}
    quay = by_name["push-to-quay"]
    assert [one.reads[0].transport for one in quay.steps[0].invocations] == ["dir"]
    assert quay.steps[0].invocations[0].reads[0].path == "/workspace/source/oci"
    assert quay.security.fs_group == GROUP
    assert by_name["register-model"].steps[0].name == "register"
