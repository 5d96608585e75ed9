"""swept-by-another-pod: the group of a path is another one later in the same log, and access went with it."""

from __future__ import annotations

from collections.abc import Iterator

from probe.access.decide import decide
from probe.classify.hypothesis import Scale
from probe.classify.sweep import SWEPT_DIRECTORY
from probe.classify.told.account import Account, Told
from probe.classify.told.logs.mounts import joined, mount_of
from probe.classify.told.logs.refusal import Refusal
from probe.classify.told.logs.roots import Root, root_of
from probe.classify.told.logs.shown import inode_of
from probe.classify.told.said import before
from probe.classify.told.specs.moments import clock_time, nodes_of
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.classify.witness import UNKNOWN_SKEW
from probe.evidence.transcript import InodeStated


def rule(story: Story) -> Iterator[Assessment]:
    """For each reader that lacks the group of what denies it."""
    for refusal in story.refusals:
        if refusal.inode is None or not refusal.group_would_do:
            continue
        earlier = _earlier(refusal)
        seen = _seen_by_another(story, refusal) if earlier is None else None
        if earlier is not None:
            yield _lost(story, refusal, earlier)
        elif seen is not None:
            yield _between(story, refusal, *seen)
        else:
            yield from _taken(story, refusal)


def _earlier(refusal: Refusal) -> Told[InodeStated] | None:
    """The last earlier line that shows the component with a group that the reader holds, so that it could pass."""
    now, shown, step = refusal.inode, refusal.shown, refusal.step
    if now is None or shown is None or step is None or refusal.component is None or refusal.account.mixed:
        return None
    found = None
    for one in refusal.account.inodes(refusal.component):
        then = inode_of(one.value)
        if then is None or then.gid == now.gid or not before(one, refusal.failure):
            continue
        if decide(shown.credentials, then, None, step.decision.right).granted:
            found = one
    return found


def _lost(story: Story, refusal: Refusal, earlier: Told[InodeStated]) -> Assessment:
    scale, now = Scale(Cause.SWEPT_BY_ANOTHER_POD), refusal.inode
    assert now is not None
    then = earlier.value
    refusal.support(scale)
    scale.support(
        earlier.pointer,
        f"{refusal.account.cite(earlier)}: before that, {refusal.component} had mode {then.mode:04o} and group "
        f"{then.group}, which the reader holds: it could pass",
    )
    if earlier.at is not None and refusal.hop is not None and refusal.hop.told is not None and refusal.hop.told.at:
        between = f"{clock_time(earlier.at)} and {clock_time(refusal.hop.told.at)}"
        scale.support(refusal.hop.pointer, f"the group was rewritten between {between}")
    _granted_before(refusal, scale)
    _name_the_other(story, refusal, now.gid, scale)
    statement = (
        f"{refusal.component} was given to group {now.gid} while {refusal.reader.name} was running, as another pod's "
        f"fsGroup sweep does it: the reader holds group {then.group}, not {now.gid}"
    )
    if (now.mode & SWEPT_DIRECTORY) != SWEPT_DIRECTORY and now.type == "directory":
        scale.contradict(
            refusal.hop.pointer if refusal.hop else earlier.pointer, "it does not look as a sweep leaves it"
        )
        return scale.possible(statement, component=refusal.component)
    return scale.likely(statement, component=refusal.component, remedy=_one_group(refusal))


def taken_over(story: Story, refusal: Refusal) -> bool:
    """Whether what denies is shown with the reader's group before, or bears a sweep that this pod did not ask for.

    Then its group is that of somebody else, which is nothing to give to the reader.
    """
    if refusal.inode is None or not refusal.group_would_do:
        return False
    if _earlier(refusal) is not None or _seen_by_another(story, refusal) is not None:
        return True
    return any(_taken(story, refusal))


def _seen_by_another(story: Story, refusal: Refusal) -> tuple[Account, Told[InodeStated]] | None:
    """Another container of the run that showed it before, with a group that the reader holds, so that it could pass."""
    now, shown, step, asked = refusal.inode, refusal.shown, refusal.step, refusal.failure.at
    if now is None or shown is None or step is None or refusal.component is None or asked is None:
        return None
    found = None
    for other in story.beside(refusal.account):
        if not joined(other, refusal.account, refusal.component):
            continue
        for one in other.inodes(refusal.component):
            then = inode_of(one.value)
            held = then is not None and then.gid != now.gid and shown.credentials.in_group(then.gid)
            if then is None or not held or one.at is None or one.at >= asked:
                continue
            granted = decide(shown.credentials, then, None, step.decision.right).granted
            if granted and (found is None or one.at > (found[1].at or 0)):
                found = other, one
    return found


