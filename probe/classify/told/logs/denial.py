"""A refusal that the bits of the log explain: which component denies, by which rule."""

from __future__ import annotations

from collections.abc import Iterator

from probe.access.decide import Rule
from probe.classify.hypothesis import Scale
from probe.classify.remedy import group_remedy
from probe.classify.told.account import Told
from probe.classify.told.logs.mounts import mount_of
from probe.classify.told.logs.reader import Reader
from probe.classify.told.logs.refusal import Refusal, words
from probe.classify.told.logs.remedies import for_one_task, opened, with_capability
from probe.classify.told.logs.rewritten import taken_over
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Cause, Remedy

_PASSES = frozenset({"CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"})


def rule(story: Story) -> Iterator[Assessment]:
    """For each reader that was refused: where, and why there."""
    for refusal in story.refusals:
        if refusal.step is None:
            yield from _open(refusal)
            continue
        yield _where(story, refusal)
        for why in (_root_without_capability, _acl_denied, _group_not_held):
            found = why(story, refusal)
            if found is not None:
                yield found
                break


def _where(story: Story, refusal: Refusal) -> Assessment:
    """The general cause: a directory on the way, or the file itself."""
    assert refusal.step is not None
    cause = Cause.DIR_SEARCH_DENIED if refusal.searching else Cause.FILE_READ_DENIED
    scale = Scale(cause)
    refusal.support(scale)
    statement = f"{refusal.reader.name}: {refusal.component} denies: {refusal.sentence}"
    if refusal.searching and refusal.opened:
        scale.contradict(
            refusal.failure.pointer,
            "the message is about opening the file itself: its name had been looked up through these directories",
        )
        return scale.possible(statement, component=refusal.component)
    if not _settled(refusal, scale):
        return scale.possible(statement, component=refusal.component)
    remedy = None if taken_over(story, refusal) else opened(refusal)
    return scale.likely(statement, component=refusal.component, remedy=remedy)


def _settled(refusal: Refusal, scale: Scale) -> bool:
    """Whether these bits are enough to refuse that identity: uid 0 usually passes them all."""
    who = refusal.who
    if who is None or who.uid != 0 or who.capabilities is not None:
        return True
    scale.miss(who.pointer, "the effective capabilities of the reader: grep CapEff /proc/self/status")
    mount = mount_of(refusal.account, refusal.component or refusal.path)
    if mount is not None and not mount.decided_elsewhere:
        return True
    scale.miss(who.pointer, f"what kind of file system carries {refusal.component}: a server may squash root")
    return False


def _root_without_capability(story: Story, refusal: Refusal) -> Assessment | None:
    who = refusal.who
    if who is None or who.uid != 0 or not refusal.by_bits:
        return None
    scale = Scale(Cause.ROOT_WITHOUT_CAPABILITY)
    settled = _settled(refusal, scale)
    if who.capabilities is not None and _PASSES & who.capabilities:
        return None
    refusal.support(scale)
    pointer = _capabilities_at(refusal)
    if who.capabilities is not None:
        scale.support(pointer, "neither CAP_DAC_OVERRIDE nor CAP_DAC_READ_SEARCH is effective, though uid is 0")
    else:
        scale.support(pointer, "uid 0 was refused by bits that root with its capabilities passes")
    passed = passed_by_capability(story, refusal)
    if passed is not None:
        scale.support(passed.pointer, passed.value)
    statement = (
        f"{refusal.reader.name} runs as uid 0 without CAP_DAC_OVERRIDE, which makes it an ordinary user, and "
        f"{refusal.component} denies it {refusal.step.decision.right.letters if refusal.step else ''}"
    )
    if not settled:
        return scale.possible(statement, component=refusal.component)
    return scale.likely(statement, component=refusal.component, remedy=with_capability(refusal))


def _capabilities_at(refusal: Refusal) -> str:
    stated = refusal.account.effective
    return stated.pointer if stated is not None else refusal.who.pointer if refusal.who is not None else ""


def _passed(story: Story, refusal: Refusal) -> Reader | None:
    """Another reader of the same uid that could read the same path."""
    uid = refusal.who.uid if refusal.who is not None else None
    for reader in story.reading:
        who = reader.account.who
        if reader.failed is False and reader.path == refusal.reader.path and who is not None and who.uid == uid:
            return reader
    return None


