"""Security contexts side by side: what the pod of a failed reader lacks, and the pods of the others had."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.hypothesis import Scale
from probe.classify.remedy import UMASK, group_remedy
from probe.classify.told.account import Account
from probe.classify.told.specs.apart import Apart, Difference, Kind, apart
from probe.classify.told.specs.rights import (
    bare_root,
    groups,
    of_pod,
    owns,
    passes_bits,
    pod_security_at,
    security_at,
    uid,
)
from probe.classify.told.specs.scene import Scene
from probe.classify.told.specs.symptoms import Symptom, fits
from probe.classify.told.specs.undecided import log_wanted
from probe.classify.verdict import Assessment, Cause, Fix, Remedy


def by_rights(scene: Scene) -> Iterator[Assessment]:
    """A failed reader, and what sets its rights apart from those of readers that succeeded."""
    for one in apart(scene):
        if not fits(one.failed, Symptom.DENIED):
            continue
        for rule in (_group_not_held, _root_without_capability, _selinux, _unmapped):
            found = rule(one)
            if found is not None:
                yield found


def _group_not_held(one: Apart) -> Assessment | None:
    difference = one.of(Kind.GROUPS)
    if difference is None:
        return _no_group_at_all(one)
    if any(owns(one.failed, maker) for maker in _makers(one)) or passes_bits(one.failed):
        return None
    scale = _scale(Cause.GROUP_NOT_HELD, one, difference)
    group = int(difference.what)
    statement = f"{one.failed.name} failed without group {group}, which every reader that succeeded had"
    others = {found.kind for found in one.differences} - {Kind.GROUPS, Kind.USER}
    if others or bare_root(one.failed) or uid(one.failed) is None:
        return _among_others(scale, one, statement)
    return scale.likely(statement, component=_path(one), remedy=group_remedy(group))


def _no_group_at_all(one: Apart) -> Assessment | None:
    """No reader succeeded, and the pod asks for none of the groups that the maker's pod had."""
    makers = [maker for maker in _makers(one) if of_pod(maker).fs_group is not None]
    if one.peers or groups(one.failed) - {0} or not makers or one.failed.pod is None:
        return None
    scale = Scale(Cause.GROUP_NOT_HELD)
    group = of_pod(makers[0]).fs_group
    scale.support(pod_security_at(one.failed), f"the pod of {one.failed.name} asks for no group")
    scale.support(pod_security_at(makers[0]), f"the pod of {makers[0].name} has fsGroup {group}")
    scale.miss(security_at(one.failed), log_wanted(one.failed))
    return scale.possible(f"{one.failed.name} failed, and its pod asks for no group", component=_path(one))


def _root_without_capability(one: Apart) -> Assessment | None:
    if not bare_root(one.failed):
        return None
    makers = _makers(one)
    if any(uid(maker) == 0 for maker in makers):
        return None  # the owner needs no capability
    difference = one.of(Kind.BARE_ROOT)
    statement = f"{one.failed.name} runs as uid 0 without CAP_DAC_OVERRIDE: mode bits count for it as for anybody"
    if difference is None:
        if any(bare_root(peer) for peer in one.peers):
            return None
        scale = Scale(Cause.ROOT_WITHOUT_CAPABILITY)
        scale.support(security_at(one.failed), f"{one.failed.name} is uid 0 with all capabilities dropped")
        scale.miss(security_at(one.failed), log_wanted(one.failed))
        return scale.possible(statement, component=_path(one))
    scale = _scale(Cause.ROOT_WITHOUT_CAPABILITY, one, difference)
    foreign = [maker for maker in makers if uid(maker) not in (None, 0)]
    if foreign:
        scale.support(security_at(foreign[0]), f"what it reads is made by {foreign[0].name}, uid {uid(foreign[0])}")
    else:
        scale.miss(security_at(one.failed), "who owns what it reads: uid 0 needs no capability for its own")
    others = {found.kind for found in one.differences} - {Kind.BARE_ROOT}
    if others or not foreign:
        return _among_others(scale, one, statement)
    fix = Fix(
        sentence="Run it as the user that the others run as, or let the maker leave group rights (umask 0007) on what "
        "it makes: then no capability is needed."
    )
    return scale.likely(statement, component=_path(one), remedy=Remedy(smallest=fix, structural=UMASK))


def _selinux(one: Apart) -> Assessment | None:
    difference = one.of(Kind.SELINUX)
    if difference is None:
        return None
    scale = _scale(Cause.SELINUX_DENIED, one, difference)
    scale.miss(security_at(one.failed), "the labels: ls -lZ of the path, and id -Z in both pods")
    return scale.possible(f"{one.failed.name} failed with other SELinux options than the others", component=_path(one))


def _unmapped(one: Apart) -> Assessment | None:
    difference = one.of(Kind.USERS)
    if difference is None:
        return None
    scale = _scale(Cause.UNMAPPED_IDS, one, difference)
    scale.miss(security_at(one.failed), "the owners as that pod sees them: ls -ln of the path (65534 is unmapped)")
    return scale.possible(f"{one.failed.name} failed in a user namespace of its own (hostUsers: false)")


def _scale(cause: Cause, one: Apart, difference: Difference) -> Scale:
    scale = Scale(cause)
    scale.support(difference.pointer, difference.sentence)
    for peer in one.peers:
        scale.support(security_at(peer), f"{peer.name} reads the same and succeeded")
    scale.miss(security_at(one.failed), log_wanted(one.failed))
    return scale


def _among_others(scale: Scale, one: Apart, statement: str) -> Assessment:
    for other in one.differences:
        if other.sentence not in {claim.sentence for claim in scale.supports}:
            scale.contradict(other.pointer, f"not the only difference: {other.sentence}")
    return scale.possible(statement, component=_path(one))


def _makers(one: Apart) -> tuple[Account, ...]:
    return tuple(use.account for use in one.hand_over.makers_of(one.hand_over.use_of(one.failed)))


def _path(one: Apart) -> str:
    return one.hand_over.use_of(one.failed).reference.path
