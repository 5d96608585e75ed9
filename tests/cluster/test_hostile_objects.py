"""Objects in which anything may stand anywhere: a cluster all the same, no exception, and no secret in it."""

from __future__ import annotations

import copy
import json
from functools import cache
from random import Random
from typing import Any

import pytest
from cluster.conftest import CAPTURES
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.cluster.objects import Collector
from probe.evidence.cluster import Cluster

CANARY = "c4n4ry"
NAMES = ("02-fail-dir-0700", "13-race-detached-writer", "20-two-pvcs")
ODD: list[Any] = [
    None, True, 0, -1, 2**63, 10**400, 1.5, "", "x" * 5_000, "\ud800", "$(params.x)", "2026-13-45T99:00:00Z", "\0",
    [], {}, [None], {"name": 1}, [{"name": ["x"]}], {"": ""}, [[[[[]]]]], {"kind": "Pod", "apiVersion": "v1"},
]  # fmt: skip


@cache
def documents(name: str) -> list[Any]:
    files = sorted((CAPTURES / name).glob("*.json"))
    return [json.loads(file.read_text()) for file in files if file.name != "events.json"]


def places(tree: Any) -> list[tuple[Any, Any]]:
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            found.append((node, key))
            waiting.append(node[key])
    return found


def cluster_of(trees: list[Any]) -> Cluster:
    collector = Collector()
    for number, tree in enumerate(trees):
        collector.take(tree, f"file{number}")
    assert len(collector.problems) <= 256
    cluster = collector.cluster()
    assert Cluster.model_validate_json(cluster.model_dump_json(by_alias=True)) == cluster
    return cluster


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(NAMES), st.integers(0, 2**32))
def test_changed_anywhere_it_never_raises(name: str, seed: int) -> None:
    chance = Random(seed)
    trees = copy.deepcopy(documents(name))
    for _ in range(chance.randint(1, 40)):
        node, key = chance.choice(places(trees))
        if node is not trees and chance.random() < 0.2:
            del node[key]
        else:
            node[key] = copy.deepcopy(chance.choice(ODD))
    cluster_of(trees)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(
    JSON, st.sampled_from(["Pod", "TaskRun", "PipelineRun", "Event", "PersistentVolume", "List", "Task", "Namespace"])
)
def test_any_json_never_raises(value: Any, kind: str) -> None:
    version = "tekton.dev/v1" if kind in ("TaskRun", "PipelineRun", "Task") else "v1"
    whole = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": value, "status": value}
    cluster_of([value, whole, {**whole, "metadata": value}, {**whole, "items": value}])


@pytest.mark.parametrize("name", NAMES)
def test_secrets_never_enter(name: str) -> None:
    trees = copy.deepcopy(documents(name))
    planted = 0
    for tree in trees:
        for node, key in places(tree):
            if isinstance(node, dict) and key == "metadata" and isinstance(node[key], dict):
                node[key].setdefault("annotations", {})["note"] = CANARY
                node[key].setdefault("labels", {})["note"] = CANARY
            elif isinstance(node, dict) and key in ("containers", "initContainers", "steps", "sidecars"):
                for container in node[key] if isinstance(node[key], list) else ():
                    container["env"] = [{"name": "PASSWORD", "value": CANARY}]
                    if "args" in container and container.get("name") != "place-scripts":
                        container["args"] = [*container["args"], CANARY, f"--password={CANARY}"]
                    if "script" in container:
                        line = f"skopeo copy --dest-creds u:{CANARY} --x {CANARY} oci:/w/i dir:/w/j"
                        container["script"] += f"\nexport TOKEN={CANARY}\n{line}\ncurl -H {CANARY} x > /w/x.tar\n"
                    planted += 1
            elif isinstance(node, dict) and key == "params":
                node[key] = [*(node[key] or []), {"name": "secret", "value": CANARY, "default": CANARY}]
    assert planted > 10
    text = cluster_of(trees).model_dump_json()
    assert CANARY not in text
    assert "oci:/w/i" in text


def test_a_file_that_is_cut_off() -> None:
    text = (CAPTURES / NAMES[1] / "pods.json").read_text()
    tree = json.loads(text)
    tree["items"] = [tree["items"][0], {"kind": "Pod", "apiVersion": "v1", "metadata": None}, None, tree["items"][1]]
    cluster = cluster_of([tree])
    assert len(cluster.pods) == 2 and len(cluster.problems) == 2


def test_depth_and_width() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = {"a": [deep]}
    wide = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "w"}, "spec": {"containers": [{}] * 5_000}}
    volumes = [{"name": str(number), "emptyDir": {}} for number in range(5_000)]
    wide["spec"]["volumes"] = volumes  # type: ignore[index]
    tasks = [{"name": str(number), "params": deep, "when": [deep]} for number in range(600)]
    run = {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": {"name": "r"}}
    cluster = cluster_of([wide, {**run, "spec": {"pipelineSpec": {"tasks": tasks}}}])
    assert len(cluster.pods[0].containers) == len(cluster.pods[0].volumes) == 256
    assert len(cluster.runs[0].tasks) == 512
