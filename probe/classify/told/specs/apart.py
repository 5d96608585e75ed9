"""What sets a reader that failed apart from those that could read the same image: what they share explains nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from probe.classify.told.account import Account
from probe.classify.told.specs.places import Atlas, Place
from probe.classify.told.specs.rights import bare_root, groups, of_container, of_pod, pod_security_at, security_at, uid
from probe.classify.told.specs.scene import HandOver, Scene
from probe.evidence.cluster import Outcome
from probe.evidence.invocation import Invocation

TEMP = "/var/tmp"
"""Where skopeo and its kin unpack an archive unless `--tmpdir` or TMPDIR names another directory."""
_UNPACKED = frozenset({"oci-archive", "docker-archive"})
_NOT_NEEDED = frozenset({"--digestfile", "--digest-file", "--iidfile", "--metadata-file"})
"""Files that are written when all is done."""


class Kind(StrEnum):
    """In what two readers differ."""

    GROUPS = "groups"
    BARE_ROOT = "bare-root"
    USER = "user"
    SELINUX = "selinux"
    USERS = "user-namespace"
    ROOM = "room"
    FILE = "file"
    READ_ONLY_ROOT = "read-only-root"
    NODE = "node"
    IMAGE = "image"


@dataclass(frozen=True)
class Difference:
    """One thing that the reader which failed has, and none of the others; or lacks."""

    kind: Kind
    pointer: str
    sentence: str
    what: str = ""
    """A path, a group, a label: the thing itself."""


@dataclass(frozen=True)
class Apart:
    """One failed reader beside those that read the same image and succeeded."""

    hand_over: HandOver
    failed: Account
    peers: tuple[Account, ...]
    differences: tuple[Difference, ...]

    def only(self, kind: Kind) -> Difference | None:
        """The difference of this kind, if it is the only one."""
        return self.differences[0] if [one.kind for one in self.differences] == [kind] else None

    def of(self, kind: Kind) -> Difference | None:
        """The difference of this kind."""
        return next((one for one in self.differences if one.kind is kind), None)


def apart(scene: Scene) -> Iterator[Apart]:
    """Each reader that ran and failed."""
    for hand_over in scene.hand_overs:
        for account in hand_over.failed:
            peers = tuple(one for one in hand_over.peers(account) if one.outcome is Outcome.SUCCEEDED)
            found = tuple(_differences(scene, hand_over, account, peers)) if peers else ()
            yield Apart(hand_over, account, peers, found)


def _differences(scene: Scene, hand_over: HandOver, mine: Account, peers: tuple[Account, ...]) -> Iterator[Difference]:
    yield from _rights(mine, peers)
    for room in scarce_room(scene.atlas, hand_over, mine):
        if not any(scarce_room(scene.atlas, hand_over, peer) for peer in peers):
            yield Difference(Kind.ROOM, room[1].pointer, room[2], room[0])
    theirs = {path for peer in peers for path in files_needed(peer)}
    for path, (pointer, sentence) in files_needed(mine).items():
        if path not in theirs:
            yield Difference(Kind.FILE, pointer, sentence, path)
    if of_container(mine).read_only_root and not any(of_container(peer).read_only_root for peer in peers):
        yield Difference(Kind.READ_ONLY_ROOT, security_at(mine), f"{mine.name} has a read-only root file system")
    node, nodes = _node(mine), {_node(peer) for peer in peers}
    if node and "" not in nodes and node not in nodes:
        yield Difference(Kind.NODE, f"{mine.pod_at}/node", f"{mine.name} ran on another node, {node}")
    if mine.container is not None and mine.container.image:
        images = {peer.container.image for peer in peers if peer.container is not None}
        if images and mine.container.image not in images and "" not in images:
            yield Difference(
                Kind.IMAGE, f"{mine.container_at}/image", f"{mine.name} runs another image, {mine.container.image}"
            )


def _rights(mine: Account, peers: tuple[Account, ...]) -> Iterator[Difference]:
    names = ", ".join(peer.name for peer in peers)
    held = frozenset.intersection(*(groups(peer) for peer in peers))
    lacking = sorted(held - groups(mine) - {0})
    if lacking:
        yield Difference(
            Kind.GROUPS,
            pod_security_at(mine),
            f"{mine.name} lacks group {_listed(lacking)}, which {names} had",
            str(lacking[0]),
        )
    if bare_root(mine) and not any(map(bare_root, peers)):
        yield Difference(
            Kind.BARE_ROOT,
            security_at(mine),
            f"{mine.name} is uid 0 with all capabilities dropped; {names} "
            + (f"is uid {uid(peers[0])}" if uid(peers[0]) != 0 else "is uid 0 and keeps them"),
        )
    elif uid(mine) not in {uid(peer) for peer in peers}:
        shown = uid(mine) if uid(mine) is not None else "of its image"
        yield Difference(Kind.USER, security_at(mine), f"{mine.name} runs as user {shown}, {names} as {uid(peers[0])}")
    label = _label(mine)
    if label not in {_label(peer) for peer in peers}:
        yield Difference(
            Kind.SELINUX,
            security_at(mine),
            f"{mine.name} asks for SELinux options {label or 'none'}, {names} for {_label(peers[0]) or 'none'}",
            label,
        )
    own = mine.pod is not None and mine.pod.host_users is False
    if own and not any(peer.pod is not None and peer.pod.host_users is False for peer in peers):
        yield Difference(Kind.USERS, f"{mine.pod_at}/host_users", f"{mine.name} has a user namespace of its own")


def _node(account: Account) -> str:
    return account.pod.node if account.pod is not None else ""


def _label(account: Account) -> str:
    return of_container(account).se_linux or of_pod(account).se_linux or ""


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:4]))


def commands(account: Account) -> Iterator[tuple[str, Invocation]]:
    """The command lines of an account, with their pointers."""
    for source, at in ((account.step, account.step_at), (account.container, account.container_at)):
        if source is not None and source.invocations:
            yield from ((f"{at}/invocations/{index}", one) for index, one in enumerate(source.invocations))
            return
    yield from ((tried.invocation.pointer, tried.invocation.value) for tried in account.tries)


def files_needed(account: Account) -> dict[str, tuple[str, str]]:
    """Files other than the image that its commands need: by path, the pointer and a sentence."""
    found: dict[str, tuple[str, str]] = {}
    for pointer, one in commands(account):
        for index, named in enumerate(one.files):
            if named.option and named.option not in (*_NOT_NEEDED, "--tmpdir", "TMPDIR"):
                sentence = f"{account.name} names {named.option} {named.path}"
                found.setdefault(named.path, (f"{pointer}/files/{index}", sentence))
    return found


def scarce_room(atlas: Atlas, hand_over: HandOver, account: Account) -> list[tuple[str, Place, str]]:
    """Where it unpacks an archive in memory: the directory, its place, and a sentence."""
    if not any(use.account is account and use.reference.transport in _UNPACKED for use in hand_over.reads):
        return []
    named = [
        one.path for _, command in commands(account) for one in command.files if one.option in ("--tmpdir", "TMPDIR")
    ]
    found = []
    for directory in named or [TEMP]:
        place = atlas.place(account, directory)
        if place is not None and place.kind == "emptyDir" and place.medium == "Memory":
            size = f"at most {place.size_limit} bytes" if place.size_limit is not None else "no limit of its own"
            sentence = f"{account.name} unpacks archives into {directory}, which is memory with {size}"
            found.append((directory, place, sentence))
    return found
