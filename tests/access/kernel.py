"""The truth: real inodes, real identities in forked processes, real system calls; and the evidence taken of them."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import pickle
import stat
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from probe.access.acl import decode_acl
from probe.access.capability import capability_bits
from probe.access.credentials import Credentials
from probe.evidence.mount import Mount
from probe.evidence.observation import NotSeen, Observation, Reason, Seen, not_seen_from
from probe.evidence.path import Acl, Chain, Component, FileType, Inode, Want

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_NOEXEC, MS_REMOUNT, MS_NOSYMFOLLOW, MS_BIND, MS_REC, MS_PRIVATE = 1, 8, 32, 256, 4096, 16384, 1 << 18
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442  # system calls this new have one number everywhere
_AT_FDCWD, _AT_EMPTY_PATH = -100, 0x1000
_PR_SET_KEEPCAPS = 8
_CAPABILITY_VERSION_3 = 0x20080522
_MAX_LINKS = 40
_FLAG_IOCTLS = (0x80086601, 0x40086602)  # FS_IOC_GETFLAGS, FS_IOC_SETFLAGS
FLAGS = {"immutable": 0x10, "append": 0x20}
_TYPES = {
    stat.S_IFDIR: FileType.DIRECTORY,
    stat.S_IFREG: FileType.REGULAR,
    stat.S_IFLNK: FileType.SYMLINK,
    stat.S_IFIFO: FileType.FIFO,
    stat.S_IFSOCK: FileType.SOCKET,
    stat.S_IFBLK: FileType.BLOCK_DEVICE,
    stat.S_IFCHR: FileType.CHARACTER_DEVICE,
}


@dataclass(frozen=True)
class Actor:
    """An identity to become: all ids equal, and exactly these effective capabilities."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    capabilities: tuple[str, ...] = ()

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.uid, self.gid, frozenset(self.groups), frozenset(self.capabilities))

    def become(self) -> None:
        """Turn this process into the identity. No way back."""
        os.setgroups(self.groups)
        os.setresgid(self.gid, self.gid, self.gid)
        if LIBC.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        os.setresuid(self.uid, self.uid, self.uid)
        set_capabilities(self.capabilities)


def set_capabilities(names: tuple[str, ...]) -> None:
    """Effective and permitted become exactly these."""
    bits = capability_bits(names)
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    data = struct.pack("<IIIIII", low, low, 0, high, high, 0)
    if LIBC.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def in_child(action: Callable[[], Any]) -> Any:
    """The value of `action()` in a forked process; what it raises is raised here."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            result: tuple[bool, Any] = (True, action())
            data = pickle.dumps(result)
        except BaseException as error:
            data = pickle.dumps((False, error))
        try:
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(data)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    good, value = pickle.loads(data)
    if not good:
        raise value
    return value


@dataclass(frozen=True)
class Question:
    """What to try on which path; `directory`: the target is one."""

    path: str
    want: Want
    directory: bool = False
    beside: bool = False
    """create: the name is taken, so make another one beside it."""
    follows: bool = False
    """create: the name is a dangling link, which O_EXCL would not follow."""

    @property
    def enters(self) -> bool:
        """A granted try changes the working directory."""
        return self.want is Want.EXECUTE and self.directory


def attempt(question: Question) -> str | None:
    """Try it for real as the present process: None when granted, otherwise the errno by name."""
    try:
        _ACTIONS[question.want](question)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return None


def _read(question: Question) -> None:
    os.close(os.open(question.path, os.O_RDONLY | os.O_NONBLOCK))


def _write(question: Question) -> None:
    if question.directory:
        _make(question.path + "/.made-by-test")
    else:
        os.close(os.open(question.path, os.O_WRONLY | os.O_NONBLOCK))


def _create(question: Question) -> None:
    if question.beside:
        _make(os.path.dirname(question.path) + "/.made-by-test")
    elif question.follows:
        os.close(os.open(question.path, os.O_CREAT | os.O_WRONLY, 0o600))
    else:
        _make(question.path)


def _make(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    os.unlink(path)


def _list(question: Question) -> None:
    descriptor = os.open(question.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.listdir(descriptor)
    finally:
        os.close(descriptor)


def _execute(question: Question) -> None:
    if question.directory:
        os.chdir(question.path)
        return
    try:
        # The kernel checks permission before it looks at the format: a text without `#!` is then ENOEXEC.
        os.execv(question.path, [question.path])
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise


_ACTIONS = {
    Want.READ: _read,
    Want.WRITE: _write,
    Want.CREATE: _create,
    Want.LIST: _list,
    Want.EXECUTE: _execute,
}


def ask(actor: Actor, questions: Sequence[Question], cwd: str = "/") -> list[str | None]:
    """The kernel's answers to one identity, whose working directory is `cwd`."""

    def start_there() -> list[str | None]:
        os.chdir(cwd)  # first: a container runtime, too, may start a process where it may not search
        return try_all(actor, questions)

    answers: list[str | None] = in_child(start_there)
    return answers


