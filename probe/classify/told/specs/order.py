"""Who ran when: a reader beside the writer, by the specs' order and by the times of the API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probe.classify.hypothesis import Scale
from probe.classify.remedy import RUN_AFTER, publish
from probe.classify.told.account import Account, Told
from probe.classify.told.specs.moments import began, clock_time, ended, nodes_of, overlap, surely_before
from probe.classify.told.specs.rights import bare_root, owns, same_rights
from probe.classify.told.specs.scene import HandOver, Scene, Use, task_of
from probe.classify.told.specs.symptoms import Symptom, fits
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.cluster import Outcome


@dataclass(frozen=True)
class Writer:
    """Who may have been writing what a reader reads."""

    account: Account
    pointer: str
    """What shows it."""
    sentence: str
    shown: bool
    """Its commands make an image, there or somewhere; otherwise it merely could write to the volume."""


def archive_in_progress(scene: Scene) -> Iterator[Assessment]:
    """A reader that ran while the writer was still at it, and nothing orders the two."""
    for hand_over in scene.hand_overs:
        for read in hand_over.reads:
            for writer in writers(scene, hand_over, read):
                found = _beside(hand_over, read, writer)
                if found is not None:
                    yield found


def writers(scene: Scene, hand_over: HandOver, read: Use) -> Iterator[Writer]:
    """Who makes what is read; where nobody is known to, whoever of the run could write there."""
    makers = hand_over.makers_of(read)
    for made in makers:
        yield Writer(made.account, made.pointer, f"{made.name} makes {made.text}", shown=True)
    if makers or read.place is None or not read.place.shared:
        return
    own = {id(use.account) for use in hand_over.reads if use.same_place(read)}
    imaging = {id(use.account): use for use in hand_over.makes}
    for account in hand_over.accounts:
        mount = _mount_of(scene, account, read)
        if id(account) in own or mount is None or _one_pod(account, read.account):
            continue
        made_elsewhere = imaging.get(id(account))
        if made_elsewhere is not None:
            what = f"{account.name} makes an image ({made_elsewhere.text}) and can write to {read.place.words}"
            yield Writer(account, made_elsewhere.pointer, what, shown=True)
        else:
            yield Writer(account, mount, f"{account.name} can write to {read.place.words}", shown=False)


def _mount_of(scene: Scene, account: Account, read: Use) -> str | None:
    """Where an account mounts the volume of what is read, to write."""
    assert read.place is not None
    if account.container is None:
        claims = account.task_run.workspaces if account.task_run is not None else ()
        for index, one in enumerate(claims):
            if one.claim and read.place.claim == one.claim:
                return f"{account.task_run_at}/workspaces/{index}"
        return None
    for mount in account.container.mounts:
        place = scene.atlas.place(account, mount.path)
        if place is not None and place.volume == read.place.volume and not place.read_only:
            return place.pointer
    return None


def _one_pod(a: Account, b: Account) -> bool:
    """Steps of one pod run one after the other; its sidecars do not."""
    same = (a.pod is not None and a.pod is b.pod) or (a.task_run is not None and a.task_run is b.task_run)
    return same and not a.is_sidecar


def _beside(hand_over: HandOver, read: Use, writer: Writer) -> Assessment | None:
    reader, maker = read.account, writer.account
    if _one_pod(maker, reader) or not overlap(reader, maker) or reader.outcome is Outcome.CANCELLED:
        return None
    ordered = hand_over.comes_after(reader, maker)
    detached = _detached(maker)
    if ordered and detached is None:
        return None  # the order holds: what the clocks of two nodes show otherwise is their skew
    if not fits(reader, Symptom.BROKEN, Symptom.ABSENT):
        return None
    scale = Scale(Cause.ARCHIVE_IN_PROGRESS)
    start, end, failed_at = began(reader), ended(maker), ended(reader)
    assert start is not None
    scale.support(writer.pointer, writer.sentence)
    scale.support(start.pointer, f"{reader.name} ran from {clock_time(start.value)}")
    if end is not None:
        scale.support(end.pointer, f"{maker.name} ended {clock_time(end.value)}")
    if detached is not None:
        scale.support(detached.pointer, detached.value)
    elif ordered is False and hand_over.pipeline is not None:
        scale.support(hand_over.pipeline.pointer, f"nothing lets {task_of(reader)} wait for {task_of(maker)}")
    scale.miss(_log_at(reader), log_of(reader))
    until = f"until {clock_time(end.value)}" if end is not None else "still"
    why = _why(hand_over, reader, maker, detached)
    if reader.outcome is not Outcome.FAILED:
        if read.account.outcome is Outcome.RUNNING or not writer.shown:
            return None
        return scale.possible(f"{reader.name} began while {maker.name} was writing ({until}){why}")
    during = end is None or (
        failed_at is not None and surely_before(failed_at.value, end.value, nodes=nodes_of(reader, maker))
    )
    moment = clock_time(failed_at.value) if failed_at is not None else "at an unknown moment"
    statement = f"{reader.name} failed {moment} while {maker.name} ran ({until}){why}"
    if not during:
        if end is not None:
            scale.contradict(end.pointer, f"{maker.name} had ended when {reader.name} failed")
        statement = f"{reader.name} began while {maker.name} ran ({until}) and failed {moment}{why}"
        return scale.possible(statement, component=read.reference.path)
    healed = _read_afterwards(hand_over, read, maker, scale)
    permitted = healed or owns(reader, maker) or (detached is not None and not bare_root(reader))
    if writer.shown and permitted:
        return scale.likely(statement, component=read.reference.path, remedy=_remedy(read, maker, detached))
    scale.miss(_log_at(reader), "whether it met an unfinished archive, none, or one that it may not read")
    return scale.possible(statement, component=read.reference.path, remedy=_remedy(read, maker, detached))


def _detached(maker: Account) -> Told[str] | None:
    """A writer that outlives its TaskRun: whoever waits for that task does not wait for it."""
    if not maker.is_sidecar or maker.task_run is None or maker.task_run.completed is None:
        return None
    end, completed = ended(maker), maker.task_run.completed
    if end is None or not surely_before(completed, end.value):
        return None
    return Told(
        f"{maker.name} is a sidecar: it ended {clock_time(end.value)}, its TaskRun was complete "
        f"{clock_time(completed)}",
        f"{maker.task_run_at}/completed",
    )


def _why(hand_over: HandOver, reader: Account, maker: Account, detached: Told[str] | None) -> str:
    if detached is not None:
        return f": the writer is a sidecar that outlived its TaskRun, and {task_of(reader)} waits only for that"
    if hand_over.comes_after(reader, maker) is False:
        return f", and nothing lets {task_of(reader)} wait for {task_of(maker)}"
    return ""


def _read_afterwards(hand_over: HandOver, read: Use, maker: Account, scale: Scale) -> bool:
    """Whether somebody with the same rights could read it once the writer had ended: then rights were not missing."""
    end = ended(maker)
    for peer in hand_over.peers(read.account):
        done = ended(peer)
        if peer.outcome is not Outcome.SUCCEEDED or not same_rights(peer, read.account) or end is None or done is None:
            continue
        if surely_before(end.value, done.value, nodes=nodes_of(peer, maker)):
            words = f"succeeded {clock_time(done.value)}, when the writer had ended"
            scale.support(done.pointer, f"{peer.name}, with the same rights, {words}")
            return True
    return False


def _remedy(read: Use, maker: Account, detached: Told[str] | None) -> Remedy:
    if detached is None:
        return Remedy(smallest=RUN_AFTER, structural=publish(read.reference.path))
    return Remedy(
        smallest=Fix(
            sentence=f"Let the last step of {task_of(maker)} wait until the sidecar has closed the archive: "
            "Tekton ends the task with its steps."
        ),
        structural=publish(read.reference.path),
    )


def _log_at(account: Account) -> str:
    return account.container_at or account.step_at


def log_of(account: Account) -> str:
    """Which log would tell why an account failed, and how to get it."""
    from probe.classify.told.specs.undecided import log_wanted

    return log_wanted(account)
