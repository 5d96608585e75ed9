"""The moments that a report knows, in order, each with the field it rests on."""

from __future__ import annotations

from collections.abc import Iterator

from probe.evidence.base import clip
from probe.evidence.command import CommandOutcome
from probe.evidence.observation import Seen
from probe.evidence.path import Chain, FileType
from probe.evidence.report import MAX_EVENTS, Event, Report

_SECOND = 1_000_000_000
_KINDS = {FileType.DIRECTORY: "directory", FileType.SYMLINK: "link"}


def timeline_of(report: Report) -> tuple[Event, ...]:
    """All events, sorted; when there are too many, the latest ones. Pointers are JSON pointers into the report."""
    events = sorted(_events(report), key=lambda event: event.at)
    return tuple(events[-MAX_EVENTS:])


def _events(report: Report) -> Iterator[Event]:
    context = report.context
    if context.in_container and isinstance(context.container_started, Seen):
        started = context.container_started.value
        yield _event(started, "process 1 of this container started", "/context/container_started/value")
    yield _event(context.probe_started, "the probe started", "/context/probe_started")
    yield from _changes(report)
    for index, attempt in enumerate(report.attempts):
        what = f"{attempt.operation} {attempt.path}: {attempt.errno or 'granted'}"
        yield _event(attempt.at, what, f"/attempts/{index}/at")
    if isinstance(report.writers, Seen):
        for index, sample in enumerate(report.writers.value.samples):
            seen = sample.inode
            what = f"{seen.value.size} bytes" if isinstance(seen, Seen) else seen.message
            yield _event(sample.at, f"sample of {report.reference.path}: {what}", f"/writers/value/samples/{index}/at")
    for index, failure in enumerate(report.command.failures if report.command is not None else ()):
        if failure.at is not None:
            at = _said(failure.at, report.command)
            yield _event(at, f"the command said: {failure.text}", f"/command/failures/{index}/at")


def _said(at: int, command: CommandOutcome | None) -> int:
    """When a message was made: of most only the second is known, and none came before its command began."""
    started = command.started if command is not None else None
    return started if started is not None and at <= started < at + _SECOND else at


def _changes(report: Report) -> Iterator[Event]:
    """Modification of contents (mtime) and change of the inode (ctime: owner, mode, links, contents) on the path."""
    if not isinstance(report.chain, Seen):
        return
    met: set[tuple[str, int]] = set()
    for index, component in enumerate(report.chain.value.components):
        if not isinstance(component.inode, Seen):
            continue
        inode = component.inode.value
        if (inode.device, inode.inode) in met:
            continue
        met.add((inode.device, inode.inode))
        where = f"/chain/value/components/{index}/inode/value"
        name = f"{_KINDS.get(inode.type, 'file')} {component.path}"
        if inode.modified == inode.changed:
            yield _event(inode.changed, f"{name}: contents and inode last changed", f"{where}/changed")
        else:
            yield _event(inode.modified, f"{name}: contents last modified", f"{where}/modified")
            yield _event(inode.changed, f"{name}: inode last changed", f"{where}/changed")
        if inode.born is not None:
            yield _event(inode.born, f"{name}: made", f"{where}/born")
    yield from _later_changes(report, report.chain.value)


def _later_changes(report: Report, before: Chain) -> Iterator[Event]:
    """What moved between the first walk and the second."""
    after = report.chain_after.components if report.chain_after is not None else ()
    known = {one.inode.value.changed for one in before.components if isinstance(one.inode, Seen)}
    for index, component in enumerate(after):
        if isinstance(component.inode, Seen) and component.inode.value.changed not in known:
            where = f"/chain_after/components/{index}/inode/value/changed"
            yield _event(component.inode.value.changed, f"{component.path}: changed under the probe", where)


def _event(at: int, what: str, pointer: str) -> Event:
    return Event(at=at, what=clip(what), pointer=pointer)
