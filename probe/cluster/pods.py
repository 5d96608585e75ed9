"""Pods: what each container was asked to be and how it went."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from probe.cluster.raw import (
    Raw,
    flag,
    mapping,
    message,
    moment,
    number,
    objects,
    path,
    quantity,
    text,
    within,
)
from probe.cluster.scripts import container_invocations, environment, placed_scripts
from probe.cluster.security import security_context
from probe.cluster.storage import source_detail
from probe.evidence.cluster import Container, ContainerKind, Key, Pod, PodVolume, VolumeMount

MOST = 256
"""Containers, volumes and mounts of one pod."""
_INTERNAL = 3
"""The type by which Tekton marks in a last message what is no result."""


class Ended(NamedTuple):
    """What a container's last message tells, where Tekton's entrypoint wrote it."""

    message: str
    began: int | None = None
    exit_status: int | None = None


def pod_of(key: Key, raw: Raw) -> Pod:
    """A Pod."""
    meta, spec, status = within(raw, "metadata"), within(raw, "spec"), within(raw, "status")
    labels = mapping(meta.get("labels"))
    scheduled = [one for one in objects(status.get("conditions")) if one.get("type") == "PodScheduled"]
    return Pod(
        key=key,
        node=text(spec.get("nodeName")),
        phase=text(status.get("phase")),
        reason=text(status.get("reason")),
        message=message(status.get("message")),
        created=moment(meta.get("creationTimestamp")),
        scheduled=moment(scheduled[0].get("lastTransitionTime")) if _is_true(scheduled) else None,
        started=moment(status.get("startTime")),
        pipeline_run=text(labels.get("tekton.dev/pipelineRun")),
        task_run=text(labels.get("tekton.dev/taskRun")),
        pipeline_task=text(labels.get("tekton.dev/pipelineTask")),
        scc=text(within(meta, "annotations").get("openshift.io/scc")),
        security=security_context(spec.get("securityContext")),
        host_users=flag(spec.get("hostUsers")),
        shares_processes=spec.get("shareProcessNamespace") is True,
        containers=tuple(_containers(spec, status, in_task="tekton.dev/taskRun" in labels)),
        volumes=tuple(_volume(volume, key.name) for volume in objects(spec.get("volumes"), MOST)),
    )


def ended(text_: Any) -> Ended:
    """A container's last message. Results in it may hold anything and are not kept."""
    if not isinstance(text_, str) or not text_.lstrip().startswith("["):
        return Ended(message(text_))
    try:
        entries = json.loads(text_[:16_384])
    except (ValueError, RecursionError):
        return Ended("")
    internal = {text(one.get("key")): one.get("value") for one in objects(entries) if one.get("type") == _INTERNAL}
    status = internal.get("ExitCode")
    code = (
        int(status) if isinstance(status, str) and status.isascii() and status.isdigit() and len(status) < 4 else None
    )
    return Ended("", moment(internal.get("StartedAt")), code)


def container_kind(name: str, *, in_task: bool) -> ContainerKind:
    """What a container that is none of the init containers is to its pod."""
    if in_task and name.startswith("step-"):
        return ContainerKind.STEP
    return ContainerKind.SIDECAR if in_task and name.startswith("sidecar-") else ContainerKind.OTHER


def _is_true(conditions: list[Raw]) -> bool:
    return bool(conditions) and conditions[0].get("status") == "True"


def _containers(spec: Raw, status: Raw, *, in_task: bool) -> Iterator[Container]:
    placed = placed_scripts(spec.get("initContainers"))
    left = MOST
    for field, states in _LISTS:
        by_name = {text(state.get("name")): state for state in objects(status.get(states))}
        for container in objects(spec.get(field), left):
            name = text(container.get("name"))
            kind = container_kind(name, in_task=in_task)
            if field == "initContainers":  # one that is restarted always is a sidecar
                kind = ContainerKind.SIDECAR if container.get("restartPolicy") == "Always" else ContainerKind.INIT
            yield _container(container, by_name.get(name, {}), kind, placed)
            left -= 1


_LISTS = (
    ("initContainers", "initContainerStatuses"),
    ("containers", "containerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)


def _container(container: Raw, status: Raw, kind: ContainerKind, placed: Mapping[str, str]) -> Container:
    state = mapping(status.get("state"))
    running, done, waiting = (mapping(state.get(name)) for name in ("running", "terminated", "waiting"))
    last = ended(done.get("message"))
    known = environment(container.get("env"), {})
    directory = text(container.get("workingDir"), 4096)
    named = () if kind is ContainerKind.INIT else container_invocations(container, placed, known, directory)
    return Container(
        name=text(container.get("name")),
        kind=kind,
        image=path(container.get("image")),
        security=security_context(container.get("securityContext")),
        mounts=tuple(_mount(one) for one in objects(container.get("volumeMounts"), MOST)),
        invocations=named,
        waits=text(waiting.get("reason"), 4096),
        started=moment(done.get("startedAt")) or moment(running.get("startedAt")),
        began=last.began,
        ended=moment(done.get("finishedAt")),
        exit_status=number(done.get("exitCode")) if last.exit_status is None else last.exit_status,
        signal=number(done.get("signal")),
        reason=text(done.get("reason")),
        message=last.message or message(waiting.get("message")),
        restarts=number(status.get("restartCount")) or 0,
    )


def _mount(raw: Raw) -> VolumeMount:
    return VolumeMount(
        volume=text(raw.get("name")),
        path=path(raw.get("mountPath")),
        sub_path=path(raw.get("subPath")) or path(raw.get("subPathExpr")),
        read_only=raw.get("readOnly") is True,
        propagation=text(raw.get("mountPropagation")),
    )


def _volume(raw: Raw, pod: str) -> PodVolume:
    kind = next((name for name in raw if name != "name" and isinstance(raw[name], dict)), "")
    source, name = mapping(raw.get(kind)), text(raw.get("name"))
    claim = text(source.get("claimName")) if kind == "persistentVolumeClaim" else ""
    if kind == "ephemeral":  # the API server names its claim so
        claim = text(f"{pod}-{name}")
    return PodVolume(
        name=name,
        kind=text(kind),
        claim=claim or None,
        read_only=source.get("readOnly") is True,
        medium=text(source.get("medium")),
        size_limit=quantity(source.get("sizeLimit")) if kind == "emptyDir" else None,
        detail=source_detail(kind, source),
    )
