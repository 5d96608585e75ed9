"""The mount that carries a path, by the log's own `mount` or by the pod's spec, and the root of the volume there."""

from __future__ import annotations

from dataclasses import dataclass

from probe.classify.paths import inside
from probe.classify.told.account import Account
from probe.evidence.transcript import MountStated

_SERVED = ("nfs", "cifs", "smb", "fuse", "9p", "ceph", "glusterfs", "lustre", "gpfs", "virtiofs", "afs")
"""File systems whose server, or whose daemon, has the last word."""
_IN_PLACE = frozenset({"fuse-overlayfs", "fuse.fuse-overlayfs"})


_OWN = ("/tmp", "/var/tmp", "/run", "/dev/shm")
"""Directories that every container has for itself, unless a volume is shown there."""


@dataclass(frozen=True)
class Carrier:
    """What carries a path."""

    mount_point: str
    filesystem: str
    """Empty where only the spec tells."""
    options: tuple[str, ...]
    pointer: str
    sentence: str
    whole: bool
    """Whether the root of the volume is mounted there; False where it is, or may be, a part of it (`subPath`)."""
    claim: str = ""

    @property
    def decided_elsewhere(self) -> bool:
        """Whether a server decides beside the mode bits."""
        kind = self.filesystem
        return kind not in _IN_PLACE and kind.startswith(_SERVED)


def mount_of(account: Account, path: str) -> Carrier | None:
    """The mount by the spec, with what the log's `mount` says of it; None where neither tells."""
    spec = account.mounted(path)
    shown = _shown(account, path)
    if spec is None:
        return shown
    mount, volume, _ = spec
    point = mount.path.rstrip("/") or "/"
    what = f"claim {volume.claim}" if volume.claim else f"{volume.kind} {volume.name}"
    seen = shown if shown is not None and shown.mount_point == point else None
    return Carrier(
        mount_point=point,
        filesystem=seen.filesystem if seen is not None else "",
        options=seen.options if seen is not None else (("ro",) if mount.read_only or volume.read_only else ()),
        pointer=f"{account.container_at}/mounts",
        sentence=f"{point} is {what}" + (f" ({seen.filesystem})" if seen is not None else ""),
        whole=not mount.sub_path,
        claim=volume.claim or "",
    )


def joined(a: Account, b: Account, path: str) -> bool:
    """Whether one path may be one file in two containers: not where each has a directory of its own there."""
    specs = a.mounted(path), b.mounted(path)
    if specs[0] is not None and specs[1] is not None and a.pod is b.pod:
        return specs[0][1].name == specs[1][1].name
    return not (_is_own(a, path) or _is_own(b, path))


def _is_own(account: Account, path: str) -> bool:
    spec = account.mounted(path)
    if spec is not None:
        return spec[1].kind == "emptyDir"
    carrier = mount_of(account, path)
    below = any(path == directory or inside(path, directory) for directory in _OWN)
    return below and (carrier is None or carrier.mount_point == "/" or carrier.filesystem in ("tmpfs", "overlay"))


def _shown(account: Account, path: str) -> Carrier | None:
    """The longest mount point above a path that the log shows."""
    best = None
    for one in account.stated(MountStated):
        point = one.value.mount_point.rstrip("/") or "/"
        above = point in ("/", path) or inside(path, point)
        if above and (best is None or len(point) >= len(best.value.mount_point.rstrip("/"))):
            best = one
    if best is None:
        return None
    mount = best.value
    point = mount.mount_point.rstrip("/") or "/"
    return Carrier(
        mount_point=point,
        filesystem=mount.filesystem,
        options=mount.options,
        pointer=best.pointer,
        sentence=f"{account.cite(best)}: {point} is a mount of {mount.source} ({mount.filesystem})",
        whole=True,
    )
