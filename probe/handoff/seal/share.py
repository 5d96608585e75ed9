"""The least changes after which a group can get to a target and read it, and not one more.

What denies is found by the access model on a recorded walk, for a process that has nothing but the group. Changed is
the inode that was judged, by a descriptor: a path that leads elsewhere meanwhile is not followed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from probe.access.acl import ACL_XATTR, encode_acl
from probe.access.credentials import Credentials
from probe.access.decide import Right
from probe.access.quote import quote_path
from probe.access.walk import judge
from probe.collect.context import INITIAL_PID_NAMESPACE
from probe.collect.hop import Questions
from probe.collect.inode import to_inode
from probe.collect.mountinfo import MountTable
from probe.collect.path import Walk
from probe.evidence.base import clip, path_bytes, path_text
from probe.evidence.observation import NotSeen, Seen, errno_name
from probe.evidence.path import Acl, AclTag, Chain, Component, Inode, Want
from probe.handoff.seal.refused import Misused, Unable
from probe.handoff.seal.regroup import BY_BITS, Power, Regrouped, regroup
from probe.handoff.seal.tree import Node, walk

MAX_SENTENCES = 128
_SENTENCE = 1024
_ALL_IDS = 0xFFFFFFFF
_NOBODY = 2_147_483_000
"""Where the search for a uid that owns nothing on the way begins."""
_Key = tuple[str, int]


@dataclass(frozen=True)
class Shared:
    """What was changed, a sentence each, and what to say besides."""

    changes: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Need:
    """One inode that denies, and the rights that it has to give."""

    component: Component
    inode: Inode
    right: Right
    depth: int


class Sharing:
    """The target at `final`, which lies at `path` until it is published, and the group that is to read it."""

    def __init__(self, path: bytes, final: bytes, gid: int, own: Credentials, table: MountTable) -> None:
        if not 0 <= gid < _ALL_IDS:
            raise Misused(f"--share-with {gid}: no group id")
        here = os.getcwdb()  # directories above a relative path count too
        self._path, self._final = os.path.join(here, path), os.path.join(here, final)
        self._gid, self._table = gid, table
        self._power = Power(own, gid)
        self._own = own
        self._foreign = _in_container()
        self._outside: dict[str, None] = {}
        self._changed: dict[tuple[bytes, str], list[str]] = {}
        self._asked: frozenset[str] = frozenset()
        """Paths on the way to the target."""
        self._inside = ""
        """With what the paths of everything in the target begin."""

    def run(self) -> Shared:
        """Find what denies, change it, and see that it grants. Raises Refused, Unable, OSError.

        Nothing is changed unless, as far as can be foreseen, all that is needed can be.
        """
        needs = self._needs()
        planned = [(need, self._plan(need)) for need in needs]
        refused = [self._impossible(need) for need, plan in planned if plan is None]
        if refused:
            self._give_up(refused)
        # From the innermost outwards: as long as a directory further out denies, nobody meets half of it.
        for need, plan in planned:
            if plan is not None:
                self._apply(need, plan)
        left = self._needs() if planned else []
        if left:
            raise Unable(
                f"{path_text(self._final)}: still closed to group {self._gid} at {left[0].component.path} after "
                f"{'; '.join(self._sentences()) or 'no change'}: something else changed it back, or the file server "
                "did not take the change"
            )
        return Shared(self._sentences(), tuple(self._outside))

    # -- what denies

    def _needs(self) -> list[_Need]:
        base, published = self._walk(self._path), None
        if self._path != self._final:
            published = self._walk(os.path.dirname(self._final) or b".")
        self._asked = frozenset(one.path for chain in (base, published) if chain for one in chain.components)
        self._inside = base.components[-1].path.rstrip("/") + "/"
        found: dict[_Key, _Need] = {}
        for node in walk(self._path):
            whole = base if node.path == self._path else self._walk(node.path)
            chain = whole if published is None else _moved(whole, base, published, self._final_path(node))
            for want in (Want.READ, Want.EXECUTE) if node.is_directory else (Want.READ,):
                self._collect(chain, want, found)
        return sorted(found.values(), key=lambda need: -need.depth)

    def _final_path(self, node: Node) -> bytes:
        return self._final + node.path[len(self._path) :]

    def _walk(self, path: bytes) -> Chain:
        walked = Walk(self._table, Questions(), lambda *_: None, lambda *_: None).run(path)
        walked.close()
        if walked.chain.stopped is not None:
            raise Unable(f"{path_text(path)}: cannot be shared: {walked.chain.stopped.message}")
        return walked.chain

    def _collect(self, chain: Chain, want: Want, found: dict[_Key, _Need]) -> None:
        judgement = judge(self._reader(chain), chain, want)
        outside = self._not_ours(chain)
        for step in judgement.denials:
            component = chain.components[step.index]
            if step.index in outside:
                mode = f", mode {component.inode.value.mode:04o}," if isinstance(component.inode, Seen) else ""
                self._outside[
                    f"{component.path}{mode} closed to group {self._gid}, is on this container's own root file system "
                    "and was left as it is: the readers' containers have their own"
                ] = None
                continue
            if step.decision.rule not in BY_BITS or not isinstance(component.inode, Seen):
                raise Unable(
                    f"{chain.requested}: no permission can open it to group {self._gid}: {component.path}: "
                    f"{step.decision.sentence}"
                )
            if component.path not in self._asked and not component.path.startswith(self._inside):
                # Whoever may write in an image directory could have any file of ours opened by a link in it.
                raise Unable(
                    f"{chain.requested}: a link in the image directory leads out of it, to {component.path}, which is "
                    f"closed to group {self._gid} and is not opened: put what the image needs into the directory"
                )
            inode = component.inode.value
            key = (inode.device, inode.inode)
            before = found.get(key)
            right = step.decision.right if before is None else before.right | step.decision.right
            found[key] = _Need(component, inode, right, component.path.count("/") if component.path != "/" else 0)
        if judgement.missing:
            raise Unable(
                f"{chain.requested}: whether group {self._gid} can read it cannot be told: {judgement.missing[0]}"
            )

    def _reader(self, chain: Chain) -> Credentials:
        """A process with the group and nothing else: a uid that neither owns anything here nor is named by an ACL."""
        known: set[int | None] = {self._own.overflow_uid}
        for component in chain.components:
            if isinstance(component.inode, Seen):
                known.add(component.inode.value.uid)
            if isinstance(component.acl, Seen):
                known.update(entry.id for entry in component.acl.value.entries if entry.tag is AclTag.USER)
        uid = _NOBODY
        while uid in known:
            uid += 1
        return replace(self._own, uid=uid, gid=self._gid, groups=frozenset((self._gid,)), capabilities=frozenset())

    def _not_ours(self, chain: Chain) -> frozenset[int]:
        """Components that no reader in another container meets, when this is a container and the target on a volume."""
        mounts = [_mount_of(component) for component in chain.components]
        if not self._foreign or not mounts or mounts[0] is None or mounts[-1] in (None, mounts[0]):
            return frozenset()
        return frozenset(index for index, mount in enumerate(mounts) if mount == mounts[0])

    # -- what to change

    def _plan(self, need: _Need) -> Regrouped | None:
        for plan in regroup(need.inode, _acl(need.component), need.right, self._gid):
            if self._power.can(need.inode, plan):
                return plan
        return None

    def _impossible(self, need: _Need) -> str:
        plan = regroup(need.inode, _acl(need.component), need.right, self._gid)[0]
        return (
            f"{need.component.path} (mode {need.inode.mode:04o}, owner {need.inode.uid}, group {need.inode.gid}) needs "
            f"{plan.words(need.inode)}, {self._power.why_not(need.inode)}; its owner or root can: "
            f"{plan.command(quote_path(need.component.path))}"
        )

    def _give_up(self, refused: Sequence[str]) -> None:
        shown = [*refused[:8], *([f"and {len(refused) - 8} more"] if len(refused) > 8 else [])]
        raise Unable(f"{path_text(self._final)}: cannot be shared with group {self._gid}: " + "; ".join(shown))

    # -- changing it

    def _apply(self, need: _Need, plan: Regrouped) -> None:
        path = path_bytes(need.component.path)
        try:
            descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                before = to_inode(os.fstat(descriptor))
                if (before.device, before.inode) != (need.inode.device, need.inode.inode):
                    raise Unable(f"{need.component.path}: was replaced while it was to be shared{self._so_far()}")
                after = _change(f"/proc/self/fd/{descriptor}", plan, before)
            finally:
                os.close(descriptor)
        except OSError as error:
            text = f"{errno_name(error.errno)} ({os.strerror(error.errno or 0)})"
            raise Unable(
                f"{need.component.path}: cannot be shared with group {self._gid}: {plan.words(need.inode)}: {text}; "
                f"its owner or root can: {plan.command(quote_path(need.component.path))}{self._so_far()}"
            ) from None
        said = plan.words(before, after)
        self._changed.setdefault((os.path.dirname(path), said), []).append(need.component.path)

    def _so_far(self) -> str:
        done = self._sentences()
        return f"; changed before that: {'; '.join(done)}" if done else ""

    def _sentences(self) -> tuple[str, ...]:
        """One for each change; the same change of several files of a directory is told once."""
        told = [
            clip(
                f"{said} on {paths[0] if len(paths) == 1 else f'{len(paths)} files in {path_text(folder)}'}", _SENTENCE
            )
            for (folder, said), paths in self._changed.items()
        ]
        if len(told) > MAX_SENTENCES:
            told[MAX_SENTENCES - 1 :] = [f"and {len(told) - MAX_SENTENCES + 1} more"]
        return tuple(told)


def _change(place: str, plan: Regrouped, before: Inode) -> Inode:
    if plan.acl is not None:
        os.setxattr(place, ACL_XATTR, encode_acl(plan.acl))
        return to_inode(os.stat(place))
    if plan.gid is not None:
        # The new group never has more than it is to have, the old one never more than it had.
        both = before.mode & (plan.mode | ~0o070)
        if both != before.mode:
            os.chmod(place, both)
        try:
            os.chown(place, -1, plan.gid)  # clears setuid and setgid of a file: the chmod after it restores them
        except OSError:
            os.chmod(place, before.mode)
            raise
    os.chmod(place, plan.mode)
    return to_inode(os.stat(place))


def _moved(whole: Chain, base: Chain, published: Chain, final: bytes) -> Chain:
    """The walk to something in a temporary directory as it will be once that has its final name."""
    inside = whole.components[len(base.components) - 1 :]
    return published.model_copy(
        update={"requested": path_text(final), "components": (*published.components, *inside), "resolved": None}
    )


def _acl(component: Component) -> Acl | None:
    """The ACL, without entries where there is none; None where the file system has no ACLs."""
    return component.acl.value if isinstance(component.acl, Seen) else None


def _mount_of(component: Component) -> int | None:
    return None if isinstance(component.mount_id, NotSeen) else component.mount_id.value


def _in_container() -> bool:
    try:
        return os.readlink("/proc/self/ns/pid") != INITIAL_PID_NAMESPACE
    except OSError:
        return False
