"""Objects of real runs, and a hand for making others."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from probe.cluster.objects import Collector
from probe.evidence.cluster import Cluster, Pod, TaskRun

CAPTURES = Path(__file__).parents[1] / "captures"


@cache
def captured(name: str) -> Cluster:
    """All objects of one capture."""
    collector = Collector()
    for file in sorted((CAPTURES / name).glob("*.json")):
        assert collector.take(json.loads(file.read_text()), file.name)
    assert collector.problems == []
    return collector.cluster()


@cache
def described(name: str) -> Cluster:
    """All `kubectl describe pod` of one capture."""
    collector = Collector()
    for file in sorted((CAPTURES / name / "logs").glob("*.describe.txt")):
        assert collector.take_description(file.read_text(), file.name)
    return collector.cluster()


def task(cluster: Cluster, name: str) -> TaskRun:
    return next(one for one in cluster.tasks if one.pipeline_task == name)


def pod(cluster: Cluster, name: str) -> Pod:
    return next(one for one in cluster.pods if one.pipeline_task == name or one.key.name == name)


@pytest.fixture
def collect() -> Callable[..., Cluster]:
    """What comes of these objects."""

    def run(*documents: Any) -> Cluster:
        collector = Collector()
        for number, document in enumerate(documents, 1):
            collector.take(document, f"file{number}.json")
        return collector.cluster()

    return run


def tekton(kind: str, name: str, spec: Any = None, status: Any = None, **meta: Any) -> dict[str, Any]:
    """One object of Tekton."""
    version = meta.pop("version", "v1")
    metadata = {"name": name, "namespace": "ns", **meta}
    return {"apiVersion": f"tekton.dev/{version}", "kind": kind, "metadata": metadata, "spec": spec, "status": status}
