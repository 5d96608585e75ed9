"""Refused, although every component that the log shows lets this identity pass: a server, a label, something else."""

from __future__ import annotations

from collections.abc import Iterator

from probe.access.decide import Right, decide
from probe.classify.hypothesis import Scale
from probe.classify.told.account import Account, Told
from probe.classify.told.logs.healed import opened_later
from probe.classify.told.logs.mounts import Carrier, mount_of
from probe.classify.told.logs.refusal import Refusal, words
from probe.classify.told.logs.remedies import LOOK_AGAIN
from probe.classify.told.logs.shown import inode_of
from probe.classify.told.said import before
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.classify.witness import SECOND
from probe.evidence.path import FileType
from probe.evidence.transcript import Claimed, IdentityStated, InodeStated, RemarkStated

_OVERFLOW = 65_534
_AT_ONCE = 5 * SECOND
_FOR_SERVER = Fix(
    sentence="Look at the export (root_squash, all_squash, sec=) and let the server know the reader's uid or group."
)
_FOR_FUSE = Fix(sentence="Mount with allow_other and default_permissions, so that the mode bits decide for every uid.")


def rule(story: Story) -> Iterator[Assessment]:
    """By the kind of mount, the labels, and the ids that are shown."""
    for refusal in story.refusals:
        view = refusal.shown
        if view is None or refusal.step is not None or not view.complete or opened_later(refusal) is not None:
            continue
        carrier = mount_of(refusal.account, refusal.path)
        yield from _by_label(refusal, carrier)
        other = _denies_elsewhere(refusal)
        if other is not None:
            yield _at_another_moment(refusal, other)
            continue
        if not _fresh(refusal):
            yield _too_old(refusal)
            continue
        if carrier is not None and carrier.decided_elsewhere:
            yield _by_server(refusal, carrier)
        else:
            yield _by_something(refusal, carrier)


def _fresh(refusal: Refusal) -> bool:
    """Whether the bits were shown when the refusal came: not before an access that was granted, nor long before."""
    failure, view = refusal.failure, refusal.shown
    granted = any(met.failed is False and before(met, failure) for met in refusal.reader.mets)
    granted |= any(
        one.value.claimed is Claimed.READABLE and before(one, failure) for one in refusal.account.stated(RemarkStated)
    )
    for hop in view.hops if view is not None else ():
        told = hop.told
        if told is None or hop.path.count("/") < 2:
            continue
        if granted and before(told, failure):
            return False
        if told.at is not None and failure.at is not None and failure.at - told.at > _AT_ONCE:
            return False
    return True


def _too_old(refusal: Refusal) -> Assessment:
    scale = Scale(Cause.DIR_SEARCH_DENIED)
    _support(refusal, scale)
    scale.miss(refusal.failure.pointer, f"ls -ldn of {refusal.path} and of every directory above it, after the refusal")
    return scale.possible(f"{refusal.reader.name} was refused at {refusal.path}, some time after its bits were shown")


def _denies_elsewhere(refusal: Refusal) -> Told[InodeStated] | None:
    """Another line of the log, at which some component has bits that do deny this identity."""
    view = refusal.shown
    for hop in view.hops if view is not None else ():
        right = Right.READ if hop.path == refusal.path and not refusal.looked_up else Right.EXECUTE
        for one in refusal.account.inodes(hop.path):
            inode = inode_of(one.value)
            if inode is None or view is None or (right is Right.EXECUTE and inode.type is not FileType.DIRECTORY):
                continue
            if not decide(view.credentials, inode, None, right).granted:
                return one
    return None


def _at_another_moment(refusal: Refusal, other: Told[InodeStated]) -> Assessment:
    """The bits changed while the log was written, and the refusal may belong to either state."""
    searching = other.value.type is FileType.DIRECTORY
    scale = Scale(Cause.DIR_SEARCH_DENIED if searching else Cause.FILE_READ_DENIED)
    _support(refusal, scale)
    looks = f"mode {other.value.mode:04o}, owner {other.value.owner}, group {other.value.group}"
    scale.support(other.pointer, f"{refusal.account.cite(other)}: {other.value.path} has {looks}, which does deny it")
    scale.miss(refusal.failure.pointer, "the times of these lines: oc logs --timestamps")
    return scale.possible(
        f"{refusal.reader.name} was refused, and {other.value.path} denies it at some lines of its log"
    )


