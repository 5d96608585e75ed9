"""healthy: every reader's last attempt succeeded, and nothing that is told speaks against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from probe.classify.case import REFUSALS
from probe.classify.hypothesis import Scale
from probe.classify.told.account import Account, Told
from probe.classify.told.logs.digests import compared, digests_in, digests_of, short, the_same
from probe.classify.told.logs.reader import Reader, pairs
from probe.classify.told.specs.results import shows_success
from probe.classify.told.specs.undecided import container_of, log_at, log_wanted
from probe.classify.told.story import Story, together
from probe.classify.verdict import Assessment, Cause
from probe.evidence.cluster import Outcome
from probe.evidence.transcript import FailureStated

_NAMED = 8
"""Readers in one sentence, and logs that are compared with one reader's."""
_ENDED_WELL = frozenset({Outcome.SUCCEEDED})
_NOT_WELL = frozenset({Outcome.FAILED, Outcome.CANCELLED, Outcome.RUNNING, Outcome.PENDING})


def rule(story: Story) -> Iterator[Assessment]:
    """One assessment for the whole story; none where nothing tells of a reader or of an end."""
    scale = Scale(Cause.HEALTHY)
    amiss = tuple(_amiss(story))
    readers = story.reading
    if not readers and not story.accounts:
        return
    if amiss:
        for told in amiss:
            scale.contradict(told.pointer, told.value)
        yield scale.refuted(amiss[0].value)
        return
    unknown = [reader for reader in readers if reader.failed is None and not _ended_well(reader.account)]
    for reader in unknown:
        scale.miss(reader.first.pointer, f"how {reader.name} ended: its exit status, or the digest that it pushed")
    bare = [reader for reader in readers if _by_status_alone(reader)]
    for reader in bare:
        scale.miss(log_at(reader.account), log_wanted(reader.account))
    silent = tuple(_silent(story, readers))
    for account in silent:
        scale.miss(account.transcript_at, f"what {account.name} read, and how it ended")
    for reader in readers:
        _support(reader, scale)
    if unknown:
        yield scale.possible(f"nothing tells how {unknown[0].name} ended")
        return
    if bare:
        yield scale.possible(
            f"{bare[0].name} ended with status 0, as a script may whose command failed: no log or digest tells"
        )
        return
    if silent and readers:
        yield scale.possible(f"nothing tells what {silent[0].name} read, and how it ended")
        return
    if not readers:
        yield from _without_readers(story, scale)
        return
    differing = _agreement(story, readers, scale)
    if differing is not None:
        yield scale.possible(differing)
        return
    _mind_failures(readers, scale)
    for reader in readers:
        _tolerated(reader.account, scale)
    names = ", ".join([reader.name for reader in readers if reader.first.tool][:_NAMED])
    yield scale.likely(f"every reader could read its image: {names}")


def _silent(story: Story, readers: Sequence[Reader]) -> Iterator[Account]:
    """Logs without a reader's command, of containers that are called as a reader's is: another run of that task."""
    names = {container_of(reader.account) for reader in readers} - {""}
    known = [reader.account for reader in readers]
    for account in story.accounts:
        if account not in known and container_of(account) in names and account.outcome is Outcome.UNKNOWN:
            yield account


def _ended_well(account: Account) -> bool:
    return account.outcome in _ENDED_WELL


def _by_status_alone(reader: Reader) -> bool:
    """Whether nothing but the container's exit status tells that it succeeded."""
    return not shows_success(reader.account)


