"""Who asks: the part of a process's credentials that file access depends on (credentials(7), user_namespaces(7))."""

from __future__ import annotations

from dataclasses import dataclass

from probe.access.capability import parse_capabilities
from probe.evidence.identity import Capabilities, Identity, IdRange, Ids
from probe.evidence.observation import NotSeen, Reason

_ALL_IDS = 0xFFFFFFFF  # ids run from 0 to 2**32-2: -1 is no id
_MAX_GROUPS = 65536  # NGROUPS_MAX


@dataclass(frozen=True)
class Credentials:
    """fsuid, fsgid, supplementary groups, effective capabilities and id maps, all as seen in the asker's own namespace.

    An empty map is the initial user namespace, where every id is mapped. An inode whose owner has no mapping in the
    namespace is shown with the overflow id (65534): such an id equals no id of the asker for sure, and no capability
    counts on the inode. When a partial map contains the overflow id too, 65534 may be the real id or the stand-in: it
    is then taken as the stand-in, which is by far the more common; `judge` says `granted=None` where the answer
    depends on it.
    """

    uid: int
    gid: int
    groups: frozenset[int] = frozenset()
    capabilities: frozenset[str] = frozenset()
    uid_map: tuple[IdRange, ...] = ()
    gid_map: tuple[IdRange, ...] = ()
    overflow_uid: int = 65534
    overflow_gid: int = 65534

    def in_group(self, gid: int) -> bool:
        """Whether the shown gid is the fsgid or a supplementary group (in_group_p())."""
        return gid == self.gid or gid in self.groups

    def maps_uid(self, uid: int) -> bool:
        """Whether an inode's owner shown as `uid` surely has a mapping here."""
        return _contains(self.uid_map, uid) and (self.full_uid_map or uid != self.overflow_uid)

    def maps_gid(self, gid: int) -> bool:
        """Whether an inode's group shown as `gid` surely has a mapping here."""
        return _contains(self.gid_map, gid) and (self.full_gid_map or gid != self.overflow_gid)

    @property
    def full_uid_map(self) -> bool:
        """Whether every uid is mapped, so that the overflow id is a uid like any other."""
        return _is_full(self.uid_map)

    @property
    def full_gid_map(self) -> bool:
        """Whether every gid is mapped."""
        return _is_full(self.gid_map)

    def may_map_uid(self, uid: int) -> bool:
        """Whether the shown uid may be a mapped one."""
        return _contains(self.uid_map, uid)

    def may_map_gid(self, gid: int) -> bool:
        """Whether the shown gid may be a mapped one."""
        return _contains(self.gid_map, gid)

    @classmethod
    def from_identity(cls, identity: Identity) -> Credentials:
        """The credentials of a recorded identity: its file-system ids and its effective capabilities."""
        return cls(
            uid=identity.uid.filesystem,
            gid=identity.gid.filesystem,
            groups=frozenset(identity.groups),
            capabilities=frozenset(identity.capabilities.effective),
            uid_map=identity.uid_map,
            gid_map=identity.gid_map,
            overflow_uid=identity.overflow_uid,
            overflow_gid=identity.overflow_gid,
        )


def _contains(ranges: tuple[IdRange, ...], number: int) -> bool:
    return not ranges or any(one.inside <= number < one.inside + one.count for one in ranges)


def _is_full(ranges: tuple[IdRange, ...]) -> bool:
    return not ranges or sum(one.count for one in ranges) >= _ALL_IDS


def parse_identity(text: str, caps: str | None = None, *, like: Identity | None = None) -> Identity:
    """The identity of `UID:GID[:GROUP,GROUP...]`, with the capabilities of `caps` (`all`, `none` or names).

    Without `caps` the identity has none, **also for uid 0**: a container's root may have a runtime's default set, all
    of them, or, under a restricted policy, not one, so anything else would be a guess that grants. `like` is the
    identity that recorded the evidence: its id maps are taken over, because the shown ids are those of its namespace.
    Raises ValueError with what to type instead.
    """
    fields = text.strip().split(":")
    if len(fields) not in (2, 3):
        raise ValueError(_wrong(text, "two or three fields separated by colons are needed"))
    uid, gid = (_number(text, field) for field in fields[:2])
    words = fields[2].split(",") if len(fields) == 3 and fields[2].strip() else []
    if len(words) > _MAX_GROUPS:
        raise ValueError(f"{len(words)} supplementary groups, a process has at most {_MAX_GROUPS}")
    identity = Identity(
        source="given",
        uid=Ids(real=uid, effective=uid, saved=uid, filesystem=uid),
        gid=Ids(real=gid, effective=gid, saved=gid, filesystem=gid),
        groups=tuple(sorted({_number(text, word) for word in words})),
        capabilities=Capabilities(effective=parse_capabilities(caps or "none")),
        label=NotSeen(reason=Reason.SKIPPED, message="an identity given for a prediction has no label", at=0),
    )
    if like is None:
        return identity
    taken = ("uid_map", "gid_map", "overflow_uid", "overflow_gid", "initial_user_namespace")
    return identity.model_copy(update={name: getattr(like, name) for name in taken})


def _number(text: str, field: str) -> int:
    word = field.strip()
    if not (word.isascii() and word.isdigit()):
        raise ValueError(_wrong(text, f"{word[:40]!r} is not a number (names are not looked up)"))
    number = int(word[:20])
    if number >= _ALL_IDS:
        raise ValueError(_wrong(text, f"{word[:20]} is too large for an id (at most {_ALL_IDS - 1})"))
    return number


def _wrong(text: str, why: str) -> str:
    return f"not an identity: {text[:80]!r}: {why}; give UID:GID[:GROUP,GROUP...], for example 1000970000:0:1000970000"
