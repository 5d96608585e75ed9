"""What kubelet does to a volume at the start of each pod, by the specs of the pods that mount it."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.hypothesis import Scale
from probe.classify.remedy import UMASK
from probe.classify.told.account import Account, Told
from probe.classify.told.specs.apart import Apart, apart
from probe.classify.told.specs.kubelet import Applies, applies, sweeper_of
from probe.classify.told.specs.moments import began, clock_time, ended, overlap, surely_before
from probe.classify.told.specs.rights import (
    groups,
    of_pod,
    owns,
    passes_bits,
    pod_security_at,
    same_rights,
    security_at,
    uid,
)
from probe.classify.told.specs.scene import Scene
from probe.classify.told.specs.symptoms import Symptom, fits
from probe.classify.told.specs.undecided import log_wanted
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.cluster import Outcome, Pod


def by_sweeps(scene: Scene) -> Iterator[Assessment]:
    """A failed reader, and what its own pod's start and those of other pods did to the volume."""
    for one in apart(scene):
        if not fits(one.failed, Symptom.DENIED):
            continue
        yield from _swept_by_others(scene, one)
        yield from _own_sweep(scene, one)


def _swept_by_others(scene: Scene, one: Apart) -> Iterator[Assessment]:
    mine, place = one.failed, one.hand_over.use_of(one.failed).place
    start, end = began(mine), ended(mine)
    if place is None or not place.claim or start is None or end is None:
        return
    if passes_bits(mine):
        return
    for pod in scene.story.pods:
        other = pod.value
        gid = other.security.fs_group
        if pod.pointer == mine.pod_at or gid is None or gid in groups(mine):
            continue
        mounted = sweeper_of(scene.atlas, other, place.volume)
        moment = _swept_at(pod)
        if mounted is None or moment is None or applies(scene.story, other, mounted) is Applies.NO:
            continue
        own = mine.pod.started if mine.pod is not None and mine.pod.started is not None else start.value
        if surely_before(own, moment.value) and moment.value <= end.value:
            found = _taken_away(one, pod, moment, end)
            if found is not None:
                yield found


def _swept_at(pod: Told[Pod]) -> Told[int] | None:
    """When kubelet took the pod on: it sets up the volumes then, before any container starts."""
    for name in ("started", "scheduled", "created"):
        at = getattr(pod.value, name)
        if at is not None:
            return Told(at, f"{pod.pointer}/{name}", at)
    return None


def _taken_away(one: Apart, pod: Told[Pod], moment: Told[int], end: Told[int]) -> Assessment | None:
    mine, other = one.failed, pod.value
    peers = [peer for peer in one.hand_over.peers(mine) if same_rights(peer, mine)]
    scale = Scale(Cause.SWEPT_BY_ANOTHER_POD)
    policy = other.security.fs_group_policy or "Always"
    scale.support(
        pod.pointer,
        f"pod {other.key.name} mounts the same volume with fsGroup {other.security.fs_group} (policy {policy}): "
        "at its start kubelet gives every inode to that group",
    )
    scale.support(moment.pointer, f"it was taken on {clock_time(moment.value)}")
    scale.support(pod_security_at(mine), f"{mine.name} holds groups {', '.join(map(str, sorted(groups(mine)))) or '-'}")
    scale.support(end.pointer, f"{mine.name} was running then, and failed {clock_time(end.value)}")
    before = after = early_failure = None
    for peer in peers:
        done, started = ended(peer), began(peer)
        if done is None or started is None:
            continue
        if peer.outcome is Outcome.SUCCEEDED and surely_before(done.value, moment.value):
            before = done
            scale.support(
                done.pointer, f"{peer.name}, with the same rights, succeeded {clock_time(done.value)}, before"
            )
        elif peer.outcome is Outcome.SUCCEEDED and surely_before(moment.value, started.value):
            after = started
            scale.contradict(started.pointer, f"{peer.name}, with the same rights, succeeded afterwards")
        elif peer.outcome is Outcome.FAILED and surely_before(done.value, moment.value):
            early_failure = done
            scale.contradict(done.pointer, f"{peer.name}, with the same rights, failed before")
    scale.miss(security_at(mine), log_wanted(mine))
    scale.miss(
        mine.pod_at or security_at(mine), "the group of the volume's root as that pod saw it: ls -ldn of the mount"
    )
    statement = (
        f"while {mine.name} was running, pod {other.key.name} mounted the same volume with fsGroup "
        f"{other.security.fs_group}: kubelet gave the volume to that group"
    )
    path = one.hand_over.use_of(mine).reference.path
    makers = one.hand_over.makers_of(one.hand_over.use_of(mine))
    owner = any(owns(mine, use.account) for use in makers)
    if uid(mine) is None:
        scale.miss(security_at(mine), f"the user of {mine.name}: root would not mind")
    if after is not None or owner or uid(mine) is None or (early_failure is not None and before is None):
        return scale.possible(statement, component=path)
    fix = Fix(
        sentence="Give all pods that mount this claim one fsGroup (one namespace, one SCC range), or let the other pod "
        "ask for none.",
        yaml=f"securityContext:\n  fsGroup: {of_pod(mine).fs_group}" if of_pod(mine).fs_group is not None else None,
    )
    return scale.likely(statement, component=path, remedy=Remedy(smallest=fix))


