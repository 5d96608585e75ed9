"""Refusals inside a volume that kubelet swept, or did not: what the times tell of when the bits were made."""

from __future__ import annotations

from collections.abc import Iterator

from probe.access.quote import quote_path
from probe.classify.hypothesis import Scale
from probe.classify.remedy import UMASK
from probe.classify.told.account import Account, Told
from probe.classify.told.logs.absence import absent_before
from probe.classify.told.logs.denial import passed_by_capability
from probe.classify.told.logs.refusal import Refusal
from probe.classify.told.logs.remedies import opened
from probe.classify.told.logs.roots import Root, left_out, root_of
from probe.classify.told.specs.moments import clock_time, ended
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.classify.witness import SECOND
from probe.evidence.cluster import Outcome
from probe.evidence.transcript import InodeStated

_LONG_BEFORE = 300 * SECOND
"""Before the first line: no pod takes so long from its sweep to its script, or it would be told of."""


def rule(story: Story) -> Iterator[Assessment]:
    """stale-ownership, created-after-sweep and fsgroup-not-applied, for each explained refusal."""
    for refusal in story.refusals:
        root = root_of(refusal) if refusal.step is not None and refusal.by_bits else None
        if root is None:
            continue
        if left_out(refusal, root):
            yield from _left_out(story, refusal, root)
        elif not root.swept and not root.ours:
            yield from _not_applied(refusal, root)


def _left_out(story: Story, refusal: Refusal, root: Root) -> Iterator[Assessment]:
    made, began = _made(refusal), refusal.account.began
    absent = absent_before(refusal)
    if absent is not None:
        yield _created_after(refusal, root, absent, "was not there yet when this container ran")
        return
    if made is not None and began is not None and made.value > began.value:
        text = f"was made {clock_time(made.value)}, after this container's script began ({clock_time(began.value)})"
        yield _created_after(refusal, root, made, text)
        return
    yield _stale(story, refusal, root)


def _made(refusal: Refusal) -> Told[int] | None:
    """When what denies was made; None where no birth time is shown."""
    for one in _stats(refusal):
        if one.value.born is not None:
            return Told(one.value.born, one.sub("born"), one.at, one.line)
    return None


def _stats(refusal: Refusal) -> tuple[Told[InodeStated], ...]:
    """What tells times of the component that denies, by the reader's own log."""
    path = refusal.component or ""
    return tuple(reversed([one for one in refusal.account.inodes(path) if one.value.changed is not None]))


def _created_after(refusal: Refusal, root: Root, made: Told[object], text: str) -> Assessment:
    scale = Scale(Cause.CREATED_AFTER_SWEEP)
    refusal.support(scale)
    scale.support(made.pointer, f"{refusal.account.cite(made)}: {refusal.component} {text}")
    scale.support(root.hop.pointer, f"the volume root was swept: {root.looks}")
    mode = refusal.inode.mode if refusal.inode is not None else 0
    statement = (
        f"{refusal.component} was made after the volume had been swept for {refusal.reader.name}'s pod, and has mode "
        f"{mode:04o}: no sweep will correct it before the next pod"
    )
    return scale.likely(statement, component=refusal.component, remedy=opened(refusal, UMASK))


def _stale(story: Story, refusal: Refusal, root: Root) -> Assessment:
    scale = Scale(Cause.STALE_OWNERSHIP)
    refusal.support(scale)
    scale.support(root.hop.pointer, f"the volume root was swept: {root.looks}")
    inode = refusal.inode
    assert inode is not None
    statement = (
        f"{refusal.component} kept mode {inode.mode:04o} and group {inode.gid} from before the pod of "
        f"{refusal.reader.name}: its volume root already looked right, so the sweep skipped it (OnRootMismatch)"
    )
    remedy = _stale_remedy(refusal, root)
    policy = refusal.account.pod.security.fs_group_policy if refusal.account.pod is not None else None
    if policy is not None:
        pointer = f"{refusal.account.pod_at}/security/fs_group_policy"
        if policy == "Always":
            scale.contradict(pointer, "fsGroupChangePolicy is Always: an older inode would have been repaired")
            return scale.possible(statement, component=refusal.component)
        scale.support(pointer, f"fsGroupChangePolicy is {policy}")
    changed = next(iter(_stats(refusal)), None)
    if changed is None or changed.value.changed is None:
        scale.miss(root.hop.pointer, f"stat {refusal.component}: whether it changed before or after this pod's start")
        return scale.possible(statement, component=refusal.component, remedy=remedy)
    before = _before_the_pod(story, refusal, changed.value.changed)
    when = f"{refusal.account.cite(changed)}: it last changed {clock_time(changed.value.changed)}"
    if before is None:
        scale.support(changed.sub("changed"), when)
        scale.miss(changed.sub("changed"), "the start of the reader's pod: the sweep came some time before its script")
        return scale.possible(statement, component=refusal.component, remedy=remedy)
    scale.support(changed.sub("changed"), f"{when}, before {before.value}")
    scale.support(before.pointer, before.value)
    other = passed_by_capability(story, refusal)
    if other is not None:
        scale.contradict(other.pointer, other.value)
        return scale.possible(statement, component=refusal.component, remedy=remedy)
    return scale.likely(statement, component=refusal.component, remedy=remedy)


