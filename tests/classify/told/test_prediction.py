"""Predictions against the kernel: a recorded path, a real sweep as kubelet does it, a real open under that identity."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.objects import BUILD, GROUP, PUSH, Task, judged, pod, run, storage, to_come
from support.stage import ROOT, Person, Stage, assert_sound, bind

from probe.classify.joined import JoinedVerdict, Prediction
from probe.evidence.report import Report

pytestmark = pytest.mark.root
OTHER_GROUP = 1000660000


@dataclass(frozen=True)
class Tree:
    """Owner, group and mode of the volume's root, the directory and the archive."""

    root: tuple[int, int, int] = (0, GROUP, 0o2775)
    directory: tuple[int, int, int] = (0, GROUP, 0o2775)
    file: tuple[int, int, int] = (0, GROUP, 0o664)


TREES = {
    "open to the group": Tree(),
    "made under umask 077 by root": Tree(directory=(0, GROUP, 0o2700), file=(0, GROUP, 0o600)),
    "made under umask 077 by another user": Tree(directory=(1001, GROUP, 0o2700), file=(1001, GROUP, 0o600)),
    "open to all": Tree(root=(0, 0, 0o755), directory=(0, 0, 0o755), file=(0, 0, 0o644)),
    "closed file": Tree(file=(1001, 0, 0o640)),
    "root not swept": Tree(root=(0, 0, 0o755), directory=(1001, 0, 0o700), file=(1001, 0, 0o600)),
    "closed to its group": Tree(directory=(0, GROUP, 0o2707), file=(0, GROUP, 0o604)),
    "of another group": Tree((0, OTHER_GROUP, 0o2770), (0, OTHER_GROUP, 0o2770), (0, OTHER_GROUP, 0o660)),
}


@dataclass(frozen=True)
class Who:
    """A container's rights by its spec, and the same for a process."""

    person: Person
    security: dict[str, Any]
    pod: dict[str, Any] = field(default_factory=dict)


def who(uid: int, groups: tuple[int, ...] = (), capable: bool = False, **pod_security: Any) -> Who:
    gid = pod_security.get("fsGroup")
    held = (*groups, *((gid,) if gid is not None else ()))
    person = Person(uid, 0, (0, *held), ("CAP_DAC_OVERRIDE",) if capable else ())
    security: dict[str, Any] = {"runAsUser": uid, "runAsGroup": 0}
    if not capable:
        security["capabilities"] = {"drop": ["ALL"]}
    if groups:
        pod_security["supplementalGroups"] = list(groups)
    return Who(person, security, pod_security)


LAZY = {"fsGroupChangePolicy": "OnRootMismatch"}
PEOPLE = {
    "restricted": who(GROUP, fsGroup=GROUP),
    "restricted, lazy": who(GROUP, fsGroup=GROUP, **LAZY),
    "no group": who(GROUP),
    "another group": who(1000660000, fsGroup=OTHER_GROUP),
    "another group, lazy": who(1000660000, fsGroup=OTHER_GROUP, **LAZY),
    "supplementary group": who(GROUP, groups=(GROUP,)),
    "bare root": who(0),
    "root": who(0, capable=True),
    "the other user": who(1001),
}


def laid_out(stage: Stage, tree: Tree) -> Path:
    workspace = stage.root / "source"
    (workspace / "oci").mkdir(parents=True)
    shutil.copy(stage.archive, workspace / "oci/image.tar")
    for path, (uid, gid, mode) in (
        (workspace / "oci/image.tar", tree.file),
        (workspace / "oci", tree.directory),
        (workspace, tree.root),
    ):
        os.chown(path, uid, gid)
        os.chmod(path, mode)
    return workspace


def recorded(stage: Stage, workspace: Path, **facts: str) -> Report:
    told = {"role": "producer", "pod": "r-build-pod", **facts}
    [report] = stage.looks(
        f"oci-archive:{workspace}/oci/image.tar", by=ROOT, prepare=lambda: bind(workspace), facts=told
    )
    return report


def sweep(workspace: Path, gid: int, policy: str | None) -> None:
    """SetVolumeOwnership of kubelet."""
    root = os.lstat(workspace)
    if policy == "OnRootMismatch" and root.st_gid == gid and root.st_mode & 0o2770 == 0o2770:
        return
    for directory, _, files in os.walk(workspace, topdown=False):
        for path in (*(os.path.join(directory, name) for name in files), directory):
            mode = stat.S_IMODE(os.lstat(path).st_mode)
            os.lchown(path, -1, gid)
            os.chmod(path, mode | (0o2770 if os.path.isdir(path) else 0o660))


