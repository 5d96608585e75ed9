"""One inode, one identity, one right: the decision of generic_permission() in Linux fs/namei.c.

Source: inode(7), acl(5), capabilities(7), user_namespaces(7), and acl_permission_check(), posix_acl_permission()
and capable_wrt_inode_uidgid() in the kernel. Exactly one class decides (owner, an ACL entry, group, or other);
nothing falls through to the next; after a denial a capability may still grant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntFlag, StrEnum
from itertools import product

from probe.access.acl import UNMAPPED_ID, entry_of, mask_of, permissions_text
from probe.access.capability import DAC_OVERRIDE, DAC_READ_SEARCH
from probe.access.credentials import Credentials
from probe.evidence.path import Acl, AclEntry, AclTag, FileType, Inode


class Right(IntFlag):
    """The rights of inode(7) with the kernel's own numbers (MAY_EXEC, MAY_WRITE, MAY_READ); they combine."""

    EXECUTE = 1
    """Execute a file; search a directory."""
    WRITE = 2
    READ = 4

    @property
    def letters(self) -> str:
        """The rights as chmod takes them: `r`, `wx`."""
        return permissions_text(self).replace("-", "")


class Rule(StrEnum):
    """What decided."""

    OWNER = "owner"
    NAMED_USER = "named-user"
    OWNING_GROUP = "owning-group"
    NAMED_GROUP = "named-group"
    OTHER = "other"
    CAPABILITY = "capability"
    IMMUTABLE = "immutable"
    APPEND_ONLY = "append-only"
    READ_ONLY_MOUNT = "read-only-mount"
    NOEXEC_MOUNT = "noexec-mount"
    NOSYMFOLLOW_MOUNT = "nosymfollow-mount"
    STICKY_SYMLINK = "sticky-symlink"
    """fs.protected_symlinks (proc_sys_fs(5))."""
    STICKY_DIRECTORY = "sticky-directory"
    """fs.protected_regular (proc_sys_fs(5))."""
    SPECIAL_FILE = "special-file"
    NOT_A_DIRECTORY = "not-a-directory"
    NO_SUCH_FILE = "no-such-file"
    TOO_MANY_SYMLINKS = "too-many-symlinks"
    NAME_TOO_LONG = "name-too-long"
    UNOBSERVABLE = "unobservable"
    """Not decided: something that the decision needs was not observed."""


@dataclass(frozen=True)
class Decision:
    """The answer for one inode, with both sides of the comparison.

    `held` is what the deciding class or ACL entry gives, 0..7, after the mask; `mask` the ACL's mask, if it has one.
    `acl_decided`: an ACL entry for a named user or group decided, or the answer is another one than the plain group
    and other bits (or the entries without the mask) would give. `by_capability` is the capability that granted,
    `capability_refused` the one that would have if the inode's ids were mapped in the asker's user namespace.
    `errno` is the kernel's answer to a denial.
    """

    granted: bool
    right: Right
    rule: Rule
    held: int
    mask: int | None
    acl_decided: bool
    by_capability: str | None
    capability_refused: str | None
    sentence: str
    errno: str | None = None


@dataclass(frozen=True)
class _Reading:
    """One reading of ids that are shown as the overflow id, which may stand for any unmapped id."""

    same_owner: bool
    """The inode's uid, shown as the overflow id, is the asker's own, when that is shown so too."""
    named_users: tuple[AclEntry, ...]
    """The ACL entries with such an id that are the asker's; of several, each alone may be."""
    same_group: bool
    named_groups: tuple[AclEntry, ...]
    mapped: bool
    """The inode's ids shown as the overflow id are mapped ids of that number, not stand-ins."""


@dataclass(frozen=True)
class _Class:
    """The class that decides before capabilities."""

    granted: bool
    rule: Rule
    held: int
    who: str
    by_acl: bool = False
    acl_decided: bool = False


def decide(credentials: Credentials, inode: Inode, acl: Acl | None, right: Right) -> Decision:
    """The kernel's answer for one right (or several at once) on one inode.

    `acl` is None, or without entries, where the inode has none beyond its mode or the file system has no POSIX ACLs.
    Where an id is shown as the overflow id and could be read in two ways, the reading that denies is taken.
    """
    decisions = possible_decisions(credentials, inode, acl, right)
    return next((decision for decision in decisions if not decision.granted), decisions[0])


