"""wrong-transport and different-reference, by the commands that logs show and what they found."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from probe.classify.hypothesis import Scale
from probe.classify.paths import near
from probe.classify.remedy import reference_words
from probe.classify.told.account import LOCAL, Account, Told
from probe.classify.told.logs.digests import digests_in, digests_of, the_same
from probe.classify.told.logs.reader import Met, Reader, pairs
from probe.classify.told.specs.places import Atlas
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.command import Failure, FailureKind
from probe.evidence.path import FileType

_DIRECTORIES = {"dir": "manifest.json", "oci": "index.json"}
_NO_SUCH_KIND = frozenset({"ENOENT", "ENOTDIR", "EISDIR"})
_ARCHIVE_NAMES = (".tar", ".tar.gz", ".tgz")
_WRITE_ONCE = Fix(
    sentence="Write the whole reference, transport included, once: as a pipeline parameter, or as a result of the "
    "build that every push takes."
)


def rule(story: Story) -> Iterator[Assessment]:
    """What each reader's own log shows, then what two tasks of one hand-over name."""
    for reader in story.reading:
        mismatch = kind_mismatch(reader)
        if mismatch is not None:
            yield _wrong_transport(story, reader, *mismatch)
        unknown = _not_in_it(reader)
        if unknown is not None:
            yield unknown
    yield from _references(story)


def _not_in_it(reader: Reader) -> Assessment | None:
    """The archive could be read, and holds no image of the name behind the path."""
    final = reader.final
    if final is None or not final.failed or final.transport not in LOCAL:
        return None
    for failure in final.failures:
        said = failure.value
        here = said.transport in (None, "", final.transport) and final.concerns(said)
        if said.kind is FailureKind.UNKNOWN_REFERENCE and here:
            named = said.reference or final.path
            scale = Scale(Cause.DIFFERENT_REFERENCE)
            scale.support(failure.pointer, f"{reader.account.cite(failure)}: {failure.value.text}")
            scale.miss(failure.pointer, f"which names it holds: probe check {final.transport}:{final.path}")
            fix = Fix(sentence="Name the image as the build did, or only the file where it holds no other.")
            return scale.likely(
                f"{reader.name} reads {final.transport}:{named}, and no image of that name is in it",
                component=final.path,
                remedy=Remedy(smallest=fix, structural=_WRITE_ONCE),
            )
    return None


def kind_mismatch(reader: Reader) -> tuple[Met, Told[Failure]] | None:
    """A message by which the transport did not find what it reads, in the attempt that counts."""
    final = reader.final
    if final is None or not final.failed:
        return None
    for failure in final.failures:
        if final.concerns(failure.value) and _finds_no_such_kind(final, failure.value):
            return final, failure
    return None


def _finds_no_such_kind(met: Met, said: Failure) -> bool:
    if met.transport in _DIRECTORIES:
        marker = posixpath.join(met.path, _DIRECTORIES[met.transport])
        return said.errno in ("ENOENT", "ENOTDIR") and said.path == marker
    if said.errno in ("EISDIR", "ENOTDIR") and said.path == met.path:
        return True
    return said.kind is FailureKind.BAD_ARCHIVE and met.transport == "docker-archive" and said.about == "member"


def _wrong_transport(story: Story, reader: Reader, met: Met, failure: Told[Failure]) -> Assessment:
    scale, path = Scale(Cause.WRONG_TRANSPORT), met.path
    scale.support(failure.pointer, f"{reader.account.cite(failure)}: {failure.value.text}")
    statement = f"{reader.name} reads {met.reference}, and what lies there is of another kind"
    found = _found(story, reader, met)
    if found is not None:
        transport, where, told = found
        scale.support(told.pointer, told.value)
        named = reference_words(transport, where)
        fix = Fix(sentence="Name the transport of what lies there.", command=f"skopeo inspect {named}")
        return scale.likely(statement, component=path, remedy=Remedy(smallest=fix, structural=_WRITE_ONCE))
    if failure.value.errno in ("ENOTDIR", "EISDIR"):
        fix = Fix(
            sentence="Name what the build wrote: a file for the archive transports, a directory for oci: and dir:."
        )
        return scale.likely(statement, component=path, remedy=Remedy(smallest=fix, structural=_WRITE_ONCE))
    scale.miss(failure.pointer, f"what lies there: ls -la {path}")
    return scale.possible(f"{met.reference} lacks the file that its transport reads first")


