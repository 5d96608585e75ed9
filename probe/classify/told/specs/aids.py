"""What a reader needs beside the image: room to unpack it, files that its options name, a registry that takes it."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.hypothesis import Scale
from probe.classify.told.account import Account
from probe.classify.told.specs.apart import Apart, Kind, apart, commands, files_needed, scarce_room
from probe.classify.told.specs.rights import security_at
from probe.classify.told.specs.scene import Scene
from probe.classify.told.specs.symptoms import Symptom, fits
from probe.classify.told.specs.undecided import log_wanted
from probe.classify.verdict import Assessment, Cause, Fix, Remedy

_SMALL = 1 << 30
"""Bytes of memory that an image may well not fit into."""


def by_aids(scene: Scene) -> Iterator[Assessment]:
    """What a failed reader needs, and the others had, or did not need."""
    for one in apart(scene):
        yield from _room(scene, one)
        yield from _files(scene, one)
        yield from _registry(one)
        yield from _read_only_root(one)


def _room(scene: Scene, one: Apart) -> Iterator[Assessment]:
    mine = one.failed
    if not fits(mine, Symptom.SPACE):
        return
    for directory, place, sentence in scarce_room(scene.atlas, one.hand_over, mine):
        scale = Scale(Cause.NO_SPACE)
        scale.support(place.pointer, sentence)
        scale.miss(security_at(mine), log_wanted(mine))
        scale.miss(place.pointer, "the size of the archive")
        statement = f"{mine.name} unpacks the archive into {directory}: memory"
        if place.size_limit is not None:
            statement += f" of {place.size_limit} bytes"
        fix = Fix(
            sentence="Let skopeo unpack where there is room: --tmpdir beside the archive, or an emptyDir on disk.",
            yaml=f"volumes:\n- name: {place.words.rpartition(' ')[2]}\n  emptyDir:\n    sizeLimit: 20Gi",
        )
        remedy = Remedy(
            smallest=fix,
            structural=Fix(
                sentence="Hand over an oci: directory in place of an archive: it is read without unpacking."
            ),
        )
        if one.peers and one.of(Kind.ROOM) is None:
            continue  # the others had as little and succeeded
        if one.only(Kind.ROOM) is not None and place.size_limit is not None and place.size_limit < _SMALL:
            for peer in one.peers:
                scale.support(security_at(peer), f"{peer.name} reads the same, has no such limit, and succeeded")
            yield scale.likely(statement, component=directory, remedy=remedy)
            continue
        for other in one.differences:
            if other.kind is not Kind.ROOM:
                scale.contradict(other.pointer, f"not the only difference: {other.sentence}")
        yield scale.possible(statement, component=directory, remedy=remedy)


def _files(scene: Scene, one: Apart) -> Iterator[Assessment]:
    """Files on a volume that others write to: whoever made one may have left it closed."""
    mine = one.failed
    if not fits(mine, Symptom.ELSEWHERE):
        return
    for path, (pointer, sentence) in files_needed(mine).items():
        place = scene.atlas.place(mine, path)
        if any(path in files_needed(peer) for peer in one.peers):
            continue
        scale = Scale(Cause.OTHER_PATH_FAILED)
        scale.support(pointer, sentence)
        for peer in one.peers:
            scale.support(security_at(peer), f"{peer.name} reads the same image without that file, and succeeded")
        if place is not None and place.shared:
            scale.support(place.pointer, f"it lies on {place.words}, which other tasks write to")
        scale.miss(security_at(mine), log_wanted(mine))
        yield scale.possible(f"{mine.name} failed, and needs {path} beside the image", component=path)


def _registry(one: Apart) -> Iterator[Assessment]:
    """It pushes elsewhere than the others: what the registry says stands in no object."""
    mine = one.failed
    if not fits(mine, Symptom.REGISTRY):
        return
    theirs = {_host(path) for peer in one.peers for _, path in _pushed(peer)}
    for pointer, path in _pushed(mine):
        if one.peers and _host(path) not in theirs:
            scale = Scale(Cause.REGISTRY_DENIED)
            scale.support(pointer, f"{mine.name} pushes to {path.removeprefix('//')}, which no other reader does")
            for other in one.differences:
                scale.contradict(other.pointer, f"not the only difference: {other.sentence}")
            scale.miss(security_at(mine), log_wanted(mine))
            yield scale.possible(f"{mine.name} failed, and pushes to another registry than those that succeeded")
            return


def _read_only_root(one: Apart) -> Iterator[Assessment]:
    difference = one.of(Kind.READ_ONLY_ROOT)
    if difference is None or not fits(one.failed, Symptom.OTHER):
        return
    scale = Scale(Cause.READ_ONLY)
    scale.support(difference.pointer, difference.sentence)
    scale.miss(security_at(one.failed), log_wanted(one.failed))
    yield scale.possible(f"{one.failed.name} has a read-only root file system, and skopeo unpacks into /var/tmp")


def _pushed(account: Account) -> Iterator[tuple[str, str]]:
    for pointer, command in commands(account):
        for index, made in enumerate(command.makes):
            if made.transport == "docker":
                yield f"{pointer}/makes/{index}", made.path


def _host(path: str) -> str:
    return path.removeprefix("//").partition("/")[0]
