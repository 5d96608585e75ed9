"""All accounts of a case, put together from its logs and objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from probe.classify.case import Case
from probe.classify.told.account import Account, Told
from probe.evidence.cluster import Claim, Container, ContainerKind, Key, PipelineRun, Pod, Step, TaskRun, Volume
from probe.evidence.transcript import Transcript

T = TypeVar("T")


@dataclass(frozen=True)
class _Placed:
    """A pod's container with the pointers of both."""

    pod: Pod
    pod_at: str
    container: Container
    container_at: str


class Story:
    """What logs and objects tell, by container."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.runs = self._objects("runs", PipelineRun)
        self.task_runs = self._objects("tasks", TaskRun)
        self.pods = self._objects("pods", Pod)
        self.claims = self._objects("claims", Claim)
        self.volumes = self._objects("volumes", Volume)
        self.accounts = tuple(self._accounts())

    def _objects(self, field: str, kind: type[T]) -> tuple[Told[T], ...]:  # noqa: ARG002
        return tuple(
            Told(one, f"/clusters/{number}/{field}/{index}")
            for number, cluster in enumerate(self.case.clusters)
            for index, one in enumerate(getattr(cluster, field))
        )

    # -- accounts

    def _accounts(self) -> Iterator[Account]:
        left = {(one.source.pod, one.source.container): number for number, one in self._logs if one.source.pod}
        used: set[int] = set()
        for placed in self._containers():
            number = left.get((placed.pod.key.name, placed.container.name))
            if number is not None:
                used.add(number)
            yield self._account(placed, number)
        for number, transcript in self._logs:
            if number not in used:
                yield Account(
                    name=_log_name(transcript),
                    run=transcript.source.pipeline_run or "",
                    transcript=transcript,
                    transcript_at=f"/transcripts/{number}",
                )

    @cached_property
    def _logs(self) -> tuple[tuple[int, Transcript], ...]:
        return tuple(enumerate(self.case.transcripts))

    def _containers(self) -> Iterator[_Placed]:
        for pod in self.pods:
            for index, container in enumerate(pod.value.containers):
                if container.kind is not ContainerKind.INIT:
                    yield _Placed(pod.value, pod.pointer, container, f"{pod.pointer}/containers/{index}")

    def _account(self, placed: _Placed, log: int | None) -> Account:
        task_run = self.task_run_of(placed.pod)
        step, step_at = _step_of(task_run, placed.container)
        return Account(
            name=_container_name(placed),
            run=placed.pod.pipeline_run,
            transcript=self.case.transcripts[log] if log is not None else None,
            transcript_at=f"/transcripts/{log}" if log is not None else "",
            pod=placed.pod,
            pod_at=placed.pod_at,
            container=placed.container,
            container_at=placed.container_at,
            task_run=task_run.value if task_run is not None else None,
            task_run_at=task_run.pointer if task_run is not None else "",
            step=step,
            step_at=step_at,
        )

    def task_run_of(self, pod: Pod) -> Told[TaskRun] | None:
        """The TaskRun that a pod belongs to."""
        for one in self.task_runs:
            if _same(one.value.key, pod.task_run, pod.key.namespace) or one.value.pod == pod.key.name:
                return one
        return None

    def claim(self, name: str, namespace: str) -> Told[Claim] | None:
        """A claim by its name."""
        return next((one for one in self.claims if _same(one.value.key, name, namespace)), None)

    def volume_of(self, claim: Claim) -> Told[Volume] | None:
        """The volume that a claim is bound to."""
        return next((one for one in self.volumes if claim.volume and one.value.key.name == claim.volume), None)

    # -- who hands over to whom

    @cached_property
    def readers(self) -> tuple[Account, ...]:
        """Who reads an image from a path."""
        return tuple(one for one in self.accounts if one.reads)

    @cached_property
    def producers(self) -> tuple[Account, ...]:
        """Who makes something at a path, and reads none."""
        return tuple(one for one in self.accounts if one.makes and not one.reads)


def _same(key: Key, name: str, namespace: str) -> bool:
    return bool(name) and key.name == name and (not namespace or not key.namespace or key.namespace == namespace)


def _step_of(task_run: Told[TaskRun] | None, container: Container) -> tuple[Step | None, str]:
    if task_run is None:
        return None, ""
    for index, step in enumerate(task_run.value.steps):
        if step.container == container.name:
            return step, f"{task_run.pointer}/steps/{index}"
    return None, ""


def _container_name(placed: _Placed) -> str:
    task = placed.pod.pipeline_task
    steps = [one for one in placed.pod.containers if one.kind is ContainerKind.STEP]
    if task and len(steps) < 2 and placed.container.kind is ContainerKind.STEP:
        return task
    return f"{task or placed.pod.key.name}/{placed.container.name}"


def _log_name(transcript: Transcript) -> str:
    source = transcript.source
    if source.task or source.pod:
        return "/".join(part for part in (source.task or source.pod, source.container) if part)
    return source.file
