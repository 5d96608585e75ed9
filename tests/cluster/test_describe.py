"""`kubectl describe pod`, read back as far as it goes."""

from __future__ import annotations

import pytest

from probe.cluster.objects import Collector
from probe.evidence.base import parse_timestamp
from probe.evidence.cluster import Cluster, ContainerKind

TEXT = """Name:             notebook-0
Namespace:        user1-tenant
Priority:         0
Service Account:  default
Node:             lab-node/10.89.0.2
Start Time:       Sat, 21 Nov 2026 18:37:46 +0100
Labels:           app=notebook
                  tekton.dev/taskRun=run
Annotations:      openshift.io/scc: pipelines-scc
                  note: hunter2
Status:           Running
Containers:
  step-one:
    Container ID:  containerd://fd0
    Image:         img:1
    Command:
      bash
      -c
      echo hi
        skopeo copy --dest-creds me:hunter2 oci-archive:/home/i.tar docker://q.io/a

      true
    State:          Terminated
      Reason:       OOMKilled
      Exit Code:    137
      Signal:       9
      Started:      Sat, 21 Nov 2026 17:37:47 +0000
      Finished:     Sat, 21 Nov 2026 17:38:12 +0000
    Ready:          False
    Restart Count:  3
    Environment:
      TOKEN:   hunter2
      MORE:    line
               State: Running
    Mounts:
      /home/my dir from home (rw,path="sub/x")
      /run/s from s (ro)
  other:
    Image:          img:2
    State:          Waiting
      Reason:       CrashLoopBackOff
    Last State:     Terminated
      Reason:       Error
      Exit Code:    1
    Ready:          False
    Restart Count:  0
Volumes:
  home:
    Type:       PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)
    ClaimName:  claim
    ReadOnly:   true
  s:
    Type:        Secret (a volume populated by a Secret)
    SecretName:  hunter2
    Optional:    false
  n:
    Type:      NFS (an NFS mount that lasts the lifetime of a pod)
    Server:    srv
    Path:      /export
QoS Class:                   BestEffort
Events:
  Type     Reason       Age                From               Message
  ----     ------       ----               ----               -------
  Normal   Scheduled    33s                default-scheduler  Successfully assigned x/notebook-0 to lab-node
  Warning  FailedMount  5s (x7 over 33s)   kubelet            MountVolume.SetUp failed: password=hunter2
"""


def read(text: str) -> Cluster:
    collector = Collector()
    assert collector.take_description(text, "d.txt")
    return collector.cluster()


def test_all_that_it_says() -> None:
    cluster = read(TEXT)
    (pod,) = cluster.pods
    assert (pod.key.name, pod.key.namespace, pod.key.source, pod.node) == (
        "notebook-0", "user1-tenant", "d.txt", "lab-node",
    )  # fmt: skip
    assert pod.started == parse_timestamp("2026-11-21T17:37:46Z")
    assert (pod.scc, pod.phase, pod.task_run) == ("pipelines-scc", "Running", "run")
    step, other = pod.containers
    assert (step.kind, step.exit_status, step.signal, step.reason) == (ContainerKind.STEP, 137, 9, "OOMKilled")
    assert (step.restarts, step.image) == (3, "img:1")
    assert step.ended == parse_timestamp("2026-11-21T17:38:12Z")
    assert [(one.path, one.sub_path, one.read_only) for one in step.mounts] == [
        ("/home/my dir", "sub/x", False), ("/run/s", "", True),
    ]  # fmt: skip
    assert [(one.program, one.line, one.reads[0].path) for one in step.invocations] == [("skopeo", 2, "/home/i.tar")]
    assert (other.kind, other.waits, other.exit_status, other.reason) == (
        ContainerKind.OTHER, "CrashLoopBackOff", None, "",
    )  # fmt: skip
    home, secret, nfs = pod.volumes
    assert (home.kind, home.claim, home.read_only) == ("persistentVolumeClaim", "claim", True)
    assert secret.kind == "secret" and (nfs.kind, nfs.detail) == ("nfs", "srv:/export")
    warning = next(one for one in cluster.notices if one.warning)
    assert (warning.reason, warning.count, warning.first) == ("FailedMount", 7, None)
    assert "hunter2" not in cluster.model_dump_json()


def test_several_pods_in_one_text() -> None:
    cluster = read(TEXT + "\n\n" + TEXT.replace("notebook-0", "other-1"))
    assert [(pod.key.name, pod.key.source) for pod in cluster.pods] == [
        ("notebook-0", "d.txt: pod 1"),
        ("other-1", "d.txt: pod 2"),
    ]


@pytest.mark.parametrize("cut", range(0, len(TEXT), 61))
def test_cut_anywhere_the_rest_is_used(cut: int) -> None:
    collector = Collector()
    if collector.take_description(TEXT[:cut], "d"):
        assert collector.cluster().pods[0].key.name == "notebook-0"
    lines = TEXT.splitlines()
    del lines[cut % len(lines) : cut % len(lines) + 3]
    collector.take_description("\n".join(lines), "d")
    collector.cluster().model_dump_json()


@pytest.mark.parametrize("text", ["", "Name: x", "Name:  a\nNamespace: b\n", "Name: x\n" * 10_000, "\0" * 1000])
def test_what_is_no_description(text: str) -> None:
    collector = Collector()
    assert not collector.take_description(text, "d") and collector.empty


def test_windows_line_ends() -> None:
    assert read(TEXT.replace("\n", "\r\n")).pods[0].containers == read(TEXT).pods[0].containers
