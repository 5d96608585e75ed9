"""Where a path lies by the specs: on which volume, and where in it. Two tasks may know one place by two paths."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from probe.classify.told.account import Account, Told
from probe.classify.told.story import Story
from probe.evidence.cluster import PipelineRun, PodVolume, Workspace

_TEKTON = "/workspace"
"""Where Tekton mounts what a task binds, `/workspace/NAME`, unless the task says otherwise."""
_CLAIMS = frozenset({"persistentVolumeClaim", "volumeClaimTemplate"})


@dataclass(frozen=True)
class Place:
    """One path of one container, by the volume that carries it."""

    volume: str
    """Equal for two containers if, and only if, the specs say that it is one volume."""
    path: str
    """Inside the volume, from its root: `/oci/image.tar`."""
    shared: bool
    """Whether another pod can see it."""
    words: str
    """The volume, for a sentence: `claim model-cache`."""
    pointer: str
    claim: str = ""
    namespace: str = ""
    kind: str = ""
    """The volume's field in the API; empty for the container's own file system."""
    read_only: bool = False
    medium: str = ""
    size_limit: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same place."""
        return self.volume, self.path


class Atlas:
    """Finds the place of a path of an account."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self._volumes = {one.value.key.name: one.value for one in story.volumes}
        self._claims = {(one.value.key.namespace, one.value.key.name): one.value for one in story.claims}

    def place(
        self, account: Account, path: str, workspaces: tuple[Told[Workspace], ...] = (), namespace: str = ""
    ) -> Place | None:
        """The place; None where no spec tells. `workspaces` are those of a task whose pod is not known."""
        if not path.startswith("/"):
            return None
        path = posixpath.normpath("/" + path.lstrip("/"))
        if account.container is not None and account.pod is not None:
            return self._in_pod(account, path)
        namespace = account.task_run.key.namespace if account.task_run is not None else namespace
        return self._in_workspace(account, path, workspaces, namespace)

    def _in_pod(self, account: Account, path: str) -> Place | None:
        assert account.pod is not None and account.container is not None
        found = account.mounted(path)
        pod = account.pod
        if found is None:
            if not account.container.mounts:
                return None  # every container has mounts: these were left out
            own = f"own {pod.key.namespace}/{pod.key.name}/{account.container.name}"
            words = "the container's own file system"
            return Place(own, path, shared=False, words=words, pointer=f"{account.container_at}/mounts")
        mount, volume, inside = found
        index = account.container.mounts.index(mount)
        read_only = mount.read_only or volume.read_only
        identity, words, shared = self._volume(volume, account)
        return Place(
            identity,
            "/" + inside,
            shared=shared,
            words=words,
            pointer=f"{account.container_at}/mounts/{index}",
            claim=volume.claim or "",
            namespace=pod.key.namespace,
            kind=volume.kind,
            read_only=read_only,
            medium=volume.medium,
            size_limit=volume.size_limit,
        )

    def _volume(self, volume: PodVolume, account: Account) -> tuple[str, str, bool]:
        assert account.pod is not None
        key = account.pod.key
        if volume.claim:
            return self.claim(volume.claim, key.namespace), f"claim {volume.claim}", True
        if volume.detail and volume.kind in ("nfs", "cephfs", "glusterfs", "azureFile", "iscsi", "fc", "rbd"):
            return f"{volume.kind} {volume.detail}", f"{volume.kind} volume {volume.detail}", True
        if volume.detail and volume.kind == "hostPath":
            return f"hostPath {account.pod.node} {volume.detail}", f"{volume.detail} of node {account.pod.node}", True
        words = f"the pod's own {volume.kind or 'volume'} {volume.name}"
        return f"pod {key.namespace}/{key.name}/{volume.name}", words, False

    def _in_workspace(
        self, account: Account, path: str, workspaces: tuple[Told[Workspace], ...], namespace: str
    ) -> Place | None:
        for one in workspaces:
            point = f"{_TEKTON}/{one.value.name}"
            if path != point and not path.startswith(point + "/"):
                continue
            if one.value.kind not in _CLAIMS or not one.value.claim:
                return None
            inside = posixpath.join("/", one.value.sub_path.strip("/"), path[len(point) :].strip("/")).rstrip("/")
            return Place(
                self.claim(one.value.claim, namespace),
                inside or "/",
                shared=True,
                words=f"claim {one.value.claim}",
                pointer=one.pointer,
                claim=one.value.claim,
                namespace=namespace,
                kind="persistentVolumeClaim",
            )
        if not path.startswith(_TEKTON + "/"):
            own = f"own {account.run}/{account.name}"
            return Place(own, path, shared=False, words="a path outside of its workspaces", pointer=account.step_at)
        return None

    def claim(self, name: str, namespace: str) -> str:
        """The identity of a claim's volume: two claims may be bound to two names of one export."""
        claim = self._claims.get((namespace, name)) or self._claims.get(("", name))
        volume = self._volumes.get(claim.volume) if claim is not None and claim.volume else None
        if volume is not None and volume.kind == "nfs" and volume.handle:
            return f"nfs {volume.handle}"
        return f"claim {namespace}/{name}"


def workspaces_of(
    story: Story, account: Account, run: Told[PipelineRun] | None, task: int | None
) -> tuple[Told[Workspace], ...]:
    """The workspaces of a step without a pod: its TaskRun's own, or what its run gives to the pipeline's task."""
    if account.task_run is not None:
        return tuple(
            Told(one, f"{account.task_run_at}/workspaces/{index}")
            for index, one in enumerate(account.task_run.workspaces)
        )
    if run is None or task is None:
        return ()
    return tuple(_of_run(story, run, task))


def _of_run(story: Story, run: Told[PipelineRun], task: int) -> Iterator[Told[Workspace]]:
    given = {one.name: one for one in run.value.workspaces}
    for index, one in enumerate(run.value.tasks[task].workspaces):
        source = given.get(one.of_run or one.name)
        if source is None:
            continue
        claim = source.claim if source.kind != "volumeClaimTemplate" else _from_template(story, run.value, source.name)
        path = posixpath.join(source.sub_path, one.sub_path)
        pointer = f"{run.pointer}/tasks/{task}/workspaces/{index}"
        yield Told(one.model_copy(update={"kind": source.kind, "claim": claim, "sub_path": path}), pointer)


def _from_template(story: Story, run: PipelineRun, workspace: str) -> str | None:
    """The claim that was made for a workspace of a run, as a task that has it shows; None where none does.

    Before anything ran one name does for all.
    """
    own = [one.value for one in story.task_runs if one.value.pipeline_run == run.key.name]
    for one in own:
        names = {
            bound.name
            for task in run.tasks
            if task.name == one.pipeline_task
            for bound in task.workspaces
            if (bound.of_run or bound.name) == workspace
        }
        found = next((bound.claim for bound in one.workspaces if bound.name in names and bound.claim), None)
        if found is not None:
            return found
    ran = bool(own) or any(pod.value.pipeline_run == run.key.name for pod in story.pods)
    return None if ran else f"of workspace {workspace}"
