"""TaskRuns, PipelineRuns and what they have in common: conditions, workspaces, results."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from probe.cluster.parameters import Values, context, declared_results, parameters, workspace_paths
from probe.cluster.raw import Raw, mapping, message, moment, objects, path, sequence, text, texts, within
from probe.cluster.security import overlaid, security_context
from probe.cluster.steps import Actions, steps_of
from probe.evidence.cluster import (
    Key,
    Outcome,
    PipelineRun,
    PipelineTask,
    Result,
    Skipped,
    TaskRun,
    Workspace,
)

_MOST_TASKS = 512
_CANCELLED = re.compile(r"Cancel|StoppedRunFinally", re.IGNORECASE)
_PENDING = re.compile(r"Pending|^Started$|ResolvingTaskRef|ResolvingPipelineRef")
_TASK_RESULT = re.compile(r"\$\(tasks\.([^.()\s]{1,253})\.results[.\[]")
_DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")
_IMAGE = re.compile(
    r"(?:docker://)?(?=[^/]*[.:])[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*(?::\d{1,5})?(?:/[a-z0-9._-]{1,128}){1,8}"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_AT_A_PATH = re.compile(
    r"(?:oci-archive|oci|dir|docker-archive):/[\w./:@+-]{1,240}|/[\w./+-]{1,240}\.(?:tar|tar\.gz|tgz)"
)
_VERDICT = re.compile(r"[a-z]{2,20}(?:-[a-z]{1,20}){0,5}")
_VERDICT_NAME = re.compile(r"verdict|probe|cause", re.IGNORECASE)
_REFERENCE_NAME = re.compile(r"image|url|ref|repo|dest|archive|artifact|tar", re.IGNORECASE)
_WORKSPACE_KINDS = (
    "persistentVolumeClaim", "volumeClaimTemplate", "emptyDir", "configMap", "secret", "projected", "csi",
)  # fmt: skip


class Specs(Protocol):
    """Where the specs of what is only referred to come from; each answers with an empty object for what is unknown."""

    def task(self, namespace: str, name: str) -> Raw:
        """Of a Task or a ClusterTask."""
        ...

    def pipeline(self, namespace: str, name: str) -> Raw:
        """Of a Pipeline."""
        ...

    def actions(self, namespace: str) -> Actions:
        """Of StepActions, by name."""
        ...


class Condition(NamedTuple):
    """How a run stands."""

    outcome: Outcome
    reason: str
    message: str


def condition_of(status: Raw) -> Condition:
    """The `Succeeded` condition of a run."""
    found = next((one for one in objects(status.get("conditions"), 64) if one.get("type") == "Succeeded"), None)
    if found is None:
        return Condition(Outcome.UNKNOWN if status.get("startTime") else Outcome.PENDING, "", "")
    reason = text(found.get("reason"))
    state = found.get("status")
    if state == "True":
        outcome = Outcome.SUCCEEDED
    elif state == "False":
        outcome = Outcome.CANCELLED if _CANCELLED.search(reason) else Outcome.FAILED
    elif state == "Unknown":
        outcome = Outcome.PENDING if _PENDING.search(reason) else Outcome.RUNNING
    else:
        outcome = Outcome.UNKNOWN
    return Condition(outcome, reason, message(found.get("message")))


def task_run_of(key: Key, raw: Raw, specs: Specs) -> TaskRun:
    """A TaskRun. What Tekton resolved (`status.taskSpec`) counts before what was asked for."""
    meta, spec, status = within(raw, "metadata"), within(raw, "spec"), within(raw, "status")
    labels = mapping(meta.get("labels"))
    pipeline_run = text(labels.get("tekton.dev/pipelineRun")) or _owner(meta, "PipelineRun")
    task = text(within(spec, "taskRef").get("name")) or text(labels.get("tekton.dev/task"))
    task_spec = mapping(status.get("taskSpec")) or mapping(spec.get("taskSpec"))
    task_spec = task_spec or specs.task(key.namespace, task)
    workspaces = tuple(_bound(one) for one in objects(spec.get("workspaces"), 64))
    around = context(
        taskRun_name=key.name,
        taskRun_namespace=key.namespace,
        taskRun_uid=key.uid,
        pipelineRun_name=pipeline_run,
        pipelineRun_namespace=key.namespace if pipeline_run else "",
        pipeline_name=text(labels.get("tekton.dev/pipeline")),
        task_name=task,
    )
    values = task_values(task_spec, spec.get("params"), around, (one.name for one in workspaces))
    condition = condition_of(status)
    return TaskRun(
        key=key,
        pipeline_run=pipeline_run,
        pipeline_task=text(labels.get("tekton.dev/pipelineTask")),
        task=task,
        pod=text(status.get("podName")),
        created=moment(meta.get("creationTimestamp")),
        started=moment(status.get("startTime")),
        completed=moment(status.get("completionTime")),
        outcome=condition.outcome,
        reason=condition.reason,
        message=condition.message,
        retries=len(sequence(status.get("retriesStatus"))),
        security=security_context(within(spec, "podTemplate").get("securityContext")),
        steps=steps_of(task_spec, values, status, specs.actions(key.namespace)),
        workspaces=workspaces,
        results=tuple(_results(status.get("results") or status.get("taskResults"))),
    )


def task_values(task: Raw, given: Any, around: Values, bound: Any) -> dict[str, Any]:
    """Everything that may be replaced in a task's spec."""
    return {
        **around,
        **parameters(task.get("params"), given, around),
        **workspace_paths(task.get("workspaces"), bound),
        **declared_results(task.get("results")),
        "credentials.path": "/tekton/creds",
    }


