"""A whole path: every lookup from the start to the target, then what is wanted of the target.

Source: path_resolution(7), symlink(7), proc_sys_fs(5), open(2), and link_path_walk(), may_follow_link(), may_open() and
may_create_in_sticky() in Linux fs/namei.c.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from probe.access.credentials import Credentials
from probe.access.decide import Decision, Right, Rule
from probe.access.target import Place, consider, deny, judge_target, on_mount
from probe.evidence.mount import Mount
from probe.evidence.observation import NotSeen
from probe.evidence.path import Chain, Component, FileType, Inode, Want

MAX_SYMLINKS = 40
"""Links followed in one resolution before ELOOP (path_resolution(7))."""

_STICKY_WORLD_WRITABLE = 0o1002
_SAME_FOR_ALL = {  # a failed lookup that whoever may search the directory would meet too
    "ENOENT": (Rule.NO_SUCH_FILE, "there is nothing by this name"),
    "ENOTDIR": (Rule.NOT_A_DIRECTORY, "what the name is looked up in is no directory"),
    "ELOOP": (Rule.TOO_MANY_SYMLINKS, f"more than {MAX_SYMLINKS} symbolic links"),
    "ENAMETOOLONG": (Rule.NAME_TOO_LONG, "the name is longer than the file system takes"),
}


class Purpose(StrEnum):
    """What an inode on the way is needed for."""

    SEARCH = "search"
    FOLLOW = "follow"
    READ = "read"
    WRITE = "write"
    CREATE_IN = "create in"
    LIST = "list"
    EXECUTE = "execute"
    LOOK_UP = "look up"


@dataclass(frozen=True)
class Step:
    """One check: `index` is the component's place in `chain.components`."""

    index: int
    purpose: Purpose
    decision: Decision


@dataclass(frozen=True)
class Judgement:
    """The answer for a path. `steps` goes on behind a denial, as far as inodes were seen; the kernel stops at `denial`.

    `granted` is None when it hangs on something that was not observed: `missing` says what, with the path. `errno` is
    what the kernel would answer; None when granted, or when something undecided comes before the denial.
    `unexplained` is the component whose lookup was refused to the recorder (EACCES, EPERM) although these credentials
    hold every right up to there: for the recorder's own identity, something other than the modelled rules refused.
    """

    steps: tuple[Step, ...]
    granted: bool | None
    denial: Step | None
    errno: str | None
    missing: tuple[str, ...]
    unexplained: int | None = None

    @property
    def denials(self) -> tuple[Step, ...]:
        """Every step that is denied: what must change before access is granted."""
        return tuple(step for step in self.steps if _is_denial(step))


def judge(
    credentials: Credentials,
    chain: Chain,
    want: Want,
    *,
    mount: Mount | None = None,
    protected_symlinks: bool = True,
    protected_regular: int = 0,
) -> Judgement:
    """Whether these credentials would be given what is wanted on this path.

    `read` is open(O_RDONLY), of a directory too; `write` is open(O_WRONLY) of a file, and making entries in a
    directory; `create` is making the name, or, where it is taken, another one beside it; `list` is reading the names
    of a directory; `execute` is execve of a file (not of the interpreter it names), and entering a directory.
    Links below /proc/PID (`root`, `cwd`, `fd/N`) ask for ptrace(2) access as well, which is not modelled.
    `mount` is the mount that carries the target. `protected_symlinks` and `protected_regular` are the sysctls of
    these names; the latter concerns only a write that passes O_CREAT for a file that exists.
    """
    walk = _Walk(credentials, chain, want, mount, protected_symlinks)
    walk.resolve()
    if walk.arrived and walk.place is not None:
        walk.finish(walk.place, protected_regular)
    return _sum_up(walk)


def _is_denial(step: Step) -> bool:
    return not step.decision.granted and step.decision.rule is not Rule.UNOBSERVABLE


def _sum_up(walk: _Walk) -> Judgement:
    denial = next((step for step in walk.steps if _is_denial(step)), None)
    missing = tuple(walk.missing)
    undecided = any(step.decision.rule is Rule.UNOBSERVABLE for step in walk.steps)
    if denial is None:
        granted = None if undecided else True
        return Judgement(tuple(walk.steps), granted, None, None, missing, walk.refused if granted is None else None)
    before = walk.steps[: walk.steps.index(denial)]
    unsure = any(step.decision.rule is Rule.UNOBSERVABLE for step in before)
    errno = denial.decision.errno
    return Judgement(tuple(walk.steps), False, denial, None if unsure and errno != "EACCES" else errno, missing)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


