"""What could be changed about one denied step, and what the evidence would be after it.

Source: chmod(1), setfacl(1), chgrp(1), chattr(1), capabilities(7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from probe.access.acl import UNMAPPED_ID, chmod_acl, mask_of, permissions_text, set_entry
from probe.access.capability import DAC_OVERRIDE, DAC_READ_SEARCH
from probe.access.credentials import Credentials
from probe.access.decide import Decision, Right, Rule, decide
from probe.access.quote import quote_path
from probe.access.walk import Judgement, Step, judge
from probe.evidence.mount import Mount
from probe.evidence.observation import Reason, Seen
from probe.evidence.path import Acl, AclEntry, AclTag, Chain, Component, FileType, Inode, Want

_BY_BITS = (Rule.OWNER, Rule.NAMED_USER, Rule.OWNING_GROUP, Rule.NAMED_GROUP, Rule.OTHER)


@dataclass(frozen=True)
class Change:
    """One change: `component` is the index of what it concerns, or, for the identity, of the first denied component.

    `kind` is `bit`, `group`, `acl`, `owner`, `flag`, `mount` or `capability`. `command` is a line for sh(1), to be run
    by the owner or root where the path leads to the same inode; None for what is not changed by a command there.
    `group` and `capability` say what the identity would have to hold.
    """

    kind: str
    component: int
    sentence: str
    command: str | None = None
    group: int | None = None
    capability: str | None = None


@dataclass(frozen=True)
class Situation:
    """All that a judgement rests on."""

    credentials: Credentials
    chain: Chain
    want: Want
    mount: Mount | None
    protected_symlinks: bool

    def judge(self) -> Judgement:
        """The answer in this situation."""
        return judge(
            self.credentials, self.chain, self.want, mount=self.mount, protected_symlinks=self.protected_symlinks
        )

    def with_inode(self, index: int, **changed: object) -> Situation:
        """The situation with other inode or component fields for one component, wherever the walk meets that inode."""
        inode = _inode(self.chain.components[index])
        components = tuple(
            _with(component, changed) if _same_inode(_inode(component), inode) else component
            for component in self.chain.components
        )
        return replace(self, chain=self.chain.model_copy(update={"components": components}))


@dataclass(frozen=True)
class Candidate:
    """A change, and the situation after it."""

    change: Change
    after: Situation


def for_step(situation: Situation, step: Step) -> Iterator[Candidate]:
    """Every change that may help one denied step, least privilege first; to be judged again by the caller."""
    if step.index >= len(situation.chain.components):
        return  # a path of no component at all
    component = situation.chain.components[step.index]
    inode = _inode(component)
    if inode is None:
        return
    if step.decision.rule in _BY_BITS:
        yield from _bit(situation, step, component, inode)
        yield from _groups(situation, step, component, inode)
        yield from _acl_entry(situation, step, component, inode)
        yield from _chgrp(situation, step, component, inode)
        yield from _capability(situation, step, component, inode)
    elif step.decision.rule is Rule.STICKY_SYMLINK:
        uid = situation.credentials.uid
        yield Candidate(
            Change(
                "owner",
                step.index,
                f"Let uid {uid} own the link {component.path} itself (or name the link's target in the reference).",
                f"chown -h {uid} {quote_path(component.path)}",
            ),
            situation.with_inode(step.index, uid=uid),
        )
    else:
        yield from _surroundings(situation, step, component)


def _bit(situation: Situation, step: Step, component: Component, inode: Inode) -> Iterator[Candidate]:
    """The missing bit of the class that decided, never that of others; with an ACL, g is the mask."""
    rule, right = step.decision.rule, step.decision.right
    if rule is Rule.OTHER:
        return
    letter, shift = ("u", 6) if rule is Rule.OWNER else ("g", 3)
    bits = right & ~(inode.mode >> shift & 7)
    if not bits:
        return
    mode = inode.mode | bits << shift
    whose = {"u": f"owner {inode.uid}", "g": f"group {inode.gid}"}[letter]
    if letter == "g" and mask_of(_acl(component)) is not None:
        whose = "the group class (the mask of its ACL)"
    letters = permissions_text(bits).replace("-", "")
    yield Candidate(
        Change(
            "bit",
            step.index,
            f"Add {letters} for {whose} on {component.path}: mode {inode.mode:04o} becomes {mode:04o}.",
            f"chmod {letter}+{letters} {quote_path(component.path)}",
        ),
        situation.with_inode(step.index, mode=mode, acl=chmod_acl(_acl(component), mode)),
    )


def _groups(situation: Situation, step: Step, component: Component, inode: Inode) -> Iterator[Candidate]:
    """Membership in the inode's group, or in a group that its ACL names."""
    credentials = situation.credentials
    acl = _acl(component)
    named = [entry.id for entry in acl.entries if entry.tag is AclTag.GROUP] if acl is not None else []
    for gid in dict.fromkeys((inode.gid, *named)):
        if gid is None or gid == UNMAPPED_ID or credentials.in_group(gid) or not credentials.maps_gid(gid):
            continue
        after = replace(situation, credentials=replace(credentials, groups=credentials.groups | {gid}))
        text = f"Give the identity group {gid} (fsGroup or supplementalGroups of its pod): {component.path} grants it"
        yield Candidate(Change("group", step.index, f"{text} {step.decision.right.letters}.", None, group=gid), after)


