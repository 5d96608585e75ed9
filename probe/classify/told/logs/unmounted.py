"""not-mounted and different-volume, by what is not there in one container and is in another of its run."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.hypothesis import Scale
from probe.classify.paths import inside
from probe.classify.told.account import Account, Told
from probe.classify.told.logs.mounts import Carrier, mount_of
from probe.classify.told.logs.reader import Reader
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.command import Failure
from probe.evidence.transcript import ListingStated


def seen_by_another(story: Story, reader: Reader) -> Told[str] | None:
    """Another container of the run that shows something at the very path."""
    for other in story.beside(reader.account):
        for one in other.inodes(reader.path):
            return Told(f"{other.cite(one)}: {other.name} sees {reader.path}", one.pointer, one.at, one.line)
    return None


def another_tree(story: Story, reader: Reader, failure: Told[Failure], mine: Carrier | None) -> Iterator[Assessment]:
    """Where another container has the workspace: nothing at all in this one, or an empty directory."""
    found = _theirs(story, reader)
    if found is None or (mine is not None and mine.mount_point == "/"):
        return
    other, theirs = found
    missing, empty = _missing(reader, failure, theirs.mount_point), _empty(reader.account, theirs.mount_point)
    if mine is None and (missing is not None or empty is not None):
        yield _no_mount(reader, failure, other, theirs, missing, empty)
    there = seen_by_another(story, reader)
    if empty is not None and there is not None and missing is None:
        scale = Scale(Cause.DIFFERENT_VOLUME)
        scale.support(empty.pointer, empty.value)
        scale.support(there.pointer, there.value)
        scale.miss(empty.pointer, "the claims, and the subPath, that the two pods mount: oc get pod -o json")
        yield scale.possible(
            f"{theirs.mount_point} is empty in {reader.name} and not in {other.name}: perhaps another volume, or "
            "another part of it"
        )


def _theirs(story: Story, reader: Reader) -> tuple[Account, Carrier] | None:
    """Another container in which the path lies on a volume."""
    for other in story.beside(reader.account):
        carrier = mount_of(other, reader.path)
        if carrier is not None and carrier.mount_point != "/":
            return other, carrier
    return None


def _missing(reader: Reader, failure: Told[Failure], point: str) -> Told[str] | None:
    """What shows that no volume is mounted there: a mount needs its directory, and the pod's spec names it."""
    account, named = reader.account, failure.value.path or ""
    if named == point or inside(point, named):
        return Told(f"{named} is not there, where a volume would be mounted", failure.pointer)
    if account.pod is not None and account.container is not None and account.mounted(reader.path) is None:
        return Told(f"the pod of {reader.name} mounts nothing at {point}", f"{account.container_at}/mounts")
    return None


def _empty(account: Account, point: str) -> Told[str] | None:
    for one in account.stated(ListingStated):
        if one.value.path.rstrip("/") == point and one.value.whole and not {*one.value.names} - {".", ".."}:
            return Told(f"{account.cite(one)}: {point} is empty", one.pointer, one.at, one.line)
    return None


def _no_mount(
    reader: Reader,
    failure: Told[Failure],
    other: Account,
    theirs: Carrier,
    missing: Told[str] | None,
    empty: Told[str] | None,
) -> Assessment:
    scale, path = Scale(Cause.NOT_MOUNTED), reader.path
    scale.support(failure.pointer, f"{reader.account.cite(failure)}: {failure.value.text}")
    scale.support(theirs.pointer, f"{other.name}: {theirs.sentence}")
    statement = f"no workspace is mounted at {theirs.mount_point} in {reader.name}, as it is in {other.name}"
    if missing is None:
        if empty is not None:
            scale.support(empty.pointer, f"{empty.value}, and no mount is shown there")
        scale.miss(failure.pointer, f"the mounts of {reader.name}: cat /proc/mounts, or oc get pod -o json")
        return scale.possible(statement, component=path)
    scale.support(missing.pointer, missing.value)
    fix = Fix(sentence=f"Bind the workspace of {other.name} in that task, too, at {theirs.mount_point}.")
    return scale.likely(statement, component=path, remedy=Remedy(smallest=fix))
