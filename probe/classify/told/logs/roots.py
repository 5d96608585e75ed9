"""The root of the volume on which a reader was refused: whether it bears the marks of this pod's fsGroup sweep."""

from __future__ import annotations

from dataclasses import dataclass

from probe.classify.sweep import SWEPT_DIRECTORY, sweep_would_grant
from probe.classify.told.logs.mounts import Carrier, mount_of
from probe.classify.told.logs.refusal import Refusal
from probe.classify.told.logs.shown import Hop
from probe.classify.told.said import Told
from probe.evidence.path import Inode


@dataclass(frozen=True)
class Root:
    """The directory at which the volume is mounted, as the log shows it."""

    hop: Hop
    inode: Inode
    carrier: Carrier
    swept: bool
    """It carries the fingerprint: setgid and group rwx."""
    ours: bool
    """Its group is this pod's fsGroup, or, where that is not told, a supplementary group of the reader."""
    asked: Told[int] | None
    """The fsGroup that the pod asks for, by its spec or by what another of its volumes shows."""

    @property
    def looks(self) -> str:
        """For a sentence."""
        return f"{self.hop.path} has mode {self.inode.mode:04o} and group {self.inode.gid}"


def root_of(refusal: Refusal) -> Root | None:
    """The root, where mount point and bits are shown and the component that denies lies on it."""
    component, shown = refusal.component, refusal.shown
    carrier = mount_of(refusal.account, component) if component is not None else None
    if shown is None or carrier is None or carrier.mount_point == "/" or not carrier.whole:
        return None
    hop = next((one for one in shown.hops if one.path == carrier.mount_point), None)
    if hop is None or hop.inode is None or hop.told is None:
        return None
    asked = _asked(refusal, carrier)
    gid = hop.inode.gid
    ours = gid == asked.value if asked is not None else gid in shown.who.groups and gid not in (0, shown.who.gid)
    swept = (hop.inode.mode & SWEPT_DIRECTORY) == SWEPT_DIRECTORY
    return Root(hop, hop.inode, carrier, swept, ours, asked)


def left_out(refusal: Refusal, root: Root) -> bool:
    """Whether the root was swept for this reader, and what denies inside it was not."""
    inode = refusal.inode
    inner = refusal.component != root.hop.path
    if not inner or inode is None or _entry_denies(refusal, inode):
        return False
    return root.swept and root.ours and sweep_would_grant(inode, root.inode.gid)


def _entry_denies(refusal: Refusal, inode: Inode) -> bool:
    """Whether an entry of the ACL itself denies, which no sweep touches: the group bits, its mask, would do."""
    if refusal.step is None or not refusal.step.decision.acl_decided:
        return False
    return not refusal.step.decision.right & ~(inode.mode >> 3)


def _asked(refusal: Refusal, carrier: Carrier) -> Told[int] | None:
    """The pod's fsGroup. An emptyDir above the volume is swept too, and shows it where no spec does."""
    pod = refusal.account.pod
    if pod is not None and pod.security.fs_group is not None:
        return Told(pod.security.fs_group, f"{refusal.account.pod_at}/security/fs_group")
    if refusal.shown is None:
        return None
    held = refusal.shown.who.groups - {0, refusal.shown.who.gid}
    for hop in refusal.shown.hops:
        if hop.path == carrier.mount_point:
            return None
        if hop.told is None or hop.inode is None or hop.inode.gid not in held:
            continue
        if (hop.inode.mode & SWEPT_DIRECTORY) == SWEPT_DIRECTORY:
            return Told(hop.inode.gid, hop.pointer, hop.told.at, hop.told.line)
    return None
