"""The board: how the tasks of a run stand and what each waits for, from the objects of the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from probe.evidence.base import clip
from probe.evidence.board import BoardRun, BoardTask
from probe.evidence.cluster import (
    Cluster,
    Container,
    ContainerKind,
    Notice,
    Outcome,
    PipelineRun,
    PipelineTask,
    Pod,
    TaskRun,
)

ENDED = frozenset({Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED, Outcome.SKIPPED})
_ORDINARY = ("PodInitializing", "ContainerCreating")
"""Reasons of a container that waits for nothing in particular."""
_MOST_TEXT = 160
_VERDICT = ("cause", "verdict", "status")
"""Names of results that hold a word of the probe, in the order in which they are shown."""
_NS = 1e9


def board_run(cluster: Cluster, name: str, now: int, heard: Mapping[str, str] | None = None) -> BoardRun | None:
    """The run `name` at the moment `now` (nanoseconds); None where the objects hold no such run.

    `heard`: what a log said last, by TaskRun.
    """
    run = next((one for one in cluster.runs if one.key.name == name), None)
    if run is None:
        return None
    view = _View(cluster, run, now, heard or {})
    return BoardRun(
        name=name,
        namespace=run.key.namespace,
        state=run.outcome,
        reason=run.reason,
        message=run.message,
        started=run.started,
        seconds=_seconds(run.started, run.completed, now),
        tasks=tuple(view.rows())[:1024],
    )


def in_order(tasks: Sequence[PipelineTask]) -> list[PipelineTask]:
    """Each after those that it waits for, otherwise as written; `finally` last. A circle is left as written."""
    done: dict[str, PipelineTask] = {}
    names = {task.name for task in tasks}
    waiting = sorted(tasks, key=lambda task: task.final)
    while waiting:
        free = next((t for t in waiting if all(b in done or b not in names for b in _before(t))), waiting[0])
        waiting.remove(free)
        done[free.name] = free
    return list(done.values())


class _View:
    """One run among the objects."""

    def __init__(self, cluster: Cluster, run: PipelineRun, now: int, heard: Mapping[str, str]) -> None:
        self._run, self._now, self._heard = run, now, heard
        self._runs: dict[str, list[TaskRun]] = {}
        for one in sorted(cluster.tasks, key=lambda found: (found.created or 0, found.key.name)):
            if one.pipeline_run == run.key.name:
                self._runs.setdefault(one.pipeline_task or one.key.name, []).append(one)
        self._pods = {pod.key.name: pod for pod in cluster.pods}
        self._notices = cluster.notices
        self._skipped = {skipped.name: skipped.reason for skipped in run.skipped}
        self._unseen = {task: task_run for task, task_run in run.task_runs if task not in self._runs}

    def rows(self) -> Iterable[BoardTask]:
        tasks = in_order(self._run.tasks)
        for task in tasks:
            made = self._runs.get(task.name, [])
            if not made:
                yield self._not_made(task)
            for number, task_run in enumerate(made, 1):
                yield self._made(f"{task.name} {number}" if len(made) > 1 else task.name, task_run)
        known = {task.name for task in tasks}
        for name, made in self._runs.items():
            if name not in known:
                for task_run in made:
                    yield self._made(name, task_run)

    def _not_made(self, task: PipelineTask) -> BoardTask:
        """A task without a TaskRun: left out, still to come, or never to come."""
        if task.name in self._skipped:
            return BoardTask(name=task.name, state=Outcome.SKIPPED, now=_short(self._skipped[task.name]))
        if task.name in self._unseen:
            unseen = self._unseen[task.name]
            return BoardTask(name=task.name, state=Outcome.UNKNOWN, task_run=unseen, now="its TaskRun is not seen")
        if self._run.outcome in ENDED:
            return BoardTask(name=task.name, state=Outcome.UNKNOWN, now="no TaskRun was made")
        return BoardTask(name=task.name, state=Outcome.PENDING, now=self._waits(task))

    def _waits(self, task: PipelineTask) -> str:
        failed = [before for before in _before(task) if self._state(before) in (Outcome.FAILED, Outcome.CANCELLED)]
        if failed:
            return f"will not start: {failed[0]} {self._state(failed[0])}"
        results = [f"result of {name}" for name in task.results_of if self._state(name) is not Outcome.SUCCEEDED]
        after = [
            name
            for name in task.run_after
            if name not in task.results_of and self._state(name) not in (Outcome.SUCCEEDED, Outcome.SKIPPED)
        ]
        found = [*results, *([f"after {', '.join(after)}"] if after else [])]
        if task.final:
            return "; ".join([*found, "finally: after all other tasks"])
        return "; ".join(found) or "its TaskRun"

    def _state(self, task: str) -> Outcome:
        if task in self._skipped:
            return Outcome.SKIPPED
        states = {one.outcome for one in self._runs.get(task, [])}
        if not states:
            return Outcome.UNKNOWN if task in self._unseen else Outcome.PENDING
        for state in (Outcome.FAILED, Outcome.CANCELLED, Outcome.RUNNING, Outcome.PENDING, Outcome.UNKNOWN):
            if state in states:
                return state
        return Outcome.SUCCEEDED

    def _made(self, name: str, task_run: TaskRun) -> BoardTask:
        pod = self._pods.get(task_run.pod) or next(
            (pod for pod in self._pods.values() if pod.task_run == task_run.key.name), None
        )
        state = _state(task_run, pod)
        verdict, said_by = _verdict(task_run), "result"
        if not verdict:
            verdict = self._heard.get(task_run.key.name, "")
            said_by = "log" if verdict else ""
        return BoardTask(
            name=name,
            state=state,
            task_run=task_run.key.name,
            pod=task_run.pod,
            started=task_run.started,
            seconds=_seconds(task_run.started, task_run.completed, self._now),
            now=_short("; ".join(filter(None, (self._doing(task_run, pod, state), _retries(task_run))))),
            verdict=clip(verdict, 256),
            said_by=said_by,
        )

    def _doing(self, task_run: TaskRun, pod: Pod | None, state: Outcome) -> str:
        if state is Outcome.PENDING:
            return self._pending(task_run, pod)
        if state is Outcome.RUNNING:
            steps = [step for step in task_run.steps if not step.sidecar]
            number = next((number for number, step in enumerate(steps) if step.ended is None), None)
            if number is None:
                return ""
            which = f" ({number + 1} of {len(steps)})" if len(steps) > 1 else ""
            return f"step {steps[number].name}{which}"
        if state in (Outcome.FAILED, Outcome.CANCELLED):
            return "; ".join(filter(None, (_ended_with(task_run), _left_over(pod))))
        return _left_over(pod)

    def _pending(self, task_run: TaskRun, pod: Pod | None) -> str:
        """The most particular reason that is known."""
        if pod is None:
            if task_run.reason in ("", "Pending", "Started", "Running"):
                return "its pod"
            return f"{task_run.reason}: {task_run.message}" if task_run.message else task_run.reason
        held = next((one for one in pod.containers if one.waits and one.waits.split(":")[0] not in _ORDINARY), None)
        if held is not None:
            return f"{_called(held)}: {held.waits}"
        warning = self._warning(pod)
        if warning is not None:
            return f"{warning.reason}: {warning.message}"
        if pod.message:
            return f"{pod.reason}: {pod.message}" if pod.reason else pod.message
        if not pod.node:
            return "a node"
        prepared = [one for one in pod.containers if one.kind is ContainerKind.INIT]
        if any(one.started is not None for one in prepared):
            return "Tekton's init containers"
        return f"volumes and images on {pod.node}"

    def _warning(self, pod: Pod) -> Notice | None:
        about = [
            notice
            for notice in self._notices
            if notice.warning and notice.kind == "Pod" and notice.name == pod.key.name
        ]
        return max(about, key=lambda notice: notice.last or 0, default=None)


def _before(task: PipelineTask) -> tuple[str, ...]:
    return (*task.run_after, *task.results_of)


def _state(task_run: TaskRun, pod: Pod | None) -> Outcome:
    """Tekton calls a TaskRun running from its creation on; here it takes a container that has begun."""
    if task_run.outcome is not Outcome.RUNNING and (task_run.outcome in ENDED or pod is None):
        return task_run.outcome
    if pod is None:
        begun = task_run.reason == "Running" or any(step.started is not None for step in task_run.steps)
    else:
        begun = any(one.started is not None for one in pod.containers if one.kind is not ContainerKind.INIT)
    return Outcome.RUNNING if begun else Outcome.PENDING


def _ended_with(task_run: TaskRun) -> str:
    for step in task_run.steps:
        if step.exit_status and not step.sidecar and step.reason != "Skipped":
            return f"step {step.name}: exit status {step.exit_status}"
    if not task_run.message:
        return task_run.reason
    return f"{task_run.reason}: {task_run.message}" if task_run.reason else task_run.message


def _left_over(pod: Pod | None) -> str:
    """A sidecar that outlives the steps may still write: the task counts as ended all the same."""
    if pod is None:
        return ""
    names = [
        one.name.removeprefix("sidecar-")
        for one in pod.containers
        if one.kind is ContainerKind.SIDECAR and one.started is not None and one.ended is None
    ]
    return f"sidecar {', '.join(names)} still runs" if names else ""


def _called(container: Container) -> str:
    return container.name.replace("-", " ", 1) if container.name.startswith(("step-", "sidecar-")) else container.name


def _verdict(task_run: TaskRun) -> str:
    found = {result.name.lower(): result.value for result in task_run.results}
    return " ".join(dict.fromkeys(found[name] for name in _VERDICT if found.get(name)))


def _retries(task_run: TaskRun) -> str:
    return f"retry {task_run.retries}" if task_run.retries else ""


def _seconds(started: int | None, ended: int | None, now: int) -> float | None:
    return None if started is None else max(0.0, ((ended or now) - started) / _NS)


def _short(text: str) -> str:
    return clip(" ".join(text.split()), _MOST_TEXT)
