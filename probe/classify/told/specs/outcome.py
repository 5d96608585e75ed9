"""Nothing wrong, as far as objects show: all succeeded, in order, on one volume, and handed on one digest."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.hypothesis import Scale
from probe.classify.told.account import Account, Told
from probe.classify.told.specs.moments import began, clock_time, ended, nodes_of, surely_before
from probe.classify.told.specs.results import digest_of, shows_success
from probe.classify.told.specs.scene import HandOver, Scene, Use
from probe.classify.told.specs.undecided import log_at, log_wanted
from probe.classify.verdict import STRENGTH, Assessment, Cause
from probe.evidence.cluster import Outcome


def healthy(scene: Scene) -> Iterator[Assessment]:
    """The weakest of the runs: only where nothing failed in any of them."""
    several = [one for one in scene.hand_overs if one.reads]
    if not several or any(not _all_well(one) for one in scene.hand_overs):
        return
    found = [_weigh(one) for one in several]
    yield max(found, key=lambda one: STRENGTH[one.status])


def _all_well(hand_over: HandOver) -> bool:
    """Whether no run, TaskRun or container of it failed, and every reader is known to have succeeded."""
    run = hand_over.pipeline
    if run is not None and run.value.outcome is not Outcome.SUCCEEDED:
        return False
    for account in hand_over.accounts:
        if account.is_sidecar:
            continue
        if account.outcome is Outcome.FAILED or account.failures:
            return False
        if account.task_run is not None and account.task_run.outcome not in (Outcome.SUCCEEDED, Outcome.UNKNOWN):
            return False
    return all(one.outcome is Outcome.SUCCEEDED for one in hand_over.readers)


def _weigh(hand_over: HandOver) -> Assessment:
    scale = Scale(Cause.HEALTHY)
    if hand_over.pipeline is not None:
        scale.support(f"{hand_over.pipeline.pointer}/outcome", f"{hand_over.named} succeeded")
    doubts = False
    for read in hand_over.reads:
        account = read.account
        scale.support(log_at(account), f"{account.name} ended with status 0")
        makers = [use for use in hand_over.makers_of(read) if use.same(read)]
        if not makers:
            scale.miss(read.pointer, f"who makes {read.text}: no command of the run is known to")
            doubts = True
        for made in makers:
            doubts = not _in_order(hand_over, scale, read, made) or doubts
    doubts = not _one_digest(hand_over, scale) or doubts
    for account in hand_over.readers:
        if not shows_success(account):
            scale.miss(log_at(account), log_wanted(account))
            doubts = True
    scale.miss(hand_over.reads[0].pointer, "what the archive held: probe check, or the digest of what the build made")
    names = ", ".join(account.name for account in hand_over.readers[:4])
    run = f" of {hand_over.named}" if hand_over.named else ""
    if doubts:
        return scale.possible(f"nothing failed{run} ({names}); not shown that the right image was read")
    return scale.likely(
        f"every task{run} succeeded; {names} read what was made, after it was made, and pushed one digest"
    )


def _in_order(hand_over: HandOver, scale: Scale, read: Use, made: Use) -> bool:
    """Whether the maker had ended before the reader began."""
    end, start = ended(made.account), began(read.account)
    assert made.place is None or read.place is None or made.place.key == read.place.key
    where = f"{read.place.path} of {read.place.words}" if read.place is not None else read.text
    scale.support(made.pointer, f"{made.name} makes {made.reference.text}, {read.name} reads it: {where}")
    if end is not None and start is not None:
        if surely_before(end.value, start.value, nodes=nodes_of(made.account, read.account)):
            words = f"{made.name} ended {clock_time(end.value)}, {read.name} began {clock_time(start.value)}"
            scale.support(end.pointer, words)
            return True
        if not surely_before(start.value, end.value) and _waits(hand_over, read.account, made.account, scale):
            return True
        scale.contradict(start.pointer, f"{read.name} may have begun before {made.name} had ended")
        return False
    if _waits(hand_over, read.account, made.account, scale):
        return True
    scale.miss(log_at(made.account), f"when {made.name} ended and {read.name} began")
    return False


def _waits(hand_over: HandOver, later: Account, earlier: Account, scale: Scale) -> bool:
    if hand_over.comes_after(later, earlier) and not earlier.is_sidecar and hand_over.pipeline is not None:
        scale.support(hand_over.pipeline.pointer, f"{later.name} waits for {earlier.name}")
        return True
    return False


def _one_digest(hand_over: HandOver, scale: Scale) -> bool:
    """Whether at least two tasks handed on a digest, and all of them the same."""
    found: list[tuple[Account, Told[str]]] = []
    seen: set[str] = set()
    for account in hand_over.accounts:
        digest = digest_of(account)
        if digest is not None and digest.pointer not in seen:
            seen.add(digest.pointer)
            found.append((account, digest))
    if len(found) < 2:
        at = hand_over.pipeline.pointer if hand_over.pipeline is not None else hand_over.reads[0].pointer
        scale.miss(at, "results with the digest of what was built and of what was pushed")
        return False
    for account, digest in found:
        scale.support(digest.pointer, f"{account.name} handed on {digest.value}")
    if len({digest.value for _, digest in found}) > 1:
        scale.contradict(found[0][1].pointer, "the digests differ: another image, or one image in two encodings")
        scale.miss(found[0][1].pointer, "the diff_ids of what each of them pushed (skopeo inspect --config)")
        return False
    return True