def try_all(actor: Actor, questions: Sequence[Question]) -> list[str | None]:
    """As `ask`, in the present process and working directory; the process then stays that identity."""
    start = os.open("/proc/self/cwd", os.O_PATH)  # unlike `.`, this needs no search permission
    actor.become()
    return [_stay(question, start) for question in questions]


def _stay(question: Question, start: int) -> str | None:
    """As `attempt`, and back to the working directory where it could have been left.

    Who reached a place by a relative path may search the working directory, and so return to it. After an absolute
    path that may not be so: such questions are to be asked last.
    """
    answer = attempt(question)
    if answer is None and question.enters and not question.path.startswith("/"):
        os.fchdir(start)
    return answer


def record(path: str, cwd: str | None = None, *, flags: bool = False) -> Chain:
    """The evidence of a path as a process sees it that may search everything: one component per lookup."""
    return _Recorder(path, cwd, flags).chain()


@dataclass
class _Recorder:
    path: str
    cwd: str | None
    flags: bool
    components: list[Component] = field(default_factory=list)
    stopped: NotSeen | None = None

    def chain(self) -> Chain:
        names = [part for part in self.path.split("/") if part]
        if self.path.startswith("/"):
            here = "/"
            self._see("/", "/")
        else:
            here = self.cwd or os.getcwd()
            self._see(here, ".")
        links = 0
        while names and self.stopped is None:
            name = names.pop(0)
            full = (
                here
                if name == "."
                else os.path.normpath(here + "/..")
                if name == ".."
                else f"{here.rstrip('/')}/{name}"
            )
            real = f"{here.rstrip('/')}/{name}"
            inode = self._see(full, name, real)
            if inode is None:
                self._below(full, names)
            elif inode.type is FileType.SYMLINK:
                links += 1
                if links > _MAX_LINKS:
                    failed = OSError(errno.ELOOP, "loop")
                    self.stopped = not_seen_from(failed, f"open {full}", 1)
                    self.components[-1] = self.components[-1].model_copy(update={"inode": self.stopped})
                    self._below(full, names)
                    break
                target = os.readlink(full)
                names[:0] = [part for part in target.split("/") if part]
                if target.startswith("/"):
                    here = "/"
                    self._see("/", "/")
            else:
                here = full
        return Chain(
            requested=self.path,
            working_directory=None if self.path.startswith("/") else Seen[str](value=self.cwd or os.getcwd(), at=1),
            components=tuple(self.components),
            resolved=None if self.stopped else here,
            stopped=self.stopped,
        )

    def _see(self, full: str, name: str, real: str | None = None) -> Inode | None:
        real = real or full
        try:
            found = os.lstat(real)
        except OSError as error:
            self.stopped = not_seen_from(error, f"open {full}", 1)
            self.components.append(component(full, name, self.stopped))
            return None
        inode = inode_of(found)
        link = os.readlink(real) if inode.type is FileType.SYMLINK else None
        acl = read_acl(real) if link is None else Seen[Acl](value=Acl(), at=1)
        seen_flags = read_flags(real) if self.flags and inode.type in (FileType.REGULAR, FileType.DIRECTORY) else None
        self.components.append(
            component(full, name, Seen[Inode](value=inode, at=1), acl=acl, link_target=link, flags=seen_flags)
        )
        return inode

    def _below(self, full: str, names: list[str]) -> None:
        for name in names:
            full = f"{full}/{name}"
            unseen = NotSeen(reason=Reason.SKIPPED, message="unobservable below the component that stopped", at=1)
            self.components.append(component(full, name, unseen))
        names.clear()


