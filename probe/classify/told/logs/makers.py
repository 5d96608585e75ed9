"""Who makes what a reader reads, by commands, words or a listing, and whether all of them had ended before it."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.told.account import Account, Told
from probe.classify.told.logs.growth import Sized, sized, sizes
from probe.classify.told.logs.reader import Reader
from probe.classify.told.specs.moments import clock_time, ended, nodes_of, surely_before
from probe.classify.told.story import Story
from probe.classify.witness import SECOND
from probe.evidence.transcript import Claimed, RemarkStated


def is_writer(account: Account, path: str) -> bool:
    """Whether it makes this path, by its commands or by its own words."""
    for told in account.makes:
        if any(reference.path == path for reference in told.value.makes):
            return True
    return any(
        remark.value.claimed is Claimed.BEGUN and remark.value.path == path for remark in account.stated(RemarkStated)
    )


def finished(story: Story, reader: Reader, failed_at: int | None) -> tuple[Told[str], ...]:
    """What shows that nobody was writing any more when it could not be read; empty where that is not shown.

    Everyone who may make it, sidecars too, had ended; it was last written before the last of those ends; and it has the
    size that its maker's own log shows. A writer that nobody names would have had to rest since then.
    """
    looks = sizes(reader)
    dated = next((one for one in reversed(looks) if one.modified is not None), None)
    if failed_at is None or dated is None or dated.modified is None or len({one.size for one in looks}) != 1:
        return ()
    ends: list[tuple[Account, Told[int]]] = []
    for account in _makers(story, reader):
        end = ended(account)
        if end is None or not surely_before(end.value, failed_at, nodes=nodes_of(account, reader.account)):
            return ()
        ends.append((account, end))
    listed = [one for account, _ in ends for one in tuple(sized(account, reader.path))[-1:]]
    if not listed or any(one.size != dated.size for one in listed):
        return ()
    last, end = max(ends, key=lambda one: one[1].value)
    if dated.modified > end.value + (SECOND if end.value % SECOND == 0 else 0):
        return ()
    return tuple(_sentences(last, end, dated, listed[-1]))


def _makers(story: Story, reader: Reader) -> Iterator[Account]:
    """Whoever writes it or lists it and does not read it, and every sidecar: what it does need not be told."""
    for account in story.beside(reader.account):
        if story.reads(account):
            continue
        if account.is_sidecar or is_writer(account, reader.path) or any(sized(account, reader.path)):
            yield account


def _sentences(last: Account, end: Told[int], dated: Sized, listed: Sized) -> Iterator[Told[str]]:
    yield Told(f"{last.name}, the last of those that make it, had ended {clock_time(end.value)}", end.pointer)
    written = clock_time(dated.modified) if dated.modified is not None else ""
    yield Told(f"{dated.where}: {dated.size} bytes, last written {written}, before that", dated.pointer)
    yield Told(f"{listed.sentence}, as its maker left it", listed.pointer)