def _before_the_pod(story: Story, refusal: Refusal, changed: int) -> Told[str] | None:
    """What shows that a change is older than the reader's pod, and so than its sweep."""
    account = refusal.account
    started = account.pod.started if account.pod is not None else None
    if started is not None:
        text = f"the reader's pod started {clock_time(started)}"
        if changed < started:
            return Told(text, f"{account.pod_at}/started", started)
        maker = _ended_by(story, refusal, changed, started)
        return Told(f"{text}; {maker.value}", maker.pointer, started) if maker is not None else None
    began = account.began
    if began is not None and changed < began.value - _LONG_BEFORE:
        return Told(f"the script began {clock_time(began.value)}, long after", began.pointer, began.value, began.line)
    return None


def _ended_by(story: Story, refusal: Refusal, changed: int, started: int) -> Told[str] | None:
    """Who made it, and had ended in the second in which the reader's pod started: the API tells no more of that."""
    if changed >= started + SECOND:
        return None
    for other in story.beside(refusal.account):
        shows = any(one.line is not None for one in other.inodes(refusal.component or ""))
        end = ended(other)
        if not shows or end is None or other.outcome is Outcome.FAILED or other in _readers(story):
            continue
        if end.value < started + SECOND:
            return Told(f"{other.name}, whose log shows it being made, had ended {clock_time(end.value)}", end.pointer)
    return None


def _readers(story: Story) -> tuple[Account, ...]:
    return tuple(reader.account for reader in story.reading)


def _stale_remedy(refusal: Refusal, root: Root) -> Remedy:
    always = Fix(
        sentence=f"Let kubelet repair every inode for group {root.inode.gid} at pod start.",
        yaml="securityContext:\n  fsGroupChangePolicy: Always",
    )
    now = opened(refusal)
    if now is None:
        return Remedy(smallest=always, structural=UMASK)
    return Remedy(smallest=now.smallest, structural=always)


def _not_applied(refusal: Refusal, root: Root) -> Iterator[Assessment]:
    """The root lacks the fingerprint, although the pod asks for an fsGroup."""
    if root.asked is None:
        yield from _perhaps_not_applied(refusal, root)
        return
    scale = Scale(Cause.FSGROUP_NOT_APPLIED)
    refusal.support(scale)
    gid = root.asked.value
    scale.support(root.asked.pointer, f"{refusal.account.cite(root.asked)}: the pod's fsGroup is {gid}")
    scale.support(root.hop.pointer, f"{root.looks}: no setgid and group rwx for {gid}")
    path = quote_path(root.hop.path)
    remedy = Remedy(
        smallest=Fix(
            sentence="The driver does not apply fsGroup: set group and bits once, on the server or in a task.",
            command=f"chgrp -R {gid} {path} && chmod -R g+rwX {path}",
        ),
        structural=Fix(sentence="Use a CSI driver whose CSIDriver object says fsGroupPolicy: File."),
    )
    statement = (
        f"the fsGroup {gid} was not applied to the volume at {root.hop.path}: its root is still "
        f"{root.inode.mode:04o} group {root.inode.gid}"
    )
    yield scale.likely(statement, component=refusal.component, remedy=remedy)


def _perhaps_not_applied(refusal: Refusal, root: Root) -> Iterator[Assessment]:
    """A root as it was made, root's own, for a reader with a group: whether its pod asks for it is not told."""
    held = refusal.who.groups - {0} if refusal.who is not None else frozenset()
    if root.inode.gid != 0 or root.inode.mode & 0o7020 or not held or not refusal.group_would_do:
        return
    scale = Scale(Cause.FSGROUP_NOT_APPLIED)
    refusal.support(scale)
    scale.support(root.hop.pointer, f"{root.looks}: no sweep has touched it")
    scale.miss(root.hop.pointer, f"the fsGroup of {refusal.reader.name}'s pod: oc get pod -o json")
    statement = f"no fsGroup was applied to the volume at {root.hop.path}: its root is still root's own"
    yield scale.possible(statement, component=refusal.component)