def component(
    path: str,
    name: str,
    inode: Observation[Inode],
    *,
    acl: Observation[Acl] | None = None,
    link_target: str | None = None,
    flags: Observation[tuple[str, ...]] | None = None,
    mount_id: Observation[int] | None = None,
) -> Component:
    """A component with what these tests do not look at marked as skipped."""
    skipped = NotSeen(reason=Reason.SKIPPED, message="not looked at", at=1)
    return Component.model_construct(
        path=path,
        name=name,
        inode=inode,
        acl=acl if acl is not None else skipped,
        label=skipped,
        mount_id=mount_id if mount_id is not None else skipped,
        link_target=link_target,
        flags=flags,
    )


def inode_of(found: os.stat_result) -> Inode:
    return Inode.model_construct(
        type=_TYPES.get(stat.S_IFMT(found.st_mode), FileType.UNKNOWN),
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        device=f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}",
        inode=found.st_ino,
        links=found.st_nlink,
        size=found.st_size,
        blocks=found.st_blocks,
        modified=found.st_mtime_ns,
        changed=found.st_ctime_ns,
    )


def read_acl(path: str) -> Observation[Acl]:
    try:
        return Seen[Acl](value=decode_acl(os.getxattr(path, "system.posix_acl_access")), at=1)
    except OSError as error:
        if error.errno == errno.ENODATA:
            return Seen[Acl](value=Acl(), at=1)
        return not_seen_from(error, "getxattr", 1)


def set_acl(path: str, *entries: tuple[int, int, int]) -> None:
    """Store an ACL by its bytes: (tag, permissions, id) each, as linux/posix_acl_xattr.h has them."""
    data = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    os.setxattr(path, "system.posix_acl_access", data)


def acl(
    owner: int,
    group: int,
    mask: int,
    other: int,
    *,
    users: Mapping[int, int] = MappingProxyType({}),
    groups: Mapping[int, int] = MappingProxyType({}),
) -> tuple[tuple[int, int, int], ...]:
    """The entries of a full ACL for `set_acl`: permissions of the unnamed, of users by uid, of groups by gid."""
    none = 0xFFFFFFFF
    return (
        (0x01, owner, none),
        *((0x02, permissions, uid) for uid, permissions in sorted(users.items())),
        (0x04, group, none),
        *((0x08, permissions, gid) for gid, permissions in sorted(groups.items())),
        (0x10, mask, none),
        (0x20, other, none),
    )


def read_flags(path: str) -> Observation[tuple[str, ...]]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        bits = struct.unpack("l", fcntl.ioctl(descriptor, _FLAG_IOCTLS[0], struct.pack("l", 0)))[0]
    except OSError as error:
        return not_seen_from(error, "ioctl", 1)
    finally:
        os.close(descriptor)
    return Seen[tuple[str, ...]](value=tuple(name for name, bit in FLAGS.items() if bits & bit), at=1)


