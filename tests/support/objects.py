"""Objects of a pipeline run as `oc get -o json` prints them, small: a build, two pushes, and what a test changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from probe.classify.judge import judge_case
from probe.classify.verdict import VerdictDocument
from probe.cluster.objects import Collector
from probe.evidence.cluster import Cluster
from probe.evidence.report import Report

GROUP = 1000970000
IMAGE = "oci-archive:/workspace/source/oci/image.tar"
_START = datetime(2026, 11, 21, 17, 0, 0)
DIGEST = "sha256:" + "a" * 64
OTHER_DIGEST = "sha256:" + "b" * 64


def moment(seconds: float) -> str:
    """A time of the API: whole seconds."""
    return (_START + timedelta(seconds=int(seconds))).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Task:
    """One task of a run with its one step, and how it went; times in seconds from a common start."""

    name: str
    script: str
    began: float | None = None
    ended: float | None = None
    exit_status: int | None = 0
    after: tuple[str, ...] = ()
    claim: str = "data"
    sub_path: str = ""
    mount: str = "/workspace/source"
    read_only: bool = False
    security: dict[str, Any] = field(default_factory=dict)
    """Of the container."""
    pod_security: dict[str, Any] = field(default_factory=lambda: {"fsGroup": GROUP})
    digest: str | None = None
    node: str = "node-a"
    volumes: tuple[dict[str, Any], ...] = ()
    mounts: tuple[dict[str, Any], ...] = ()
    sidecar: tuple[str, float, float] | None = None
    """Script, start and end of a sidecar."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the pod's spec."""
    bound: bool = True
    """Whether its workspace is bound: otherwise its pod has no volume there."""

    def but(self, **changes: Any) -> Task:
        """The same with other fields."""
        return replace(self, **changes)


READER = {"runAsUser": GROUP, "capabilities": {"drop": ["ALL"]}}
BUILD = Task(
    "build",
    f"skopeo copy oci:/tmp/layout {IMAGE}:model",
    began=10,
    ended=20,
    security={"runAsUser": 0},
)
PUSH = Task(
    "push-a",
    f"skopeo copy {IMAGE} docker://a.example/model:1",
    began=25,
    ended=30,
    after=("build",),
    security=READER,
    digest=DIGEST,
)
OTHER = PUSH.but(name="push-b", script=f"skopeo copy {IMAGE} docker://b.example/model:1")


def failed(task: Task, **changes: Any) -> Task:
    """The same, ended with status 1 and without a result."""
    return task.but(**{"exit_status": 1, "digest": None, **changes})


def to_come(task: Task, **changes: Any) -> Task:
    """The same before it runs: its pod waits."""
    return task.but(**{"began": None, "ended": None, "exit_status": None, "digest": None, **changes})


def run(*tasks: Task, name: str = "r", outcome: str | None = None) -> list[dict[str, Any]]:
    """PipelineRun, TaskRuns and pods of these tasks."""
    done = all(task.ended is not None for task in tasks)
    good = all(task.exit_status == 0 for task in tasks)
    status = outcome or ("Unknown" if not done else "True" if good else "False")
    pipeline = {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}"},
        "spec": {
            "workspaces": [{"name": "source", "persistentVolumeClaim": {"claimName": "data"}}],
            "pipelineSpec": {"tasks": [_pipeline_task(task) for task in tasks]},
        },
        "status": {
            "startTime": moment(0),
            "conditions": [{"type": "Succeeded", "status": status, "reason": "x", "message": ""}],
            "childReferences": [
                {"kind": "TaskRun", "name": f"{name}-{task.name}", "pipelineTaskName": task.name} for task in tasks
            ],
        },
    }
    return [pipeline, *(task_run(task, name) for task in tasks), *(pod(task, name) for task in tasks)]


def _pipeline_task(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "runAfter": list(task.after),
        "workspaces": [{"name": "source", "workspace": "source"}] if task.bound else [],
        "taskSpec": {"steps": [_step(task)], "workspaces": [{"name": "source"}] if task.bound else []},
    }


def _step(task: Task) -> dict[str, Any]:
    return {
        "name": "main",
        "image": "tools:1",
        "script": f"#!/bin/sh\n{task.script}\n",
        "securityContext": task.security,
    }


def task_run(task: Task, name: str = "r") -> dict[str, Any]:
    """One TaskRun."""
    steps, sidecars = [], []
    if task.ended is not None:
        steps.append({"name": "main", "container": "step-main", "terminated": _terminated(task)})
    spec: dict[str, Any] = {"steps": [_step(task)], "workspaces": [{"name": "source"}]}
    if task.sidecar is not None:
        script, began, ended = task.sidecar
        spec["sidecars"] = [{"name": "side", "image": "tools:1", "script": f"#!/bin/sh\n{script}\n"}]
        times = {"exitCode": 0, "reason": "Completed", "startedAt": moment(began), "finishedAt": moment(ended)}
        sidecars.append({"name": "side", "container": "sidecar-side", "terminated": times})
    bound = {"name": "source", "persistentVolumeClaim": {"claimName": task.claim}}
    if task.sub_path:
        bound["subPath"] = task.sub_path
    status: dict[str, Any] = {"podName": f"{name}-{task.name}-pod", "taskSpec": spec, "steps": steps}
    status["sidecars"] = sidecars
    status["conditions"] = [{"type": "Succeeded", "status": _status(task)}]
    if task.ended is not None:
        status["completionTime"] = moment(task.ended)
    if task.digest is not None:
        status["results"] = [{"name": "IMAGE_DIGEST", "type": "string", "value": task.digest}]
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": {
            "name": f"{name}-{task.name}",
            "namespace": "ns",
            "uid": f"uid-{name}-{task.name}",
            "labels": {"tekton.dev/pipelineRun": name, "tekton.dev/pipelineTask": task.name},
        },
        "spec": {"workspaces": [bound] if task.bound else [], "podTemplate": {"securityContext": task.pod_security}},
        "status": status,
    }


