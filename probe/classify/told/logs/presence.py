"""Nothing at the path: it came later, it lies elsewhere, or the volume is not mounted there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from probe.classify.hypothesis import Scale
from probe.classify.paths import inside, near
from probe.classify.remedy import RUN_AFTER, publish, reference_words
from probe.classify.told.account import Account, Told
from probe.classify.told.logs.mounts import mount_of
from probe.classify.told.logs.reader import Met, Reader
from probe.classify.told.logs.unmounted import another_tree, seen_by_another
from probe.classify.told.said import before
from probe.classify.told.specs.moments import clock_time, nodes_of, surely_before
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.command import Failure, FailureKind
from probe.evidence.transcript import Claimed, ListingStated, RemarkStated

_SEEN = frozenset({Claimed.PRESENT, Claimed.READABLE, Claimed.SIZE})
_ONE_NAME = Fix(
    sentence="Write the reference once, as a pipeline parameter or as a result of the build, and let every task use it."
)
_IMAGES = (".tar", ".tar.gz", ".tgz", ".oci")


def rule(story: Story) -> Iterator[Assessment]:
    """For each reader to which an attempt said that nothing is there."""
    for reader in story.reading:
        absent = _absent(reader)
        if absent is None:
            continue
        met, failure = absent
        later = _later(story, reader, met, failure)
        if later is not None:
            yield _came_later(reader, failure, later)
        if reader.failed:
            carrier = mount_of(reader.account, reader.path)
            if carrier is not None and carrier.mount_point == "/":
                yield _not_mounted(story, reader, failure, carrier.pointer, carrier.sentence)
            yield from another_tree(story, reader, failure, carrier)
            if later is None:
                yield _elsewhere(story, reader, failure)


def _absent(reader: Reader) -> tuple[Met, Told[Failure]] | None:
    """The last message that what was to be read, or a directory on the way, is not there."""
    found = None
    for met, failure in reader.failures(FailureKind.FILE):
        path = failure.value.path or ""
        on_the_way = path == met.path or inside(met.path, path)
        if failure.value.errno == "ENOENT" and failure.value.about != "member" and on_the_way:
            found = met, failure
    return found


def _later(story: Story, reader: Reader, met: Met, failure: Told[Failure]) -> Told[str] | None:
    """What shows it there after that: the reader's own log, or another one that dates it after the failure."""
    account, path = reader.account, failure.value.path or reader.path
    success = reader.later_success(met)
    if success is not None:
        place = Told(success, success.pointer, success.at, success.line)
        return Told(
            f"{account.cite(place)}: the same command succeeded later", success.pointer, success.at, success.line
        )
    for told, what in () if account.mixed else _sightings(account, path):
        if before(failure, told):
            return Told(f"{account.cite(told)}: {what}", told.pointer, told.at, told.line)
    for other in story.beside(account):
        for one in other.inodes(path):
            made = one.value.born or one.value.modified
            nodes = nodes_of(account, other)
            if made is not None and failure.at is not None and surely_before(failure.at, made, nodes=nodes):
                text = f"{other.cite(one)}: it was written {clock_time(made)}, after the failure"
                return Told(text, one.pointer, one.at, one.line)
    return None


def _sightings(account: Account, path: str) -> Iterator[tuple[Told[object], str]]:
    for one in account.inodes(path):
        yield one, f"{path} is there"
    for remark in account.stated(RemarkStated):
        if remark.value.path == path and remark.value.claimed in _SEEN:
            yield remark, remark.value.text.strip()


def _came_later(reader: Reader, failure: Told[Failure], later: Told[str]) -> Assessment:
    scale, path = Scale(Cause.ABSENT_THEN_PRESENT), reader.path
    scale.support(failure.pointer, f"{reader.account.cite(failure)}: {failure.value.text}")
    scale.support(later.pointer, later.value)
    remedy = Remedy(smallest=RUN_AFTER, structural=publish(path))
    return scale.likely(
        f"{path} was not there when {reader.name} read it, and came later", component=path, remedy=remedy
    )