@contextlib.contextmanager
def flagged(path: str, name: str) -> Iterator[None]:
    """The inode with `immutable` or `append` set, for the block."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        before = fcntl.ioctl(descriptor, _FLAG_IOCTLS[0], struct.pack("l", 0))
        (bits,) = struct.unpack("l", before)
        fcntl.ioctl(descriptor, _FLAG_IOCTLS[1], struct.pack("l", bits | FLAGS[name]))
        try:
            yield
        finally:
            fcntl.ioctl(descriptor, _FLAG_IOCTLS[1], before)
    finally:
        os.close(descriptor)


def make(path: Path, mode: int, uid: int = 0, gid: int = 0, *, content: bytes | None = None) -> str:
    """A directory, or with `content` a file, with exactly this mode and these owners."""
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    os.chown(path, uid, gid)
    path.chmod(mode)
    return str(path)


def link(path: Path, target: str, uid: int = 0, gid: int = 0) -> str:
    """A symbolic link with this owner."""
    path.symlink_to(target)
    os.lchown(path, uid, gid)
    return str(path)


def unshare(flags: int) -> None:
    """Leave the named namespaces; raises PermissionError where this is not allowed."""
    if LIBC.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """mount(2)."""
    if LIBC.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()) != 0:
        raise OSError(ctypes.get_errno(), "mount")


def mount_at(path: str) -> Mount:
    """The line of mountinfo for the mount point `path`: the last one, which is on top."""
    with open("/proc/self/mountinfo") as lines:
        fields = next(line.split() for line in reversed(lines.readlines()) if line.split()[4] == path)
    after = fields[fields.index("-") + 1 :]
    return Mount(
        mount_id=int(fields[0]),
        parent_id=int(fields[1]),
        device=fields[2],
        root=fields[3],
        mount_point=fields[4],
        options=tuple(fields[5].split(",")),
        filesystem=after[0],
        source=after[1],
        super_options=tuple(after[2].split(",")),
    )


def in_user_namespace(uid_map: str, gid_map: str, action: Callable[[], Any], cwd: str = "/") -> Any:
    """`action()` in a new user namespace with these maps (lines of `inside outside count`; empty: nothing is mapped).

    It starts with all capabilities there, and with ids that may have no mapping.
    """

    def enter() -> Any:
        ready = os.pipe()
        parent = os.getpid()
        writer = os.fork()
        if writer == 0:
            # Only a process outside, privileged over the ids, may write any map it likes.
            status = 1
            try:
                os.read(ready[0], 1)
                for name, lines in (("uid_map", uid_map), ("gid_map", gid_map)):
                    if lines:
                        Path(f"/proc/{parent}/{name}").write_text(lines)
                status = 0
            finally:
                os._exit(status)
        os.chdir(cwd)
        unshare(CLONE_NEWUSER)
        os.write(ready[1], b"x")
        _, status = os.waitpid(writer, 0)
        for descriptor in ready:
            os.close(descriptor)
        if status != 0:
            raise PermissionError(errno.EPERM, "the id maps could not be written")
        return action()

    return in_child(enter)


def open_components(chain: Chain) -> list[int | None]:
    """A descriptor for every component that was seen, to look at it again from another namespace."""
    descriptors: list[int | None] = []
    for one in chain.components:
        seen = isinstance(one.inode, Seen)
        descriptors.append(os.open(one.path, os.O_PATH | os.O_NOFOLLOW) if seen else None)
    return descriptors


def look_again(chain: Chain, descriptors: list[int | None]) -> str:
    """The same chain as this process sees it, as JSON: ids and ACLs in terms of its own user namespace."""
    components = []
    for one, descriptor in zip(chain.components, descriptors, strict=True):
        if descriptor is None:
            components.append(one)
            continue
        inode = inode_of(os.fstat(descriptor))
        update: dict[str, Any] = {"inode": Seen[Inode](value=inode, at=2)}
        if inode.type is not FileType.SYMLINK:
            update["acl"] = read_acl(f"/proc/self/fd/{descriptor}")
        components.append(one.model_copy(update=update))
    return chain.model_copy(update={"components": tuple(components)}).model_dump_json()


def mount_idmapped(source: str, target: str, line: str) -> None:
    """Mount `source` at `target` with its ids mapped as the line says (mount_setattr(2), MOUNT_ATTR_IDMAP)."""
    ready, done = os.pipe(), os.pipe()
    holder = os.fork()
    if holder == 0:
        try:
            unshare(CLONE_NEWUSER)
            os.write(ready[1], b"x")
            os.read(done[0], 1)
        finally:
            os._exit(0)
    try:
        os.read(ready[0], 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{holder}/{name}").write_text(line)
        namespace = os.open(f"/proc/{holder}/ns/user", os.O_RDONLY)
        tree = _system_call(_OPEN_TREE, _AT_FDCWD, source.encode(), 1)  # OPEN_TREE_CLONE
        attributes = struct.pack("QQQQ", 0x00100000, 0, 0, namespace)
        _system_call(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, attributes, len(attributes))
        _system_call(_MOVE_MOUNT, tree, b"", _AT_FDCWD, target.encode(), 4)  # MOVE_MOUNT_F_EMPTY_PATH
    finally:
        os.write(done[1], b"x")
        os.waitpid(holder, 0)


def _system_call(number: int, *arguments: int | bytes) -> int:
    result: int = LIBC.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result
