"""Denied, then granted to the same identity, with the change in between."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.case import REFUSALS, Case, Reading
from probe.classify.denial import GENERAL
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.mounts import decided_elsewhere
from probe.classify.remedy import UMASK, publish
from probe.classify.verdict import Assessment, Cause, Remedy
from probe.evidence.base import format_timestamp
from probe.evidence.observation import Seen
from probe.evidence.path import Component, FileType, Inode


class AccessHealed(ReadingHypothesis):
    """R6 to R8: a late chmod, an attribute cache, a rename. Needs the failed open and a later change."""

    cause = Cause.ACCESS_HEALED
    rank = 30
    refines = (*GENERAL, Cause.GROUP_NOT_HELD, Cause.ACL_DENIED, Cause.ROOT_WITHOUT_CAPABILITY)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Two attempts of one process, or the command's refusal before a grant now."""
        if reading.predicted:
            return scale.not_assessable("a prediction has no attempts")
        path = reading.report.reference.path
        remedy = Remedy(smallest=UMASK, structural=publish(path))
        refused = next(((n, a) for n, a in reading.truths if a.errno in REFUSALS), None)
        granted = next(((n, a) for n, a in reversed(reading.truths) if a.granted), None)
        if refused is not None and granted is not None and granted[0] > refused[0]:
            scale.support(reading.at("attempts", refused[0]), f"{refused[1].operation}: {refused[1].errno}")
            scale.support(reading.at("attempts", granted[0]), f"{granted[1].operation}: granted, by the same process")
            change = self._change_between(reading, refused[1].at, granted[1].at)
            statement = f"access to {path} was denied, then granted to the same process"
            if change is not None:
                scale.support(*change)
                if not decided_elsewhere(reading) or _rights_moved(reading):
                    return scale.confirmed(statement, component=path, remedy=remedy)
                scale.miss(change[0], "that change by this node's own clock: a server stamps the times there")
                return scale.likely(statement, component=path, remedy=remedy)
            if decided_elsewhere(reading):
                scale.support(reading.at("mounts"), "no inode changed: an access cache of the file system ran out")
            scale.miss(reading.chain_at, "the inode change in between")
            return scale.likely(statement, component=path, remedy=remedy)
        failure = reading.messages.about_target(*REFUSALS)
        if failure is None or reading.granted is not True:
            scale.miss(reading.at("attempts"), "two timestamps: a refusal and a later grant; race not shown")
            if refused is not None:
                return scale.possible(f"race not shown: {path} is refused, and was not seen to heal")
            return scale.refuted("no refusal was followed by a grant")
        number, message = failure
        scale.support(reading.messages.place_of(number), f"the command was refused: {message.text}")
        scale.support(reading.truth_at, "granted to this identity now")
        failed = reading.messages.failed_by(message)
        change = (
            self._change_between(reading, failed, reading.report.started)
            if failed is not None and not reading.messages.is_stale(message)
            else None
        )
        if change is None:
            scale.miss(reading.chain_at, "a change after the refusal: nothing on the path changed, race not shown")
            return scale.possible("refused then and granted now; the identities may differ, no change was seen")
        scale.support(*change)
        scale.miss(reading.identity_at, "that the command ran with this very identity")
        return scale.likely(
            f"access to {path} was refused to the command and is granted now; the path changed in between",
            component=path,
            remedy=remedy,
        )

    def _change_between(self, reading: Reading, start: int, end: int) -> tuple[str, str] | None:
        for number, sample in enumerate(reading.samples):
            if sample.inode.status == "seen" and start < sample.inode.value.changed <= end:
                return (
                    reading.at("writers", "value", "samples", number, "inode", "value", "changed"),
                    f"the target changed {format_timestamp(sample.inode.value.changed)}, in between",
                )
        for index in reading.observed:
            inode = reading.inode(index)
            if inode is not None and start < inode.changed <= end and not gained_names(inode):
                return (
                    reading.component_at(index, "changed"),
                    f"{reading.path_of(index)} changed {format_timestamp(inode.changed)}, in between",
                )
        after = reading.report.chain_after
        before = {component.path: component for component in reading.components}
        for index, component in enumerate(after.components if after is not None else ()):
            if (
                isinstance(component.inode, Seen)
                and start < component.inode.value.changed <= end
                and _rights(component) != _rights(before.get(component.path))
            ):
                return (
                    reading.at("chain_after", "components", index, "inode", "value", "changed"),
                    f"{component.path} changed {format_timestamp(component.inode.value.changed)}, in between",
                )
        return None

    def join(self, case: Case) -> Iterator[Assessment]:
        """Refused in one look, granted in a later one: of one container, or of one watch."""
        from probe.classify.joins import access_healed

        return access_healed.join(case)


def who_may(inode: Inode) -> tuple[object, ...]:
    """What decides who may pass, as far as an inode shows it."""
    return inode.device, inode.inode, inode.mode, inode.uid, inode.gid


def _rights_moved(reading: Reading) -> bool:
    """Whether two looks of one report differ in what decides who may pass: that needs no clock."""
    inodes = [who_may(sample.inode.value) for sample in reading.samples if isinstance(sample.inode, Seen)]
    if len(set(inodes)) > 1:
        return True
    after = reading.report.chain_after
    before_ = {component.path: _rights(component) for component in reading.components}
    changed = after.components if after is not None else ()
    return any(_rights(one) and before_.get(one.path) not in ((), _rights(one)) for one in changed)


def gained_names(inode: Inode) -> bool:
    """Whether a directory's ctime tells no more than its mtime: a name was made or removed in it."""
    return inode.type is FileType.DIRECTORY and inode.changed == inode.modified


def _rights(component: Component | None) -> tuple[object, ...]:
    """What decides who may pass."""
    if component is None or not isinstance(component.inode, Seen):
        return ()
    inode, acl = component.inode.value, component.acl
    return inode.inode, inode.mode, inode.uid, inode.gid, acl.value if isinstance(acl, Seen) else None
