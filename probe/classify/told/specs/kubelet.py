"""Whether kubelet applies a pod's fsGroup to a volume (Kubernetes: fsGroup, CSIDriver.spec.fsGroupPolicy)."""

from __future__ import annotations

from enum import StrEnum

from probe.classify.told.specs.places import Atlas, Place
from probe.classify.told.story import Story
from probe.evidence.cluster import Pod

_NEVER = frozenset({"nfs", "hostPath"})
"""Kinds of volumes whose ownership kubelet does not manage."""
_ONCE = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})


class Applies(StrEnum):
    """Whether the sweep takes place."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def sweeper_of(atlas: Atlas, pod: Pod, volume: str) -> Place | None:
    """How a pod has this volume, to write; None where it has not, or read-only: then kubelet leaves it alone."""
    for one in pod.volumes:
        if one.claim and not one.read_only and atlas.claim(one.claim, pod.key.namespace) == volume:
            return Place(
                volume,
                "/",
                shared=True,
                words=f"claim {one.claim}",
                pointer="",
                claim=one.claim,
                namespace=pod.key.namespace,
                kind=one.kind,
            )
    return None


def applies(story: Story, pod: Pod | None, place: Place) -> Applies:
    """Whether kubelet sets group and mode of this volume at the start of a pod that asks for an fsGroup."""
    if place.kind in _NEVER or _is_read_only(pod, place):
        return Applies.NO
    if place.kind == "emptyDir":
        return Applies.YES
    claim = story.claim(place.claim, place.namespace) if place.claim else None
    if claim is None:
        return Applies.UNKNOWN
    volume = story.volume_of(claim.value)
    if volume is None:
        return Applies.UNKNOWN
    if volume.value.kind in _NEVER:
        return Applies.NO
    if volume.value.kind != "csi":
        return Applies.YES
    policy = driver_policy(story, volume.value.driver)
    if policy == "None":
        return Applies.NO
    if policy == "File":
        return Applies.YES
    once = bool(_ONCE & set(volume.value.access_modes)) and bool(volume.value.filesystem)
    if policy is None:
        return Applies.YES if once else Applies.UNKNOWN
    return Applies.YES if once else Applies.NO


def driver_policy(story: Story, driver: str) -> str | None:
    """fsGroupPolicy of a CSI driver; None where its object is not known."""
    for cluster in story.case.clusters:
        for one in cluster.drivers:
            if one.key.name == driver:
                return one.fs_group_policy or "ReadWriteOnceWithFSType"
    return None


def _is_read_only(pod: Pod | None, place: Place) -> bool:
    return pod is not None and any(one.claim == place.claim and one.read_only for one in pod.volumes if place.claim)
