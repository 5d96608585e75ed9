"""The witness that a report makes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from probe.classify.case import Reading
from probe.classify.witness import MARKERS, Anchor, Clock, Look, Witness, tail_of, ticks
from probe.evidence.observation import Seen
from probe.evidence.path import Chain, FileType


def from_report(reading: Reading) -> Witness:
    """A report: its attempts, its samples (or its one walk), and what it met on the way."""
    report = reading.report
    monotonic = ticks(report.started_monotonic)
    clock = Clock(report.context.boot_id, report.started - monotonic)
    chain = report.chain.value if isinstance(report.chain, Seen) else None
    chains = [(chain, reading.at("chain", "value")), (report.chain_after, reading.at("chain_after"))]
    anchors = [anchor for walk, at in chains if walk is not None for anchor in _anchors(walk, at, clock)]
    looks = sorted((*_tries(reading, clock), *_samples(reading)), key=lambda look: look.tick)
    if not reading.samples and chain is not None:
        looks = sorted((*looks, *_walked(reading, clock)), key=lambda look: look.tick)
    mount = reading.mount
    return Witness(
        kind="report",
        number=reading.index,
        at=reading.at(),
        context=report.context,
        identity=report.identity,
        reference=report.reference,
        want=report.want,
        clock=clock,
        looks=tuple(looks),
        anchors=tuple(anchors),
        bounded=True,
        remote=mount.remote if mount is not None else None,
        reading=reading,
        predicted=reading.predicted,
    )


def _samples(reading: Reading) -> Iterator[Look]:
    for number, sample in enumerate(reading.samples):
        inode = sample.inode.value if isinstance(sample.inode, Seen) else None
        absent = inode is None and not isinstance(sample.inode, Seen) and sample.inode.errno == "ENOENT"
        yield Look(
            at=sample.at,
            tick=ticks(sample.monotonic),
            pointer=reading.at("writers", "value", "samples", number),
            present=True if inode is not None else False if absent else None,
            inode=inode,
        )


def _tries(reading: Reading, clock: Clock) -> Iterator[Look]:
    """Decisive attempts. They have wall time only: the nearest sample, made with them, tells the monotonic one."""
    target = posixpath.normpath(reading.report.reference.path)
    for number, attempt in reading.truths:
        if not attempt.decisive:
            continue
        near = min(reading.samples, key=lambda sample: abs(sample.at - attempt.at), default=None)
        ahead = near.at - ticks(near.monotonic) if near is not None else clock.ahead
        path = posixpath.normpath(attempt.path)
        subject = path.removeprefix(target).strip("/") if path.startswith(target) else path
        plain = reading.report.reference.transport not in MARKERS
        yield Look(
            at=attempt.at,
            tick=attempt.at - ahead,
            pointer=reading.at("attempts", number),
            present=True if attempt.granted else False if attempt.errno == "ENOENT" and plain else None,
            tried=f"{attempt.operation} {subject}",
            errno=attempt.errno,
        )


def _walked(reading: Reading, clock: Clock) -> Iterator[Look]:
    chain = reading.report.chain
    if not isinstance(chain, Seen):
        return
    target = chain.value.target
    inode = target.inode.value if target is not None and isinstance(target.inode, Seen) else None
    stopped = chain.value.stopped
    absent = stopped is not None and stopped.errno == "ENOENT"
    present = True if inode is not None else False if absent else None
    yield Look(chain.at, clock.monotonic(chain.at), reading.at("chain"), present, inode)


def _anchors(chain: Chain, pointer: str, clock: Clock) -> list[Anchor]:
    """What was met on the mount of the target (or of the deepest directory), the deepest first."""
    found: list[Anchor] = []
    if not chain.components:
        return found
    final = chain.components[-1].path
    requested = posixpath.normpath(chain.requested)
    mount = None
    for index in range(len(chain.components) - 1, -1, -1):
        component = chain.components[index]
        if not isinstance(component.inode, Seen) or component.inode.value.type is FileType.SYMLINK:
            continue
        if not isinstance(component.mount_id, Seen) or mount not in (None, component.mount_id.value):
            break
        mount = component.mount_id.value
        where = f"{pointer}/components/{index}/inode/value"
        for path in dict.fromkeys((final, requested)):
            tail = tail_of(path, component.path)
            if tail is not None:
                at = component.inode.at
                found.append(Anchor(component.inode.value, tail, at, clock.monotonic(at), where, component.path))
    return found