def pipeline_run_of(key: Key, raw: Raw, specs: Specs, results: Mapping[str, str]) -> PipelineRun:
    """A PipelineRun. `results` are those of its TaskRuns: `tasks.NAME.results.RESULT`."""
    meta, spec, status = within(raw, "metadata"), within(raw, "spec"), within(raw, "status")
    pipeline = text(within(spec, "pipelineRef").get("name"))
    pipeline = pipeline or text(within(meta, "labels").get("tekton.dev/pipeline"))
    pipeline_spec = mapping(status.get("pipelineSpec")) or mapping(spec.get("pipelineSpec"))
    pipeline_spec = pipeline_spec or specs.pipeline(key.namespace, pipeline)
    workspaces = tuple(_bound(one) for one in objects(spec.get("workspaces"), 64))
    around = context(
        pipelineRun_name=key.name,
        pipelineRun_namespace=key.namespace,
        pipelineRun_uid=key.uid,
        pipeline_name=pipeline,
    )
    values = {**around, **results, **parameters(pipeline_spec.get("params"), spec.get("params"), around)}
    template = mapping(within(spec, "taskRunTemplate").get("podTemplate")) or mapping(spec.get("podTemplate"))
    own = {text(one.get("pipelineTaskName")): one for one in objects(spec.get("taskRunSpecs"), _MOST_TASKS)}

    def security(task: str) -> Raw:
        for name in ("podTemplate", "taskPodTemplate"):
            if given := mapping(own.get(task, {}).get(name)):
                return overlaid(mapping(template.get("securityContext")), mapping(given.get("securityContext")))
        return mapping(template.get("securityContext"))

    condition = condition_of(status)
    return PipelineRun(
        key=key,
        pipeline=pipeline,
        created=moment(meta.get("creationTimestamp")),
        started=moment(status.get("startTime")),
        completed=moment(status.get("completionTime")),
        outcome=condition.outcome,
        reason=condition.reason,
        message=condition.message,
        security=security_context(template.get("securityContext")),
        tasks=tuple(_tasks(pipeline_spec, values, key.namespace, specs, security)),
        workspaces=workspaces,
        skipped=tuple(
            Skipped(name=text(one.get("name")), reason=path(one.get("reason")))
            for one in objects(status.get("skippedTasks"), _MOST_TASKS)
        ),
        task_runs=tuple(_children(status)),
    )


def embedded_task_runs(raw: Raw) -> Iterator[Raw]:
    """TaskRuns as older releases kept them in the status of their PipelineRun, in the form of TaskRuns."""
    meta = within(raw, "metadata")
    embedded = within(raw, "status", "taskRuns")
    for name in list(embedded)[:_MOST_TASKS]:
        child = mapping(embedded[name])
        labels = {
            "tekton.dev/pipelineRun": meta.get("name"),
            "tekton.dev/pipelineTask": child.get("pipelineTaskName"),
        }
        yield {
            "metadata": {"name": name, "namespace": meta.get("namespace"), "labels": labels},
            "status": child.get("status"),
        }


