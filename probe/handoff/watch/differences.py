"""What differs between two states of a target, as changes with a sentence each, in the order in which to tell them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probe.collect.attempt import NOT_OPENED
from probe.evidence.base import clip
from probe.evidence.path import FileType, Inode
from probe.evidence.watch import Change
from probe.handoff.observe.snapshot import Snapshot, Step

ABSENT = frozenset({"ENOENT", "ENOTDIR"})
CONTENT = frozenset({Change.GREW, Change.REWRITTEN})
"""Changes of which many follow each other while somebody writes."""
_SHOWN = 512


@dataclass(frozen=True)
class Difference:
    """One change of one path."""

    change: Change
    path: str
    sentence: str
    before: Inode | None = None
    after: Inode | None = None


@dataclass(frozen=True)
class Hints:
    """What events told, and two looks do not show."""

    fresh: bool = False
    """The name was made anew, even where the inode number is the same."""
    renamed: bool = False
    """By a rename into place."""


def differences(target: str, before: Snapshot, after: Snapshot, last: Inode | None, hints: Hints) -> list[Difference]:
    """From one state to the next. `last` is the inode that the target was last seen to have, also before a refusal."""
    found = [*_on_the_way(before, after), *_of_target(target, before, after, last, hints)]
    found += _of_parts(before, after)
    return [*found, *_of_access(target, before, after)]


def arrived(snapshot: Snapshot) -> bool:
    """Whether the last step of the walk is the target."""
    last = snapshot.steps[-1].inode if snapshot.steps else None
    target = snapshot.inode
    return last is not None and target is not None and _number(last) == _number(target)


def together(early: Difference, late: Difference) -> Difference:
    """Two times of writing to one path as one."""
    before, after = early.before, late.after
    change, sentence = late.change, late.sentence
    if before is not None and after is not None and after.type is FileType.REGULAR and after.size > before.size:
        change, sentence = Change.GREW, f"grew from {before.size} to {after.size} bytes"
    return Difference(change, late.path, sentence, before, after)


# -- the way


def _way(snapshot: Snapshot) -> tuple[Step, ...]:
    return snapshot.steps[:-1] if arrived(snapshot) else snapshot.steps


def _on_the_way(before: Snapshot, after: Snapshot) -> Iterator[Difference]:
    """Directories and links, as far as both walks went the same way over the same inodes."""
    old, new = _way(before), _way(after)
    for index, (was, now) in enumerate(zip(old, new, strict=False)):
        if was.path != now.path:  # a link before it, which has been told, leads elsewhere
            return
        a, b = was.inode, now.inode
        if a is None and b is None:
            return
        if a is None or b is None:
            yield from _came_or_went(was, now, new[index:])
            return
        if _number(a) != _number(b):
            yield Difference(Change.REPLACED, now.path, _replaced(a, b), a, b)
            return
        yield from _attributes(now.path, a, b)
    if len(new) > len(old):  # where the target stood, a link stands now
        yield from (_appeared(step.path, step.inode) for step in new[len(old) :] if step.inode is not None)


def _came_or_went(was: Step, now: Step, rest: tuple[Step, ...]) -> Iterator[Difference]:
    if now.inode is None:
        if now.errno in ABSENT and was.inode is not None:
            yield Difference(Change.VANISHED, now.path, f"gone: {now.errno}", was.inode)
        return
    if was.errno in ABSENT:
        yield from (_appeared(step.path, step.inode) for step in rest if step.inode is not None)


# -- the target


def _of_target(target: str, before: Snapshot, after: Snapshot, old: Inode | None, hints: Hints) -> Iterator[Difference]:
    new = after.inode
    if new is None:
        if old is not None and _missing(after):
            errno = _lookup_errno(after)
            yield Difference(Change.VANISHED, target, f"gone: {errno}", old)
        return
    if old is None and not _missing(before) and not hints.fresh:
        yield Difference(Change.SEEN, target, f"can be looked up now: {describe(new)}", None, new)
        return
    if old is None:
        change = Change.RENAMED if hints.renamed else Change.APPEARED
        how = " by a rename into place" if hints.renamed else ""
        yield Difference(change, target, f"appeared{how}: {describe(new)}", None, new)
        return
    if _number(old) != _number(new) or hints.fresh:
        change = Change.RENAMED if hints.renamed else Change.REPLACED
        how = "replaced by a rename into place" if hints.renamed else "replaced"
        same = ", which was made anew with the same number" if _number(old) == _number(new) else ""
        sentence = f"{how}: inode {old.inode} by inode {new.inode}{same}: {describe(new)}"
        yield Difference(change, target, sentence, old, new)
        return
    yield from _content(target, old, new)
    yield from _attributes(target, old, new)


def _of_parts(before: Snapshot, after: Snapshot) -> Iterator[Difference]:
    """The marker of an image directory, and the directory of its blobs."""
    known = {step.path: step for step in before.parts}
    for step in after.parts:
        was = known.get(step.path)
        old, new = was.inode if was is not None else None, step.inode
        if old is None and new is None:
            continue
        if new is None:
            if step.errno in ABSENT and old is not None:
                yield Difference(Change.VANISHED, step.path, f"gone: {step.errno}", old)
        elif old is None:
            if was is not None:  # otherwise the directory is new itself, and tells it
                yield _appeared(step.path, new)
        elif _number(old) != _number(new):
            yield Difference(Change.REPLACED, step.path, _replaced(old, new), old, new)
        else:
            yield from _content(step.path, old, new)
            yield from _attributes(step.path, old, new)


def _content(path: str, old: Inode, new: Inode) -> Iterator[Difference]:
    if new.type is FileType.DIRECTORY:
        if old.modified != new.modified:
            yield Difference(Change.REWRITTEN, path, "entries were made, removed or renamed in it", old, new)
    elif new.size > old.size:
        yield Difference(Change.GREW, path, f"grew from {old.size} to {new.size} bytes", old, new)
    elif new.size < old.size:
        yield Difference(Change.SHRANK, path, f"shrank from {old.size} to {new.size} bytes", old, new)
    elif old.modified != new.modified:
        yield Difference(Change.REWRITTEN, path, f"written to, its size still {new.size} bytes", old, new)


def _attributes(path: str, old: Inode, new: Inode) -> Iterator[Difference]:
    """Mode and ownership. A new ctime that neither these nor writing explain is told by itself."""
    if old.mode != new.mode:
        yield Difference(Change.MODE, path, f"mode was {old.mode:04o}, is {new.mode:04o}", old, new)
    if old.uid != new.uid:
        yield Difference(Change.OWNER, path, f"owner was {old.uid}, is {new.uid}", old, new)
    if old.gid != new.gid:
        yield Difference(Change.GROUP, path, f"group was {old.gid}, is {new.gid}", old, new)
    same = (old.mode, old.uid, old.gid, old.modified, old.size) == (new.mode, new.uid, new.gid, new.modified, new.size)
    if same and old.changed != new.changed:
        yield Difference(Change.TOUCHED, path, "its ctime moved, mode, owner and contents did not", old, new)


# -- access


def _of_access(target: str, before: Snapshot, after: Snapshot) -> Iterator[Difference]:
    old, new = before.sample.open_errno, after.sample.open_errno
    if old == new:
        return
    if refused(new):
        yield Difference(Change.REFUSED, target, refusal(after), None, after.inode)
    elif new is None and refused(old):
        yield Difference(Change.READABLE, target, f"an open for reading succeeds; before: {old}", None, after.inode)


def refused(errno: str | None) -> bool:
    """Whether an open fails although something lies there, as far as that could be told."""
    return errno is not None and errno not in ABSENT and errno != NOT_OPENED


def refusal(snapshot: Snapshot) -> str:
    """How the open failed, and where the way ends if it does not get there."""
    errno = snapshot.sample.open_errno
    last = snapshot.steps[-1] if snapshot.steps else None
    if last is not None and last.inode is None and last.errno not in ABSENT:
        return f"an open for reading fails: {errno}; {_short(last.path)} cannot be looked up: {last.errno}"
    return f"an open for reading fails: {errno}"


def tried_errno(snapshot: Snapshot) -> tuple[bool, str | None]:
    """Whether an open was tried, and the errno with which it failed."""
    errno = snapshot.sample.open_errno
    return (False, None) if errno == NOT_OPENED else (True, errno)


# -- in words


def describe(inode: Inode) -> str:
    """An inode in a few words."""
    size = f" of {inode.size} bytes" if inode.type is FileType.REGULAR else ""
    return f"{_named(inode)}{size}, mode {inode.mode:04o}, owner {inode.uid}, group {inode.gid}"


def absence(snapshot: Snapshot) -> str:
    """Where the way to a target ends that is not there, or is not to be reached."""
    last = snapshot.steps[-1] if snapshot.steps else None
    if last is not None and last.inode is None:
        return f"{_short(last.path)}: {last.errno}"
    return _lookup_errno(snapshot) or "not there"


def _appeared(path: str, inode: Inode | None) -> Difference:
    assert inode is not None
    return Difference(Change.APPEARED, path, f"appeared: {describe(inode)}", None, inode)


def _replaced(old: Inode, new: Inode) -> str:
    if old.device != new.device:
        return f"another file system shows here: device {old.device} inode {old.inode} by {new.device} {new.inode}"
    return f"replaced: inode {old.inode} by inode {new.inode}, a {_named(new)}"


def _named(inode: Inode) -> str:
    return {FileType.REGULAR: "file", FileType.SYMLINK: "link"}.get(inode.type, str(inode.type))


def _short(path: str) -> str:
    return clip(path, _SHOWN)


def _number(inode: Inode) -> tuple[str, int, FileType]:
    return inode.device, inode.inode, inode.type


def _lookup_errno(snapshot: Snapshot) -> str | None:
    inode = snapshot.sample.inode
    return None if inode.status == "seen" else inode.errno or str(inode.reason)


def _missing(snapshot: Snapshot) -> bool:
    return _lookup_errno(snapshot) in ABSENT