def _acl_entry(situation: Situation, step: Step, component: Component, inode: Inode) -> Iterator[Candidate]:
    """An entry for this very user, or more in the entry that decided."""
    credentials = situation.credentials
    supported = isinstance(component.acl, Seen) or component.acl.reason is Reason.ABSENT
    if not supported or inode.type is FileType.SYMLINK or not credentials.maps_uid(credentials.uid):
        return
    acl, right = _acl(component), step.decision.right
    permissions = _held(credentials, inode, acl) | right
    old_mask = mask_of(acl)
    mask = None if old_mask is None else old_mask | permissions
    entry = AclEntry(tag=AclTag.USER, id=credentials.uid, permissions=permissions)
    after, mode = set_entry(acl, inode.mode, entry, mask)
    # Without -n setfacl would widen the mask to all entries, and so give others what the mask now keeps from them.
    masked = "" if mask is None else f",m::{permissions_text(mask)}"
    spec = f"u:{credentials.uid}:{permissions_text(permissions)}{masked}"
    yield Candidate(
        Change(
            "acl",
            step.index,
            f"Add an ACL entry for uid {credentials.uid} with {permissions_text(permissions)} to {component.path}.",
            f"setfacl {'' if mask is None else '-n '}-m {spec} {quote_path(component.path)}",
        ),
        situation.with_inode(step.index, mode=mode, acl=after),
    )


def _chgrp(situation: Situation, step: Step, component: Component, inode: Inode) -> Iterator[Candidate]:
    """A group that the identity holds, where the group bits already give what is needed."""
    credentials = situation.credentials
    if step.decision.rule is not Rule.OTHER or not credentials.maps_gid(inode.gid):
        return
    held = sorted(gid for gid in (credentials.gid, *credentials.groups) if gid and credentials.maps_gid(gid))
    for gid in held[:1]:
        yield Candidate(
            Change(
                "owner",
                step.index,
                f"Give {component.path} the group {gid}, which the identity holds, instead of group {inode.gid}.",
                f"chgrp {gid} {quote_path(component.path)}",
            ),
            situation.with_inode(step.index, gid=gid),
        )


def _capability(situation: Situation, step: Step, component: Component, inode: Inode) -> Iterator[Candidate]:
    right, credentials = step.decision.right, situation.credentials
    reads = right == Right.READ or (inode.type is FileType.DIRECTORY and not right & Right.WRITE)
    name = DAC_READ_SEARCH if reads else DAC_OVERRIDE
    if name in credentials.capabilities:
        return
    after = replace(situation, credentials=replace(credentials, capabilities=credentials.capabilities | {name}))
    text = f"As the last resort {name} would pass {component.path}; it passes every other file's bits too."
    yield Candidate(Change("capability", step.index, text, None, capability=name), after)


def _surroundings(situation: Situation, step: Step, component: Component) -> Iterator[Candidate]:
    """What is no permission: inode flags, mount options."""
    rule, mount = step.decision.rule, situation.mount
    if rule in (Rule.IMMUTABLE, Rule.APPEND_ONLY):
        name, letter = ("immutable", "i") if rule is Rule.IMMUTABLE else ("append", "a")
        flags = component.flags.value if isinstance(component.flags, Seen) else ()
        yield Candidate(
            Change(
                "flag",
                step.index,
                f"Take the {name} flag from {component.path}.",
                f"chattr -{letter} {quote_path(component.path)}",
            ),
            situation.with_inode(step.index, flags=tuple(flag for flag in flags if flag != name)),
        )
    option = {Rule.READ_ONLY_MOUNT: "ro", Rule.NOEXEC_MOUNT: "noexec", Rule.NOSYMFOLLOW_MOUNT: "nosymfollow"}.get(rule)
    if option is None or mount is None:
        return
    after = mount.model_copy(
        update={
            "options": tuple(one for one in mount.options if one != option),
            "super_options": tuple(one for one in mount.super_options if one != option),
        }
    )
    how = "for writing (readOnly: false)" if option == "ro" else f"without {option}"
    yield Candidate(
        Change("mount", step.index, f"Mount the volume at {mount.mount_point} {how}."), replace(situation, mount=after)
    )


def _held(credentials: Credentials, inode: Inode, acl: Acl | None) -> int:
    """What the bits give this identity now: a new entry for it takes the place of all that."""
    plain = replace(credentials, capabilities=frozenset())
    decisions: list[Decision] = [decide(plain, inode, acl, right) for right in Right]
    return sum(int(decision.right) for decision in decisions if decision.granted)


def _inode(component: Component) -> Inode | None:
    return component.inode.value if isinstance(component.inode, Seen) else None


def _acl(component: Component) -> Acl | None:
    return component.acl.value if isinstance(component.acl, Seen) else None


def _same_inode(one: Inode | None, other: Inode | None) -> bool:
    return one is not None and other is not None and (one.device, one.inode) == (other.device, other.inode)


def _with(component: Component, changed: dict[str, object]) -> Component:
    if not isinstance(component.inode, Seen):
        return component
    inode = component.inode.value.model_copy(
        update={key: changed[key] for key in ("mode", "uid", "gid") if key in changed}
    )
    update: dict[str, object] = {"inode": component.inode.model_copy(update={"value": inode})}
    if changed.get("acl") is not None:
        update["acl"] = Seen[Acl](value=changed["acl"], at=component.inode.at)
    if "flags" in changed and isinstance(component.flags, Seen):
        update["flags"] = component.flags.model_copy(update={"value": changed["flags"]})
    return component.model_copy(update=update)
