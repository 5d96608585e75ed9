"""A path as a log shows it near one line: what is known of each component, and what the access model makes of it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property

from probe.access.credentials import Credentials
from probe.access.walk import Judgement, Step, judge
from probe.classify.told.account import Account, Told, Who
from probe.classify.told.logs.acl import stated_acl
from probe.classify.told.said import Placed, gap
from probe.evidence.observation import NotSeen, Observation, Reason, Seen
from probe.evidence.path import Acl, Chain, Component, FileType, Inode, Want
from probe.evidence.transcript import InodeStated

NOBODY = 0xFFFF_FFFE
"""Stands for an id that is known to be none of the asker's, and not known otherwise."""
MAYBE = 0xFFFF_FFFD
"""Stands for a group that the asker may hold or not: only where the bits say the same to both."""
_CUT = 8
"""Characters that BusyBox prints of a group."""


@dataclass(frozen=True)
class Hop:
    """One component of a path."""

    path: str
    told: Told[InodeStated] | None
    """None: no line shows it."""
    account: Account | None
    """Whose log shows it."""
    inode: Inode | None
    """For the access model alone: times, device and number are made up. None where owner or bits leave it open."""
    lacking: str = ""
    """What has to be known of it to decide."""

    @property
    def pointer(self) -> str:
        """Where it stands."""
        return self.told.pointer if self.told is not None else ""


@dataclass(frozen=True)
class Shown:
    """A whole path, for one identity."""

    who: Who
    uid: int
    hops: tuple[Hop, ...]
    want = Want.READ

    @cached_property
    def credentials(self) -> Credentials:
        """Whose access is judged. Who is not uid 0 has no capabilities, unless something says so."""
        maybe = any(hop.inode is not None and hop.inode.gid == MAYBE for hop in self.hops)
        groups = self.who.groups | {MAYBE} if maybe else self.who.groups
        gid = self.who.gid if self.who.gid is not None else NOBODY
        return Credentials(self.uid, gid, groups, self.who.capabilities or frozenset())

    @cached_property
    def chain(self) -> Chain:
        """The walk. A component that is not known lets everybody pass: it is named by `missing` instead."""
        components = tuple(_component(hop) for hop in self.hops)
        return Chain(requested=self.hops[-1].path, components=components, resolved=self.hops[-1].path)

    @cached_property
    def judgement(self) -> Judgement:
        """What the access model says of what is known."""
        return judge(self.credentials, self.chain, self.want)

    @property
    def denial(self) -> Step | None:
        """The first component that denies, of those that are known."""
        return self.judgement.denial

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not known and may deny as well."""
        undecided = tuple(self.judgement.missing)
        return (*(hop.lacking for hop in self.hops if hop.lacking), *undecided)

    @property
    def complete(self) -> bool:
        """Whether every component is known."""
        return not self.missing


def shown(accounts: tuple[Account, ...], who: Who, path: str, near: Placed) -> Shown:
    """The path as the first of these accounts shows it near one of its lines, or else as another one does.

    The others of one run see the same path of the same volume, at another time.
    """
    hops = tuple(_hop(accounts, one, near, who, last=one == posixpath.normpath(path)) for one in ancestors(path))
    return Shown(who, who.uid if who.uid is not None else NOBODY, hops)


def ancestors(path: str) -> tuple[str, ...]:
    """Every component of an absolute path, from the root to itself."""
    parts = [part for part in posixpath.normpath(path).split("/") if part]
    return ("/", *("/" + "/".join(parts[: index + 1]) for index in range(len(parts))))


def nearest(account: Account, path: str, near: Placed | None) -> Told[InodeStated] | None:
    """What a log says of a path closest to one of its lines; the last where none is given."""
    stated = [one for one in account.inodes(path) if one.value.type is not FileType.UNKNOWN]
    if not stated:
        return None
    if near is None:
        return stated[-1]
    return min(stated, key=lambda one: (gap(one, near), -(one.line or 0)))


def _hop(accounts: tuple[Account, ...], path: str, near: Placed, who: Who, *, last: bool) -> Hop:
    for number, account in enumerate(accounts):
        told = nearest(account, path, near if number == 0 else None)
        if told is not None and (number == 0 or _is_shared(path)):
            return _known(told, account, accounts[0], who, last=last)
    return Hop(path, None, None, None, f"ls -ld {path}, by the reader" if path != "/" else "ls -ld /, by the reader")


def _is_shared(path: str) -> bool:
    """The root and the directories just below it are every container's own."""
    return path.count("/") > 1