def _amiss(story: Story) -> Iterator[Told[str]]:
    """Readers that failed, and what the objects show to have failed, to be left out or not to have ended."""
    for reader in story.reading:
        if reader.failed and reader.final is not None:
            yield Told(f"{reader.name} failed", reader.final.pointer)
    for run in story.runs:
        if run.value.outcome in _NOT_WELL:
            yield Told(f"PipelineRun {run.value.key.name}: {run.value.outcome}", run.sub("outcome"))
        for index, skipped in enumerate(run.value.skipped):
            text = f"task {skipped.name} was left out: {skipped.reason or 'no reason is told'}"
            yield Told(text, run.sub(f"skipped/{index}"))
    for task in story.task_runs:
        if task.value.outcome in _NOT_WELL:
            yield Told(f"TaskRun {task.value.key.name}: {task.value.outcome}", task.sub("outcome"))
    for account in story.accounts:
        if account.outcome is Outcome.FAILED and not account.is_sidecar:
            yield Told(
                f"{account.name} ended with a failure", account.container_at or account.step_at or account.transcript_at
            )


def _support(reader: Reader, scale: Scale) -> None:
    final = reader.final
    if final is not None and final.failed is False:
        place = Told(final, final.pointer, final.at, final.line)
        scale.support(
            final.pointer, f"{reader.account.cite(place)}: {final.tool} {final.verb} of {final.path} succeeded"
        )
    elif _ended_well(reader.account):
        where = reader.account.step_at or reader.account.container_at or reader.account.transcript_at
        scale.support(where, f"{reader.name}, which reads {reader.path}, ended with status 0")


def _without_readers(story: Story, scale: Scale) -> Iterator[Assessment]:
    """No command that reads an image is known: that all ended well is all that can be said."""
    told = [account for account in story.accounts if account.transcript is not None and account.every_inode]
    ended = [account for account in story.accounts if _ended_well(account)]
    if not told or len(ended) < len([account for account in story.accounts if not account.is_sidecar]):
        scale.miss(
            "/transcripts/0" if story.case.transcripts else "/clusters/0", "a log of a task that reads the image"
        )
        yield scale.not_assessable("no log tells of anybody who reads an image")
        return
    for account in ended:
        where = account.step_at or account.container_at
        scale.support(where, f"{account.name} ended with status 0")
    for account in told:
        _tolerated(account, scale)
    scale.miss(ended[0].step_at or ended[0].container_at, "the command that reads the image, or its digest")
    yield scale.likely(f"every task ended well: {', '.join(account.name for account in ended[:8])}")


def _tolerated(account: Account, scale: Scale) -> None:
    """Refusals that did not stop the script."""
    refused = [one for one in account.stated(FailureStated) if one.value.failure.errno in REFUSALS]
    for one in refused[:4]:
        scale.contradict(
            one.pointer, f"{account.cite(one)}: {one.value.failure.text}; the script went on and ended well"
        )


def _mind_failures(readers: Sequence[Reader], scale: Scale) -> None:
    for reader in readers:
        for met in reader.mets:
            for failure in met.failures if met.failed else ():
                text = f"{reader.account.cite(failure)}: {failure.value.text}; a later attempt succeeded"
                scale.contradict(failure.pointer, text)


def _agreement(story: Story, readers: Sequence[Reader], scale: Scale) -> str | None:
    """Digests of all readers, and of who says what was built; a difference that is not explained, if there is one."""
    for a, b in pairs(readers):
        if a.path == b.path:
            mine, theirs = digests_of(a), digests_of(b)
            if the_same(mine, theirs) is False:
                for level, here, there in compared(mine, theirs):
                    scale.contradict(here.pointer, f"{a.name}: {level} {short(here.value)}")
                    scale.contradict(there.pointer, f"{b.name}: {level} {short(there.value)}")
                return f"{a.name} and {b.name} took different images from {a.path}"
            for level, here, there in compared(mine, theirs):
                if here.value == there.value:
                    scale.support(there.pointer, f"{a.name} and {b.name} agree on {level} {short(here.value)}")
                    break
    producers = [one for one in story.accounts if one.transcript is not None and not story.reads(one)]
    for reader in readers[:_NAMED]:
        for account in islice((one for one in producers if together(one, reader.account)), _NAMED):
            built = digests_in(account)
            for level, here, there in compared(built, digests_of(reader)):
                if here.value == there.value:
                    scale.support(here.pointer, f"{account.name} says the same {level} as {reader.name} pushed")
                    break
    return None
