"""From a reference and an open descriptor to `ImageFacts`: natively, without unpacking, whatever the bytes are."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable

from probe.evidence.image import Archive, BlobState, Container, Ending, ImageFacts
from probe.evidence.report import Reference
from probe.image.blobs import Draft, Look
from probe.image.cache import expect_random
from probe.image.cursor import SeekableFile
from probe.image.directory import DirectoryStore, type_name
from probe.image.docker import generate_manifest, read_docker
from probe.image.documents import DocumentError, parse
from probe.image.layout import read_dir, read_layout
from probe.image.limits import Limits
from probe.image.measure import digest_of
from probe.image.problems import Problems
from probe.image.scan import Scan, scan_archive
from probe.image.store import ArchiveStore, Store
from probe.image.verify import default_workers, verify

_OCI = (Container.OCI_ARCHIVE, Container.OCI)
_DIR_VERSION = b"Directory Transport Version:"

ProgressBytes = Callable[[int, int], None]


def inspect_image(
    target: int,
    reference: Reference,
    *,
    deep: bool = False,
    workers: int | None = None,
    progress: ProgressBytes | None = None,
    limits: Limits | None = None,
) -> ImageFacts:
    """Say what `target`, an O_RDONLY descriptor of the file or directory at the reference's path, holds.

    Manifests and configs are read and hashed; `deep` hashes every blob and unpacks every layer, with `workers` threads
    (default: `default_workers`), telling `progress(done, total)` in bytes, from those threads, one call at a time.
    `target` is not closed and its offset not moved; its read-ahead advice is set back to normal. Content never raises,
    nor does an OSError of reading: that is a problem of kind `unreadable`, and what was seen before it is kept.

    A container that is of two kinds at once (`docker save` of today writes `index.json` and `manifest.json`) is taken
    as the kind that the reference asks for.
    """
    view = _View(target, reference, deep, workers or default_workers(), progress, limits or Limits())
    try:
        status = os.fstat(target)
    except OSError as error:
        view.problems.unreadable("target", error)
        return view.facts(Container.FILE)
    if stat.S_ISDIR(status.st_mode):
        return view.directory()
    if stat.S_ISREG(status.st_mode):
        return view.file(status.st_size)
    view.problems.add("unsupported", "target", expected="a file or a directory", found=type_name(status.st_mode))
    return view.facts(Container.FILE)


class _View:
    """One look at one target."""

    def __init__(
        self,
        target: int,
        reference: Reference,
        deep: bool,
        workers: int,
        progress: ProgressBytes | None,
        limits: Limits,
    ) -> None:
        self._target = target
        self._asked = reference.transport
        self._tag = reference.tag
        self._deep = deep
        self._workers = workers
        self._progress = progress
        self._limits = limits
        self._began = time.monotonic()
        self.problems = Problems()

    def file(self, size: int) -> ImageFacts:
        """Look at a regular file."""
        with contextlib.suppress(OSError):
            expect_random(self._target, True)
        try:
            return self._archive(SeekableFile(self._target, size))
        finally:
            with contextlib.suppress(OSError):
                expect_random(self._target, False)

    def directory(self) -> ImageFacts:
        """Look at a directory."""
        store = DirectoryStore(self._target)
        look = Look(store, self._limits, self.problems)
        states = {name: store.find(name).state for name in ("index.json", "oci-layout", "manifest.json", "version")}
        there = {name for name, state in states.items() if state is not BlobState.MISSING}
        if there and all(state is BlobState.UNCHECKED for state in states.values()):
            self.problems.add("unreadable", "target", found=store.find("index.json").note)
            return self.facts(Container.DIRECTORY)
        kinds = set()
        if there & {"index.json", "oci-layout"} or store.holds_directory("blobs/sha256"):
            kinds.add(Container.OCI)
        if ("manifest.json" in there and not _holds_list(store)) or _is_dir_version(store):
            kinds.add(Container.DIR)
        found = self._decide(kinds, Container.OCI if "index.json" in there else Container.DIR, Container.DIRECTORY)
        drafts: list[Draft] = []
        if found is Container.OCI:
            drafts = self._layout(look, found)
        elif found is Container.DIR:
            drafts = read_dir(look)
        finds = {"oci": "index.json" in there, "dir": "manifest.json" in there}.get(self._asked, False)
        marked = states["oci-layout" if found is Container.OCI else "version"] is BlobState.PRESENT
        return self._conclude(found, look, drafts, finds, marked)

    def _archive(self, file: SeekableFile) -> ImageFacts:
        scan = scan_archive(
            file,
            self._limits,
            self.problems,
            hash_all=self._deep,
            as_docker=self._asked == Container.DOCKER_ARCHIVE,
            progress=_counting(self._progress, file.size),
        )
        first, last = ArchiveStore(scan, first=True), ArchiveStore(scan)
        manifest, index = first.find("manifest.json").state, last.find("index.json").state
        marked = last.find("oci-layout").state
        kinds = set()
        if scan.members.has_blobs or scan.members.has("index.json") or scan.members.has("oci-layout"):
            kinds.add(Container.OCI_ARCHIVE)
        if (scan.members.has("manifest.json") and not _holds_object(first)) or (
            scan.members.has_docker_names and not kinds
        ):
            kinds.add(Container.DOCKER_ARCHIVE)
        likely = Container.OCI_ARCHIVE if scan.members.has("index.json") else Container.DOCKER_ARCHIVE
        found = self._decide(kinds, likely, _other(scan))
        drafts: list[Draft] = []
        look = Look(first if found is Container.DOCKER_ARCHIVE else last, self._limits, self.problems)
        if found is Container.OCI_ARCHIVE:
            drafts = self._layout(look, found)
        elif found is Container.DOCKER_ARCHIVE:
            tag, must = self._tag_for(found)
            drafts = read_docker(look, first, tag, must=must, deep=self._deep)
        key = {Container.OCI_ARCHIVE.value: index, Container.DOCKER_ARCHIVE.value: manifest}.get(self._asked)
        finds = key is BlobState.PRESENT or (key is BlobState.UNCHECKED and found == self._asked)
        ended = scan.walk.ending is Ending.END_BLOCKS and not self.problems.any("decompression")
        marked_so = found is Container.DOCKER_ARCHIVE or marked is BlobState.PRESENT
        return self._conclude(found, look, drafts, finds, ended and marked_so, scan, first)

    def _decide(self, kinds: set[Container], likely: Container, otherwise: Container) -> Container:
        if len(kinds) == 1:
            return kinds.pop()
        if not kinds:
            return otherwise
        return next((kind for kind in kinds if kind == self._asked), likely)

    def _layout(self, look: Look, found: Container) -> list[Draft]:
        tag, must = self._tag_for(found)
        return read_layout(look, tag, must=must)

    def _tag_for(self, found: Container) -> tuple[str | None, bool]:
        """The tag to choose by, and whether a reader fails that finds none: only where the reference fits."""
        fits = found == self._asked
        return (self._tag if fits else None), fits

    def _conclude(
        self,
        found: Container,
        look: Look,
        drafts: list[Draft],
        finds: bool,
        finished: bool,
        scan: Scan | None = None,
        docker: ArchiveStore | None = None,
    ) -> ImageFacts:
        self._note_what_was_asked(found, look.store)
        verification = None
        if self._deep:
            streamed = scan is not None and scan.compressed
            verification = verify(look, drafts, self._workers, None if streamed else self._progress, self._began)
        if found is Container.DOCKER_ARCHIVE and docker is not None:
            for draft in drafts:
                manifest = generate_manifest(draft, docker)
                draft.manifest_digest = None if manifest is None else digest_of(manifest)
        plain = self._asked == "path"
        needed = drafts if plain else [draft for draft in drafts if draft.selected]
        whole = bool(needed) and all(draft.whole for draft in needed)
        facts = self.facts(found, drafts, scan.facts() if scan is not None else None)
        return facts.model_copy(
            update={
                "readable_as_asked": plain or (finds and found == self._asked),
                "whole": whole,
                "complete": whole and finished,
                "verification": verification,
                "truncated": facts.truncated or look.images_left_out,
            }
        )

    def _note_what_was_asked(self, found: Container, store: Store) -> None:
        """Name the file that the asked transport misses, when the container is of another kind."""
        wanted = {"oci": "index.json", "oci-archive": "index.json", "dir": "manifest.json"}
        name = wanted.get(self._asked, "manifest.json")
        if self._asked in ("path", found.value):
            return
        kind = "no-index" if name == "index.json" else "no-manifest"
        state = store.find(name).state
        if state is BlobState.MISSING:
            self.problems.add(kind, name, expected=name, found=f"{found.value} without {name}")
        elif state is BlobState.PRESENT and found in (Container.TAR, Container.DIRECTORY):
            form = "an array" if self._asked == Container.DOCKER_ARCHIVE else "an object"
            self.problems.add(kind, name, expected=f"{form}, for {self._asked}:", found="another JSON value")

    def facts(self, found: Container, drafts: list[Draft] | None = None, archive: Archive | None = None) -> ImageFacts:
        """The evidence, judged later."""
        return ImageFacts(
            found=found,
            archive=archive,
            images=tuple(draft.finish() for draft in drafts or []),
            problems=self.problems.listed(),
            readable_as_asked=self._asked == "path",
            whole=False,
            complete=False,
            truncated=self.problems.truncated or any(draft.cut for draft in drafts or []),
        )


def _other(scan: Scan) -> Container:
    """What a file is that holds no image: a tar archive, nothing, or something else."""
    if scan.walk.ending is Ending.EMPTY and not scan.compressed:
        return Container.EMPTY
    return Container.TAR if scan.walk.members or scan.walk.ending is Ending.IN_HEADER else Container.FILE


def _holds_list(store: DirectoryStore) -> bool:
    """Whether `manifest.json` is that of an unpacked docker-archive."""
    return isinstance(_peek(store), list)


def _holds_object(store: ArchiveStore) -> bool:
    """Whether `manifest.json` is that of a packed `dir:` directory."""
    return isinstance(_peek(store), dict)


def _peek(store: Store) -> object:
    found = store.find("manifest.json")
    if found.state is not BlobState.PRESENT or found.size is None or found.size > Limits().json_bytes:
        return None
    try:
        value: object = parse(store.read("manifest.json", found.size) or b"")
    except (OSError, DocumentError):
        return None
    return value


def _is_dir_version(store: DirectoryStore) -> bool:
    if store.find("version").state is not BlobState.PRESENT:
        return False
    try:
        return (store.read("version", 64) or b"").startswith(_DIR_VERSION)
    except OSError:
        return False


def _counting(progress: ProgressBytes | None, total: int) -> Callable[[int], None] | None:
    if progress is None:
        return None
    done = 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    return report