def _support(refusal: Refusal, scale: Scale) -> None:
    account = refusal.account
    scale.support(refusal.failure.pointer, f"{account.cite(refusal.failure)}: {refusal.failure.value.text}")
    view = refusal.shown
    if view is None:
        return
    for hop in view.hops:
        if hop.told is not None:
            looks = f"mode {hop.told.value.mode:04o}, owner {hop.told.value.owner}, group {hop.told.value.group}"
            scale.support(hop.pointer, f"{(hop.account or account).cite(hop.told)}: {hop.path} has {looks}")
    scale.support(view.who.pointer, f"that lets {words(view.who)} pass everywhere")


def _by_server(refusal: Refusal, carrier: Carrier) -> Assessment:
    scale = Scale(Cause.SERVER_DENIED)
    _support(refusal, scale)
    scale.support(carrier.pointer, carrier.sentence)
    fix = _FOR_FUSE if carrier.filesystem.startswith("fuse") else _FOR_SERVER
    return scale.likely(
        f"the mode bits let {refusal.reader.name} pass, and {carrier.filesystem} at {carrier.mount_point} refused",
        component=refusal.path,
        remedy=Remedy(smallest=fix),
    )


def _by_label(refusal: Refusal, carrier: Carrier | None) -> Iterator[Assessment]:
    """Labels alone do not tell what the policy says: never more than possible."""
    labelled = [hop for hop in (refusal.shown.hops if refusal.shown else ()) if _labelled(hop.told)]
    if not labelled:
        return
    scale = Scale(Cause.SELINUX_DENIED)
    _support(refusal, scale)
    last = labelled[-1]
    mine = _label_of(refusal.account)
    text = last.told.value.label if last.told is not None else ""
    scale.support(last.pointer, f"{last.path} has a security label{f' ({text})' if text else ''}")
    if mine:
        scale.support(refusal.failure.pointer, f"the reader's own is {mine}")
    else:
        scale.miss(last.pointer, "the reader's label: cat /proc/self/attr/current, id -Z")
    if not text:
        scale.miss(last.pointer, f"the label: ls -lZd {last.path}")
    scale.miss(
        carrier.pointer if carrier is not None else last.pointer, "the refusal in the node's audit log: ausearch -m avc"
    )
    yield scale.possible(f"the mode bits let {refusal.reader.name} pass; a security label may refuse {refusal.path}")


def _labelled(told: object) -> bool:
    value = getattr(told, "value", None)
    return value is not None and (value.mark == "." or bool(value.label))


def _label_of(account: Account) -> str:
    return next((one.value.label for one in account.stated(IdentityStated) if one.value.label), "")


def _by_something(refusal: Refusal, carrier: Carrier | None) -> Assessment:
    view = refusal.shown
    assert view is not None
    strange = next(
        (hop for hop in view.hops if hop.inode is not None and _OVERFLOW in (hop.inode.uid, hop.inode.gid)), None
    )
    scale = Scale(Cause.UNMAPPED_IDS if strange is not None else Cause.DENIED_UNEXPLAINED)
    _support(refusal, scale)
    if strange is not None:
        scale.support(strange.pointer, f"{strange.path} shows the overflow id {_OVERFLOW}")
        scale.miss(strange.pointer, "cat /proc/self/uid_map /proc/self/gid_map, by the reader")
        return scale.possible(f"{strange.path} may belong to an id that the reader's user namespace does not map")
    statement = f"{refusal.reader.name} was refused at {refusal.path}, and the bits that are shown let it pass"
    if carrier is None:
        scale.miss(refusal.failure.pointer, f"mount, by the reader: what kind of file system carries {refusal.path}")
        return scale.possible(statement, component=refusal.path)
    scale.support(carrier.pointer, carrier.sentence)
    scale.miss(refusal.failure.pointer, f"getfacl -n and ls -lZd of {refusal.path}, and of the directories above it")
    if refusal.failure.at is None:
        scale.miss(refusal.failure.pointer, "the times of these lines: oc logs --timestamps")
    if not carrier.filesystem or refusal.failure.at is None:
        return scale.possible(statement, component=refusal.path)
    return scale.likely(statement, component=refusal.path, remedy=Remedy(smallest=LOOK_AGAIN))
