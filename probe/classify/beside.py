"""Beside a report: the pod that it was made in, as the API tells of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from probe.evidence.cluster import Cluster, Pod
from probe.evidence.context import Context

_HOSTNAME_MAX = 63
"""kubelet cuts a pod's name to this for its hostname."""


@dataclass(frozen=True)
class Beside:
    """One pod and where it stands in the document."""

    pod: Pod
    pointer: str

    @property
    def fs_group(self) -> int | None:
        """What its spec asks for."""
        return self.pod.security.fs_group

    @property
    def fs_group_at(self) -> str:
        """Where that stands."""
        return f"{self.pointer}/security/fs_group"

    @property
    def sweeps_all(self) -> bool:
        """Whether kubelet looks at every inode at its start (fsGroupChangePolicy Always, which is the default)."""
        return self.pod.security.fs_group_policy in (None, "Always")

    def mounts_root(self, mount_point: str) -> bool | None:
        """Whether the root of a volume is mounted there, and no subPath of it; None where its spec does not tell."""
        several = {
            not mount.sub_path
            for container in self.pod.containers
            for mount in container.mounts
            if mount.path.rstrip("/") == mount_point.rstrip("/")
        }
        return several.pop() if len(several) == 1 else None


def pod_of(context: Context, clusters: Iterable[Cluster]) -> Beside | None:
    """The pod that a report names, or whose name its host has; None where none or more than one may be meant."""
    found = [
        Beside(pod, f"/clusters/{number}/pods/{index}")
        for number, cluster in enumerate(clusters)
        for index, pod in enumerate(cluster.pods)
        if _names(context, pod)
    ]
    return found[0] if len({(one.pod.key.namespace, one.pod.key.name) for one in found}) == 1 else None


def _names(context: Context, pod: Pod) -> bool:
    if context.namespace and pod.key.namespace and context.namespace != pod.key.namespace:
        return False
    if context.pod:
        return context.pod == pod.key.name
    name = pod.key.name
    return bool(context.hostname) and context.hostname in (name, name[:_HOSTNAME_MAX].rstrip("-."))
