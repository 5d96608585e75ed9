"""What Tekton replaces, refers to or keeps elsewhere is put in where it is known, and left open where it is not."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from cluster.conftest import tekton

from probe.cluster.parameters import parameters, replaced, replaced_all, workspace_paths
from probe.evidence.cluster import Cluster, Outcome, Step

Collect = Callable[..., Cluster]
VALUES = {
    "params.image": "oci-archive:/w/i.tar",
    "params.list": ["a", "b"],
    "params.object": {"key": "value"},
    "params.dotted.name": "dotted",
    "context.taskRun.name": "run",
    "workspaces.source.path": "/workspace/source",
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$(params.image)", "oci-archive:/w/i.tar"),
        ('$(params["image"])', "oci-archive:/w/i.tar"),
        ("$(params['dotted.name'])", "dotted"),
        ("$(inputs.params.image)", "oci-archive:/w/i.tar"),
        ("$(params.list[1]) $(params.list[2])", "b $(params.list[2])"),
        ("$(params.object.key) $(params.object.other)", "value $(params.object.other)"),
        ("$(workspaces.source.path)/x", "/workspace/source/x"),
        ("$(context.taskRun.name)", "run"),
        ("$(params.unknown) $(date) $((1+1)) $HOME", "$(params.unknown) $(date) $((1+1)) $HOME"),
    ],
)
def test_values_are_put_in(template: str, expected: str) -> None:
    assert replaced(template, VALUES) == expected


def test_lists_are_spread() -> None:
    assert replaced_all(["x", "$(params.list[*])", "$(params.none[*])"], VALUES) == ["x", "a", "b", "$(params.none[*])"]


def test_a_value_cannot_blow_up() -> None:
    assert len(replaced("$(params.a)" * 90_000, {"params.a": "x" * 100_000})) < 3 << 20
    values = parameters([{"name": "a", "default": "d"}, {"name": "b"}], [{"name": "a", "value": "given"}], {})
    assert values == {"params.a": "given"}


def test_where_workspaces_are() -> None:
    declared = [{"name": "source"}, {"name": "cache", "mountPath": "/c"}, {"name": "extra", "optional": True}]
    assert workspace_paths(declared, ["source"]) == {
        "workspaces.source.path": "/workspace/source",
        "workspaces.source.bound": "true",
        "workspaces.cache.path": "/c",
        "workspaces.cache.bound": "true",
        "workspaces.extra.path": "",
        "workspaces.extra.bound": "false",
    }


def reads(step: Step) -> list[str]:
    return [f"{one.transport}:{one.path}" for invocation in step.invocations for one in invocation.reads]


COPY: dict[str, Any] = {
    "params": [{"name": "image"}, {"name": "dir", "default": "oci"}],
    "workspaces": [{"name": "source", "mountPath": "/data"}],
    "steps": [
        {
            "name": "push",
            "script": "skopeo copy $(params.image):$(workspaces.source.path)/$(params.dir)/i.tar docker://q.io/a",
        }
    ],
}


def test_a_task_run_that_refers_to_a_task(collect: Collect) -> None:
    run = tekton(
        "TaskRun", "r", {"taskRef": {"name": "copy"}, "params": [{"name": "image", "value": "oci-archive"}]}, {}
    )
    (one,) = collect(run, tekton("Task", "copy", COPY, version="v1beta1")).tasks
    assert one.task == "copy" and reads(one.steps[0]) == ["oci-archive:/data/oci/i.tar"]
    (unresolved,) = collect(run).tasks
    assert unresolved.steps == ()
    other = tekton("Task", "copy", COPY, namespace="elsewhere")
    assert collect(run, other).tasks[0].steps == ()


def test_what_tekton_resolved_counts_first(collect: Collect) -> None:
    resolved = {"steps": [{"name": "push", "script": "skopeo copy dir:/data docker://q.io/a"}]}
    run = tekton("TaskRun", "r", {"taskSpec": COPY}, {"taskSpec": resolved})
    assert reads(collect(run).tasks[0].steps[0]) == ["dir:/data"]


def test_without_a_value_nothing_is_guessed(collect: Collect) -> None:
    (one,) = collect(tekton("TaskRun", "r", {"taskSpec": COPY}, {})).tasks
    (invocation,) = one.steps[0].invocations
    assert invocation.reads == () and invocation.unknown == ("$(params.image):/data/oci/i.tar",)


def test_a_task_that_has_no_task_run_yet(collect: Collect) -> None:
    pipeline = {
        "params": [{"name": "kind", "default": "oci-archive"}],
        "tasks": [
            {"name": "build", "taskSpec": {"steps": []}},
            {
                "name": "push",
                "taskRef": {"name": "copy"},
                "params": [
                    {"name": "image", "value": "$(params.kind)"},
                    {"name": "dir", "value": "$(tasks.build.results.dir)"},
                ],
                "when": [{"input": "$(tasks.check.results.ok)", "operator": "in", "values": ["y"]}],
                "runAfter": ["other"],
                "retries": 2,
                "workspaces": [{"name": "source", "workspace": "shared", "subPath": "s"}],
            },
        ],
        "finally": [{"name": "clean", "taskSpec": {"steps": []}}],
    }
    spec = {
        "pipelineRef": {"name": "p"},
        "params": [{"name": "kind", "value": "dir"}],
        "workspaces": [{"name": "shared", "persistentVolumeClaim": {"claimName": "c"}, "subPath": "t"}],
        "taskRunTemplate": {"podTemplate": {"securityContext": {"fsGroup": 1}}},
        "taskRunSpecs": [
            {"pipelineTaskName": "push", "podTemplate": {"securityContext": {"runAsUser": 7}}},
        ],
    }
    run = tekton("PipelineRun", "r", spec, {})
    built = tekton(
        "TaskRun",
        "r-build",
        {},
        {"results": [{"name": "dir", "value": "deep\n"}]},
        labels={"tekton.dev/pipelineRun": "r", "tekton.dev/pipelineTask": "build"},
    )
    objects = [run, tekton("Pipeline", "p", pipeline), tekton("Task", "copy", COPY)]
    (known,) = collect(*objects, built).runs
    push = known.tasks[1]
    assert reads(push.steps[0]) == ["dir:/data/deep/i.tar"]
    assert (push.run_after, push.results_of, push.retries, push.conditional) == (
        ("other",),
        ("build", "check"),
        2,
        True,
    )
    assert (push.workspaces[0].of_run, push.workspaces[0].sub_path, push.task) == ("shared", "s", "copy")
    assert (push.security.fs_group, push.security.run_as_user) == (1, 7)
    assert (known.security.fs_group, known.tasks[0].security.fs_group) == (1, 1)
    assert [one.final for one in known.tasks] == [False, False, True]
    assert (known.workspaces[0].claim, known.workspaces[0].sub_path) == ("c", "t")
    assert known.outcome is Outcome.PENDING
    (unknown,) = collect(*objects).runs
    assert unknown.tasks[1].steps[0].invocations[0].unknown == ("dir:/data/$(tasks.build.results.dir)/i.tar",)


def test_older_releases_keep_task_runs_in_the_status_of_the_run(collect: Collect) -> None:
    status = {
        "taskRuns": {
            "r-push-x1": {
                "pipelineTaskName": "push",
                "status": {
                    "podName": "r-push-pod",
                    "startTime": "2026-11-21T17:32:34Z",
                    "conditions": [{"type": "Succeeded", "status": "False", "reason": "Failed", "message": "m"}],
                    "taskSpec": {"steps": [{"name": "s", "command": ["skopeo"], "args": ["inspect", "dir:/d"]}]},
                    "steps": [{"name": "s", "terminated": {"exitCode": 3, "reason": "Error"}}],
                    "taskResults": [{"name": "D", "value": "sha256:" + "a" * 64}],
                },
            }
        }
    }
    cluster = collect(tekton("PipelineRun", "r", {}, status, version="v1beta1"))
    (one,) = cluster.tasks
    assert (one.key.name, one.pipeline_run, one.pipeline_task) == ("r-push-x1", "r", "push")
    assert (one.pod, one.outcome, one.steps[0].exit_status) == ("r-push-pod", Outcome.FAILED, 3)
    assert reads(one.steps[0]) == ["dir:/d"] and len(one.results) == 1
    assert cluster.runs[0].task_runs == (("push", "r-push-x1"),)
    both = collect(tekton("PipelineRun", "r", {}, status), tekton("TaskRun", "r-push-x1", {}, {}))
    assert len(both.tasks) == 1 and both.tasks[0].outcome is Outcome.PENDING


def test_step_actions(collect: Collect) -> None:
    action = {
        "params": [{"name": "from"}],
        "env": [{"name": "IMAGE", "value": "$(params.from):/w/i.tar"}],
        "script": "skopeo inspect $IMAGE",
        "securityContext": {"runAsUser": 5},
    }
    step = {"name": "s", "ref": {"name": "look"}, "params": [{"name": "from", "value": "$(params.kind)"}]}
    spec = {"params": [{"name": "kind"}], "steps": [step]}
    run = tekton("TaskRun", "r", {"taskSpec": spec, "params": [{"name": "kind", "value": "oci-archive"}]}, {})
    (one,) = collect(run, tekton("StepAction", "look", action, version="v1beta1")).tasks
    assert reads(one.steps[0]) == ["oci-archive:/w/i.tar"]
    assert one.steps[0].security.run_as_user == 5
    assert collect(run).tasks[0].steps[0].invocations == ()


def test_a_template_for_all_steps(collect: Collect) -> None:
    spec = {
        "stepTemplate": {
            "workingDir": "/w",
            "env": [{"name": "KIND", "value": "dir"}],
            "securityContext": {"runAsUser": 1, "runAsGroup": 2},
        },
        "steps": [
            {"script": "skopeo inspect $KIND:image", "securityContext": {"runAsUser": 9}, "onError": "continue"},
            {"command": ["skopeo", "inspect", "$(KIND):/x"]},
        ],
    }
    first, second = collect(tekton("TaskRun", "r", {"taskSpec": spec}, {})).tasks[0].steps
    assert (first.name, first.container, first.on_error) == ("unnamed-0", "step-unnamed-0", "continue")
    assert (first.security.run_as_user, first.security.run_as_group) == (9, 2)
    assert reads(first) == ["dir:/w/image"] and reads(second) == ["dir:/x"]


def test_a_script_in_another_language_says_nothing(collect: Collect) -> None:
    def script(first: str) -> tuple[Any, ...]:
        spec = {"steps": [{"script": f"{first}\nskopeo inspect dir:/x\n"}]}
        return collect(tekton("TaskRun", "r", {"taskSpec": spec}, {})).tasks[0].steps[0].invocations

    assert not script("#!/usr/bin/env python3") and not script("#!/usr/bin/perl -w")
    for shell in ("", "#!/bin/sh -e", "#!/usr/bin/env bash", "#!/usr/bin/env -S bash -x", "#! /busybox/sh"):
        assert script(shell), shell


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        (None, Outcome.PENDING),
        ({"status": "True", "reason": "Completed"}, Outcome.SUCCEEDED),
        ({"status": "False", "reason": "Failed"}, Outcome.FAILED),
        ({"status": "False", "reason": "PipelineRunTimeout"}, Outcome.FAILED),
        ({"status": "False", "reason": "TaskRunCancelled"}, Outcome.CANCELLED),
        ({"status": "Unknown", "reason": "Running"}, Outcome.RUNNING),
        ({"status": "Unknown", "reason": "Started"}, Outcome.PENDING),
        ({"status": "Unknown", "reason": "PipelineRunPending"}, Outcome.PENDING),
        ({"status": 1}, Outcome.UNKNOWN),
    ],
)
def test_outcomes(condition: dict[str, Any] | None, outcome: Outcome, collect: Collect) -> None:
    conditions = [{"type": "Other"}] + ([{"type": "Succeeded", **condition}] if condition else [])
    assert collect(tekton("TaskRun", "r", {}, {"conditions": conditions})).tasks[0].outcome is outcome


def test_results_are_kept_only_where_they_cannot_be_secrets(collect: Collect) -> None:
    given = {
        "DIGEST": "sha256:" + "a" * 64 + "\n",
        "IMAGE_URL": "quay.io/org/app:1",
        "ARCHIVE": "oci-archive:/w/i.tar",
        "PATH": "/w/i.tar",
        "PROBE_VERDICT": "group-not-held",
        "TOKEN": "hunter2",
        "IMAGE_TOKEN": "hunter2",
        "OUT": "quay.io/org/hunter2",
        "WORD": "hunter",
        "LIST": ["hunter2"],
    }
    results = [{"name": name, "value": value} for name, value in given.items()]
    cluster = collect(tekton("TaskRun", "r", {}, {"results": results}))
    assert [one.name for one in cluster.tasks[0].results] == [
        "DIGEST", "IMAGE_URL", "ARCHIVE", "PATH", "PROBE_VERDICT",
    ]  # fmt: skip
    assert "hunter" not in cluster.model_dump_json()


def encoded(script: str, file: str, *, plain: bool = False) -> str:
    body = script if plain else base64.b64encode(script.encode()).decode()
    name = "tmpfile" if plain else "scriptfile"
    return f"{name}=\"{file}\"\ntouch ${{{name}}}\ncat > ${{{name}}} << '_EOF_'\n{body}\n_EOF_\n"


@pytest.mark.parametrize("plain", [False, True], ids=["encoded", "plain"])
def test_a_pod_alone_carries_its_scripts(plain: bool, collect: Collect) -> None:
    scripts = encoded("skopeo inspect $IMG", "/tekton/scripts/a", plain=plain)
    scripts += encoded("skopeo inspect dir:/b", "/tekton/scripts/b", plain=plain)
    entry = {"command": ["/tekton/bin/entrypoint"]}
    spec = {
        "initContainers": [{"name": "place-scripts", "command": ["sh"], "args": ["-c", scripts]}],
        "containers": [
            {
                "name": "step-a",
                **entry,
                "args": ["-post_file", "x", "-entrypoint", "/tekton/scripts/a", "--"],
                "env": [{"name": "IMG", "value": "oci:/secret-path"}, {"name": "S", "valueFrom": {}}],
            },
            {"name": "step-c", **entry, "args": ["-entrypoint", "skopeo", "--", "inspect", "dir:/c"]},
            {"name": "sidecar-b", "command": ["/tekton/scripts/b"]},
        ],
    }
    metadata = {"name": "p", "labels": {"tekton.dev/taskRun": "t"}}
    (one,) = collect({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}).pods
    named = {
        container.name: [read.path for i in container.invocations for read in i.reads] for container in one.containers
    }
    assert named == {"place-scripts": [], "step-a": ["/secret-path"], "step-c": ["/c"], "sidecar-b": ["/b"]}


def test_a_last_message_of_tekton(collect: Collect) -> None:
    message = (
        '[{"key":"TOKEN","value":"hunter2","type":1},{"key":"StartedAt","value":"2026-11-21T17:32:55.953Z","type":3},'
        '{"key":"ExitCode","value":"7","type":3}]'
    )

    def container(text: str) -> Any:
        state = {"terminated": {"exitCode": 0, "message": text, "reason": "Completed"}}
        status = {"containerStatuses": [{"name": "c", "state": state}]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "status": status}
        return collect({**pod, "spec": {"containers": [{"name": "c"}]}}).pods[0].containers[0]

    told = container(message)
    assert (told.exit_status, told.message, told.began is not None) == (7, "", True)
    for broken in (message[:-1], "[" * 10_000, "[1, null]"):
        assert container(broken).message == "" and container(broken).exit_status == 0
    assert container("out of memory, password=hunter2").message.startswith("out of memory")
