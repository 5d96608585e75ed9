"""The last inode: what is wanted of it, against the mount, the inode's flags and its bits, in the kernel's order.

Source: open(2), execve(2), mount(8), ioctl_iflags(2), and inode_permission(), may_open(), may_o_create() and
may_create_in_sticky() in Linux fs/namei.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probe.access.credentials import Credentials
from probe.access.decide import Decision, Right, Rule, decide, possible_decisions
from probe.evidence.mount import Mount
from probe.evidence.observation import NotSeen, Reason, Seen
from probe.evidence.path import Acl, AclEntry, AclTag, Component, FileType, Inode, Want

_STORED = (FileType.REGULAR, FileType.DIRECTORY)  # a device, FIFO or socket is writable on a read-only mount


@dataclass(frozen=True)
class Place:
    """A component whose inode was seen."""

    index: int
    component: Component
    inode: Inode


def deny(right: Right, rule: Rule, errno: str | None, sentence: str) -> Decision:
    """A denial that no permission bit decided."""
    return Decision(False, right, rule, 0, None, False, None, None, sentence, errno)


def on_mount(component: Component, mount: Mount | None, *, surely: bool = False) -> bool:
    """Whether the component lies on this mount; an unknown mount id counts unless `surely`."""
    if mount is None:
        return False
    if isinstance(component.mount_id, NotSeen):
        return not surely
    return component.mount_id.value == mount.mount_id


def consider(
    credentials: Credentials, place: Place, right: Right, *, idmapped: bool = False
) -> tuple[Decision, str | None]:
    """The decision on a recorded component; undecided, with what is missing, when the evidence leaves it open."""
    component, inode = place.component, place.inode
    decisions = [
        decision
        for acl in _possible_acls(credentials, component, inode)
        for decision in possible_decisions(credentials, inode, acl, right, idmapped=idmapped)
    ]
    if all(decision.granted is decisions[0].granted for decision in decisions):
        return decisions[0], None
    if isinstance(component.acl, NotSeen):
        why = f"{component.path}: its ACL was not seen ({component.acl.message})"
    else:
        why = (
            f"{component.path}: owner {inode.uid} or group {inode.gid} may be a mapped id, or stand for one that is not"
        )
    undecided = decide(credentials, inode, None, right)
    text = f"undecided, {why}"
    return Decision(False, right, Rule.UNOBSERVABLE, undecided.held, undecided.mask, False, None, None, text), why


def _possible_acls(credentials: Credentials, component: Component, inode: Inode) -> Iterator[Acl | None]:
    """The ACL that was seen; where none could be, also the ones that would deny and grant the most."""
    if isinstance(component.acl, Seen):
        yield component.acl.value
        return
    yield None
    # Only these answers of getxattr(2) say that there is none; a question that could not be asked says nothing.
    if component.acl.errno in ("ENOTSUP", "ENODATA") or component.acl.reason is Reason.ABSENT:
        return
    mask = inode.mode >> 3 & 7
    for permissions in (0, 7):
        yield Acl(
            entries=(
                AclEntry(tag=AclTag.OWNER, permissions=inode.mode >> 6 & 7),
                AclEntry(tag=AclTag.USER, id=credentials.uid, permissions=permissions),
                AclEntry(tag=AclTag.OWNING_GROUP, permissions=0),
                AclEntry(tag=AclTag.MASK, permissions=mask),
                AclEntry(tag=AclTag.OTHER, permissions=inode.mode & 7),
            )
        )


def judge_target(
    credentials: Credentials,
    target: Place,
    parent: Place | None,
    want: Want,
    mount: Mount | None,
    *,
    protected_regular: int = 0,
) -> tuple[Place, Decision, str | None]:
    """The inode that decides, the decision, and what is missing for one.

    `target` is the last inode seen: for an absent name that is to be created, its directory. `parent` is the directory
    in which the last name was looked up.
    """
    question = _Question(credentials, target, mount)
    if want is Want.CREATE:
        directory = parent if parent is not None else target
        return directory, *_Question(credentials, directory, mount).create_in()
    if want is Want.WRITE:
        if target.inode.type is FileType.DIRECTORY:
            return target, *question.create_in()
        return target, *question.write(parent, protected_regular)
    if want is Want.EXECUTE:
        return target, *question.execute()
    return target, *question.read(list_only=want is Want.LIST)


class _Question:
    """One inode and what surrounds it."""

    def __init__(self, credentials: Credentials, place: Place, mount: Mount | None) -> None:
        self.credentials = credentials
        self.place = place
        self.inode = place.inode
        here = mount is not None and on_mount(place.component, mount)
        self.options = mount.options if here and mount is not None else ()
        self.super_options = mount.super_options if here and mount is not None else ()

    def create_in(self) -> tuple[Decision, str | None]:
        """Making an entry in a directory: w and x at once."""
        right = Right.WRITE | Right.EXECUTE
        refused = self._read_only(right, "ro" in self.options or "ro" in self.super_options) or self._fixed(right)
        return (refused, None) if refused is not None else self._bits(right)

    def write(self, parent: Place | None, protected_regular: int) -> tuple[Decision, str | None]:
        """open(O_WRONLY), without O_APPEND."""
        right = Right.WRITE
        if parent is not None and self._sticky(parent.inode, protected_regular):
            text = (
                f"the file of owner {self.inode.uid} lies in a directory of mode {parent.inode.mode:04o} and owner "
                f"{parent.inode.uid}: fs.protected_regular is {protected_regular}, so only these owners may open it "
                "with O_CREAT"
            )
            return deny(right, Rule.STICKY_DIRECTORY, "EACCES", text), None
        refused = self._read_only(right, "ro" in self.super_options) or self._fixed(right)
        if refused is not None:
            return refused, None
        decision, missing = self._bits(right)
        if not decision.granted:
            return decision, missing
        # In this order: an append-only file is refused by may_open(), a read-only mount only when the file is opened.
        if "append" in self._flags():
            return deny(right, Rule.APPEND_ONLY, "EPERM", "append-only: every writer needs O_APPEND"), None
        late = self._read_only(right, "ro" in self.options) or self._special(right)
        return (late or decision), None

    def execute(self) -> tuple[Decision, str | None]:
        """execve of a file; search of a directory."""
        right = Right.EXECUTE
        if self.inode.type not in _STORED:
            text = f"a {self.inode.type} cannot be executed"
            return deny(right, Rule.SPECIAL_FILE, "EACCES", text), None
        if self.inode.type is FileType.REGULAR and ("noexec" in self.options or "noexec" in self.super_options):
            return deny(right, Rule.NOEXEC_MOUNT, "EACCES", "the mount is noexec: nothing on it is executed"), None
        return self._bits(right)

    def read(self, *, list_only: bool) -> tuple[Decision, str | None]:
        """open(O_RDONLY), with O_DIRECTORY to list."""
        if list_only and self.inode.type is not FileType.DIRECTORY:
            text = f"a {self.inode.type} has no names to list"
            return deny(Right.READ, Rule.NOT_A_DIRECTORY, "ENOTDIR", text), None
        decision, missing = self._bits(Right.READ)
        if decision.granted:
            return (self._special(Right.READ) or decision), None
        return decision, missing

    def _bits(self, right: Right) -> tuple[Decision, str | None]:
        idmapped = "idmapped" in self.options
        decision, missing = consider(self.credentials, self.place, right, idmapped=idmapped)
        outside = self.inode.uid == self.credentials.overflow_uid or self.inode.gid == self.credentials.overflow_gid
        if right & Right.WRITE and idmapped and outside and decision.granted:
            # inode_permission() refuses the write if the mount does not map the ids; 65534 may also be meant.
            why = (
                f"{self.place.component.path}: owner {self.inode.uid} or group {self.inode.gid} is the overflow id: "
                "if the idmapped mount does not map the inode's ids, nobody writes to it"
            )
            return deny(right, Rule.UNOBSERVABLE, None, f"undecided, {why}"), why
        return decision, missing

    def _read_only(self, right: Right, read_only: bool) -> Decision | None:
        if not read_only or self.inode.type not in _STORED:
            return None
        return deny(right, Rule.READ_ONLY_MOUNT, "EROFS", f"needs {right.letters}, and the mount is read-only")

    def _fixed(self, right: Right) -> Decision | None:
        if "immutable" not in self._flags():
            return None
        return deny(right, Rule.IMMUTABLE, "EPERM", f"needs {right.letters}, and the inode is immutable (chattr +i)")

    def _special(self, right: Right) -> Decision | None:
        if self.inode.type is not FileType.SOCKET:
            return None
        return deny(right, Rule.SPECIAL_FILE, "ENXIO", "a socket is connected to, not opened")

    def _sticky(self, directory: Inode, protected_regular: int) -> bool:
        """may_create_in_sticky(): 1 protects world-writable sticky directories, 2 group-writable ones too."""
        if protected_regular <= 0 or self.inode.type is not FileType.REGULAR or not directory.mode & 0o1000:
            return False
        if self.inode.uid in (directory.uid, self.credentials.uid):
            return False
        return bool(directory.mode & 0o002) or (protected_regular >= 2 and bool(directory.mode & 0o020))

    def _flags(self) -> tuple[str, ...]:
        flags = self.place.component.flags
        return flags.value if isinstance(flags, Seen) else ()
