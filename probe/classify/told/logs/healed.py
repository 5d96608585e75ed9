"""access-healed: refused, then granted to the same container, with what changed in between."""

from __future__ import annotations

from collections.abc import Iterator

from probe.access.decide import Right, decide
from probe.classify.case import REFUSALS
from probe.classify.hypothesis import Scale
from probe.classify.remedy import UMASK, publish
from probe.classify.told.account import Account, Told
from probe.classify.told.logs.reader import LOOKING, Met, Reader, related
from probe.classify.told.logs.refusal import Refusal
from probe.classify.told.logs.shown import ancestors, inode_of, shown
from probe.classify.told.said import before
from probe.classify.told.specs.moments import clock_time, nodes_of, surely_before
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Cause, Remedy
from probe.evidence.command import Failure
from probe.evidence.transcript import Claimed, InodeStated, RemarkStated


def rule(story: Story) -> Iterator[Assessment]:
    """Readers that were refused and then could read, or whose way was opened after they had been refused."""
    for reader in story.reading:
        if reader.account.mixed:
            continue
        if reader.failed is False and reader.final is not None:
            refused = _refused(reader)
            if refused is not None:
                yield _healed(story, reader, refused, reader.final)
            else:
                yield from _waited(story, reader, reader.final)
    for refusal in story.refusals:
        if refusal.account.mixed:
            continue
        yield from _opened_later(refusal)


def _refused(reader: Reader) -> Told[Failure] | None:
    """The last refusal before the success: of an attempt, or of a look of the script at what is to be read."""
    final = reader.final
    assert final is not None
    found = [
        failure
        for met in reader.mets
        if met.failed and met.path == final.path
        for failure in met.failures
        if failure.value.errno in REFUSALS and met.concerns(failure.value)
    ]
    found += [
        one
        for one in reader.account.failures
        if one.value.tool in LOOKING and one.value.errno in REFUSALS and related(one.value.path or "", final.path)
        # to list a directory takes another right than to pass through it
        if one.value.operation != "open directory"
    ]
    earlier = [one for one in found if before(one, final)]
    return max(earlier, key=lambda one: (one.at or 0, one.line or 0)) if earlier else None


def _healed(story: Story, reader: Reader, refused: Told[Failure], final: Met) -> Assessment:
    scale, account = Scale(Cause.ACCESS_HEALED), reader.account
    granted = Told(final, final.pointer, final.at, final.line)
    scale.support(refused.pointer, f"{account.cite(refused)}: {refused.value.text}")
    scale.support(final.pointer, f"{account.cite(granted)}: {final.tool} {final.verb} of {final.path} succeeded later")
    statement = f"access to {final.path} was denied to {reader.name}, then granted to the same container"
    remedy = Remedy(smallest=UMASK, structural=publish(final.path))
    changed = _change_shown(story, account, final.path, refused, granted)
    if changed is not None:
        scale.support(changed.pointer, changed.value)
    else:
        scale.miss(refused.pointer, f"what changed in between: stat of {final.path} and of the directories above it")
    return scale.likely(statement, component=final.path, remedy=remedy)


def _change_shown(
    story: Story, account: Account, path: str, refused: Told[Failure], granted: Told[Met]
) -> Told[str] | None:
    """Other bits before and after, or an inode that changed between the two lines."""
    for one in ancestors(path):
        states = [inode for inode in account.inodes(one) if inode_of(inode.value) is not None]
        early = [inode for inode in states if before(inode, refused)]
        for late in states:
            if early and before(early[-1], late) and _rights(late.value) != _rights(early[-1].value):
                text = f"{account.cite(late)}: {one} has {_looks(late.value)}, and had {_looks(early[-1].value)}"
                return Told(text, late.pointer, late.at, late.line)
    for other in (account, *story.beside(account)):
        for one in ancestors(path)[1:]:
            for inode in other.inodes(one):
                changed = inode.value.changed
                if changed is None or refused.at is None or granted.at is None or _gained_names(inode.value):
                    continue
                if refused.at < changed <= granted.at:
                    text = f"{other.cite(inode)}: {one} changed {clock_time(changed)}, between the two"
                    return Told(text, inode.sub("changed"), inode.at, inode.line)
    return None


