"""All of one PipelineRun that bears on a hand-over, and nothing else: objects and logs, as the API has them.

What is forbidden, gone or late costs one sentence that says what is not seen without it; the rest is used.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from probe.cluster.client import (
    CLAIM,
    DRIVER,
    EVENT,
    NAMESPACE,
    PIPELINE_RUN,
    POD,
    STORAGE_CLASS,
    TASK_RUN,
    VOLUME,
    Api,
    Kind,
    Listed,
)
from probe.cluster.failures import ApiError, Failure
from probe.cluster.logs import fetch_logs, log_sources

RUN_LABEL = "tekton.dev/pipelineRun"
MAX_NAMED = 64
"""Claims, volumes, classes and drivers that are asked for."""
_AT_ONCE = 6
_NAMES_SHOWN = 5
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_ROLE = "container/rbac/role.yaml"
_WITHOUT = {
    TASK_RUN: "without them results, retries and the steps' times are not seen",
    POD: "without them identities, volumes and the containers' times are not seen, and no logs",
    EVENT: "without them mount, attach and scheduling errors are not seen",
    CLAIM: "without it the volume behind the claim is not seen",
    VOLUME: "without it the volume's driver and kind are not seen",
    STORAGE_CLASS: "without it the provisioner of the volume is not seen",
    DRIVER: "without it nothing says whether kubelet applies an fsGroup to the volume",
    NAMESPACE: "without it the ids that OpenShift gives to its pods are not seen",
}
_EVERYWHERE = (VOLUME, STORAGE_CLASS, DRIVER)
"""Kinds that belong to no namespace: a Role cannot grant them. (That of its own namespace it can.)"""
_OTHERS = "without them another pod that rewrites the volume's ownership is not seen"

T = TypeVar("T")


class NoRunError(Exception):
    """There is no such PipelineRun. The text says which there are."""


@dataclass
class Fetched:
    """What was had. `taken` is nanoseconds since the epoch, when the asking began."""

    taken: int
    objects: list[dict[str, Any]] = field(default_factory=list)
    logs: list[tuple[str, str]] = field(default_factory=list)
    """Name (`POD.CONTAINER.log`) and text."""
    problems: list[str] = field(default_factory=list)
    """A sentence for each thing that was not to be had."""


def is_name(text: str) -> bool:
    """Whether an object or a namespace of the API can be called so (RFC 1123); anything else may not enter a URL."""
    return _NAME.fullmatch(text) is not None


def fetch_run(api: Api, name: str, *, logs: bool = True) -> Fetched:
    """The run `name` and everything around it. Raises NoRunError, or ApiError when not even the run is to be had."""
    fetched = Fetched(time.time_ns())
    run = get_run(api, name)
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch")
    try:
        _Fetching(api, fetched, pool).fetch(run, logs=logs)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return fetched


def get_run(api: Api, name: str) -> dict[str, Any]:
    """The PipelineRun alone. Raises NoRunError or ApiError."""
    try:
        return api.get(PIPELINE_RUN, name)
    except ApiError as error:
        if error.failure is Failure.ABSENT:
            raise NoRunError(f"no PipelineRun {name} in {api.namespace}{_others(api)}") from None
        if error.failure is Failure.NOT_SERVED:
            what = (
                f"{api.server} does not serve tekton.dev/v1: is this the right cluster? (Tekton before 0.44 lacks it)"
            )
            raise ApiError(error.failure, what) from None
        if error.failure is Failure.FORBIDDEN:
            what = f"{api.where}: may not get pipelineruns in {api.namespace} (403), or there is no such namespace"
            raise ApiError(error.failure, f"{what}; the Role in {_ROLE} grants it") from None
        raise


def _others(api: Api) -> str:
    """The names that exist, youngest first."""
    try:
        listed = api.list(PIPELINE_RUN, most=1_000)
    except ApiError:
        return ""
    born = sorted(((str(_at(one, "metadata", "creationTimestamp")), _name(one)) for one in listed.items), reverse=True)
    names = [name for _, name in born]
    if not names:
        return ", nor any other there: is it the right namespace (-n)?"
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"; there are {', '.join(names[:_NAMES_SHOWN])}{more}"


class _Fetching:
    """One run of questions in rounds: each needs the answers of the one before."""

    def __init__(self, api: Api, fetched: Fetched, pool: ThreadPoolExecutor) -> None:
        self._api, self._fetched, self._pool = api, fetched, pool

    def fetch(self, run: dict[str, Any], *, logs: bool) -> None:
        """All rounds. Logs come last: they are the largest, and must not use up the time of the rest."""
        api, name = self._api, _name(run)
        listed = self._lists(
            (TASK_RUN, f"{RUN_LABEL}={name}", _WITHOUT[TASK_RUN]),
            (POD, f"{RUN_LABEL}={name}", _WITHOUT[POD]),
            (POD, f"{RUN_LABEL}!={name}", _OTHERS),
            (EVENT, "", _WITHOUT[EVENT]),
        )
        task_runs, pods, others, events = listed
        wanted = _texts(claim for one in (run, *task_runs, *pods) for claim in _claims(one))
        sharing = [pod for pod in others if not set(wanted).isdisjoint(_claims(pod))]
        claims = self._named(CLAIM, wanted)
        volumes = self._named(VOLUME, _texts(_at(one, "spec", "volumeName") for one in claims))
        classes = self._named(STORAGE_CLASS, _texts(_at(one, "spec", "storageClassName") for one in claims))
        made = [_at(one, "spec", "csi", "driver") for one in volumes] or [_at(one, "provisioner") for one in classes]
        drivers = self._named(DRIVER, _texts(one for one in made if isinstance(one, str) and "/" not in one))
        namespaces = self._named(NAMESPACE, [api.namespace])
        about = [run, *task_runs, *pods, *sharing, *claims, *volumes]
        keys = {(_at(one, "kind"), _name(one)) for one in about}
        concerned = [one for one in events if _subject(one) in keys]
        self._fetched.objects += [*about, *classes, *drivers, *namespaces, *concerned]
        self._fetched.problems += _gone(task_runs, pods)
        if logs:
            texts, problems = fetch_logs(api, log_sources(pods), self._pool)
            self._fetched.logs += texts
            self._fetched.problems += problems

    def _lists(self, *wanted: tuple[Kind, str, str]) -> list[list[dict[str, Any]]]:
        """A list for each kind and selector; what is missing without it goes into a sentence."""
        found: list[list[dict[str, Any]]] = []
        for (kind, labels, without), answer in zip(wanted, self._all(self._api.list, wanted), strict=True):
            if isinstance(answer, Listed):
                found.append(answer.items)
                if answer.cut:
                    which = f" ({labels})" if labels else ""
                    self._say(f"more than {len(answer.items)} {kind.plural}{which}: the rest is left out")
            else:
                found.append([])
                self._say(_sentence("list", kind, self._api, [], answer, without))
        return found

    def _named(self, kind: Kind, names: list[str]) -> list[dict[str, Any]]:
        """These objects; for what fails in the same way one sentence."""
        usable = [name for name in names if is_name(name)][:MAX_NAMED]
        if len(usable) < len(names):
            self._say(
                f"{len(names) - len(usable)} {kind.plural} left out: more than {MAX_NAMED}, or no names of the API"
            )
        found = []
        failed: dict[Failure, tuple[ApiError, list[str]]] = {}
        for name, answer in zip(usable, self._all(self._api.get, ((kind, name) for name in usable)), strict=True):
            if isinstance(answer, ApiError):
                failed.setdefault(answer.failure, (answer, []))[1].append(name)
            else:
                found.append(answer)
        for error, missed in failed.values():
            self._say(_sentence("get", kind, self._api, missed, error, _WITHOUT[kind]))
        return found

    def _all(self, ask: Callable[..., T], wanted: Iterable[tuple[Any, ...]]) -> list[T | ApiError]:
        def try_it(arguments: tuple[Any, ...]) -> T | ApiError:
            try:
                return ask(*arguments[:2])
            except ApiError as error:
                return error

        return list(self._pool.map(try_it, wanted))

    def _say(self, sentence: str) -> None:
        if sentence not in self._fetched.problems:
            self._fetched.problems.append(sentence)


def _sentence(verb: str, kind: Kind, api: Api, names: list[str], error: ApiError, without: str) -> str:
    """What could not be had, why, what it costs, and what would help."""
    which = f" {', '.join(names[:_NAMES_SHOWN])}" + (" ..." if len(names) > _NAMES_SHOWN else "") if names else ""
    if error.failure is Failure.FORBIDDEN:
        place, role = ("", "the ClusterRole") if kind in _EVERYWHERE else (f" in {api.namespace}", "the Role")
        return f"may not {verb} {kind.plural}{which}{place} (403): {without}; {role} in {_ROLE} grants it"
    if error.failure is Failure.ABSENT:
        return f"{kind.name}{which} is no longer there (404): {without}"
    return f"{kind.plural}{which}: {error}; {without}"


def _gone(task_runs: list[dict[str, Any]], pods: list[dict[str, Any]]) -> list[str]:
    """Pods that were removed since: nothing brings back what only they knew."""
    there = {_name(pod) for pod in pods}
    names = [_at(one, "status", "podName") for one in task_runs] if pods else []
    lost = [name for name in _texts(names) if name not in there]
    if not lost:
        return []
    which = ", ".join(lost[:_NAMES_SHOWN]) + (" ..." if len(lost) > _NAMES_SHOWN else "")
    return [f"pod {which} no longer exists: its identity, volumes and log are not seen"]


def _claims(document: dict[str, Any]) -> Iterator[str]:
    """The names of the claims that a run, a TaskRun or a pod names itself."""
    spec = document.get("spec")
    for field_name in ("volumes", "workspaces"):
        entries = _at(spec, field_name)
        for entry in entries if isinstance(entries, list) else ():
            name = _at(entry, "persistentVolumeClaim", "claimName")
            if isinstance(name, str):
                yield name
            elif isinstance(_at(entry, "ephemeral"), dict):
                yield f"{_name(document)}-{_at(entry, 'name')}"


def _subject(event: dict[str, Any]) -> tuple[Any, Any]:
    about = event.get("involvedObject")
    return _at(about, "kind"), _at(about, "name")


def _name(document: dict[str, Any]) -> str:
    return str(_at(document, "metadata", "name") or "")


def _texts(found: Iterable[Any]) -> list[str]:
    """The texts among them, once each, in their order."""
    return list(dict.fromkeys(one for one in found if isinstance(one, str) and one))


def _at(document: Any, *names: str) -> Any:
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document