def _found(story: Story, reader: Reader, met: Met) -> tuple[str, str, Told[str]] | None:
    """What another task could read there, or what the reader's own log lists there."""
    for other in story.reading:
        final = other.final
        if final is None or final.failed or final.transport in ("", met.transport) or not near(other.path, met.path):
            continue
        return final.transport, other.path, Told(f"{other.name} could read {final.reference}", final.pointer)
    for maker, transport, path, made in _made(story, reader):
        if path == met.path and transport != met.transport:
            return transport, path, Told(f"{maker.name} makes {transport}:{path} there", made.pointer)
    below = met.path.rstrip("/") + "/"
    for inode in reader.account.every_inode:
        stated = inode.value
        if not stated.path.startswith(below) or "/" in stated.path[len(below) :]:
            continue
        text = f"{reader.account.cite(inode)}: {stated.path} lies there"
        told = Told(text, inode.pointer, inode.at, inode.line)
        name = posixpath.basename(stated.path)
        if stated.type is FileType.REGULAR and name.endswith(_ARCHIVE_NAMES):
            return "oci-archive", stated.path, told
        if met.transport == "dir" and name in ("index.json", "oci-layout"):
            return "oci", met.path, told
        if met.transport == "oci" and name == "manifest.json":
            return "dir", met.path, told
    return None


def _references(story: Story) -> Iterator[Assessment]:
    atlas = Atlas(story)
    named = [reader for reader in story.reading if reader.transport in LOCAL and reader.path.startswith("/")]
    for a, b in pairs(named):
        differs = a.transport != b.transport or not _one_place(atlas, (a.account, a.path), (b.account, b.path))
        if differs and _one_hand_over(a.path, b.path):
            yield _compare(story, a, b)
    for reader in named:
        for maker, transport, path, told in _made(story, reader):
            place = _one_place(atlas, (maker, path), (reader.account, reader.path))
            if _one_hand_over(path, reader.path) and (transport != reader.transport or not place):
                yield _against_maker(reader, maker, f"{transport}:{path}", told)


def _one_place(atlas: Atlas, a: tuple[Account, str], b: tuple[Account, str]) -> bool:
    """Whether two paths are one: by their names, or by the volume and the path in it where the specs tell.

    One name on two volumes is another matter: see `replaced.py`.
    """
    if a[1] == b[1]:
        return True
    here, there = atlas.place(*a), atlas.place(*b)
    return here is not None and there is not None and here.key == there.key


def _one_hand_over(a: str, b: str) -> bool:
    """Whether two paths may be meant for one image: near each other, or an archive of one name."""
    return near(a, b) or (posixpath.basename(a) == posixpath.basename(b) and a.endswith(_ARCHIVE_NAMES))


def _made(story: Story, reader: Reader) -> Iterator[tuple[Account, str, str, Told[object]]]:
    for other in story.beside(reader.account):
        for told in other.makes:
            for reference in told.value.makes:
                if reference.transport in LOCAL:
                    yield other, reference.transport, posixpath.normpath(reference.path), told


