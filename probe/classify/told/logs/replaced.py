"""different-volume and different-image: one path in two tasks, and what cannot be one file, or is not one image."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from probe.classify.hypothesis import Scale
from probe.classify.remedy import publish
from probe.classify.told.account import Account, Told
from probe.classify.told.logs.digests import compared, digests_in, digests_of, short, the_same
from probe.classify.told.logs.mounts import Carrier, joined, mount_of
from probe.classify.told.logs.reader import Reader
from probe.classify.told.logs.shown import ancestors
from probe.classify.told.specs.moments import clock_time, nodes_of
from probe.classify.told.story import Story, apart_by, together
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.classify.witness import SECOND, UNKNOWN_SKEW
from probe.evidence.path import FileType
from probe.evidence.transcript import InodeStated

_ONE_RUN = 60 * SECOND
"""Between two pushes of a run; those of two runs are further apart."""
_FIRST = 8
_COMPARED = 16
"""Lines of one path in one log."""
Pair = tuple[Told[InodeStated], Told[InodeStated], str]


def rule(story: Story) -> Iterator[Assessment]:
    """Each pair of readers of one path, then each reader with what its producer says."""
    for a, b in _of_one_path(story):
        volume = _different_volume(a, b)
        if volume is not None:
            yield volume
        image = _different_image(a, b, explained=volume is not None and volume.status.holds)
        if image is not None:
            yield image
    yield from _against_producer(story)


def _of_one_path(story: Story) -> Iterator[tuple[Reader, Reader]]:
    """Two readers at a time of one run and one path. Of many each with the first few: what differs, differs there."""
    by_path: dict[tuple[str, str], list[Reader]] = {}
    for reader in story.reading:
        if reader.path:
            by_path.setdefault((reader.path, reader.account.run), []).append(reader)
    for (path, run), group in by_path.items():
        others = [] if not run else by_path.get((path, ""), [])
        for index, a in enumerate(group):
            for b in (*group[index + 1 :], *others)[: None if index < _FIRST else 0]:
                if together(a.account, b.account) and joined(a.account, b.account, path):
                    yield a, b


def _different_volume(a: Reader, b: Reader) -> Assessment | None:
    here, there = mount_of(a.account, a.path), mount_of(b.account, b.path)
    by_claims = here is not None and there is not None and bool(here.claim) and bool(there.claim)
    same_claim = by_claims and here is not None and there is not None and here.claim == there.claim
    apart = _cannot_be_one(a, b, here, there)
    if apart is None and not same_claim:
        return _undated(a, b)
    if apart is None or (same_claim and here is not None and here.whole and there is not None and there.whole):
        return None
    scale, path = Scale(Cause.DIFFERENT_VOLUME), a.path
    one, other, why = apart
    for reader, told in ((a, one), (b, other)):
        scale.support(told.pointer, f"{reader.account.cite(told)}: {reader.name} sees {_looks(told.value)}")
    scale.support(other.pointer, why)
    _outcome(a, b, scale)
    if by_claims and here is not None and there is not None:
        scale.support(here.pointer, f"{a.name}: {here.sentence}")
        scale.support(there.pointer, f"{b.name}: {there.sentence}")
    else:
        scale.miss(one.pointer, "the claims that the two pods mount: oc get pod -o json")
    statement = f"{path} is another file in {b.name} than in {a.name}: the two tasks have different volumes there"
    remedy = Remedy(
        smallest=Fix(sentence="Bind the same claim, with the same subPath, to that workspace in both tasks."),
        structural=Fix(sentence="Hand the digest of the build to the readers, so that an older image is not taken."),
    )
    return scale.likely(statement, component=path, remedy=remedy)


def _undated(a: Reader, b: Reader) -> Assessment | None:
    """Two inode numbers of one path, in logs without times: two volumes, or one file after the other."""
    for one in _fullest(a.account, a.path):
        for other in _fullest(b.account, b.path):
            if (one.at is None or other.at is None) and _two_files(one.value, other.value):
                scale = Scale(Cause.DIFFERENT_VOLUME)
                for reader, told in ((a, one), (b, other)):
                    scale.support(told.pointer, f"{reader.account.cite(told)}: {reader.name} sees {_looks(told.value)}")
                scale.miss(one.pointer, "which look came first: the logs with their times, oc logs --timestamps")
                scale.miss(one.pointer, "the claims that the two pods mount: oc get pod -o json")
                return scale.possible(f"{a.path} is another file in {b.name} than in {a.name}: perhaps another volume")
    return None


def _two_files(one: InodeStated, other: InodeStated) -> bool:
    return one.inode is not None and other.inode is not None and one.inode != other.inode


def _outcome(a: Reader, b: Reader, scale: Scale) -> None:
    for level, mine, theirs in compared(digests_of(a), digests_of(b)):
        if mine.value != theirs.value:
            scale.support(mine.pointer, f"{a.account.cite(mine)}: {level} {short(mine.value)}")
            scale.support(theirs.pointer, f"{b.account.cite(theirs)}: {level} {short(theirs.value)}")
            return


def _cannot_be_one(a: Reader, b: Reader, here: Carrier | None, there: Carrier | None) -> Pair | None:
    """Two looks at one path that one file, or one directory, cannot give.

    What the later look shows to be unchanged since before the earlier one was the same then.
    """
    for path in reversed(_inside_volume(a.path, here, there)):
        root = here is not None and there is not None and path == here.mount_point == there.mount_point
        for one in _fullest(a.account, path):
            for other in _fullest(b.account, path):
                why = _contradict(one, other, a.account, b.account, root=root)
                if why is not None:
                    return one, other, why
    return None


def _fullest(account: Account, path: str) -> list[Told[InodeStated]]:
    """What shows the inode number goes first: `ls` is less to compare. Of many lines the first and the last."""
    found = account.inodes(path)
    few = found if len(found) <= _COMPARED else (*found[: _COMPARED // 2], *found[-_COMPARED // 2 :])
    return sorted(few, key=lambda one: one.value.inode is None)


def _inside_volume(path: str, here: Carrier | None, there: Carrier | None) -> tuple[str, ...]:
    """The components that lie on the volume in both tasks; where no mount is shown, the path and its directory."""
    chain = ancestors(path)
    if here is None or there is None or "/" in (here.mount_point, there.mount_point):
        return chain[-2:]
    depth = max(len(ancestors(here.mount_point)), len(ancestors(there.mount_point)))
    return chain[depth - 1 :]


def _contradict(
    a: Told[InodeStated], b: Told[InodeStated], mine: Account, theirs: Account, *, root: bool
) -> str | None:
    if a.at is None or b.at is None:
        return None
    early, late = (a, b) if a.at <= b.at else (b, a)
    assert early.at is not None
    skew = UNKNOWN_SKEW if _maybe_apart(mine, theirs) else 0
    then, now = early.value, late.value
    if now.changed is not None and now.changed + skew < early.at:
        differs = _difference(then, now)
        if differs is not None:
            return f"unchanged since {clock_time(now.changed)}, it had {differs} in one look and not in the other"
    if root and now.type is FileType.DIRECTORY and now.modified is not None and then.modified is not None:
        settled = now.modified + int(now.modified_within * SECOND)
        gap = abs(now.modified - then.modified) - int(max(now.modified_within, then.modified_within) * SECOND)
        if settled + skew < early.at and gap > 0:
            return (
                f"no name was made in it since {clock_time(settled)} by one look, and by the other since "
                f"{clock_time(then.modified)}: two directories"
            )
    return None


def _difference(then: InodeStated, now: InodeStated) -> str | None:
    """A field that both looks state, with different values."""
    if then.inode is not None and now.inode is not None and then.inode != now.inode:
        return f"inode {now.inode}"
    if then.type is FileType.REGULAR and then.size is not None and now.size is not None and then.size != now.size:
        return f"size {now.size}"
    return None


def _maybe_apart(mine: Account, theirs: Account) -> bool:
    """Whether their clocks may be askew: not known to be one node."""
    here, there = nodes_of(mine, theirs)
    return not here or here != there


def _looks(stated: InodeStated) -> str:
    parts = [f"{stated.path}"]
    if stated.inode is not None:
        parts.append(f"inode {stated.inode}")
    if stated.size is not None:
        parts.append(f"{stated.size} bytes")
    if stated.modified is not None:
        parts.append(f"modified {clock_time(stated.modified)}")
    return ", ".join(parts)


def _different_image(a: Reader, b: Reader, *, explained: bool) -> Assessment | None:
    mine, theirs = digests_of(a), digests_of(b)
    same = the_same(mine, theirs)
    if same is not False or a.failed or b.failed:
        return None
    scale, path = Scale(Cause.DIFFERENT_IMAGE), a.path
    for level, here, there in compared(mine, theirs):
        scale.support(here.pointer, f"{a.account.cite(here)}: {a.name} has {level} {short(here.value)}")
        scale.support(there.pointer, f"{b.account.cite(there)}: {b.name} has {level} {short(there.value)}")
    if explained:
        return scale.possible(f"{a.name} and {b.name} took different images from {path}: not from one volume")
    apart = apart_by(a.account, b.account)
    if not (a.account.run and b.account.run) and apart is not None and apart > _ONE_RUN:
        scale.miss(a.first.pointer, "that both are of one run: its pods, oc get pod -o json")
        return scale.possible(f"{a.name} and {b.name} took different images from {path}, at different times")
    remedy = Remedy(
        smallest=Fix(sentence="Push again from the archive that is meant, by its digest."), structural=publish(path)
    )
    statement = f"{a.name} and {b.name} took different images from {path}"
    if _rewritten(a, b):
        statement += ": it was rewritten in between"
    else:
        scale.miss(a.first.pointer, f"whether {path} was written between the two looks, or lies on two volumes")
    return scale.likely(statement, component=path, remedy=remedy)


def _rewritten(a: Reader, b: Reader) -> bool:
    """Whether a later look shows a file that was written after an earlier one."""
    looks = [one for reader in (a, b) for one in _fullest(reader.account, reader.path)]
    timed = [one for one in looks if one.at is not None]
    return any(
        one.at is not None
        and late.at is not None
        and late.value.modified is not None
        and one.at < late.value.modified <= late.at
        for one in timed
        for late in timed
    )


def _against_producer(story: Story) -> Iterator[Assessment]:
    """What the producer says that it built, against what was pushed."""
    producers = [one for one in story.accounts if one.transcript is not None and not story.reads(one)]
    for reader in islice((one for one in story.reading if one.failed is False), _COMPARED):
        theirs = digests_of(reader)
        for account in islice((one for one in producers if together(one, reader.account)), _COMPARED):
            built = digests_in(account)
            if the_same(built, theirs) is False:
                scale = Scale(Cause.DIFFERENT_IMAGE)
                for level, here, there in compared(built, theirs):
                    scale.support(
                        here.pointer, f"{account.cite(here)}: {account.name} made {level} {short(here.value)}"
                    )
                    scale.support(
                        there.pointer, f"{reader.account.cite(there)}: {reader.name} took {short(there.value)}"
                    )
                scale.miss(reader.first.pointer, f"that {account.name} is the producer of {reader.path}")
                yield scale.possible(f"{reader.name} took another image from {reader.path} than {account.name} made")