def _status(task: Task) -> str:
    return "Unknown" if task.exit_status is None else "True" if task.exit_status == 0 else "False"


def _terminated(task: Task) -> dict[str, Any]:
    assert task.began is not None and task.ended is not None
    return {
        "exitCode": task.exit_status,
        "reason": "Completed" if task.exit_status == 0 else "Error",
        "startedAt": moment(task.began),
        "finishedAt": moment(task.ended),
    }


def pod(task: Task, name: str = "r") -> dict[str, Any]:
    """The pod of a task."""
    volume = {"name": "ws", "persistentVolumeClaim": {"claimName": task.claim, "readOnly": task.read_only}}
    mount: dict[str, Any] = {"name": "ws", "mountPath": task.mount}
    if task.sub_path:
        mount["subPath"] = task.sub_path
    own = {"name": "tekton-internal-workspace", "emptyDir": {}}
    container = {
        "name": "step-main",
        "image": "tools:1",
        "command": ["/tekton/bin/entrypoint"],
        "args": ["-entrypoint", "/bin/sh", "--", "-c", task.script],
        "securityContext": task.security,
        "volumeMounts": [
            {"name": "tekton-internal-workspace", "mountPath": "/workspace"},
            *([mount] if task.bound else []),
            *task.mounts,
        ],
    }
    state: dict[str, Any] = {"waiting": {"reason": "PodInitializing"}}
    if task.ended is not None:
        state = {"terminated": _terminated(task)}
    labels = {
        "tekton.dev/pipelineRun": name,
        "tekton.dev/taskRun": f"{name}-{task.name}",
        "tekton.dev/pipelineTask": task.name,
    }
    found: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-{task.name}-pod",
            "namespace": "ns",
            "uid": f"uid-{name}-{task.name}-pod",
            "labels": labels if name else {},
        },
        "spec": {
            "nodeName": task.node,
            "securityContext": task.pod_security,
            "containers": [container],
            "volumes": [own, *([volume] if task.bound else []), *task.volumes],
            **task.extra,
        },
        "status": {
            "phase": "Pending" if task.ended is None else "Succeeded" if task.exit_status == 0 else "Failed",
            "containerStatuses": [{"name": "step-main", "state": state, "restartCount": 0}],
        },
    }
    if task.began is not None:
        found["status"]["startTime"] = moment(task.began - 3)
    if task.sidecar is not None:
        script, _, ended = task.sidecar
        side = {**container, "name": "sidecar-side", "args": ["-c", script], "command": ["/bin/sh"]}
        found["spec"]["containers"].append(side)
        times = {"exitCode": 1, "reason": "Error", "startedAt": moment(ended), "finishedAt": moment(ended)}
        found["status"]["containerStatuses"].append({"name": "sidecar-side", "state": {"terminated": times}})
    return found


def stranger(name: str, claim: str, fs_group: int | None, began: float, **extra: Any) -> dict[str, Any]:
    """A pod of no run that mounts a claim."""
    security: dict[str, Any] = {} if fs_group is None else {"fsGroup": fs_group}
    security.update(extra.pop("security", {}))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}"},
        "spec": {
            "nodeName": "node-a",
            "securityContext": security,
            "containers": [
                {"name": "main", "image": "x", "volumeMounts": [{"name": "home", "mountPath": "/home/somebody"}]}
            ],
            "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": claim, **extra}}],
        },
        "status": {
            "phase": "Running",
            "startTime": moment(began),
            "containerStatuses": [{"name": "main", "state": {"running": {"startedAt": moment(began + 1)}}}],
        },
    }


def storage(claim: str = "data", policy: str | None = "File", kind: str = "csi") -> list[dict[str, Any]]:
    """A claim, the volume that it is bound to, and the driver's object."""
    volume: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "claimRef": {"name": claim, "namespace": "ns"}}
    if kind == "csi":
        volume["csi"] = {"driver": "disk.example", "volumeHandle": f"handle-{claim}", "fsType": "ext4"}
    elif kind == "nfs":
        volume["nfs"] = {"server": "nfs.example", "path": "/export"}
    elif kind == "hostPath":
        volume["hostPath"] = {"path": "/srv/data"}
    found: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim, "namespace": "ns"},
            "spec": {"volumeName": f"pv-{claim}", "accessModes": ["ReadWriteOnce"]},
            "status": {"phase": "Bound"},
        },
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"pv-{claim}"}, "spec": volume},
    ]
    if policy is not None and kind == "csi":
        found.append(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "CSIDriver",
                "metadata": {"name": "disk.example"},
                "spec": {"fsGroupPolicy": policy},
            }
        )
    return found


def event(name: str, reason: str, message: str) -> dict[str, Any]:
    """An event about a pod."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.1", "namespace": "ns"},
        "involvedObject": {"kind": "Pod", "name": name, "namespace": "ns"},
        "reason": reason,
        "message": message,
        "type": "Warning",
        "firstTimestamp": moment(22),
        "lastTimestamp": moment(23),
        "count": 2,
    }


def cluster(objects: Sequence[dict[str, Any]]) -> Cluster:
    """What is kept of objects."""
    collector = Collector()
    for number, one in enumerate(objects):
        assert collector.take(one, f"object {number}"), one["kind"]
    return collector.cluster()


def judged(*objects: dict[str, Any], reports: Sequence[Report] = ()) -> VerdictDocument:
    """The verdict on objects, and on reports beside them."""
    return judge_case(reports, clusters=[cluster(objects)])