def _tasks(
    pipeline: Raw, values: Values, namespace: str, specs: Specs, security: Callable[[str], Raw]
) -> Iterator[PipelineTask]:
    left = _MOST_TASKS
    for final, field in ((False, "tasks"), (True, "finally")):
        for task in objects(pipeline.get(field), left):
            left -= 1
            name, reference = text(task.get("name")), text(within(task, "taskRef").get("name"))
            spec = mapping(task.get("taskSpec")) or specs.task(namespace, reference)
            workspaces = tuple(_used(one) for one in objects(task.get("workspaces"), 64))
            around = {key: value for key, value in values.items() if key.startswith(("context.", "tasks."))}
            given = parameters((), task.get("params"), values)
            put_in = task_values(spec, (), around, (one.name for one in workspaces)) | given
            yield PipelineTask(
                name=name,
                run_after=texts(task.get("runAfter"), 512),
                results_of=tuple(dict.fromkeys(_results_used(task)))[:_MOST_TASKS],
                final=final,
                workspaces=workspaces,
                steps=steps_of(spec, put_in, {}, specs.actions(namespace)),
                security=security_context(security(name)),
                task=reference,
                retries=_small(task.get("retries")),
                conditional=bool(task.get("when") or task.get("conditions")),
            )


def _small(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1_000_000 else 0


def _results_used(task: Raw) -> Iterator[str]:
    """The tasks whose results stand in parameters, conditions, a matrix or a reference."""
    waiting: list[Any] = [task.get(field) for field in ("params", "when", "matrix", "taskRef", "conditions")]
    seen = 0
    while waiting and seen < 10_000:
        value = waiting.pop(0)
        seen += 1
        if isinstance(value, str):
            yield from (text(match[1]) for match in _TASK_RESULT.finditer(value))
        elif isinstance(value, dict):
            waiting[:0] = list(value.values())[:1_024]
        elif isinstance(value, list):
            waiting[:0] = value[:1_024]


def _children(status: Raw) -> Iterator[tuple[str, str]]:
    for child in objects(status.get("childReferences"), 1_024):
        if child.get("kind") in (None, "TaskRun"):
            yield text(child.get("pipelineTaskName")), text(child.get("name"))
    embedded = mapping(status.get("taskRuns"))
    if not status.get("childReferences"):
        for name in list(embedded)[:1_024]:
            yield text(mapping(embedded[name]).get("pipelineTaskName")), text(name)


def _bound(raw: Raw) -> Workspace:
    """A workspace of a run."""
    kind = next((name for name in _WORKSPACE_KINDS if isinstance(raw.get(name), dict)), "")
    claim = text(within(raw, "persistentVolumeClaim").get("claimName"))
    return Workspace(name=text(raw.get("name")), kind=kind, claim=claim or None, sub_path=path(raw.get("subPath")))


def _used(raw: Raw) -> Workspace:
    """A workspace of a pipeline's task: without a name of the run's, the one of the same name."""
    name = text(raw.get("name"))
    return Workspace(name=name, of_run=text(raw.get("workspace")) or name, sub_path=path(raw.get("subPath")))


def _owner(meta: Raw, kind: str) -> str:
    owners = (one for one in objects(meta.get("ownerReferences"), 16) if one.get("kind") == kind)
    return next((text(one.get("name")) for one in owners), "")


def _results(raw: Any) -> Iterator[Result]:
    """Those that are a digest, an image or a verdict; any other value might be a secret."""
    for result in objects(raw, 64):
        name, value = text(result.get("name")), result.get("value")
        if not isinstance(value, str) or len(value) > 250:
            continue
        value = value.strip()
        image = _IMAGE.fullmatch(value) and _REFERENCE_NAME.search(name)
        verdict = _VERDICT.fullmatch(value) and _VERDICT_NAME.search(name)
        if _DIGEST.fullmatch(value) or _AT_A_PATH.fullmatch(value) or image or verdict:
            yield Result(name=name, value=value)


def result_values(task_run: Raw) -> dict[str, str]:
    """`tasks.NAME.results.RESULT` of one TaskRun, to be put in where a later task uses them; not kept themselves."""
    task = text(within(task_run, "metadata", "labels").get("tekton.dev/pipelineTask"))
    status = within(task_run, "status")
    found = {}
    for result in objects(status.get("results") or status.get("taskResults"), 64):
        value = result.get("value")
        if task and isinstance(value, str) and len(value) <= 4_096:
            found[f"tasks.{task}.results.{text(result.get('name'))}"] = value.strip()
    return found
