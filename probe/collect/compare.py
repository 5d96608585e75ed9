"""What changed between two looks at the same thing, as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from probe.evidence.base import format_timestamp
from probe.evidence.observation import NotSeen, Seen
from probe.evidence.path import Chain, Component, FileType, Inode
from probe.evidence.writer import Sample

MAX_CHANGES = 32
_ACCESS_FIELDS = ("type", "mode", "uid", "gid", "device", "inode")
"""Times are left out: a directory's move whenever somebody makes an entry in it."""


def compare_chains(before: Chain, after: Chain) -> list[str]:
    """What bears on access and differs between two walks of one path."""
    changes = []
    if _end(before) != _end(after):
        changes.append(f"the walk to {before.requested}: first it {_outcome(before)}, then it {_outcome(after)}")
    for old, new in zip(before.components, after.components, strict=False):
        if (old.path, old.name) != (new.path, new.name):
            break
        changes += _compare_components(old, new)
    return changes[:MAX_CHANGES]


def _compare_components(old: Component, new: Component) -> list[str]:
    if isinstance(old.inode, NotSeen) or isinstance(new.inode, NotSeen):
        return []  # how a walk ended is told once, for the whole
    changes = _differences(old.path, old.inode.value, new.inode.value, _ACCESS_FIELDS)
    if old.link_target != new.link_target:
        changes.append(f"{old.path}: pointed to {old.link_target}, then to {new.link_target}")
    if isinstance(old.acl, Seen) and isinstance(new.acl, Seen) and old.acl.value != new.acl.value:
        changes.append(f"{old.path}: its access ACL changed")
    if isinstance(old.label, Seen) and isinstance(new.label, Seen) and old.label.value != new.label.value:
        changes.append(f"{old.path}: label was {old.label.value}, then {new.label.value}")
    return changes


def compare_samples(path: str, samples: Sequence[Sample]) -> list[str]:
    """What differs from each sample of the target to the next."""
    changes = []
    for old, new in pairwise(samples):
        if isinstance(old.inode, Seen) and isinstance(new.inode, Seen):
            a, b = old.inode.value, new.inode.value
            grows = a.type is not FileType.DIRECTORY or b.type is not FileType.DIRECTORY
            fields = ("device", "inode", "size", "modified") if grows else ("device", "inode", "modified")
            changes += _differences(path, a, b, fields)
        elif _presence(old) != _presence(new):
            changes.append(f"{path}: stat gave {_presence(old)}, then {_presence(new)}")
        if old.open_errno != new.open_errno:
            changes.append(f"{path}: open gave {old.open_errno or 'success'}, then {new.open_errno or 'success'}")
    return changes[:MAX_CHANGES]


def _differences(path: str, old: Inode, new: Inode, fields: Sequence[str]) -> list[str]:
    pairs = ((name, getattr(old, name), getattr(new, name)) for name in fields)
    return [f"{path}: {name} was {_show(name, a)}, then {_show(name, b)}" for name, a, b in pairs if a != b]


def _show(name: str, value: int | str) -> str:
    if name == "mode":
        return f"{value:04o}"
    return format_timestamp(int(value)) if name == "modified" else str(value)


def _presence(sample: Sample) -> str:
    return "success" if isinstance(sample.inode, Seen) else sample.inode.errno or sample.inode.reason


def _end(chain: Chain) -> tuple[str | None, int]:
    return (chain.stopped.errno or "stopped" if chain.stopped else None, len(chain.components))


def _outcome(chain: Chain) -> str:
    return "arrived" if chain.stopped is None else f"stopped with {chain.stopped.errno or chain.stopped.message}"
