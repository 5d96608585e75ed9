"""Objects of the API, as JSON, put together to one `Cluster`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from probe import __version__
from probe.cluster.describe import described_pods
from probe.cluster.notices import notice_of
from probe.cluster.pods import pod_of
from probe.cluster.raw import Raw, mapping, path, text, within
from probe.cluster.runs import embedded_task_runs, pipeline_run_of, result_values, task_run_of
from probe.cluster.steps import Actions
from probe.cluster.storage import claim_of, driver_of, namespace_of, storage_class_of, volume_of
from probe.evidence.cluster import MAX_NOTICES, MAX_OBJECTS, Cluster, Key, Notice, Pod
from probe.evidence.report import Tool

MAX_PROBLEMS = 256
_MOST_ITEMS = 100_000
"""Items of one List that are looked at."""
_MOST_EVENTS = 4 * MAX_NOTICES
_GROUPS: dict[str, tuple[str, ...]] = {
    "PipelineRun": ("tekton.dev",),
    "TaskRun": ("tekton.dev",),
    "Pipeline": ("tekton.dev",),
    "Task": ("tekton.dev",),
    "ClusterTask": ("tekton.dev",),
    "StepAction": ("tekton.dev",),
    "Pod": ("",),
    "PersistentVolumeClaim": ("",),
    "PersistentVolume": ("",),
    "Namespace": ("",),
    "Event": ("", "events.k8s.io"),
    "StorageClass": ("storage.k8s.io",),
    "CSIDriver": ("storage.k8s.io",),
}
"""The kinds that tell something, and the API groups they belong to. All others are passed over unread."""

_Model = TypeVar("_Model")


class Collector:
    """Takes objects one after the other; each object counts once, the last state of it that was taken."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        """A sentence for each thing that could not be used."""
        self._objects: dict[str, dict[tuple[str, ...], tuple[Key, Raw]]] = {kind: {} for kind in _GROUPS}
        self._described: dict[tuple[str, str], Pod] = {}
        self._told: list[Notice] = []
        self._full: set[str] = set()

    @property
    def empty(self) -> bool:
        """Whether no object was taken."""
        return not (any(self._objects.values()) or self._described)

    def take(self, document: Any, source: str) -> bool:
        """Take one object, a List or an array of them. False: it is none of the API, and nothing was taken.

        Never raises. An object of a kind that tells nothing is passed over: a Secret is never looked into.
        """
        if isinstance(document, list):
            taken = [self._take_one(one, f"{source}: item {n}") for n, one in enumerate(document[:_MOST_ITEMS], 1)]
            return any(taken)
        if _is_list(document):
            return self._take_list(document, source)
        return self._take_one(document, source)

    def take_description(self, text: str, source: str) -> bool:
        """Take what `kubectl describe pod` printed, of one pod or several. False: it is something else.

        Never raises.
        """
        taken = False
        for description in described_pods(text, path(source)):
            taken = True
            if len(self._described) < MAX_OBJECTS:
                self._described[description.pod.key.namespace, description.pod.key.name] = description.pod
            if len(self._told) < MAX_NOTICES:
                self._told += description.notices
        return taken

    def cluster(self) -> Cluster:
        """All that was taken."""
        specs = _Specs(self._objects)
        task_runs = self._task_runs()
        results = _results_by_run(task_runs)

        def build_run(key: Key, raw: Raw) -> Any:
            return pipeline_run_of(key, raw, specs, results.get((key.namespace, key.name), {}))

        runs = self._built("PipelineRun", build_run)
        tasks = self._built("TaskRun", lambda key, raw: task_run_of(key, raw, specs), task_runs)
        pods = self._built("Pod", pod_of)
        known = {(pod.key.namespace, pod.key.name) for pod in pods}
        pods += [pod for name, pod in self._described.items() if name not in known]
        return Cluster(
            tool=Tool(version=__version__),
            runs=tuple(runs),
            tasks=tuple(tasks),
            pods=tuple(pods[:MAX_OBJECTS]),
            claims=tuple(self._built("PersistentVolumeClaim", claim_of)),
            volumes=tuple(self._built("PersistentVolume", volume_of)),
            storage_classes=tuple(self._built("StorageClass", storage_class_of)),
            drivers=tuple(self._built("CSIDriver", driver_of)),
            namespaces=tuple(self._built("Namespace", namespace_of)),
            notices=tuple(self._notices()),
            problems=tuple(path(problem) for problem in self.problems[:MAX_PROBLEMS]),
        )

    # -- taking

    def _take_list(self, document: Raw, source: str) -> bool:
        items = document.get("items")
        kind = text(document.get("kind")).removesuffix("List")
        if not isinstance(items, list):
            self._problem(f"{source}: a {text(document.get('kind'))} whose items are no array")
            return True
        for number, item in enumerate(items[:_MOST_ITEMS], 1):
            where = f"{source}: item {number}"
            if isinstance(item, dict) and kind and "kind" not in item:  # as the API has them in a list of one kind
                item = {**item, "kind": kind, "apiVersion": document.get("apiVersion")}
            if not self._take_one(item, where):
                self._problem(f"{where} is no object of the API")
        if len(items) > _MOST_ITEMS:
            self._problem(f"{source}: more than {_MOST_ITEMS} items; the rest is left out")
        return True

    def _take_one(self, document: Any, source: str) -> bool:
        if not _is_object(document):
            return False
        kind, group = document["kind"], text(document.get("apiVersion")).rpartition("/")[0]
        if kind not in _GROUPS or ("apiVersion" in document and group not in _GROUPS[kind]):
            return True
        meta = within(document, "metadata")
        name = text(meta.get("name"))
        if not name:
            self._problem(f"{source}: a {kind} without a name")
            return True
        key = Key(name=name, namespace=text(meta.get("namespace")), uid=text(meta.get("uid")), source=path(source))
        self._keep(kind, key, document)
        return True

    def _keep(self, kind: str, key: Key, document: Raw) -> None:
        known = self._objects[kind]
        identity = (key.namespace, key.name, key.uid)
        before = known.get(identity)
        if before is not None and _version(before[1]) > _version(document):
            return
        most = _MOST_EVENTS if kind == "Event" else MAX_OBJECTS
        if before is None and len(known) >= most:
            if kind not in self._full:
                self._problem(f"more than {most} objects of the kind {kind}; the rest is left out")
            self._full.add(kind)
            return
        known[identity] = key, _without_annotations(document)

    def _problem(self, sentence: str) -> None:
        if len(self.problems) < MAX_PROBLEMS and sentence not in self.problems:
            self.problems.append(sentence)

    # -- putting together

    def _task_runs(self) -> list[tuple[Key, Raw]]:
        """Those that were given, and those that only stand in the status of their PipelineRun."""
        found = list(self._objects["TaskRun"].values())
        names = {(key.namespace, key.name) for key, _ in found}
        for key, raw in self._objects["PipelineRun"].values():
            for child in embedded_task_runs(raw):
                name = text(within(child, "metadata").get("name"))
                if (key.namespace, name) not in names and name:
                    found.append((Key(name=name, namespace=key.namespace, source=key.source), child))
        return found[:MAX_OBJECTS]

    def _built(
        self, kind: str, build: Callable[[Key, Raw], _Model], given: list[tuple[Key, Raw]] | None = None
    ) -> list[_Model]:
        built = []
        for key, raw in self._objects[kind].values() if given is None else given:
            try:
                built.append(build(key, raw))
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                where = "/".join(map(str, first["loc"]))
                self._problem(f"{key.source}: the {kind} {key.name} is not valid at {where}: {first['msg']}")
        return built

    def _notices(self) -> list[Notice]:
        """Warnings first where there are too many, then in the order of time."""
        found = [notice_of(raw, key.source) for key, raw in self._objects["Event"].values()]
        said = {(one.name, one.reason, one.message) for one in found}
        found += [one for one in self._told if (one.name, one.reason, one.message) not in said]
        found.sort(key=lambda one: (not one.warning, -(one.last or 0)))
        return sorted(found[:MAX_NOTICES], key=lambda one: one.first or one.last or 0)


class _Specs:
    """Specs of Tasks, Pipelines and StepActions by name, of the objects that were taken."""

    def __init__(self, objects: dict[str, dict[tuple[str, ...], tuple[Key, Raw]]]) -> None:
        self._specs: dict[tuple[str, str, str], Raw] = {}
        for kind in ("ClusterTask", "Task", "Pipeline", "StepAction"):
            for key, raw in objects[kind].values():
                self._specs[kind, key.namespace, key.name] = mapping(raw.get("spec"))

    def task(self, namespace: str, name: str) -> Raw:
        return self._specs.get(("Task", namespace, name)) or self._specs.get(("ClusterTask", "", name), {})

    def pipeline(self, namespace: str, name: str) -> Raw:
        return self._specs.get(("Pipeline", namespace, name), {})

    def actions(self, namespace: str) -> Actions:
        return lambda name: self._specs.get(("StepAction", namespace, name), {})


def _results_by_run(task_runs: list[tuple[Key, Raw]]) -> dict[tuple[str, str], dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for key, raw in task_runs:
        run = text(within(raw, "metadata", "labels").get("tekton.dev/pipelineRun"))
        found.setdefault((key.namespace, run), {}).update(result_values(raw))
    return found


def _is_list(document: Any) -> bool:
    """`List`, `PodList`: what has items and an API version, and is no object itself."""
    return (
        isinstance(document, dict)
        and isinstance(document.get("kind"), str)
        and document["kind"].endswith("List")
        and ("items" in document or isinstance(document.get("apiVersion"), str))
    )


def _is_object(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("kind"), str)
        and (isinstance(document.get("apiVersion"), str) or (document["kind"] in _GROUPS and "metadata" in document))
    )


def _version(raw: Raw) -> int:
    """Which state of an object it is; 0 where that cannot be told, so that the later one taken counts."""
    version = text(within(raw, "metadata").get("resourceVersion"))
    return int(version) if version.isascii() and version.isdigit() and len(version) < 20 else 0


def _without_annotations(document: Raw) -> Raw:
    """Without what may be large or secret and is never needed."""
    meta = mapping(document.get("metadata"))
    notes = {key: value for key, value in mapping(meta.get("annotations")).items() if key.startswith("openshift.io/")}
    slim = {key: value for key, value in meta.items() if key not in ("managedFields", "annotations")}
    return {**document, "metadata": {**slim, "annotations": notes}}
