"""How one inode can give a right to a group: the possible ways, the one that gives and takes least first.

Source: chmod(2), chown(2), acl(5), setfacl(1), and setattr_prepare() and posix_acl_update_mode() in Linux.
"""

from __future__ import annotations

from dataclasses import dataclass

from probe.access.acl import mask_of, permissions_text, set_entry
from probe.access.credentials import Credentials
from probe.access.decide import Right, Rule
from probe.evidence.path import Acl, AclEntry, AclTag, Inode

BY_BITS = (Rule.OWNER, Rule.NAMED_USER, Rule.OWNING_GROUP, Rule.NAMED_GROUP, Rule.OTHER)
"""Denials that a permission bit or an ACL entry turns."""
_GROUP_CLASS = (AclTag.USER, AclTag.OWNING_GROUP, AclTag.GROUP)
_SETGID = 0o2000


@dataclass(frozen=True)
class Regrouped:
    """The inode after the change: `gid` where it gets another group, `acl` where entries give the right."""

    mode: int
    gid: int | None = None
    acl: Acl | None = None
    entry: AclEntry | None = None
    """The entry of `acl` that gives it."""

    def words(self, before: Inode, after: Inode | None = None) -> str:
        """The change in words: as it is meant, or as it came out."""
        mode = self.mode if after is None else after.mode
        parts = []
        if self.gid is not None:
            lost = f" (members of group {before.gid} now have the bits of others)" if _differ(before.mode) else ""
            parts.append(f"group {before.gid} -> {self.gid}{lost}")
        if self.entry is not None:
            parts.append(f"ACL entry {_spec(self.entry)}")
        if before.mode != mode:
            taken = before.mode & ~mode & _SETGID
            why = " (the kernel takes setgid from who is not in the group and lacks CAP_FSETID)" if taken else ""
            parts.append(f"mode {before.mode:04o} -> {mode:04o}{why}")
        return ", ".join(parts)

    def command(self, quoted: str) -> str:
        """A line for sh(1) that does the same."""
        if self.acl is not None and self.entry is not None:
            mask = permissions_text(mask_of(self.acl) or 0)
            return f"setfacl -n -m {_spec(self.entry)},m::{mask} {quoted}"
        change = f"chmod {self.mode:04o} {quoted}"
        return change if self.gid is None else f"chgrp {self.gid} {quoted} && {change}"


def regroup(inode: Inode, acl: Acl | None, right: Right, gid: int) -> tuple[Regrouped, ...]:
    """The ways to give `right` to members of the group `gid`, which the inode denies them; the preferred first.

    `acl` is None where the file system has no ACLs. The group's own bit where the inode has that group. Otherwise the
    group is changed, to have no more than what is needed; but where that would make a difference to members of the
    present group, an ACL entry goes before. On an inode with an ACL only an entry can do.
    """
    listed = acl is not None and bool(acl.entries)
    by_entry = None if acl is None else _by_entry(inode, acl, right, gid)
    if listed and by_entry is not None:
        return (by_entry,)
    if inode.gid == gid:
        return (Regrouped(inode.mode | right << 3),)
    # The bits of others count for every other member of no class: who is in the group now must not have less.
    changed = Regrouped(inode.mode & ~0o070 | (right | inode.mode & 7) << 3, gid=gid)
    if by_entry is None:
        return (changed,)
    return (by_entry, changed) if _differ(inode.mode) else (changed, by_entry)


def _by_entry(inode: Inode, acl: Acl, right: Right, gid: int) -> Regrouped:
    """An entry more, or more in an entry. Nobody else's effective rights change.

    What the mask kept from the other entries is taken out of them, as the mask has to be widened.
    """
    mask, other = mask_of(acl), inode.mode & 7
    entries = acl.entries
    if mask == 0:  # the kernel looks at no named entry then: whom they name had the bits of others (acl(5))
        entries = tuple(
            entry.model_copy(update={"permissions": 0 if _is_owning(entry, inode.gid) else other})
            if entry.tag in _GROUP_CLASS
            else entry
            for entry in entries
        )
    elif mask is not None:
        entries = tuple(
            entry.model_copy(update={"permissions": entry.permissions & mask}) if entry.tag in _GROUP_CLASS else entry
            for entry in entries
        )
    tag = AclTag.OWNING_GROUP if inode.gid == gid else AclTag.GROUP
    number = None if tag is AclTag.OWNING_GROUP else gid
    had = next((entry.permissions for entry in entries if (entry.tag, entry.id) == (tag, number)), None)
    if had is None:
        had = inode.mode >> 3 & 7 if tag is AclTag.OWNING_GROUP else other
    entry = AclEntry(tag=tag, id=number, permissions=had | right)
    widened = inode.mode >> 3 & 7 | entry.permissions
    for one in entries:
        widened |= one.permissions if one.tag in _GROUP_CLASS else 0
    after, mode = set_entry(Acl(entries=entries), inode.mode, entry, widened)
    return Regrouped(mode, acl=after, entry=entry)


def _spec(entry: AclEntry) -> str:
    return f"g:{'' if entry.id is None else entry.id}:{permissions_text(entry.permissions)}"


def _is_owning(entry: AclEntry, gid: int) -> bool:
    return entry.tag is AclTag.OWNING_GROUP or (entry.tag is AclTag.GROUP and entry.id == gid)


def _differ(mode: int) -> bool:
    """Whether the group has another right than others have."""
    return mode >> 3 & 7 != mode & 7


class Power:
    """What this process may change (chmod(2), chown(2)): the owner may, and who has the capability."""

    def __init__(self, own: Credentials, gid: int) -> None:
        self._own, self._gid = own, gid

    def can(self, inode: Inode, plan: Regrouped) -> bool:
        """Whether it may make this change, as far as ids and capabilities tell."""
        return self._may_chmod(inode) and (plan.gid is None or self._may_chgrp(inode))

    def why_not(self, inode: Inode) -> str:
        """Why it may not."""
        if not self._may_chmod(inode):
            return f"which uid {self._own.uid} may not change, not being its owner"
        return f"which takes a member of group {self._gid}, or CAP_CHOWN, and uid {self._own.uid} has neither"

    def _may_chmod(self, inode: Inode) -> bool:
        owns = inode.uid == self._own.uid and self._own.maps_uid(inode.uid)
        return owns or ("CAP_FOWNER" in self._own.capabilities and self._maps(inode))

    def _may_chgrp(self, inode: Inode) -> bool:
        if not self._own.maps_gid(self._gid):
            return False
        owns = inode.uid == self._own.uid and self._own.maps_uid(inode.uid)
        if owns and self._own.in_group(self._gid):
            return True
        return "CAP_CHOWN" in self._own.capabilities and self._maps(inode)

    def _maps(self, inode: Inode) -> bool:
        return self._own.maps_uid(inode.uid) and self._own.maps_gid(inode.gid)
