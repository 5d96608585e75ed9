"""What is fetched of a run: all that bears on a hand-over, with no more rights than the Role grants."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from cluster_live.conftest import Serve
from lightkube import codecs
from support.kubeapi import NAMESPACE, ROLE, Answer, Asked, Right, Server, World, rights_of_the_role, status, world_of

from probe.cluster import logs
from probe.cluster.client import Api
from probe.cluster.failures import ApiError, Failure
from probe.cluster.fetch import Fetched, NoRunError, fetch_run
from probe.cluster.kubeconfig import find_reach

SHARED = "15-second-pod-other-fsgroup"
SIDECAR = "13-race-detached-writer"


def fetch(server: Server, name: str, *, seconds: float = 10.0, logs: bool = True) -> Fetched:
    return fetch_run(Api(find_reach(str(server.kubeconfig())), NAMESPACE, seconds), name, logs=logs)


def names(fetched: Fetched, kind: str) -> list[str]:
    return sorted(one["metadata"]["name"] for one in fetched.objects if one["kind"] == kind)


def test_everything_of_the_run_and_nothing_else(serving: Serve) -> None:
    world = world_of(SHARED)
    for kind, name in (("PipelineRun", "other-run"), ("TaskRun", "other-task"), ("Pod", "bystander")):
        metadata = {"name": name, "namespace": NAMESPACE, "labels": {"tekton.dev/pipelineRun": "other-run"}}
        world.add({"kind": kind, "metadata": metadata, "spec": {}})
    world.add({"kind": "PersistentVolumeClaim", "metadata": {"name": "unused", "namespace": NAMESPACE}, "spec": {}})
    fetched = fetch(serving(world), f"p{SHARED}")
    assert fetched.problems == []
    assert names(fetched, "PipelineRun") == [f"p{SHARED}"]
    tasks = ["build-image", "download-model", "push-to-internal", "push-to-quay"]
    assert names(fetched, "TaskRun") == [f"p{SHARED}-{task}" for task in tasks]
    own = [f"p{SHARED}-{task}-pod" for task in tasks]
    assert names(fetched, "Pod") == ["notebook-0", *own], "the other pod mounts the same claim"
    claims = names(fetched, "PersistentVolumeClaim")
    assert len(claims) == len(names(fetched, "PersistentVolume")) == 1
    assert len(names(fetched, "StorageClass")) == len(names(fetched, "CSIDriver")) == 1
    assert names(fetched, "Namespace") == [NAMESPACE]
    about = {one["involvedObject"]["name"] for one in fetched.objects if one["kind"] == "Event"}
    assert about <= {f"p{SHARED}", *names(fetched, "TaskRun"), "notebook-0", *own, *claims} and about >= set(own)
    assert sorted(name for name, _ in fetched.logs) == [
        f"{pod}.step-{step}.log" for pod, step in zip(own, ("build", "download", "push", "push"), strict=True)
    ]
    for name, text in fetched.logs:
        assert text.encode() == world.logs[name]


def test_a_run_with_a_sidecar_has_its_log_too(serving: Serve) -> None:
    fetched = fetch(serving(world_of(SIDECAR)), f"p{SIDECAR}")
    assert any(name.endswith(".sidecar-builder.log") for name, _ in fetched.logs)
    assert not any("prepare" in name or "place-scripts" in name for name, _ in fetched.logs)


def test_the_role_is_enough_and_no_right_in_it_is_idle(serving: Serve) -> None:
    world = world_of(SHARED)
    world.rights = rights_of_the_role()
    server = serving(world)
    assert fetch(server, f"p{SHARED}").problems == []
    used = {(asked.resource, asked.verb) for asked in world.asked}
    world.asked.clear()
    with pytest.raises(NoRunError):
        fetch(server, "no-such-run")
    used |= {(asked.resource, asked.verb) for asked in world.asked}
    assert used == {(resource, verb) for _, resource, verb in rights_of_the_role()}


def test_the_manifest_is_one_that_a_cluster_takes() -> None:
    """Each object by the models of the API, and each binding to what stands in it."""
    objects = codecs.load_all_yaml(ROLE.read_text())
    assert [type(one).__name__ for one in objects] == [
        *("ServiceAccount", "Role", "RoleBinding"),
        *("ClusterRole", "ClusterRoleBinding"),
    ]
    account, role, binding, cluster_role, cluster_binding = objects
    for bound, to in ((binding, role), (cluster_binding, cluster_role)):
        assert (bound.roleRef.kind, bound.roleRef.name) == (type(to).__name__, to.metadata.name)
        assert [(one.kind, one.name) for one in bound.subjects] == [("ServiceAccount", account.metadata.name)]


COSTS: dict[Right, str] = {
    ("tekton.dev", "taskruns", "list"): "may not list taskruns in user1-tenant (403): without them results, retries",
    ("", "events", "list"): "may not list events in user1-tenant (403): without them mount, attach and scheduling",
    ("", "persistentvolumeclaims", "get"): "may not get persistentvolumeclaims pvc-",
    ("", "persistentvolumes", "get"): "without it the volume's driver and kind are not seen; the ClusterRole in",
    (
        "storage.k8s.io",
        "storageclasses",
        "get",
    ): "without it the provisioner of the volume is not seen; the ClusterRole",
    ("storage.k8s.io", "csidrivers", "get"): "nothing says whether kubelet applies an fsGroup to the volume; the Clus",
    (
        "",
        "namespaces",
        "get",
    ): "without it the ids that OpenShift gives to its pods are not seen; the Role in container",
    ("", "pods/log", "get"): "may not get pods/log in user1-tenant (403): without the logs of 4 containers nothing",
}


@pytest.mark.parametrize("right", COSTS, ids=lambda right: right[1])
def test_a_right_that_is_missing_costs_one_sentence(right: Right, serving: Serve) -> None:
    world = world_of(SHARED)
    world.rights = rights_of_the_role() - {right}
    fetched = fetch(serving(world), f"p{SHARED}")
    assert len(fetched.problems) == 1 and COSTS[right] in fetched.problems[0]
    assert fetched.problems[0].endswith("in container/rbac/role.yaml grants it")
    assert names(fetched, "PipelineRun") and names(fetched, "Pod")


def test_without_pods_there_are_no_logs_and_no_other_pods(serving: Serve) -> None:
    world = world_of(SHARED)
    world.rights = rights_of_the_role() - {("", "pods", "list")}
    fetched = fetch(serving(world), f"p{SHARED}")
    assert [problem.partition(": without them ")[2].split(",")[0] for problem in fetched.problems] == [
        "identities",
        "another pod that rewrites the volume's ownership is not seen; the Role in container/rbac/role.yaml grants it",
    ]
    assert names(fetched, "TaskRun") and not fetched.logs


def test_without_a_right_on_the_run_there_is_nothing(serving: Serve) -> None:
    world = world_of(SHARED)
    world.rights = rights_of_the_role() - {("tekton.dev", "pipelineruns", "get")}
    with pytest.raises(ApiError, match=r"may not get pipelineruns in user1-tenant \(403\), or there is no such names"):
        fetch(serving(world), f"p{SHARED}")


def test_of_a_cluster_without_tekton_that_is_said(serving: Serve) -> None:
    world = World(fault=lambda asked: Answer(404, b"404 page not found", "text/plain"))
    with pytest.raises(ApiError, match=r"does not serve tekton\.dev/v1: is this the right cluster\?") as caught:
        fetch(serving(world), "run")
    assert caught.value.failure is Failure.NOT_SERVED


def test_a_run_that_is_not_there_tells_which_there_are(serving: Serve) -> None:
    world = World()
    with pytest.raises(NoRunError, match=r"no PipelineRun x in user1-tenant, nor any other there: is it the right nam"):
        fetch(serving(world), "x")
    for number in range(7):
        metadata = {
            "name": f"run-{number}",
            "namespace": NAMESPACE,
            "creationTimestamp": f"2026-11-2{number}T00:00:00Z",
        }
        world.add({"kind": "PipelineRun", "metadata": metadata})
    with pytest.raises(NoRunError, match=r"; there are run-6, run-5, run-4, run-3, run-2 and 2 more$"):
        fetch(serving(world), "x")
    world.rights = rights_of_the_role() - {("tekton.dev", "pipelineruns", "list")}
    with pytest.raises(NoRunError, match=r"no PipelineRun x in user1-tenant$"):
        fetch(serving(world), "x")


def test_a_pod_that_is_gone_and_a_claim_that_is_gone(serving: Serve) -> None:
    world = world_of(SHARED)
    world.objects["pods"] = [p for p in world.objects["pods"] if not p["metadata"]["name"].endswith("build-image-pod")]
    world.objects["persistentvolumeclaims"] = []
    fetched = fetch(serving(world), f"p{SHARED}")
    claim, pod = fetched.problems
    assert claim.endswith(" is no longer there (404): without it the volume behind the claim is not seen")
    assert pod == f"pod p{SHARED}-build-image-pod no longer exists: its identity, volumes and log are not seen"
    assert len(fetched.logs) == 3


def test_a_container_that_has_not_begun_is_not_asked_for_its_log(serving: Serve) -> None:
    world = world_of(SHARED)
    pod = world.one("pods", f"p{SHARED}-push-to-quay-pod")
    for one in pod["status"]["containerStatuses"]:
        one["state"] = {"waiting": {"reason": "PodInitializing"}}
        one.pop("lastState", None)
    fetched = fetch(serving(world), f"p{SHARED}")
    assert (len(fetched.logs), fetched.problems) == (3, [])


def test_a_log_that_fails_costs_that_log(serving: Serve) -> None:
    world = world_of(SHARED)
    del world.logs[f"p{SHARED}-push-to-quay-pod.step-push.log"]
    fetched = fetch(serving(world), f"p{SHARED}")
    assert len(fetched.logs) == 3
    problem = fetched.problems[0]
    assert problem.startswith(f"the log of p{SHARED}-push-to-quay-pod, step-push, is not to be had: refused (400): ")
    assert problem.endswith("is waiting to start: PodInitializing")


def test_of_a_long_log_the_beginning_and_the_end_are_read(serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_LOG", 20_000)
    world = world_of(SHARED)
    name = f"p{SHARED}-push-to-quay-pod.step-push.log"
    line = b"2026-11-21T17:38:00.%09dZ line %d\n"
    world.logs[name] = b"".join(line % (number, number) for number in range(9_000))
    fetched = fetch(serving(world), f"p{SHARED}")
    text = dict(fetched.logs)[name]
    lines = text.splitlines()
    assert lines[0].endswith(" line 0") and lines[-1].endswith(" line 8999") and len(text) < 40_000
    assert lines.count("") == 1, "what was not printed together stays apart"
    assert len(fetched.problems) == 1 and "is longer than 19 KiB: its beginning and its end" in fetched.problems[0]


def test_a_log_whose_end_meets_its_beginning_is_whole(serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_LOG", 20_000)
    monkeypatch.setattr(logs, "_TAILS", (400,))
    world = world_of(SHARED)
    name = f"p{SHARED}-push-to-quay-pod.step-push.log"
    line = b"2026-11-21T17:38:00.%09dZ line %d\n"
    world.logs[name] = b"".join(line % (number, number) for number in range(600))
    fetched = fetch(serving(world), f"p{SHARED}")
    assert dict(fetched.logs)[name].encode() == world.logs[name]
    assert fetched.problems == []


def test_a_server_that_stops_answering_costs_what_was_not_had(serving: Serve) -> None:
    world = world_of(SHARED)

    def fault(asked: Asked) -> Answer | None:
        return Answer(body=b" " * 100, trickle=30) if asked.resource in ("events", "pods/log") else None

    world.fault = fault
    fetched = fetch(serving(world), f"p{SHARED}", seconds=1.0)
    assert names(fetched, "Pod") and not fetched.logs
    assert any(problem.startswith("events: https://127.0.0.1:") for problem in fetched.problems)


def test_names_from_the_api_do_not_lead_elsewhere(serving: Serve) -> None:
    world = world_of(SHARED)
    for pod in world.objects["pods"]:
        for volume in pod["spec"]["volumes"]:
            if "persistentVolumeClaim" in volume:
                volume["persistentVolumeClaim"]["claimName"] = "../../secrets/token"
    for task_run in world.objects["taskruns"]:
        task_run["spec"].pop("workspaces", None)
    fetched = fetch(serving(world), f"p{SHARED}")
    assert not any("secrets" in asked.resource or ".." in asked.name for asked in world.asked)
    assert any("persistentvolumeclaims left out" in problem for problem in fetched.problems)


def test_hostile_objects_do_not_stop_the_rest(serving: Serve) -> None:
    world = world_of(SHARED)
    for resource in ("pods", "taskruns", "events", "persistentvolumeclaims"):
        for number, odd in enumerate(
            ({"spec": 5}, {"spec": {"volumes": "x", "workspaces": [1, None]}}, {"status": []})
        ):
            one = copy.deepcopy(world.objects[resource][0])
            one["metadata"]["name"] = f"odd-{number}"
            world.objects[resource].append(one | odd)
    for event in world.objects["events"][:3]:
        event["involvedObject"] = None
    fetched = fetch(serving(world), f"p{SHARED}")
    assert f"p{SHARED}-push-to-quay-pod" in names(fetched, "Pod")


def test_secrets_of_the_cluster_are_never_asked_for(serving: Serve, tmp_path: Path) -> None:
    world = world_of(SHARED)
    fetch(serving(world), f"p{SHARED}")
    assert {asked.resource for asked in world.asked} == {resource for _, resource, _ in rights_of_the_role()}
    assert {asked.verb for asked in world.asked} == {"get", "list"}
    world.fault = lambda _: status(500, "no")
    with pytest.raises(ApiError):
        fetch(serving(world), f"p{SHARED}")
