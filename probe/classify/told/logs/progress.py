"""archive-in-progress, truncated and corrupt: an archive that ends early, and whether somebody is still at it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from probe.classify.hypothesis import Scale
from probe.classify.remedy import RUN_AFTER, publish
from probe.classify.told.account import Told
from probe.classify.told.logs.growth import Growth, Sized, growth, rested, set_aside, sized, sizes, unchanged, written
from probe.classify.told.logs.makers import finished, is_writer
from probe.classify.told.logs.reader import Met, Reader
from probe.classify.told.specs.moments import clock_time, ended, nodes_of, surely_before
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.classify.witness import SECOND
from probe.evidence.command import Failure, FailureKind
from probe.evidence.transcript import Claimed, RemarkStated

_ARCHIVES = frozenset({"oci-archive", "docker-archive", ""})
_EARLY = frozenset({FailureKind.ARCHIVE_ENDED, FailureKind.BAD_ARCHIVE})
_WRONG_BYTES = frozenset({FailureKind.DIGEST_MISMATCH, FailureKind.BAD_JSON, FailureKind.BAD_ARCHIVE})
_SAME_FOR = 10 * SECOND
Early = tuple[Met, Told[Failure]]


def rule(story: Story) -> Iterator[Assessment]:
    """For each reader to which the archive looked unfinished or damaged."""
    for reader in story.reading:
        early = tuple(_early(reader))
        if not early:
            continue
        grown = growth(story, reader)
        yield _in_progress(story, reader, early, grown)
        if reader.failed and grown is None:
            yield from _at_rest(story, reader, early)


def _early(reader: Reader) -> Iterator[Early]:
    """Messages of an archive that ends early: those that a complete one gives, too, are not among them."""
    for met, failure in reader.failures(*_EARLY, *_WRONG_BYTES):
        yield met, failure
    for met, failure in reader.failures(FailureKind.FILE):
        member = failure.value.about == "member" and failure.value.errno == "ENOENT"
        if member and (met.transport in _ARCHIVES or reader.later_success(met) is not None):
            yield met, failure


def _in_progress(story: Story, reader: Reader, early: Sequence[Early], grown: Growth | None) -> Assessment:
    scale, path = Scale(Cause.ARCHIVE_IN_PROGRESS), reader.path
    for _, failure in _ends(early):
        scale.support(failure.pointer, f"{reader.account.cite(failure)}: {failure.value.text}")
    met, last = early[-1]
    shown = False
    if grown is not None:
        shown = True
        scale.support(grown.early.pointer, grown.early.sentence)
        scale.support(grown.late.pointer, f"{grown.late.sentence}: it grew")
    later = reader.later_success(met)
    if later is not None:
        shown = True
        where = reader.account.cite(Told(later, later.pointer, later.at, later.line))
        scale.support(later.pointer, f"{where}: the same command succeeded later, with nothing else changed")
    for told in _still_writing(story, reader, early[0][1]):
        shown = True
        scale.support(told.pointer, told.value)
    quiet = rested(reader, last.at)
    if quiet is not None and grown is None and later is None:
        scale.contradict(quiet.pointer, f"{quiet.where}: {written(quiet)}: nobody wrote to it for a while")
        shown = False
    over = finished(story, reader, last.at) if grown is None and later is None else ()
    for told in over:
        scale.contradict(told.pointer, told.value)
    open_ = set_aside(sizes(reader))
    if open_ is not None:
        scale.support(
            open_.pointer,
            f"{open_.where}: {open_.blocks} blocks of 512 bytes are taken for {open_.size} bytes, as by a writer that "
            "has it open",
        )
    _in_time(reader, scale)
    statement = f"{reader.name} read {path} while it was being written: {last.value.text}"
    if over:
        return scale.possible(f"{path} {_what(last.value)}; its makers had ended")
    if not shown:
        scale.miss(last.pointer, f"a second look at {path}, some seconds later: ls -l --full-time {path}")
        scale.miss(last.pointer, "when its writer ended: the log of the task that makes it")
        return scale.possible(f"{path} {_what(last.value)}; whether somebody was still writing to it is not shown")
    remedy = Remedy(smallest=RUN_AFTER, structural=publish(path))
    return scale.likely(statement, component=path, remedy=remedy)


def _what(said: Failure) -> str:
    """What a message says of an archive, for a sentence."""
    if said.kind is FailureKind.DIGEST_MISMATCH:
        return "holds other bytes than its digests say"
    if _lacks_blob(said):
        return "lacks a blob that it names"
    if said.about == "member":
        member = posixpath.basename(said.path or "")
        return f"lacks {member or 'a file that its transport reads first'}"
    if said.kind in _WRONG_BYTES:
        return "is damaged, or no archive of that kind"
    return "ends early"


def _lacks_blob(said: Failure) -> bool:
    return said.about == "member" and "/blobs/" in f"/{said.path or ''}"


def _ends(early: Sequence[Early]) -> Sequence[Early]:
    return early if len(early) < 3 else (early[0], early[-1])


def _in_time(reader: Reader, scale: Scale) -> None:
    """A modification just before the look: worth little alone, a build may just have ended."""
    for one in sizes(reader):
        if one.modified is not None and one.at is not None and 0 <= one.at - one.modified < SECOND:
            gap = (one.at - one.modified) / SECOND
            scale.support(one.pointer, f"{one.where}: it had been written to {gap:.3f} s before that line")
            return


def _still_writing(story: Story, reader: Reader, failure: Told[Failure]) -> Iterator[Told[str]]:
    """Words or an end of a writer that come after the failure."""
    if failure.at is None:
        return
    for other in story.beside(reader.account):
        nodes = nodes_of(reader.account, other)
        for remark in other.stated(RemarkStated):
            about = remark.value.path in ("", reader.path) and remark.value.claimed is Claimed.COMPLETE
            if not about or remark.at is None or not is_writer(other, reader.path):
                continue
            if surely_before(failure.at, remark.at, nodes=nodes):
                text = f"{other.cite(remark)}: {remark.value.text.strip()}, {_after(failure.at, remark.at)}"
                yield Told(text, remark.pointer, remark.at, remark.line)
        end = ended(other)
        if end is not None and is_writer(other, reader.path) and surely_before(failure.at, end.value, nodes=nodes):
            yield Told(
                f"{other.name}, which makes it, ended {clock_time(end.value)}, {_after(failure.at, end.value)}",
                end.pointer,
            )


def _after(failed: int, at: int) -> str:
    return f"{(at - failed) / SECOND:.1f} s after the reader had failed"


def _at_rest(story: Story, reader: Reader, early: Sequence[Early]) -> Iterator[Assessment]:
    """Nobody was shown to write: it ended early for good, or its bytes are wrong."""
    last = early[-1][1]
    damaged = last.value.kind in _WRONG_BYTES or _lacks_blob(last.value)
    cause = Cause.CORRUPT if damaged else Cause.TRUNCATED
    scale, path = Scale(cause), reader.path
    scale.support(last.pointer, f"{reader.account.cite(last)}: {last.value.text}")
    why = _what(last.value)
    remedy = Remedy(
        smallest=Fix(sentence="Write the archive again: what is missing cannot be recovered from it."),
        structural=publish(path),
    )
    statement = f"{path} {why}, and nobody was writing to it when {reader.name} read it"
    if any(_still_writing(story, reader, early[0][1])):
        scale.contradict(last.pointer, "its writer went on after that")
        yield scale.possible(f"{path} {why}, perhaps only as long as somebody writes to it")
        return
    quiet = rested(reader, last.at)
    if quiet is not None:
        scale.support(quiet.pointer, f"{quiet.where}: {written(quiet)}, long before it was read")
    same = unchanged(_all_sizes(story, reader), _SAME_FOR)
    if same is not None:
        scale.support(same[0].pointer, same[0].sentence)
        scale.support(same[1].pointer, f"{same[1].sentence}, the same")
    over = finished(story, reader, last.at)
    for told in over:
        scale.support(told.pointer, told.value)
    if quiet is None and same is None and not over:
        scale.miss(last.pointer, f"that nobody was writing to it: ls -l --full-time {path}, twice, some seconds apart")
        yield scale.possible(f"{path} {why}; whether somebody was still writing to it is not shown")
        return
    if last.value.kind in (FailureKind.BAD_ARCHIVE, FailureKind.BAD_JSON):
        scale.miss(last.pointer, f"what lies there: probe check --deep {reader.transport or 'oci-archive'}:{path}")
        yield scale.possible(f"{path} could not be understood: damaged, or no archive of that kind", component=path)
        return
    scale.miss(last.pointer, f"what it holds: probe check {reader.transport or 'oci-archive'}:{path}")
    yield scale.likely(statement, component=path, remedy=remedy)


def _all_sizes(story: Story, reader: Reader) -> Sequence[Sized]:
    """The sizes in the reader's log; where it states one only, those of its run beside it."""
    own = sizes(reader)
    if unchanged(own, _SAME_FOR) is not None:
        return own
    others = [one for other in story.beside(reader.account) for one in sized(other, reader.path)]
    return sorted((*own, *others), key=lambda one: one.at or 0)
