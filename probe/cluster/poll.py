"""A run as it stands now, in few requests: what the board asks for every few seconds."""

from __future__ import annotations

from typing import Any

from probe.cluster.client import EVENT, POD, TASK_RUN, Api, Kind
from probe.cluster.failures import ApiError, Failure
from probe.cluster.fetch import RUN_LABEL, get_run
from probe.cluster.objects import Collector
from probe.evidence.base import clip
from probe.evidence.cluster import Cluster

_MOST_PENDING = 16
"""Pods that wait, whose events are asked for."""
_WITHOUT = {
    TASK_RUN: "the board knows no more than the run itself",
    POD: "what a task waits for is not seen",
    EVENT: "why a pod waits is not seen",
}
_OF_THE_API = (Failure.UNREACHABLE, Failure.TIMEOUT, Failure.UNAUTHORIZED)
"""What fails for one question fails for all: no half board."""


def look(api: Api, name: str) -> Cluster:
    """The run, its TaskRuns and pods, and the events of pods that wait. Raises NoRunError or ApiError.

    `problems` says what else could not be had.
    """
    collector = Collector()
    collector.take(get_run(api, name), "")
    mine = f"{RUN_LABEL}={name}"
    for document in _list(api, TASK_RUN, collector, mine):
        collector.take(document, "")
    waiting = []
    for pod in _list(api, POD, collector, mine):
        collector.take(pod, "")
        status, metadata = pod.get("status"), pod.get("metadata")
        if isinstance(status, dict) and status.get("phase") == "Pending" and isinstance(metadata, dict):
            waiting.append(metadata.get("name"))
    for pod_name in waiting[:_MOST_PENDING]:
        about = f"involvedObject.kind=Pod,involvedObject.name={pod_name}"
        for document in _list(api, EVENT, collector, "", about):
            collector.take(document, "")
    return collector.cluster()


def _list(api: Api, kind: Kind, collector: Collector, labels: str, fields: str = "") -> list[dict[str, Any]]:
    try:
        return api.list(kind, labels, fields).items
    except ApiError as error:
        if error.failure in _OF_THE_API:
            raise
        why = f"may not list {kind.plural} in {api.namespace} (403)"
        if error.failure is not Failure.FORBIDDEN:
            why = f"{kind.plural}: {error}"
        sentence = clip(f"{why}: {_WITHOUT[kind]}")
        if sentence not in collector.problems:
            collector.problems.append(sentence)
        return []