def _known(told: Told[InodeStated], account: Account, asker: Account, who: Who, *, last: bool) -> Hop:
    stated = told.value
    if stated.type is FileType.SYMLINK:
        return Hop(stated.path, told, account, None, f"ls -ldL {stated.path}: it is a link")
    uid = _number(stated.uid, stated.owner)
    uid = uid if uid is not None else _other_name(stated.owner, asker, account)
    if uid is None:
        return Hop(stated.path, told, account, None, f"the number of owner {stated.owner}: ls -ldn {stated.path}")
    gid = _number(stated.gid, stated.group)
    if gid is None:
        gid = _unknown_group(stated, who, last=last, acl=stated_acl(account, stated.path) is not None)
    if gid is None:
        return Hop(stated.path, told, account, None, f"the number of group {stated.group}: ls -ldn {stated.path}")
    inode = _bits(stated.type, stated.mode, uid, gid, stated.path)
    return Hop(stated.path, told, account, inode)


def _unknown_group(stated: InodeStated, who: Who, *, last: bool, acl: bool) -> int | None:
    """What stands for a group whose number is not told; None where the answer turns on whether the asker holds it."""
    cut = len(stated.group) == _CUT and stated.group.isascii() and stated.group.isdigit()
    if cut and who.groups and not any(str(group).startswith(stated.group) for group in who.groups):
        return NOBODY
    asked = (5 if stated.type is FileType.DIRECTORY else 4) if last else 1
    return MAYBE if not acl and (stated.mode >> 3 & asked) == (stated.mode & asked) else None


def _other_name(owner: str, asker: Account, account: Account) -> int | None:
    """A name in the same log that is not the asker's own is another user."""
    name = asker.user
    return NOBODY if account is asker and name is not None and owner != name else None


def _component(hop: Hop) -> Component:
    unseen = NotSeen(reason=Reason.SKIPPED, message="a log does not tell", at=0)
    inode = hop.inode if hop.inode is not None else _passing(hop)
    name = posixpath.basename(hop.path) or "/"
    return Component(
        path=hop.path, name=name, inode=Seen[Inode](value=inode, at=0), acl=_acl(hop), label=unseen, mount_id=unseen
    )


def _acl(hop: Hop) -> Observation[Acl]:
    if hop.told is None or hop.account is None or hop.inode is None:
        return NotSeen(reason=Reason.ABSENT, message="none is shown", at=0)
    acl = stated_acl(hop.account, hop.path)
    if acl is not None:
        return Seen[Acl](value=acl, at=0)
    marked = any(
        one.value.mark == "+" and one.value.mode == hop.told.value.mode for one in hop.account.inodes(hop.path)
    )
    if marked:
        return NotSeen(reason=Reason.SKIPPED, message=f"ls shows that it has one: getfacl -n {hop.path}", at=0)
    return NotSeen(reason=Reason.ABSENT, message="none is shown", at=0)


def _passing(hop: Hop) -> Inode:
    kind = hop.told.value.type if hop.told is not None else FileType.DIRECTORY
    return _bits(FileType.DIRECTORY if kind is FileType.SYMLINK else kind, 0o777, NOBODY, NOBODY, hop.path)


def inode_of(stated: InodeStated) -> Inode | None:
    """What the access model needs of one line; None where it does not tell the numbers, or shows a link."""
    uid, gid = _number(stated.uid, stated.owner), _number(stated.gid, stated.group)
    if uid is None or gid is None or stated.type is FileType.SYMLINK:
        return None
    return _bits(stated.type, stated.mode, uid, gid, stated.path)


def _number(number: int | None, name: str) -> int | None:
    """The id of a name; root is 0 in every image."""
    return 0 if number is None and name == "root" else number


def _bits(kind: FileType, mode: int, uid: int, gid: int, path: str) -> Inode:
    """For the access model alone, which tells inodes of one path apart by their number."""
    return Inode(
        type=kind,
        mode=mode,
        uid=uid,
        gid=gid,
        device="0:0",
        inode=len(path),
        links=1,
        size=0,
        blocks=0,
        modified=0,
        changed=0,
    )