def _not_mounted(story: Story, reader: Reader, failure: Told[Failure], pointer: str, sentence: str) -> Assessment:
    scale, path = Scale(Cause.NOT_MOUNTED), reader.path
    scale.support(failure.pointer, f"{reader.account.cite(failure)}: {failure.value.text}")
    scale.support(pointer, f"{sentence}: nothing else is mounted on the way to {path}")
    statement = f"{path} lies on the container's own root file system in {reader.name}: no workspace is mounted there"
    for other in story.beside(reader.account):
        carrier = mount_of(other, path)
        if carrier is not None and carrier.mount_point != "/":
            scale.support(carrier.pointer, f"{other.name}: {carrier.sentence}")
            fix = Fix(sentence=f"Bind the workspace of {other.name} in that task, too, at {carrier.mount_point}.")
            return scale.likely(statement, component=path, remedy=Remedy(smallest=fix))
    scale.miss(pointer, "another task in which that path lies on a volume")
    return scale.possible(statement, component=path)


def _elsewhere(story: Story, reader: Reader, failure: Told[Failure]) -> Assessment:
    scale, path = Scale(Cause.WRONG_PATH), reader.path
    scale.support(failure.pointer, f"{reader.account.cite(failure)}: {failure.value.text}")
    listing = _listed_without(reader, path)
    if listing is not None:
        scale.support(listing.pointer, listing.value)
    candidates = list(dict.fromkeys(_candidates(story, reader)))
    for _, told in candidates[:8]:
        scale.support(told.pointer, told.value)
    if not candidates:
        there = seen_by_another(story, reader)
        if there is not None:
            scale.contradict(there.pointer, there.value)
            scale.miss(failure.pointer, f"what is mounted on the way to {path} in both: mount, by both")
        else:
            scale.miss(failure.pointer, "the path that the producer wrote: the log of the task that makes the image")
            scale.miss(failure.pointer, f"ls -la {posixpath.dirname(path)}, by {reader.name}")
        return scale.possible(f"nothing is at {path} in {reader.name}")
    best = candidates[0][0]
    statement = f"nothing is at {path} in {reader.name}; an image lies at {best}"
    scale.miss(failure.pointer, "the producer's own word which path it wrote")
    remedy = Remedy(
        smallest=Fix(
            sentence="Name the path that the producer wrote, in every task.",
            command=reference_words(reader.transport or "oci-archive", best),
        ),
        structural=_ONE_NAME,
    )
    if len({path for path, _ in candidates}) == 1:
        return scale.likely(statement, component=path, remedy=remedy)
    return scale.possible(statement, component=path, remedy=remedy)


def _listed_without(reader: Reader, path: str) -> Told[str] | None:
    """A whole listing of a directory on the way that lacks the next name."""
    for one in reader.account.stated(ListingStated):
        if not one.value.whole or not inside(path, one.value.path):
            continue
        name = path[len(one.value.path.rstrip("/")) + 1 :].partition("/")[0]
        if name not in one.value.names:
            names = ", ".join(name for name in one.value.names if name not in (".", "..")) or "nothing"
            text = f"{reader.account.cite(one)}: {one.value.path} holds {names}, and no {name}"
            return Told(text, one.pointer, one.at, one.line)
    return None


def _candidates(story: Story, reader: Reader) -> Iterator[tuple[str, Told[str]]]:
    """Where images are shown: what another reader could read, and what the reader's own log lists near by."""
    for other in story.reading:
        if other.failed is not False or other.final is None or other.path == reader.path:
            continue
        if _alike(other.path, reader.path):
            yield other.path, Told(f"{other.name} could read {other.final.reference}", other.final.pointer)
    for inode in reader.account.every_inode:
        path = inode.value.path
        if path != reader.path and path.endswith(_IMAGES) and _alike(path, reader.path):
            yield path, Told(f"{reader.account.cite(inode)}: {path} is there", inode.pointer)


def _alike(a: str, b: str) -> bool:
    """Whether two paths may stand for one image: the same name, or side by side."""
    return near(a, b) or posixpath.basename(a) == posixpath.basename(b)
