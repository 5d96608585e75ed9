"""Questions about one hop of the walk, asked through its descriptor: inode, ACL, label, mount, attributes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from probe.access.acl import ACL_XATTR, decode_acl
from probe.collect.clock import missing, observe
from probe.collect.inode import to_inode
from probe.evidence.base import clip, path_text
from probe.evidence.observation import NotSeen, Observation, Reason, Seen
from probe.evidence.path import Acl, Component, FileType, Inode

LABEL_XATTR = "security.selinux"
Trace = Callable[[str], None]
"""Called with the name of a call just before it is made."""


@dataclass(frozen=True)
class Hop:
    """What a lookup led to: an O_PATH descriptor, and how a person names it."""

    descriptor: int
    path: bytes
    name: bytes

    @property
    def text(self) -> str:
        """The path, for JSON."""
        return path_text(self.path)


@dataclass(frozen=True)
class Questions:
    """What is asked about every hop."""

    flags: bool = False
    """Immutable and append-only too: they matter to who wants to write."""
    has_proc: bool = field(default_factory=lambda: os.path.isdir("/proc/self/fd"))

    def ask(self, hop: Hop, trace: Trace, tell: Callable[[Component], None]) -> Component:
        """Everything about one hop. What is known is told before each question that may hang."""
        text = hop.text
        trace("fstat")
        inode = observe(Seen[Inode], f"fstat {text}", lambda: to_inode(os.fstat(hop.descriptor)))
        if isinstance(inode, NotSeen):
            return unobserved(hop.path, hop.name, inode)
        mount_id = observe(Seen[int], f"mount id of {text}", lambda: mount_id_of(hop.descriptor))
        later = missing(Reason.TIMEOUT, f"{text}: not answered")
        component = Component(
            path=text, name=path_text(hop.name), inode=inode, acl=later, label=later, mount_id=mount_id
        )
        tell(component)
        update: dict[str, object] = {}
        if inode.value.type is FileType.SYMLINK:
            update["acl"] = missing(Reason.UNSUPPORTED, f"{text}: symbolic links have no access ACL")
        else:
            trace(f"getxattr {ACL_XATTR}")
            update["acl"] = self._acl(hop)
        trace(f"getxattr {LABEL_XATTR}")
        update["label"] = self._label(hop)
        if self.flags:
            trace("statx")
            update["flags"] = _flags(hop)
        return component.model_copy(update=update)

    def _acl(self, hop: Hop) -> Observation[Acl]:
        raw = self._xattr(hop, ACL_XATTR)
        if isinstance(raw, NotSeen):
            return Seen[Acl](value=Acl(), at=raw.at, took_ms=raw.took_ms) if raw.errno == "ENODATA" else raw
        try:
            return Seen[Acl](value=decode_acl(raw.value), at=raw.at, took_ms=raw.took_ms)
        except ValueError as error:
            return missing(Reason.FAILED, f"{hop.text}: {error}")

    def _label(self, hop: Hop) -> Observation[str]:
        raw = self._xattr(hop, LABEL_XATTR)
        if isinstance(raw, NotSeen):
            return raw
        return Seen[str](value=clip(path_text(raw.value.rstrip(b"\0")), 256), at=raw.at, took_ms=raw.took_ms)

    def _xattr(self, hop: Hop, name: str) -> Observation[bytes]:
        if not self.has_proc:  # an O_PATH descriptor answers no fgetxattr(2); its /proc entry is the way
            return missing(Reason.UNSUPPORTED, f"getxattr {name} {hop.text}: /proc is not mounted")
        place = f"/proc/self/fd/{hop.descriptor}"
        return observe(Seen[bytes], f"getxattr {name} {hop.text}", lambda: os.getxattr(place, name))


def mount_id_of(descriptor: int) -> int:
    """The id of the mount that a descriptor was opened through (proc_pid_fdinfo(5)). Raises OSError."""
    number = os.open(f"/proc/self/fdinfo/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(number, 4096)
    finally:
        os.close(number)
    _, found, value = text.partition(b"mnt_id:")
    if not found:  # before Linux 3.15
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    return int(value.split(None, 1)[0])


def unobserved(path: bytes, name: bytes, why: NotSeen) -> Component:
    """A component of which nothing is known but the reason why."""
    return Component(path=path_text(path), name=path_text(name), inode=why, acl=why, label=why, mount_id=why)


def _flags(hop: Hop) -> Observation[tuple[str, ...]]:
    from probe.collect.libc import attributes

    return observe(Seen[tuple[str, ...]], f"statx {hop.text}", lambda: attributes(hop.descriptor))
