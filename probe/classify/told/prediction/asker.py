"""Who will ask: the credentials of a container that has not begun, as far as its spec and its namespace tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from probe.access.capability import CAPABILITIES, DAC_OVERRIDE
from probe.access.credentials import Credentials
from probe.classify.told.account import Account, Told
from probe.classify.told.specs.rights import of_container, of_pod, pod_security_at, security_at
from probe.classify.told.specs.scene import HandOver, Scene, task_of
from probe.classify.verdict import Claim
from probe.evidence.cluster import Namespace, SecurityContext

SOMEBODY = 1_999_999_999
"""Stands for an id that only the image tells: of nobody who owns anything."""


@dataclass(frozen=True)
class Asker:
    """One reading of the spec: where it leaves something open there are several."""

    credentials: Credentials
    fs_group: int | None
    policy: str
    """`Always` or `OnRootMismatch`."""


@dataclass(frozen=True)
class Asking:
    """Everything that the spec allows."""

    askers: tuple[Asker, ...]
    words: str
    pointer: str
    missing: tuple[Claim, ...]
    """What would settle it, where there are several."""


def asking(scene: Scene, hand_over: HandOver, account: Account, owners: frozenset[int]) -> Asking:
    """The credentials that a container will have. `owners` are those who own inodes on its way."""
    pod, own = _pod_security(hand_over, account), of_container(account)
    namespace = _namespace(scene, hand_over, account)
    missing: list[Claim] = []
    uids = tuple(_uids(own, pod, owners))
    if len(uids) > 1:
        missing.append(
            Claim(pointer=security_at(account), sentence=f"the user of {account.name}: runAsUser is not set")
        )
    gid = own.run_as_group if own.run_as_group is not None else pod.run_as_group
    gids = (gid,) if gid is not None else (0, SOMEBODY)
    groups = tuple(_fs_groups(account, pod, namespace))
    if len(groups) > 1:
        sentence = f"the fsGroup that admission gives to the pod of {account.name}"
        missing.append(Claim(pointer=pod_security_at(account), sentence=sentence))
    policy = pod.fs_group_policy or "Always"
    askers = tuple(
        Asker(
            Credentials(
                uid=uid,
                gid=first,
                groups=frozenset((*(pod.supplemental_groups or ()), *((fs_group,) if fs_group is not None else ()))),
                capabilities=_capabilities(own, uid),
            ),
            fs_group,
            policy,
        )
        for uid, first, fs_group in product(uids, gids, groups)
    )
    known = uids[0] if len(uids) == 1 else "of its image"
    held = sorted({*(pod.supplemental_groups or ()), *(group for group in groups if group is not None)})
    words = f"uid {known}, groups {' '.join(map(str, held)) or '-'}"
    if uids == (0,) and not _capabilities(own, 0):
        words += ", no capabilities"
    return Asking(askers, words, security_at(account), tuple(missing))


def primary_group_missing(account: Account) -> Claim:
    """What decides where only the primary group, which the image may set, makes the difference."""
    return Claim(pointer=security_at(account), sentence=f"the primary group of {account.name}: runAsGroup is not set")


def _uids(own: SecurityContext, pod: SecurityContext, owners: frozenset[int]) -> Iterator[int]:
    """The user; where the image decides, anybody: nobody in particular, each owner, and root unless that is barred."""
    uid = own.run_as_user if own.run_as_user is not None else pod.run_as_user
    if uid is not None:
        yield uid
        return
    barred = own.run_as_non_root if own.run_as_non_root is not None else pod.run_as_non_root
    yield SOMEBODY
    yield from sorted({*owners, 0} - ({0} if barred else set()))


def _fs_groups(account: Account, pod: SecurityContext, namespace: Told[Namespace] | None) -> Iterator[int | None]:
    """The fsGroup; before admission OpenShift may give the first of the namespace's groups."""
    yield pod.fs_group
    admitted = account.pod is not None and bool(account.pod.key.uid)
    if pod.fs_group is None and not admitted and namespace is not None and namespace.value.group_range is not None:
        yield namespace.value.group_range[0]


def _capabilities(own: SecurityContext, uid: int) -> frozenset[str]:
    """Effective ones that count for reading: containerd and CRI-O give root CAP_DAC_OVERRIDE unless dropped."""
    if own.privileged:
        return frozenset(CAPABILITIES)
    if uid != 0:
        return frozenset()  # execve(2) as another user leaves none
    names = {f"CAP_{name.upper().removeprefix('CAP_')}" for name in own.added}
    dropped = {f"CAP_{name.upper().removeprefix('CAP_')}" for name in own.dropped}
    if "CAP_ALL" in names:
        return frozenset(CAPABILITIES) - (dropped - {"CAP_ALL"})
    if not dropped & {"CAP_ALL", DAC_OVERRIDE}:
        names.add(DAC_OVERRIDE)
    return frozenset(names)


def _pod_security(hand_over: HandOver, account: Account) -> SecurityContext:
    """Of its pod; of a task that has none yet, what the run's pod template says."""
    if account.pod is not None or account.task_run is not None:
        return of_pod(account)
    run = hand_over.pipeline
    if run is None:
        return SecurityContext()
    task = next((one for one in run.value.tasks if one.name == task_of(account)), None)
    own = task.security if task is not None else SecurityContext()
    given = {name: value for name, value in own.model_dump().items() if value not in (None, ())}
    return run.value.security.model_copy(update=given)


def _namespace(scene: Scene, hand_over: HandOver, account: Account) -> Told[Namespace] | None:
    name = ""
    if account.pod is not None:
        name = account.pod.key.namespace
    elif account.task_run is not None:
        name = account.task_run.key.namespace
    elif hand_over.pipeline is not None:
        name = hand_over.pipeline.value.key.namespace
    for number, cluster in enumerate(scene.story.case.clusters):
        for index, one in enumerate(cluster.namespaces):
            if one.key.name == name:
                return Told(one, f"/clusters/{number}/namespaces/{index}")
    return None