class _Walk:
    """The state of one resolution: where it stands, what it found."""

    def __init__(
        self, credentials: Credentials, chain: Chain, want: Want, mount: Mount | None, protected_symlinks: bool
    ) -> None:
        self.credentials = credentials
        self.chain = chain
        self.want = want
        self.mount = mount
        self.protected_symlinks = protected_symlinks
        self.steps: list[Step] = []
        self.missing: list[str] = []
        self.refused: int | None = None
        self.arrived = False
        self.place: Place | None = None
        """The last inode that is no symlink."""
        self.parent: Place | None = None
        """The directory in which the last name was looked up."""
        self.left = len(_parts(chain.requested))
        """Names still to look up, those of followed links included; none left makes a link *trailing*."""
        self.links = 0
        self.slash = chain.requested.endswith("/")
        """The path, or a trailing link's target, ends with a slash: only a directory will do."""

    def resolve(self) -> None:
        """Judge every lookup, until the target or the first component that does not stand there."""
        for index, component in enumerate(self.chain.components):
            if index == 0 or component.name == "/":
                going_on = self._start(index, component)
            elif "/" in component.name:
                going_on = self._jump(index, component)
            else:
                going_on = self._look_up(index, component)
            if not going_on:
                return
        self._arrive()

    def finish(self, target: Place, protected_regular: int) -> None:
        """Judge what is wanted of the target."""
        if self.want is Want.WRITE and target.inode.type is FileType.DIRECTORY:
            # Another name follows, that of the new entry: no link is trailing, and the name is looked up first.
            self.steps = [step for step in self.steps if step.decision.rule is not Rule.STICKY_SYMLINK]
            self._search(target)
        place, decision, missing = judge_target(
            self.credentials, target, self.parent, self.want, self.mount, protected_regular=protected_regular
        )
        self._add(place.index, _purpose(self.want, target.inode), decision, missing)

    def _start(self, index: int, component: Component) -> bool:
        if isinstance(component.inode, NotSeen):
            self._unobservable(index, component, component.inode)
            return False
        self.place = Place(index, component, component.inode.value)
        if component.name != "/" and len(self.chain.components) == 1:
            self._search(self.place)  # even `.` is looked up in the working directory
        return True

    def _jump(self, index: int, component: Component) -> bool:
        """What a link below /proc/PID leads to: its text is a label, and no name in it is looked up."""
        self.left -= len(_parts(component.name))
        if isinstance(component.inode, NotSeen):
            self._unobservable(index, component, component.inode)
            return False
        self.place = Place(index, component, component.inode.value)
        return True

    def _look_up(self, index: int, component: Component) -> bool:
        """Judge one name; False when the walk cannot go on."""
        directory = self.place
        if directory is None:
            return False
        self.left -= 1
        if directory.inode.type is not FileType.DIRECTORY:
            text = f"a {directory.inode.type} is no directory, and {component.name!r} is looked up in it"
            self._add(directory.index, Purpose.SEARCH, deny(Right.EXECUTE, Rule.NOT_A_DIRECTORY, "ENOTDIR", text))
            return False
        self._search(directory)
        self.parent = directory
        if isinstance(component.inode, NotSeen):
            self._absent(index, component, component.inode)
            return False
        inode = component.inode.value
        if inode.type is FileType.SYMLINK:
            return self._follow(index, component, inode, directory)
        self.place = Place(index, component, inode)
        return True

    def _search(self, directory: Place) -> None:
        if any(step.index == directory.index and step.purpose is Purpose.SEARCH for step in self.steps):
            return
        idmapped = on_mount(directory.component, self.mount) and "idmapped" in self._options()
        decision, missing = consider(self.credentials, directory, Right.EXECUTE, idmapped=idmapped)
        self._add(directory.index, Purpose.SEARCH, decision, missing)

    def _follow(self, index: int, component: Component, inode: Inode, directory: Place) -> bool:
        trailing = self.left == 0
        self.slash |= trailing and (component.link_target or "").endswith("/")
        self.left += len(_parts(component.link_target or ""))
        self.links += 1
        if self.links > MAX_SYMLINKS:
            text = f"the walk follows more than {MAX_SYMLINKS} symbolic links"
            self._add(index, Purpose.FOLLOW, deny(Right.EXECUTE, Rule.TOO_MANY_SYMLINKS, "ELOOP", text))
            return False
        # may_follow_link() is asked only for a link at the very end of the path, or of another link at its end.
        sticky = directory.inode.mode & _STICKY_WORLD_WRITABLE == _STICKY_WORLD_WRITABLE
        if trailing and self.protected_symlinks and sticky:
            self._add(index, Purpose.FOLLOW, *_sticky_symlink(self.credentials, component.path, inode, directory.inode))
        if on_mount(component, self.mount, surely=True) and "nosymfollow" in self._options():
            text = "the mount is nosymfollow: no symbolic link on it is followed"
            self._add(index, Purpose.FOLLOW, deny(Right.EXECUTE, Rule.NOSYMFOLLOW_MOUNT, "ELOOP", text))
        if component.link_target is None:
            self._undecided(index, f"{component.path}: where the link points was not recorded")
            return False
        return True

    def _absent(self, index: int, component: Component, seen: NotSeen) -> None:
        last = index == len(self.chain.components) - 1
        if seen.errno == "ENOENT" and last and self.want is Want.CREATE:
            self.place, self.arrived = self.parent, True
            return
        if seen.errno in _SAME_FOR_ALL:
            rule, text = _SAME_FOR_ALL[seen.errno]
            decision = deny(Right.EXECUTE, rule, seen.errno, f"{text}: {seen.message}")
            self._add(index, Purpose.LOOK_UP, decision)
            return
        if seen.errno in ("EACCES", "EPERM"):
            self.refused = index
        self._unobservable(index, component, seen)

    def _arrive(self) -> None:
        last = len(self.chain.components) - 1
        if self.chain.truncated:
            self._undecided(max(last, 0), f"{self.chain.requested}: the path has more hops than were recorded")
            return
        stopped = self.chain.stopped
        link_last = last >= 0 and self.place is not None and self.place.index != last
        if stopped is not None and stopped.errno in _SAME_FOR_ALL:
            rule, text = _SAME_FOR_ALL[stopped.errno]
            decision = deny(Right.EXECUTE, rule, stopped.errno, f"{text}: {stopped.message}")
            self._add(max(last, 0), Purpose.LOOK_UP, decision)
        elif stopped is not None:
            self._undecided(max(last, 0), f"{self.chain.requested}: {stopped.message}")
        elif self.place is None or link_last:
            self._undecided(max(last, 0), f"{self.chain.requested}: the walk was not recorded to its end")
        elif self.slash and self.place.inode.type is not FileType.DIRECTORY and self.want is not Want.CREATE:
            text = f"the path, or a link at its end, ends with a slash, and the target is a {self.place.inode.type}"
            self._add(last, Purpose.LOOK_UP, deny(Right.EXECUTE, Rule.NOT_A_DIRECTORY, "ENOTDIR", text))
        else:
            self.arrived = True

    def _unobservable(self, index: int, component: Component, seen: NotSeen) -> None:
        self._undecided(index, f"{component.path}: {seen.message}")

    def _undecided(self, index: int, text: str) -> None:
        self._add(index, Purpose.LOOK_UP, deny(Right.EXECUTE, Rule.UNOBSERVABLE, None, text), text)

    def _add(self, index: int, purpose: Purpose, decision: Decision, missing: str | None = None) -> None:
        self.steps.append(Step(index, purpose, decision))
        if missing is not None:
            self.missing.append(missing)

    def _options(self) -> Iterable[str]:
        return self.mount.options if self.mount is not None else ()