def _compare(story: Story, a: Reader, b: Reader) -> Assessment:
    scale = Scale(Cause.DIFFERENT_REFERENCE)
    for reader in (a, b):
        met = reader.final or reader.first
        scale.support(met.pointer, f"{reader.name} reads {reader.transport}:{reader.path}")
    statement = f"the tasks name different references: {a.transport}:{a.path} and {b.transport}:{b.path}"
    failed = [reader for reader in (a, b) if reader.failed]
    good = [reader for reader in (a, b) if reader.failed is False]
    for reader in failed:
        for failure in reader.last_failures[:1]:
            scale.support(failure.pointer, f"{reader.account.cite(failure)}: {failure.value.text}")
    right = good[0] if len(good) == 1 else None
    remedy = _one_reference(f"{right.transport}:{right.path}" if right is not None else "the one that the build wrote")
    component = failed[0].path if failed else b.path
    if any(_explained_by_name(reader) for reader in failed):
        return scale.likely(statement, component=component, remedy=remedy)
    if len(good) == 2:
        same = the_same(digests_of(a), digests_of(b))
        own = _own_hand_overs(story, a, b) if same is not True else None
        if own is not None:
            scale.contradict(own.pointer, own.value)
            return scale.refuted(f"{a.name} and {b.name} take two images on two ways of their own")
        if same is False:
            return scale.likely(f"{statement}, and hold different images", component=component, remedy=remedy)
        if same:
            scale.contradict(a.first.pointer, "both hold the same image, by its digest")
            return scale.possible(f"{statement}; both hold the same image")
    scale.miss(a.first.pointer, "whether both hold one image: the digests that each task pushed")
    return scale.possible(statement, component=component)


def _own_hand_overs(story: Story, a: Reader, b: Reader) -> Told[str] | None:
    """What shows that two images are meant: each has a maker of its own, or they go to repositories of two names."""
    if a.path == b.path:
        return None
    makers = [_makers(story, reader) for reader in (a, b)]
    if all(makers) and not makers[0].keys() & makers[1].keys():
        (one, told), (other, _) = (next(iter(each.items())) for each in makers)
        return Told(f"{one} makes what {a.name} takes, and {other} what {b.name} takes", told.pointer)
    here, there = _repository(a), _repository(b)
    if here is not None and there is not None and here.value != there.value:
        return Told(f"they are pushed to two repositories, {here.value} and {there.value}", here.pointer)
    return None


def _makers(story: Story, reader: Reader) -> dict[str, Told[object]]:
    """Who names the reader's path as what it makes, or states the digest of what the reader took."""
    found = {maker.name: told for maker, _, path, told in _made(story, reader) if path == reader.path}
    taken = digests_of(reader)
    for other in story.beside(reader.account):
        built = digests_in(other)
        if not story.reads(other) and the_same(built, taken):
            found[other.name] = next(iter(built.values()))
    return found


def _repository(reader: Reader) -> Told[str] | None:
    """The last word of the repository to which it pushes what it reads: the same image has it in every registry."""
    for tried in reader.account.tries:
        invocation = tried.invocation
        if not any(posixpath.normpath(one.path) == reader.path for one in invocation.value.reads):
            continue
        for made in invocation.value.makes:
            if made.transport == "docker":
                name = made.path.rpartition("/")[2].partition("@")[0].partition(":")[0]
                return Told(name, invocation.pointer, invocation.at, invocation.line)
    return None


def _against_maker(reader: Reader, maker: Account, made: str, told: Told[object]) -> Assessment:
    scale = Scale(Cause.DIFFERENT_REFERENCE)
    scale.support(told.pointer, f"{maker.name} makes {made}")
    scale.support((reader.final or reader.first).pointer, f"{reader.name} reads {reader.transport}:{reader.path}")
    statement = f"{maker.name} makes {made}, and {reader.name} reads {reader.transport}:{reader.path}"
    if reader.failed and _explained_by_name(reader):
        failure = reader.last_failures[0]
        scale.support(failure.pointer, f"{reader.account.cite(failure)}: {failure.value.text}")
        return scale.likely(statement, component=reader.path, remedy=_one_reference(made))
    scale.miss(told.pointer, "that nothing else was made where the reader looks")
    return scale.possible(statement, component=reader.path)


def _explained_by_name(reader: Reader) -> bool:
    """Whether it failed as one does who names the wrong thing: nothing there, or nothing of that kind."""
    if kind_mismatch(reader) is not None:
        return True
    final = reader.final
    return final is not None and any(
        failure.value.errno in _NO_SUCH_KIND and final.concerns(failure.value) and failure.value.about != "member"
        for failure in final.failures
    )


def _one_reference(what: str) -> Remedy:
    return Remedy(smallest=Fix(sentence=f"Use one reference in every task: {what}."), structural=_WRITE_ONCE)
