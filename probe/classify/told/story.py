"""All accounts of a case, put together from its logs and objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from probe.classify.case import Case
from probe.classify.told.account import Account, Told
from probe.evidence.cluster import Claim, Container, ContainerKind, Key, PipelineRun, Pod, Step, TaskRun, Volume
from probe.evidence.transcript import Transcript

if TYPE_CHECKING:
    from probe.classify.told.logs.reader import Reader
    from probe.classify.told.logs.refusal import Refusal

T = TypeVar("T")
_BETWEEN_TASKS = 900 * 1_000_000_000
"""Between the end of one task and the begin of the next of a run, at most: a node may have to be found."""


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
        for task_run in self.task_runs:
            for index, step in enumerate(() if self._has_pod(task_run.value) else task_run.value.steps):
                number = left.get((task_run.value.pod, step.container))
                if number is not None:
                    used.add(number)
                yield self._without_pod(task_run, index, number)
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
        step, step_at = _step_of(task_run, placed.pod, placed.container)
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

    @cached_property
    def _podded(self) -> frozenset[str]:
        """Names of pods, and of the TaskRuns that they belong to."""
        return frozenset(name for pod in self.pods for name in (pod.value.key.name, pod.value.task_run) if name)

    def _has_pod(self, task_run: TaskRun) -> bool:
        return task_run.pod in self._podded or task_run.key.name in self._podded

    def _without_pod(self, task_run: Told[TaskRun], index: int, log: int | None) -> Account:
        """A step whose pod is gone, or was not given: what its TaskRun says of it."""
        run, step = task_run.value, task_run.value.steps[index]
        task = run.pipeline_task or run.key.name
        several = sum(not one.sidecar for one in run.steps) > 1
        return Account(
            name=f"{task}/{step.container or step.name}" if several or step.sidecar else task,
            run=run.pipeline_run,
            transcript=self.case.transcripts[log] if log is not None else None,
            transcript_at=f"/transcripts/{log}" if log is not None else "",
            task_run=run,
            task_run_at=task_run.pointer,
            step=step,
            step_at=f"{task_run.pointer}/steps/{index}",
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

    def beside(self, account: Account) -> tuple[Account, ...]:
        """The other accounts of its run, or, where a run is not told, all of them."""
        return tuple(one for one in self.accounts if one is not account and together(one, account))

    @cached_property
    def reading(self) -> tuple[Reader, ...]:
        """Everyone who reads an image, with what they met."""
        from probe.classify.told.logs.reader import readers_of

        return readers_of(self)

    def reads(self, account: Account) -> bool:
        """Whether an account is one of those that read an image."""
        return any(reader.account is account for reader in self.reading)

    @cached_property
    def refusals(self) -> tuple[Refusal, ...]:
        """Everyone who was refused in the end."""
        from probe.classify.told.logs.refusal import refusals_of

        return refusals_of(self)

    # -- who hands over to whom

    @cached_property
    def readers(self) -> tuple[Account, ...]:
        """Who reads an image from a path."""
        return tuple(one for one in self.accounts if one.reads)

    @cached_property
    def producers(self) -> tuple[Account, ...]:
        """Who makes something at a path, and reads none."""
        return tuple(one for one in self.accounts if one.makes and not one.reads)


def together(a: Account, b: Account) -> bool:
    """Whether two accounts may be of one run: by its name, or, where that is not told, by their pods' and times."""
    if a.run and b.run:
        return a.run == b.run
    heads = {_head(a), _head(b)} - {""}
    apart = apart_by(a, b)
    return len(heads) < 2 and (apart is None or apart <= _BETWEEN_TASKS)


def apart_by(a: Account, b: Account) -> int | None:
    """Nanoseconds between the end of one log and the begin of the other; none where one has no times."""
    mine, theirs = _span(a), _span(b)
    return max(mine[0], theirs[0]) - min(mine[1], theirs[1]) if mine is not None and theirs is not None else None


def _head(account: Account) -> str:
    """The first word of a pod's name: those of one run begin with the name of it."""
    pod = account.transcript.source.pod if account.transcript is not None else None
    return pod.partition("-")[0] if pod else ""


def _span(account: Account) -> tuple[int, int] | None:
    """The times of a log's first and last line."""
    log = account.transcript
    return (log.first, log.last) if log is not None and log.first is not None and log.last is not None else None


def _same(key: Key, name: str, namespace: str) -> bool:
    return bool(name) and key.name == name and (not namespace or not key.namespace or key.namespace == namespace)


def _step_of(task_run: Told[TaskRun] | None, pod: Pod, container: Container) -> tuple[Step | None, str]:
    """The step that a container is; none for the pod of an earlier try, of which the TaskRun no longer tells."""
    if task_run is None or task_run.value.pod not in ("", pod.key.name):
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
    return f"{source.file} from line {source.begins}" if source.begins is not None else source.file
