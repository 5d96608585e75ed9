"""A captured run as it stood at a moment before its end: what had not happened yet is taken away again."""

from __future__ import annotations

import copy
from typing import Any

from support.kubeapi import World


def rewound(world: World, moment: str) -> World:
    """A copy of the world at `2026-11-21T17:32:45Z`; runs as Tekton shows them while they go on."""
    then = World(logs=world.logs, rights=world.rights)
    for resource, objects in world.objects.items():
        for one in objects:
            if one["metadata"].get("creationTimestamp", "") <= moment:
                then.objects.setdefault(resource, []).append(copy.deepcopy(one))
    made = {one["metadata"]["name"] for one in then.objects.get("taskruns", [])}
    for run in then.objects.get("pipelineruns", []):
        children = run["status"].get("childReferences", [])
        run["status"]["childReferences"] = [one for one in children if one["name"] in made]
        if run["status"].get("completionTime", "") > moment:
            del run["status"]["completionTime"]
            run["status"].pop("skippedTasks", None)
            _goes_on(run["status"], "Running", "Tasks Completed: 0")
    pods = {pod["metadata"]["name"]: pod for pod in then.objects.get("pods", [])}
    for pod in pods.values():
        _pod(pod, moment)
    for task_run in then.objects.get("taskruns", []):
        _task_run(task_run, pods, moment)
    return then


def _task_run(task_run: dict[str, Any], pods: dict[str, Any], moment: str) -> None:
    status = task_run["status"]
    if status.get("completionTime", "") <= moment:
        return
    for gone in ("completionTime", "results"):
        status.pop(gone, None)
    for field in ("steps", "sidecars"):
        for one in status.get(field, []):
            _state(one, moment)
    pod = pods.get(status.get("podName", ""))
    begun = pod is not None and pod["status"]["phase"] != "Pending"
    _goes_on(status, "Running" if begun else "Pending", "Not all Steps in the Task have finished executing")


def _pod(pod: dict[str, Any], moment: str) -> None:
    status = pod["status"]
    ended = True
    for field in ("initContainerStatuses", "containerStatuses"):
        for one in status.get(field, []):
            state = one.get("state", one)
            if state.get("terminated", {}).get("finishedAt", "") > moment:
                ended = False
                _state(state, moment)
    if not ended:
        began = any("running" in one["state"] or "terminated" in one["state"] for one in status["containerStatuses"])
        status["phase"] = "Running" if began else "Pending"


def _state(state: dict[str, Any], moment: str) -> None:
    done = state.get("terminated")
    if done is None or done["finishedAt"] <= moment:
        return
    del state["terminated"]
    state.pop("terminationReason", None)
    if done["startedAt"] <= moment:
        state["running"] = {"startedAt": done["startedAt"]}
    else:
        state["waiting"] = {"reason": "PodInitializing"}


def _goes_on(status: dict[str, Any], reason: str, message: str) -> None:
    status["conditions"] = [{"type": "Succeeded", "status": "Unknown", "reason": reason, "message": message}]