def possible_decisions(
    credentials: Credentials, inode: Inode, acl: Acl | None, right: Right, *, idmapped: bool = False
) -> tuple[Decision, ...]:
    """Every answer that the shown ids allow; more than one only with overflow ids.

    `idmapped`: reached through an idmapped mount, on which an inode outside the mount's map shows the overflow id even
    in the initial user namespace.
    """
    users = _matches_overflow(idmapped, credentials.full_uid_map, credentials.uid == credentials.overflow_uid)
    groups = _matches_overflow(idmapped, credentials.full_gid_map, credentials.in_group(credentials.overflow_gid))
    named_users = _named(acl, AclTag.USER, credentials.overflow_uid, users)
    named_groups = _named(acl, AclTag.GROUP, credentials.overflow_gid, groups)
    mapped = _mappings(credentials, inode, idmapped)
    return tuple(
        _decide(credentials, inode, acl, right, _Reading(*one))
        for one in product(users, named_users, groups, named_groups, mapped)
    )


def grants_if_member(credentials: Credentials, inode: Inode, acl: Acl | None, right: Right, gid: int) -> bool:
    """Whether the right would be granted if the identity also held the group `gid`."""
    return decide(replace(credentials, groups=credentials.groups | {gid}), inode, acl, right).granted


def _matches_overflow(idmapped: bool, full_map: bool, mine: bool) -> tuple[bool, ...]:
    """Whether an id shown as the overflow id is the asker's: sure only where nothing can stand behind it."""
    if not mine:
        return (False,)
    if full_map:
        return (True, False) if idmapped else (True,)
    return (False, True)


def _named(acl: Acl | None, tag: AclTag, overflow: int, matches: tuple[bool, ...]) -> tuple[tuple[AclEntry, ...], ...]:
    """Which of the entries shown with a stand-in for an id may be the asker's.

    An asker shown as the overflow id may be behind any of them, and not behind the others. Of several groups that
    match, one that grants decides, so looking at each alone covers every answer.
    """
    entries = () if acl is None else acl.entries
    found = tuple(entry for entry in entries if entry.tag is tag and entry.id in (UNMAPPED_ID, overflow))
    if False not in matches:
        return (found,)
    return ((), *((entry,) for entry in found if True in matches))


def _mappings(credentials: Credentials, inode: Inode, idmapped: bool) -> tuple[bool, ...]:
    if not (credentials.may_map_uid(inode.uid) and credentials.may_map_gid(inode.gid)):
        return (False,)
    if not (credentials.maps_uid(inode.uid) and credentials.maps_gid(inode.gid)):
        return (False, True)
    shown_overflow = inode.uid == credentials.overflow_uid or inode.gid == credentials.overflow_gid
    return (True, False) if idmapped and shown_overflow else (True,)


def _decide(credentials: Credentials, inode: Inode, acl: Acl | None, right: Right, reading: _Reading) -> Decision:
    found = _class_of(credentials, inode, acl, right, reading)
    mask = mask_of(acl)
    sentence = _sentence(credentials, inode, right, found, mask)
    if found.granted:
        return Decision(True, right, found.rule, found.held, mask, found.acl_decided, None, None, sentence)
    wanted = _overriding(credentials, inode, right)
    if wanted is not None and reading.mapped:
        sentence += f"; {wanted} grants it"
        return Decision(True, right, Rule.CAPABILITY, found.held, mask, found.acl_decided, wanted, None, sentence)
    if wanted is not None:
        sentence += f"; {wanted} does not count: owner or group is not mapped in this user namespace"
    else:
        sentence += _no_capability(credentials, inode, right)
    return Decision(False, right, found.rule, found.held, mask, found.acl_decided, None, wanted, sentence, "EACCES")


def _class_of(credentials: Credentials, inode: Inode, acl: Acl | None, right: Right, reading: _Reading) -> _Class:
    """acl_permission_check(): the one class that decides."""
    if _is_me(credentials, inode.uid, reading.same_owner):
        return _plain(Rule.OWNER, inode.mode >> 6 & 7, right, f"owner {inode.uid}")
    if _is_mine(credentials, inode.gid, reading.same_group):
        bits = _plain(Rule.OWNING_GROUP, inode.mode >> 3 & 7, right, f"group {inode.gid}")
    else:
        bits = _plain(Rule.OTHER, inode.mode & 7, right, "others")
    # With an all-zero mask the kernel does not look at the ACL: a named user then gets the other bits.
    if acl is None or not acl.entries or not inode.mode & 0o070:
        return bits
    unmasked = _by_acl(credentials, inode, acl, right, reading, 7)
    mask = mask_of(acl)
    found = unmasked if mask is None else _by_acl(credentials, inode, acl, right, reading, mask)
    decided = (
        found.rule in (Rule.NAMED_USER, Rule.NAMED_GROUP)
        or found.granted is not bits.granted
        or found.granted is not unmasked.granted
    )
    return replace(found, acl_decided=decided)