def _waited(story: Story, reader: Reader, final: Met) -> Iterator[Assessment]:
    """A loop of `test -r` cannot tell missing from forbidden: what the file looked like meanwhile can."""
    waits = [
        one
        for one in reader.account.stated(RemarkStated)
        if one.value.claimed is Claimed.NOT_READABLE and before(one, final)
        if one.value.path in ("", final.path)
    ]
    who = reader.account.who
    if not waits or who is None or who.uid is None or final.path == "":
        return
    last = waits[-1]
    view = shown((reader.account, *story.beside(reader.account)), who, final.path, final)
    for account in (reader.account, *story.beside(reader.account)):
        for path in ancestors(final.path)[1:]:
            for one in account.inodes(path):
                inode = inode_of(one.value)
                right = Right.READ if path == final.path else Right.EXECUTE
                if inode is None or decide(view.credentials, inode, None, right).granted:
                    continue
                nodes = nodes_of(account, reader.account)
                if one.at is None or last.at is None or not surely_before(one.at, last.at, nodes=nodes):
                    continue
                if view.judgement.granted is not True:
                    continue
                scale = Scale(Cause.ACCESS_HEALED)
                scale.support(one.pointer, f"{account.cite(one)}: {path} had {_looks(one.value)}, which denies")
                scale.support(last.pointer, f"{reader.account.cite(last)}: {last.value.text}")
                scale.support(final.pointer, f"{reader.name} read it later, with other bits on it")
                yield scale.likely(
                    f"{path} was made closed and opened later: {reader.name} waited, and then could read {final.path}",
                    component=final.path,
                    remedy=Remedy(smallest=UMASK, structural=publish(final.path)),
                )
                return


def _opened_later(refusal: Refusal) -> Iterator[Assessment]:
    """Refused, and afterwards the bits grant it, and a change is dated after the refusal."""
    told = opened_later(refusal)
    if told is None or told.value.changed is None or refusal.failure.at is None:
        return
    scale = Scale(Cause.ACCESS_HEALED)
    refusal.support(scale)
    scale.support(
        told.sub("changed"),
        f"{refusal.account.cite(told)}: {told.value.path} changed {clock_time(told.value.changed)}, after the refusal "
        f"({clock_time(refusal.failure.at)}), and now grants it ({_looks(told.value)})",
    )
    scale.miss(refusal.failure.pointer, "a grant to the reader itself after the change")
    yield scale.likely(
        f"access to {refusal.path} was denied to {refusal.reader.name}; what denied it was opened afterwards",
        component=refusal.path,
        remedy=Remedy(smallest=UMASK, structural=publish(refusal.path)),
    )


def opened_later(refusal: Refusal) -> Told[InodeStated] | None:
    """A look after the refusal, where all bits grant it, at a component that changed after the refusal."""
    view, failed = refusal.shown, refusal.failure.at
    if view is None or failed is None or view.judgement.granted is not True or not view.complete:
        return None
    for hop in view.hops:
        for told in refusal.account.inodes(hop.path):
            changed = told.value.changed
            if changed is None or changed <= failed or _gained_names(told.value):
                continue
            if before(refusal.failure, told):
                return told
    return None


def _rights(stated: InodeStated) -> tuple[object, ...]:
    return stated.mode, stated.owner, stated.group


def _looks(stated: InodeStated) -> str:
    return f"mode {stated.mode:04o}, owner {stated.owner}, group {stated.group}"


def _gained_names(stated: InodeStated) -> bool:
    """A directory's ctime that tells no more than its mtime: a name was made or removed in it."""
    return stated.type == "directory" and stated.changed == stated.modified
