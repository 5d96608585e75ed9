"""What kept a pod from running, or ended it from outside: its state and the events about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from probe.classify.hypothesis import Scale
from probe.classify.told.account import Account, Told
from probe.classify.told.specs.scene import Scene
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.cluster import Notice

_HINDERING = re.compile(
    r"FailedMount|FailedAttachVolume|FailedMapVolume|FailedScheduling|FailedCreatePodSandBox|Evicted|OOMKilling|OOMKilled"
    r"|ErrImagePull|ImagePullBackOff|InvalidImageName|CreateContainerConfigError|CreateContainerError|Preempted"
)
_EMPTY_DIR = re.compile(r"(?i)emptydir|ephemeral[- ](?:local )?storage")
_MULTI_ATTACH = "Multi-Attach"


def hindrances(scene: Scene) -> Iterator[tuple[str, Told[str]]]:
    """For each pod, by name: what hindered or ended it, a sentence with its pointer; each once."""
    seen: set[tuple[str, str]] = set()
    for pod, told, reason in (*_states(scene), *_notices(scene)):
        if (pod, reason) not in seen:
            seen.add((pod, reason))
            yield pod, told


def evicted(scene: Scene) -> Iterator[Assessment]:
    """A reader's pod that kubelet ended because an emptyDir, or its whole writable storage, grew over its limit."""
    readers = {
        account.pod.key.name: account
        for hand_over in scene.hand_overs
        for account in hand_over.readers
        if account.pod is not None
    }
    for name, told in hindrances(scene):
        account = readers.get(name)
        if account is None or "Evicted" not in told.value or not _EMPTY_DIR.search(told.value):
            continue
        scale = Scale(Cause.NO_SPACE)
        scale.support(told.pointer, told.value)
        scale.miss(account.container_at, "the size of the archive, which is unpacked to be read")
        fix = Fix(sentence="Raise the limit of that volume or of ephemeral-storage, or unpack elsewhere (--tmpdir).")
        yield scale.likely(f"the pod of {account.name} was evicted: {told.value}", remedy=Remedy(smallest=fix))


def hindered(scene: Scene, account: Account) -> Told[str] | None:
    """What hindered or ended the pod of an account."""
    if account.pod is None:
        return None
    return next((told for name, told in hindrances(scene) if name == account.pod.key.name), None)


def _states(scene: Scene) -> Iterator[tuple[str, Told[str], str]]:
    for pod in scene.story.pods:
        name = pod.value.key.name
        if _HINDERING.search(pod.value.reason):
            sentence = f"pod {name}: {pod.value.reason}: {pod.value.message}"
            yield name, Told(sentence, f"{pod.pointer}/reason"), pod.value.reason
        for index, container in enumerate(pod.value.containers):
            at = f"{pod.pointer}/containers/{index}"
            if container.waits and _HINDERING.search(container.waits):
                yield name, Told(f"pod {name}, {container.name}: {container.waits}", f"{at}/waits"), container.waits
            if container.reason == "OOMKilled":
                sentence = f"pod {name}: {container.name} was killed because it used more memory than its limit"
                yield name, Told(sentence, f"{at}/reason"), container.reason


def _notices(scene: Scene) -> Iterator[tuple[str, Told[str], str]]:
    for number, cluster in enumerate(scene.story.case.clusters):
        for index, notice in enumerate(cluster.notices):
            if notice.kind == "Pod" and (_HINDERING.search(notice.reason) or _MULTI_ATTACH in notice.message):
                pointer = f"/clusters/{number}/notices/{index}"
                yield notice.name, Told(_sentence(notice), pointer, notice.last), notice.reason


def _sentence(notice: Notice) -> str:
    times = f" ({notice.count} times)" if notice.count > 1 else ""
    return f"pod {notice.name}: {notice.reason}{times}: {notice.message}"