def passed_by_capability(story: Story, refusal: Refusal) -> Told[str] | None:
    """Another reader of uid 0 that could read the same: then it is the capabilities that tell them apart."""
    passed = _passed(story, refusal) if refusal.who is not None and refusal.who.uid == 0 else None
    if passed is None or passed.final is None:
        return None
    return Told(f"{passed.name}, uid 0 too, could read it as it is", passed.final.pointer)


def _acl_denied(story: Story, refusal: Refusal) -> Assessment | None:  # noqa: ARG001
    if refusal.step is None or not refusal.step.decision.acl_decided:
        return None
    scale = Scale(Cause.ACL_DENIED)
    refusal.support(scale)
    statement = f"{refusal.reader.name}: the ACL of {refusal.component} denies: {refusal.sentence}"
    return scale.likely(statement, component=refusal.component, remedy=opened(refusal))


def _group_not_held(story: Story, refusal: Refusal) -> Assessment | None:
    inode, who = refusal.inode, refusal.who
    if inode is None or who is None or not refusal.group_would_do:
        return None
    scale = Scale(Cause.GROUP_NOT_HELD)
    if refusal.searching and refusal.opened:
        return None
    refusal.support(scale)
    for other in story.reading:
        theirs = other.account.who
        if (
            other.failed is False
            and theirs is not None
            and inode.gid in theirs.groups
            and other.path == refusal.reader.path
        ):
            scale.support(theirs.pointer, f"{other.name}, {words(theirs)}, could read it")
            break
    held = ", ".join(map(str, sorted(who.groups)))
    told = refusal.hop.told.value if refusal.hop is not None and refusal.hop.told is not None else None
    group = (
        f"group {inode.gid}" if refusal.group_known or told is None else f"its group ({told.group} is printed of it)"
    )
    if not refusal.group_known:
        scale.miss(refusal.failure.pointer, f"the number of that group: ls -ldn {refusal.component}")
    statement = (
        f"{refusal.component} is open to {group}, which {refusal.reader.name} (uid {who.uid}) does not hold "
        f"(it holds {held})"
    )
    remedy = None if taken_over(story, refusal) else _member(story, refusal, inode.gid)
    return scale.likely(statement, component=refusal.component, remedy=remedy)


def _member(story: Story, refusal: Refusal, gid: int) -> Remedy | None:
    """The group for the reader's pod: for that alone where the others have it. Group 0 is not handed out."""
    if gid == 0:
        return opened(refusal)
    if not refusal.group_known:
        return None
    others = [one.account for one in story.reading if one.account is not refusal.account]
    having = [one for one in others if one.who is not None and gid in one.who.groups]
    return for_one_task(refusal, gid, having[0]) if having else group_remedy(gid)


def _open(refusal: Refusal) -> Iterator[Assessment]:
    """The bits that are shown do not explain the message, and some are not shown."""
    if refusal.shown is None:
        for cause in _either(refusal):
            scale = Scale(cause)
            refusal.support(scale)
            scale.miss(refusal.failure.pointer, f"id, by {refusal.reader.name}")
            scale.miss(refusal.failure.pointer, f"ls -ldn of {refusal.path} and of every directory above it")
            yield scale.possible(f"{refusal.reader.name} was refused at {refusal.path}; who asked is not shown")
        return
    if refusal.shown.complete:
        return  # told/logs/unexplained.py
    for cause in _either(refusal):
        scale = Scale(cause)
        refusal.support(scale)
        for lacking in refusal.shown.missing:
            scale.miss(refusal.failure.pointer, lacking)
        if cause is Cause.ACL_DENIED:
            yield scale.possible(f"{refusal.path} was refused; an ACL that is not shown may deny")
        else:
            yield scale.possible(f"{refusal.reader.name} was refused at {refusal.path}; what denies is not shown")


def _either(refusal: Refusal) -> Iterator[Cause]:
    undecided = refusal.shown is not None and any(
        step.decision.rule is Rule.UNOBSERVABLE for step in refusal.shown.judgement.steps
    )
    if undecided:
        yield Cause.ACL_DENIED
    if not refusal.opened:
        yield Cause.DIR_SEARCH_DENIED
    if not refusal.looked_up:
        yield Cause.FILE_READ_DENIED