def _between(story: Story, refusal: Refusal, other: Account, earlier: Told[InodeStated]) -> Assessment:
    """What two containers show of one path: surely one after the other, and the volume's root went with it."""
    scale, now, root = Scale(Cause.SWEPT_BY_ANOTHER_POD), refusal.inode, root_of(refusal)
    assert now is not None
    refusal.support(scale)
    scale.support(
        earlier.pointer,
        f"{other.cite(earlier)}: {other.name} saw {refusal.component} with group {earlier.value.group}, which the "
        "reader holds",
    )
    _name_the_other(story, refusal, now.gid, scale)
    statement = (
        f"{refusal.component} was given to group {now.gid} after {other.name} had seen it, as another pod's fsGroup "
        f"sweep does it: {refusal.reader.name} holds group {earlier.value.group}, not {now.gid}"
    )
    here, there = nodes_of(other, refusal.account)
    skew = 0 if here and here == there else UNKNOWN_SKEW
    ordered = earlier.at is not None and refusal.failure.at is not None and earlier.at + skew < refusal.failure.at
    if not ordered:
        scale.miss(earlier.pointer, "that both ran on one node: their clocks may be askew")
    if root is None or root.inode.gid != now.gid or not root.swept:
        scale.miss(refusal.failure.pointer, "that the root of the volume has that group, too: a sweep takes it all")
        ordered = False
    if not ordered:
        return scale.possible(statement, component=refusal.component)
    scale.support(root.hop.pointer if root is not None else "", f"{root.looks if root is not None else ''}, too")
    return scale.likely(statement, component=refusal.component, remedy=_one_group(refusal))


def _granted_before(refusal: Refusal, scale: Scale) -> None:
    for met in refusal.reader.mets:
        if met.failed is False and before(met, refusal.failure):
            place = Told(met, met.pointer, met.at, met.line)
            scale.support(
                met.pointer, f"{refusal.account.cite(place)}: {met.tool} {met.verb} of it had succeeded before"
            )
            return


def _taken(story: Story, refusal: Refusal) -> Iterator[Assessment]:
    """Only the state afterwards is shown: the root bears the sweep of a group that this pod did not ask for."""
    root = root_of(refusal)
    if root is None or not root.swept or root.ours or root.asked is None or refusal.inode is None:
        return
    scale = Scale(Cause.SWEPT_BY_ANOTHER_POD)
    refusal.support(scale)
    scale.support(root.hop.pointer, f"{root.looks}: swept for that group")
    scale.support(root.asked.pointer, f"this pod's own fsGroup is {root.asked.value}, which was not what stayed")
    statement = (
        f"the volume at {root.hop.path} bears the sweep of group {root.inode.gid}, and the pod of "
        f"{refusal.reader.name} asked for {root.asked.value}: another pod took it"
    )
    if _name_the_other(story, refusal, root.inode.gid, scale) and _is_later(story, refusal, root):
        yield scale.likely(statement, component=refusal.component, remedy=_one_group(refusal))
        return
    scale.miss(root.hop.pointer, "a line of this log from before, that shows the volume with the reader's group")
    yield scale.possible(statement, component=refusal.component)


def _is_later(story: Story, refusal: Refusal, root: Root) -> bool:
    """Whether a pod with that group on this claim started after the reader's own."""
    mine = refusal.account.pod.started if refusal.account.pod is not None else None
    return any(
        other.pod is not None and other.pod.started is not None and mine is not None and other.pod.started > mine
        for other, _ in _others(story, refusal, root.inode.gid)
    )


def _others(story: Story, refusal: Refusal, gid: int) -> Iterator[tuple[Account, Told[str]]]:
    """Containers of other pods with that group, and what says so."""
    mine = refusal.account
    for other in story.accounts:
        if other is mine or (other.pod is not None and other.pod is mine.pod):
            continue
        if other.pod is not None and other.pod.security.fs_group == gid and _shares(mine, refusal, other):
            text = f"pod {other.pod.key.name} asks for fsGroup {gid} on the same claim"
            yield other, Told(text, f"{other.pod_at}/security/fs_group")
        elif other.pod is None or other.pod.security.fs_group is None:
            who = other.who
            if who is not None and gid in who.groups:
                yield other, Told(f"{other.name} runs with group {gid}", who.pointer)


def _shares(mine: Account, refusal: Refusal, other: Account) -> bool:
    carrier = mount_of(mine, refusal.component or refusal.path)
    claims = {volume.claim for volume in other.pod.volumes if volume.claim} if other.pod is not None else set()
    return carrier is not None and carrier.claim in claims


def _name_the_other(story: Story, refusal: Refusal, gid: int, scale: Scale) -> bool:
    told = next((told for _, told in _others(story, refusal, gid)), None)
    if told is not None:
        scale.support(told.pointer, told.value)
        return True
    scale.miss(refusal.failure.pointer, f"the other pod: which one mounts this claim and asks for fsGroup {gid}")
    return False


def _one_group(refusal: Refusal) -> Remedy:
    who = refusal.who
    pod = refusal.account.pod
    told = pod.security.fs_group if pod is not None else None
    held = sorted(who.groups - {0}) if who is not None else []
    group = told if told is not None else held[-1] if held else 0
    return Remedy(
        smallest=Fix(
            sentence="Give all pods that mount this claim one fsGroup (one namespace, one SCC range), or let the other "
            "pod ask for none: any group given here is taken away again by its next start.",
            yaml=f"securityContext:\n  fsGroup: {group}",
        )
    )