def _sticky_symlink(credentials: Credentials, path: str, link: Inode, directory: Inode) -> tuple[Decision, str | None]:
    """may_follow_link(): in a sticky world-writable directory, only the follower's or the directory owner's links."""
    owners = (credentials.uid, directory.uid)
    if link.uid in owners and link.uid == credentials.overflow_uid and not credentials.full_uid_map:
        why = f"{path}: link and directory or follower show the overflow id {link.uid}, which may hide different owners"
        return deny(Right.EXECUTE, Rule.UNOBSERVABLE, None, f"undecided, {why}"), why
    text = (
        f"a link owned by {link.uid}, in a directory of mode {directory.mode:04o} owned by {directory.uid}, is to be "
        f"followed by uid {credentials.uid}: fs.protected_symlinks wants the link to be owned by one of them"
    )
    decision = deny(Right.EXECUTE, Rule.STICKY_SYMLINK, "EACCES", text)
    return (replace(decision, granted=True, errno=None) if link.uid in owners else decision), None


def _purpose(want: Want, inode: Inode) -> Purpose:
    if want is Want.CREATE or (want is Want.WRITE and inode.type is FileType.DIRECTORY):
        return Purpose.CREATE_IN
    if want is Want.EXECUTE and inode.type is FileType.DIRECTORY:
        return Purpose.SEARCH
    return Purpose(want.value)