def _own_sweep(scene: Scene, one: Apart) -> Iterator[Assessment]:
    """What the sweep at the failed reader's own start may have left out; all `possible`: no object shows mode bits."""
    mine, place = one.failed, one.hand_over.use_of(one.failed).place
    asked = of_pod(mine)
    if place is None or not place.claim or asked.fs_group is None or passes_bits(mine):
        return
    if any(same_rights(peer, mine) for peer in one.peers):
        return  # what was done for this group let another one read
    path = one.hand_over.use_of(mine).reference.path
    makers = [use.account for use in one.hand_over.makers_of(one.hand_over.use_of(mine))]
    if any(owns(mine, maker) for maker in makers):
        return
    applied = applies(scene.story, mine.pod, place) if mine.pod is not None else Applies.UNKNOWN
    if applied is Applies.NO:
        scale = _asked(Cause.FSGROUP_NOT_APPLIED, mine, asked.fs_group)
        scale.support(place.pointer, f"{place.words} is of a kind to which kubelet applies no fsGroup")
        yield scale.possible(f"kubelet does not give {place.words} to group {asked.fs_group}", component=path)
        return
    late = next((maker for maker in makers if overlap(maker, mine)), None)
    if late is not None:
        scale = _asked(Cause.CREATED_AFTER_SWEEP, mine, asked.fs_group)
        scale.support(security_at(late), f"{late.name} was still making it when {mine.name} had begun")
        yield scale.possible(
            f"what {late.name} made after the start of {mine.name} has the mode bits that its umask left",
            component=path,
        )
    elif asked.fs_group_policy == "OnRootMismatch":
        scale = _asked(Cause.STALE_OWNERSHIP, mine, asked.fs_group)
        scale.support(pod_security_at(mine), "fsGroupChangePolicy OnRootMismatch looks at the volume's root only")
        fix = Fix(
            sentence="Let kubelet repair every inode at pod start.",
            yaml="securityContext:\n  fsGroupChangePolicy: Always",
        )
        yield scale.possible(
            f"kubelet may have left what lies deeper in {place.words} as its maker's umask made it (OnRootMismatch)",
            component=path,
            remedy=Remedy(smallest=fix, structural=UMASK),
        )


def _asked(cause: Cause, mine: Account, gid: int) -> Scale:
    scale = Scale(cause)
    scale.support(pod_security_at(mine), f"the pod of {mine.name} asks for fsGroup {gid}")
    scale.miss(security_at(mine), log_wanted(mine))
    scale.miss(
        mine.pod_at or security_at(mine),
        "the mode bits on the way: ls -ldn of each directory, or probe check in that pod",
    )
    return scale
