"""Files of objects in any order, of any kind, more than once: each counts once, and what is of no use is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cluster.conftest import CAPTURES, tekton

from probe.cluster.objects import MAX_PROBLEMS, Collector
from probe.evidence.cluster import MAX_OBJECTS, Cluster


def thing(kind: str, name: str = "x", version: str = "v1", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "ns"}, **fields}


@pytest.mark.parametrize(
    "document",
    [
        {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"},
        {"kind": "memory", "value": 3},
        [{"key": "StartedAt", "value": "x", "type": 3}],
        {"schema": "pod-probe/report/v1"},
        [],
        {},
        3,
        None,
        "Pod",
    ],
)
def test_other_json_is_not_taken(document: Any) -> None:
    collector = Collector()
    assert not collector.take(document, "f")
    assert collector.empty and collector.problems == []


@pytest.mark.parametrize(
    "document",
    [
        thing("Secret", data={"password": "aHVudGVyMg=="}),
        thing("ConfigMap", data={"a": "hunter2"}),
        thing("ServiceAccount"),
        thing("Node"),
        thing("Deployment", version="apps/v1"),
        thing("Task", version="other.io/v1"),
    ],
)
def test_kinds_that_tell_nothing_are_passed_over(document: Any) -> None:
    collector = Collector()
    assert collector.take(document, "f")
    assert collector.empty and collector.problems == []
    assert "hunter2" not in repr(vars(collector)) and "aHVudGVyMg" not in repr(vars(collector))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda pods: {"apiVersion": "v1", "kind": "List", "items": pods},
        lambda pods: {
            "apiVersion": "v1",
            "kind": "PodList",
            "items": [{key: pod[key] for key in pod if key not in ("kind", "apiVersion")} for pod in pods],
        },
        lambda pods: pods,
    ],
    ids=["List", "PodList", "array"],
)
def test_lists(wrap: Any) -> None:
    collector = Collector()
    assert collector.take(wrap([thing("Pod", "a"), thing("Pod", "b")]), "pods.json")
    pods = collector.cluster().pods
    assert [pod.key.name for pod in pods] == ["a", "b"]
    assert [pod.key.source for pod in pods] == ["pods.json: item 1", "pods.json: item 2"]


def test_the_state_with_the_higher_resource_version_counts() -> None:
    def state(version: str, phase: str) -> dict[str, Any]:
        return {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {"name": "a", "uid": "u", "resourceVersion": version},
            "status": {"phase": phase},
        }

    for order in ((0, 1), (1, 0)):
        collector = Collector()
        states = [state("9", "Running"), state("10", "Failed")]
        for number in order:
            collector.take(states[number], "f")
        assert [pod.phase for pod in collector.cluster().pods] == ["Failed"]
    collector = Collector()
    for one in (state("x", "Running"), state("", "Failed")):
        collector.take(one, "f")
    assert [pod.phase for pod in collector.cluster().pods] == ["Failed"], "the later one"


def test_two_pods_of_one_name_are_two() -> None:
    collector = Collector()
    for uid in "ab":
        collector.take({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "n", "uid": uid}}, "f")
    assert [pod.key.uid for pod in collector.cluster().pods] == ["a", "b"]


def test_an_object_wins_over_its_description() -> None:
    name = "16-root-without-dac-override"
    collector = Collector()
    for file in sorted((CAPTURES / name / "logs").glob("*.describe.txt")):
        collector.take_description(file.read_text(), file.name)
    pods = json.loads((CAPTURES / name / "pods.json").read_text())
    described = collector.cluster().pods
    del pods["items"][1:]
    collector.take(pods, "pods.json")
    both = collector.cluster().pods
    assert len(both) == len(described)
    assert [pod.key.source.partition(":")[0] for pod in both].count("pods.json") == 1
    assert both[0].security.fs_group == 1000970000


def test_what_cannot_be_used_is_said() -> None:
    collector = Collector()
    assert collector.take({"kind": "List", "apiVersion": "v1", "items": {}}, "a.json")
    assert collector.take({"kind": "Pod", "apiVersion": "v1"}, "b.json")
    assert collector.take({"kind": "List", "apiVersion": "v1", "items": [1, thing("Pod")]}, "c.json")
    assert collector.problems == [
        "a.json: a List whose items are no array",
        "b.json: a Pod without a name",
        "c.json: item 1 is no object of the API",
    ]
    cluster = collector.cluster()
    assert [pod.key.name for pod in cluster.pods] == ["x"] and cluster.problems == tuple(collector.problems)


def test_it_is_bounded() -> None:
    collector = Collector()
    collector.take([thing("Pod", str(number)) for number in range(MAX_OBJECTS + 10)], "f")
    collector.take({"kind": "List", "apiVersion": "v1", "items": [None] * 5_000}, "g")
    cluster = collector.cluster()
    assert len(cluster.pods) == MAX_OBJECTS
    assert collector.problems[0] == f"more than {MAX_OBJECTS} objects of the kind Pod; the rest is left out"
    assert len(cluster.problems) == MAX_PROBLEMS


def test_asked_twice_it_says_the_same() -> None:
    collector = Collector()
    collector.take([tekton("TaskRun", "t", {}, {})], "f")
    assert collector.cluster() == collector.cluster()


def test_events_of_both_apis() -> None:
    collector = Collector()
    collector.take(
        thing(
            "Event",
            type="Warning",
            reason="FailedMount",
            message="Unable to mount: password=hunter2",
            involvedObject={"kind": "Pod", "name": "p", "namespace": "ns"},
            firstTimestamp="2026-11-21T17:32:34Z",
            lastTimestamp="2026-11-21T17:33:34Z",
            count=4,
        ),
        "f",
    )
    collector.take(
        thing(
            "Event",
            "y",
            "events.k8s.io/v1",
            reason="FailedAttachVolume",
            note="Multi-Attach error for volume",
            regarding={"kind": "Pod", "name": "p", "namespace": "ns"},
            eventTime="2026-11-21T17:32:40.618836Z",
            series={"count": 3, "lastObservedTime": "2026-11-21T17:40:00.000000Z"},
        ),
        "f",
    )
    first, second = collector.cluster().notices
    assert (first.reason, first.warning, first.count, first.kind) == ("FailedMount", True, 4, "Pod")
    assert "hunter2" not in first.message
    assert (second.message, second.count, second.name) == ("Multi-Attach error for volume", 3, "p")
    assert second.last is not None and second.first is not None and second.last > second.first


def test_storage_and_namespaces() -> None:
    collector = Collector()
    collector.take(
        [
            thing("CSIDriver", version="storage.k8s.io/v1", spec={"fsGroupPolicy": "None"}),
            thing("StorageClass", version="storage.k8s.io/v1", provisioner="p", volumeBindingMode="Immediate"),
            thing("PersistentVolume", spec={"nfs": {"server": "s", "path": "/e"}, "accessModes": ["ReadWriteMany"]}),
            {
                "kind": "Namespace",
                "apiVersion": "v1",
                "metadata": {
                    "name": "ns",
                    "annotations": {
                        "openshift.io/sa.scc.uid-range": "1000970000/10000",
                        "openshift.io/sa.scc.supplemental-groups": "1000970000-1000979999,5-6",
                        "openshift.io/sa.scc.mcs": "s0:c31,c20",
                        "note": "hunter2",
                    },
                },
            },
        ],
        "f",
    )
    cluster: Cluster = collector.cluster()
    assert (cluster.drivers[0].fs_group_policy, cluster.storage_classes[0].binding) == ("None", "Immediate")
    assert (cluster.volumes[0].kind, cluster.volumes[0].handle) == ("nfs", "s:/e")
    space = cluster.namespaces[0]
    assert space.uid_range == space.group_range == (1000970000, 10000)
    assert space.se_linux == "s0:c31,c20"
    assert "hunter2" not in cluster.model_dump_json()
