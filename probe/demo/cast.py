"""Who plays: the identities of the incident, as OpenShift gives them to the pods of such a pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from probe.access.capability import parse_capabilities

FS_GROUP = 1000970000
"""The namespace's supplemental group: fsGroup of its pods, and group of what lies on the volume."""
POD_UID = 1000970000
"""The user id that restricted-v2 assigns in the same namespace."""
STRANGER_UID = 1001
"""A user of an image, written there by `USER 1001`."""

_CONTAINER_ROOT = frozenset(
    parse_capabilities("chown,dac_override,fowner,fsetid,kill,net_bind_service,setfcap,setgid,setpcap,setuid")
)
"""What CRI-O leaves to a container's root by default."""


@dataclass(frozen=True)
class Actor:
    """One process of the play. `groups` are the supplementary groups, `capabilities` those that it keeps."""

    name: str
    part: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    capabilities: frozenset[str] = frozenset()
    no_new_privs: bool = True


BUILDER = Actor("builder", "builds the image and writes the archive", 0, 0, (0, FS_GROUP), _CONTAINER_ROOT, False)
PUSH_TO_INTERNAL = Actor("push-to-internal", "pushes it to the cluster's registry", POD_UID, 0, (0, FS_GROUP))
PUSH_TO_QUAY = Actor("push-to-quay", "pushes it to quay.io", POD_UID, 0, (0, FS_GROUP))
PUSH_WITHOUT_GROUP = Actor("push-to-quay", "pushes it to quay.io, from a pod without fsGroup", POD_UID, 0, (0,))
PUSH_AS_BARE_ROOT = Actor("push-to-internal", "pushes it as uid 0, every capability dropped", 0, 0, (0, FS_GROUP))
STRANGER = Actor("builder", "writes the archive as the image's own USER 1001", STRANGER_UID, 0, (0, FS_GROUP))

UIDS = (0, STRANGER_UID, POD_UID)
GIDS = (0, FS_GROUP)
"""Every id that a stage must have, for the whole cast."""
