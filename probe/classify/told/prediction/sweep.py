"""kubelet's ownership sweep, done on recorded inodes (Kubernetes: SetVolumeOwnership, pkg/volume/volume_linux.go).

Every inode gets the fsGroup as its group; a file's mode gains 0660, a directory's 0770 and setgid. A link itself keeps
its mode. With OnRootMismatch nothing is done when the volume's root has the group, 0770 and setgid already.
"""

from __future__ import annotations

from probe.access.acl import chmod_acl
from probe.evidence.observation import Seen
from probe.evidence.path import Chain, Component, FileType, Inode

_FILE = 0o660
_DIRECTORY = 0o2770


def swept(chain: Chain, gid: int) -> Chain:
    """The chain as it is after the sweep for a group."""
    return chain.model_copy(update={"components": tuple(_swept(one, gid) for one in chain.components)})


def root_fits(chain: Chain, gid: int) -> bool | None:
    """Whether OnRootMismatch leaves the volume alone; None where its root was not seen."""
    observed = chain.components[0].inode if chain.components else None
    if not isinstance(observed, Seen):
        return None
    root = observed.value
    return root.gid == gid and root.mode & _DIRECTORY == _DIRECTORY


def _swept(component: Component, gid: int) -> Component:
    if not isinstance(component.inode, Seen):
        return component
    inode = component.inode.value
    changes: dict[str, object] = {"gid": gid}
    if inode.type is not FileType.SYMLINK:
        changes["mode"] = inode.mode | _bits(inode)
    updated: dict[str, object] = {
        "inode": component.inode.model_copy(update={"value": inode.model_copy(update=changes)})
    }
    if isinstance(component.acl, Seen) and component.acl.value.entries and inode.type is not FileType.SYMLINK:
        acl = chmod_acl(component.acl.value, inode.mode | _bits(inode))
        updated["acl"] = component.acl.model_copy(update={"value": acl})
    return component.model_copy(update=updated)


def _bits(inode: Inode) -> int:
    return _DIRECTORY if inode.type is FileType.DIRECTORY else _FILE