def consumer(workspace: Path, one: Who, name: str = "push-a", **changes: Any) -> Task:
    script = f"skopeo copy oci-archive:{workspace}/oci/image.tar docker://a.example/m:1"
    task = to_come(PUSH, name=name, script=script, mount=str(workspace), security=one.security, pod_security=one.pod)
    return task.but(**changes)


def build(workspace: Path, **changes: Any) -> Task:
    return BUILD.but(script="true", mount=str(workspace), **changes)


def foretold(report: Report, *objects: dict[str, Any]) -> tuple[JoinedVerdict, tuple[Prediction, ...]]:
    document = judged(*objects, reports=[report])
    assert isinstance(document, JoinedVerdict)
    assert_sound(document)
    return document, document.predictions


def opens(stage: Stage, path: Path, person: Person) -> bool:
    def act() -> str:
        try:
            os.close(os.open(path, os.O_RDONLY))
        except PermissionError:
            return "no"
        return "yes"

    return stage.run(act, by=person) == "yes"


def truths(stage: Stage, workspace: Path, policy: str) -> Iterator[tuple[str, Who, bool]]:
    for name, one in PEOPLE.items():
        copy = stage.root / f"copy-{len(name)}-{policy}"
        subprocess.run(["cp", "-a", workspace, copy], check=True)
        if one.pod.get("fsGroup") is not None and policy == "File":
            sweep(copy, one.pod["fsGroup"], one.pod.get("fsGroupChangePolicy"))
        yield name, one, opens(stage, copy / "oci/image.tar", one.person)
        shutil.rmtree(copy)


@pytest.mark.parametrize(
    ("tree", "policy"), [*((tree, "File") for tree in TREES), ("root not swept", "None"), ("of another group", "None")]
)
def test_predictions_come_true(stage: Stage, tree: str, policy: str) -> None:
    workspace = laid_out(stage, TREES[tree])
    report = recorded(stage, workspace)
    for name, one, reads in truths(stage, workspace, policy):
        objects = run(build(workspace), consumer(workspace, one))
        document, (prediction,) = foretold(report, *objects, *storage(policy=policy))
        assert prediction.reads is reads, f"{name}: {prediction.statement}"
        assert prediction.supports
        if not reads:
            assert prediction.remedy is not None, prediction.statement
            assert prediction.component in (str(workspace), f"{workspace}/oci", f"{workspace}/oci/image.tar")
            assert document.verdict.status == "likely"
            assert document.verdict.family in ("A", "other"), document.verdict.statement


def test_the_pods_alone_are_enough(stage: Stage) -> None:
    """`probe classify build.json consumers.json`: the report and the pods that wait, nothing of the pod that looked."""
    workspace = laid_out(stage, TREES["made under umask 077 by root"])
    report = recorded(stage, workspace)
    people = ("restricted, lazy", "bare root", "no group")
    pods = [pod(consumer(workspace, PEOPLE[name], f"push-{number}")) for number, name in enumerate(people)]
    _, predictions = foretold(report, *pods, *storage())
    assert [one.reads for one in predictions] == [False, True, False]
    assert "OnRootMismatch" in predictions[0].statement
    assert predictions[0].remedy is not None
    assert all("the pod of the report" in one.missing[0].sentence for one in predictions)


def test_another_pods_start_may_mend_it_first(stage: Stage) -> None:
    workspace = laid_out(stage, TREES["made under umask 077 by root"])
    lazy, eager = consumer(workspace, PEOPLE["restricted, lazy"]), consumer(workspace, PEOPLE["restricted"], "push-b")
    _, predictions = foretold(recorded(stage, workspace), *run(build(workspace), lazy, eager), *storage())
    assert [one.reads for one in predictions] == [None, True]
    assert "the order of the pods' starts" in predictions[0].missing[0].sentence
    later = eager.but(after=("push-a",))
    _, predictions = foretold(recorded(stage, workspace), *run(build(workspace), lazy, later), *storage())
    assert [one.reads for one in predictions] == [False, True]


def test_a_policy_that_would_help_is_named(stage: Stage) -> None:
    workspace = laid_out(stage, TREES["made under umask 077 by root"])
    objects = run(build(workspace), consumer(workspace, PEOPLE["restricted, lazy"]))
    document, (prediction,) = foretold(recorded(stage, workspace), *objects, *storage())
    assert prediction.remedy is not None
    yaml = [fix.yaml for fix in (prediction.remedy.smallest, prediction.remedy.structural) if fix is not None]
    assert any("fsGroupChangePolicy: Always" in (one or "") for one in yaml)
    assert (document.verdict.cause, document.verdict.status) == ("stale-ownership", "likely")