def _by_acl(credentials: Credentials, inode: Inode, acl: Acl, right: Right, reading: _Reading, mask: int) -> _Class:
    """posix_acl_permission(), for an asker who is not the owner."""
    for entry in acl.entries:
        if entry.tag is AclTag.USER and _is_me(credentials, entry.id, entry in reading.named_users):
            return _plain(Rule.NAMED_USER, entry.permissions & mask, right, f"ACL entry user:{entry.id}", by_acl=True)
    matching = [entry for entry in acl.entries if _matches(credentials, inode, entry, reading)]
    if matching:
        # One entry must give all that is asked for; two entries that give a part each do not add up.
        best = max(matching, key=lambda entry: (entry.permissions & right).bit_count())
        rule = Rule.OWNING_GROUP if best.tag is AclTag.OWNING_GROUP else Rule.NAMED_GROUP
        number = inode.gid if best.tag is AclTag.OWNING_GROUP else best.id
        return _plain(rule, best.permissions & mask, right, f"ACL entry group:{number}", by_acl=True)
    other = entry_of(acl, AclTag.OTHER)
    return _plain(Rule.OTHER, inode.mode & 7 if other is None else other.permissions, right, "others")


def _matches(credentials: Credentials, inode: Inode, entry: AclEntry, reading: _Reading) -> bool:
    if entry.tag is AclTag.OWNING_GROUP:
        return _is_mine(credentials, inode.gid, reading.same_group)
    return entry.tag is AclTag.GROUP and _is_mine(credentials, entry.id, entry in reading.named_groups)


def _plain(rule: Rule, held: int, right: Right, who: str, *, by_acl: bool = False) -> _Class:
    return _Class(right & ~held == 0, rule, held, who, by_acl)


def _is_me(credentials: Credentials, uid: int | None, same_overflow: bool) -> bool:
    if uid is None or (uid == UNMAPPED_ID and credentials.full_uid_map):
        return False
    return same_overflow if uid in (UNMAPPED_ID, credentials.overflow_uid) else uid == credentials.uid


def _is_mine(credentials: Credentials, gid: int | None, same_overflow: bool) -> bool:
    if gid is None or (gid == UNMAPPED_ID and credentials.full_gid_map):
        return False
    return same_overflow if gid in (UNMAPPED_ID, credentials.overflow_gid) else credentials.in_group(gid)


def _overriding(credentials: Credentials, inode: Inode, right: Right) -> str | None:
    """The capability held that generic_permission() would accept for this right, mapped ids assumed."""
    held = credentials.capabilities
    if inode.type is FileType.DIRECTORY:
        if not right & Right.WRITE and DAC_READ_SEARCH in held:
            return DAC_READ_SEARCH
        return DAC_OVERRIDE if DAC_OVERRIDE in held else None
    if right == Right.READ and DAC_READ_SEARCH in held:
        return DAC_READ_SEARCH
    if right & Right.EXECUTE and not inode.mode & 0o111:
        return None
    return DAC_OVERRIDE if DAC_OVERRIDE in held else None


def _sentence(credentials: Credentials, inode: Inode, right: Right, found: _Class, mask: int | None) -> str:
    letters, entry = right.letters, f"{found.who} gives {permissions_text(found.held)}"
    if found.granted:
        sentence = (
            f"{entry}:" if found.by_acl else f"{found.who} {'have' if found.rule is Rule.OTHER else 'has'} {letters}:"
        )
    else:
        sentence = f"needs {letters}, {entry}," if found.by_acl else f"needs {letters} for {found.who},"
    sentence += f" mode is {inode.mode:04o} (owner {inode.uid}, group {inode.gid})"
    if mask is not None and found.rule is not Rule.OWNER:
        unused = "" if inode.mode & 0o070 else ", so no ACL entry counts"
        sentence += f"; the group bits are the ACL mask {permissions_text(mask)}{unused}"
    if found.granted:
        return sentence
    if found.rule is Rule.OWNER and right & (inode.mode | inode.mode >> 3):
        sentence += "; only the owner bits count for the owner"
    if found.rule is Rule.OWNING_GROUP and not found.by_acl and right & ~inode.mode == 0:
        sentence += "; the bits for others do not count for a member of the group"
    if found.rule is Rule.OTHER and credentials.uid != inode.uid:
        sentence += f"; uid {credentials.uid} is not the owner and does not hold group {inode.gid}"
    return sentence


def _no_capability(credentials: Credentials, inode: Inode, right: Right) -> str:
    if DAC_OVERRIDE in credentials.capabilities and right & Right.EXECUTE and inode.type is not FileType.DIRECTORY:
        return f"; {DAC_OVERRIDE} does not make a file without any x bit executable"
    if credentials.uid != 0:
        return ""
    if DAC_READ_SEARCH in credentials.capabilities:
        return f"; uid 0 without {DAC_OVERRIDE}, and {DAC_READ_SEARCH} does not cover {right.letters}"
    return f"; uid 0 without {DAC_OVERRIDE} and {DAC_READ_SEARCH} is an ordinary user"