def test_tasks_without_a_pod_yet(stage: Stage) -> None:
    """Tekton mounts a workspace at /workspace/NAME: that is all there is to go by before the pod is made."""
    workspace = laid_out(stage, Tree(directory=(0, GROUP, 0o2750), file=(0, GROUP, 0o640)))
    text = recorded(stage, workspace).model_dump_json(by_alias=True).replace(str(workspace), "/workspace/source")
    objects = run(BUILD.but(script="true"), to_come(PUSH, pod_security=PEOPLE["restricted"].pod))
    objects[0]["spec"]["taskRunTemplate"] = {"podTemplate": {"securityContext": PEOPLE["restricted"].pod}}
    objects = [one for one in objects if "push-a" not in one["metadata"]["name"]]
    document, (prediction,) = foretold(Report.model_validate_json(text), *objects, *storage())
    assert (prediction.consumer, prediction.reads) == ("push-a", True), prediction.statement
    assert document.verdict.cause == "healthy"


def test_another_claim_is_another_volume(stage: Stage) -> None:
    workspace = laid_out(stage, Tree())
    there = consumer(workspace, PEOPLE["restricted"], claim="cache")
    document, (prediction,) = foretold(recorded(stage, workspace), *run(build(workspace), there), *storage())
    assert prediction.reads is False
    assert "claim cache" in prediction.statement and "claim data" in prediction.statement
    assert document.verdict.cause == "different-volume"


def test_which_claim_is_the_right_one_is_not_guessed(stage: Stage) -> None:
    workspace = laid_out(stage, Tree())
    one, other = (consumer(workspace, PEOPLE["restricted"], name, claim=name) for name in ("push-a", "push-b"))
    _, predictions = foretold(recorded(stage, workspace), pod(one), pod(other))
    assert [found.reads for found in predictions] == [None, None]


def test_another_transport_reads_nothing_there(stage: Stage) -> None:
    workspace = laid_out(stage, Tree())
    wrong = consumer(workspace, PEOPLE["restricted"]).but(
        script=f"skopeo copy oci:{workspace}/oci/image.tar docker://a/m"
    )
    _, (prediction,) = foretold(recorded(stage, workspace), *run(build(workspace), wrong), *storage())
    assert prediction.reads is False
    assert "what lies there is oci-archive" in prediction.statement


def test_a_user_that_only_the_image_tells(stage: Stage) -> None:
    closed, opened = TREES["made under umask 077 by root"], TREES["open to all"]
    unknown = Who(Person(), {}, {})
    workspace = laid_out(stage, closed)
    _, (prediction,) = foretold(
        recorded(stage, workspace), *run(build(workspace), consumer(workspace, unknown)), *storage()
    )
    assert prediction.reads is None
    assert "runAsUser is not set" in prediction.missing[0].sentence
    for path, bits in ((workspace, 0o755), (workspace / "oci", 0o755), (workspace / "oci/image.tar", 0o644)):
        os.chmod(path, bits)
    assert opened.file[2] == 0o644
    _, (prediction,) = foretold(
        recorded(stage, workspace), *run(build(workspace), consumer(workspace, unknown)), *storage()
    )
    assert prediction.reads is True, "whoever it is may read"


def test_a_pod_with_another_group_may_take_it_away_again(stage: Stage) -> None:
    workspace = laid_out(stage, Tree(file=(0, GROUP, 0o660), directory=(0, GROUP, 0o2770), root=(0, GROUP, 0o2770)))
    one, other = consumer(workspace, PEOPLE["restricted"]), consumer(workspace, PEOPLE["another group"], "push-b")
    _, predictions = foretold(recorded(stage, workspace), *run(build(workspace), one, other), *storage())
    assert [found.reads for found in predictions] == [None, None]
    assert str(OTHER_GROUP) in predictions[0].missing[0].sentence


def test_labels_that_differ_leave_it_open(stage: Stage) -> None:
    workspace = laid_out(stage, Tree())
    report = recorded(stage, workspace)
    tree = report.model_dump(mode="json", by_alias=True)
    for component in tree["chain"]["value"]["components"]:
        component["label"] = {"status": "seen", "value": "system_u:object_r:container_file_t:s0:c1,c2", "at": 0}
    labelled = {**PEOPLE["restricted"].pod, "seLinuxOptions": {"level": "s0:c3,c4"}}
    mine = consumer(workspace, PEOPLE["restricted"], pod_security=labelled)
    changed = Report.model_validate(tree)
    _, (prediction,) = foretold(changed, *run(build(workspace), mine), *storage())
    assert prediction.reads is None
    assert "relabelled" in prediction.missing[0].sentence


def test_nothing_is_foretold_of_who_has_run(stage: Stage) -> None:
    workspace = laid_out(stage, Tree())
    objects = run(build(workspace), PUSH.but(mount=str(workspace)))
    _, predictions = foretold(recorded(stage, workspace), *objects, *storage())
    assert predictions == ()
