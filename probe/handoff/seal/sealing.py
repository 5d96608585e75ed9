"""Sealing: what the producer finished is put on the disk, verified, opened to its readers, published, and vouched for.

It may hang where the producer's own mount does; `probe.handoff.seal.apart` is for who must not hang with it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from probe import __version__
from probe.access.credentials import Credentials
from probe.collect.contents import open_contents
from probe.collect.context import check_facts, read_context, read_place
from probe.collect.hop import mount_id_of
from probe.collect.identity import read_identity
from probe.collect.inode import to_inode, with_birth
from probe.collect.libc import faccessat
from probe.collect.look import SMALL_IMAGE
from probe.collect.mountinfo import MountTable, read_mount_table
from probe.collect.writers import ask_lease, find_holders
from probe.evidence.base import clip, path_bytes, path_text
from probe.evidence.image import ImageFacts
from probe.evidence.observation import NotSeen, Seen, errno_name
from probe.evidence.path import MAX_COMPONENTS, FileType
from probe.evidence.report import Reference, Tool
from probe.evidence.seal import Seal, SealedImage
from probe.evidence.watch import Met
from probe.handoff.seal.durable import Draft, sync
from probe.handoff.seal.faults import IMAGES, fault_in, retarget
from probe.handoff.seal.publish import check_names, publish
from probe.handoff.seal.reading import MAX_SEAL, seal_file
from probe.handoff.seal.refused import Misused, Refused, Unable
from probe.handoff.seal.share import Shared, Sharing
from probe.handoff.seal.tree import Print, prints, sync_all
from probe.image.inspect import inspect_image
from probe.image.limits import Limits
from probe.image.reference import PATH_TRANSPORT

_TICK = 0.02
"""Seconds after which a later write is sure to leave another modification time: two of the slowest kernel ticks."""
_SMALL_UNPACKED = 4 * SMALL_IMAGE


@dataclass(frozen=True)
class Wish:
    """How to seal. Raises ValueError for facts that cannot be (`probe.collect.context.FACTS`)."""

    deep: bool = False
    """Hash every blob; done unasked for a small image."""
    publish: bytes | None = None
    """The finished temporary file or directory that is to take the reference's path."""
    share_with: int | None = None
    """The group that is to be able to read it."""
    digest_needed: bool = False
    """Whether a target without a manifest digest is refused."""
    facts: Mapping[str, str] = field(default_factory=dict)
    progress: Callable[[int, int], None] | None = None
    """Gets (bytes done, bytes in all) while blobs are hashed."""
    tell: Callable[[str], None] = lambda _: None
    """Gets a sentence for each thing that was done, as it is done."""

    def __post_init__(self) -> None:
        check_facts(self.facts)


def seal(reference: Reference, wish: Wish = Wish()) -> Seal:
    """Seal what lies at the reference, or what is published there; the seal is in its place when this returns.

    Raises `Misused`, `Refused` and `Unable` (`probe.handoff.seal.refused`). An older seal, and an older image of that
    name, stay until the new ones take their names.
    """
    path = path_bytes(reference.path)
    final = path.rstrip(b"/") or path
    if os.path.basename(final) in (b"", b".", b".."):
        raise Misused(f"{reference.path}: a seal stands beside its target, under the target's name: name it by that")
    source = final if wish.publish is None else wish.publish.rstrip(b"/") or wish.publish
    if wish.publish is not None:
        check_names(source, final)
    _check_place(final)
    descriptor = open_contents(source)
    if isinstance(descriptor, NotSeen):
        raise Refused(f"{path_text(source)}: not sealed: {descriptor.message}{_absent(descriptor)}")
    try:
        return _Sealing(reference, wish, source, final, descriptor).run()
    except OSError as error:
        raise Refused(f"{path_text(source)}: not sealed: {_named(error)}: {_text(error)}") from None
    finally:
        os.close(descriptor)


def _absent(why: NotSeen) -> str:
    if why.errno == "ENOENT":
        return "; seal after the image is written, by the name it was written to"
    return "; it can be verified only by who can read it" if why.errno in ("EACCES", "EPERM") else ""


def _check_place(final: bytes) -> None:
    """Before minutes of work: whether the seal can be written at all."""
    directory = os.path.dirname(final) or b"."
    try:
        faccessat(directory, os.W_OK | os.X_OK)
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES):  # any other answer: the writing itself will say
            raise Unable(_unwritten(final, error)) from None


def _unwritten(final: bytes, error: OSError) -> str:
    place, name = path_text(seal_file(final)), errno_name(error.errno)
    advice = {
        "EROFS": "the volume is mounted read-only here: seal in the task that writes the image",
        "EACCES": "the directory wants w and x for this process: seal in the task that writes the image",
        "EPERM": "this process may not make files there: seal in the task that writes the image",
        "ENOSPC": "free some space on that volume (df, and df -i for inodes) and seal again",
        "EDQUOT": "free some of the quota on that volume and seal again",
    }.get(name, "seal again when this is mended")
    return f"{place}: cannot write the seal: {_text(error)}; {advice}"


def _text(error: OSError) -> str:
    return f"{errno_name(error.errno)} ({os.strerror(error.errno)})" if error.errno else str(error)


def _named(error: OSError) -> str:
    name = error.filename
    return path_text(name) if isinstance(name, (bytes, str)) else "a file"


class _Sealing:
    """One target, opened."""

    def __init__(self, reference: Reference, wish: Wish, source: bytes, final: bytes, descriptor: int) -> None:
        self._asked, self._wish = reference, wish
        self._source, self._final, self._descriptor = source, final, descriptor
        self._shown = path_text(source)
        self._reference = reference
        self._table = _mount_table()
        self._identity = read_identity()

    def run(self) -> Seal:
        """Everything in its order: nothing is changed before all is verified, nothing visible before it is synced."""
        self._check_kind()
        self._sync()
        before = self._settled()
        facts = self._verify()
        self._check_writer()
        self._check_unchanged(before)
        shared = self._share()
        if shared.changes:
            self._sync()
        self._check_unchanged(before)
        return self._write(facts, shared, before)

    # -- on the disk

    def _sync(self) -> None:
        """The target and the name that it has (its directory)."""
        try:
            sync_all(self._source, self._wish.tell)
            directory = os.path.dirname(self._source) or b"."
            with contextlib.suppress(PermissionError):  # to sync a directory takes r on it
                number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    sync(number)
                finally:
                    os.close(number)
        except PermissionError as error:
            raise Refused(
                f"{self._shown}: not sealed: open {_named(error)}: {_text(error)}: it cannot be synced"
            ) from None
        except OSError as error:
            raise Refused(
                f"{self._shown}: not sealed: fsync: {_text(error)}: what was written is not all on the disk; write it "
                "again when there is space and the volume is well"
            ) from None

    def _settled(self) -> tuple[Print, ...]:
        """What is there now, in a moment after that of the last write: so that another write shows."""
        age = (time.time_ns() - max(one[4] for one in prints(self._source))) / 1e9
        if 0 <= age < _TICK:
            time.sleep(_TICK - age)
        return prints(self._source)

    # -- whole and unchanged

    def _check_kind(self) -> None:
        opened = to_inode(os.fstat(self._descriptor))
        if opened.type not in (FileType.REGULAR, FileType.DIRECTORY):
            raise Refused(f"{self._shown}: not sealed: a {opened.type} is neither a file nor an image directory")
        # Of files it says nothing: overlayfs shows some with the device of the layer that they lie on.
        above = os.stat(os.path.dirname(self._final) or b".")
        if opened.type is FileType.DIRECTORY and os.fstat(self._descriptor).st_dev != above.st_dev:
            raise Refused(
                f"{self._shown}: not sealed: it is the root of a volume, and its seal would stand outside of the "
                "volume, where no other task sees it: write the image into a directory of the volume"
            )

    def _verify(self) -> ImageFacts:
        """Structure first: it costs milliseconds, and an image that fails there need not be hashed."""
        facts = self._inspect(self._asked)
        if self._asked.transport == PATH_TRANSPORT and facts.found in IMAGES:
            self._reference = retarget(self._asked, facts.found)
            facts = self._inspect(self._reference)
        self._refuse_faulty(facts)
        if facts.found in IMAGES and self._wish.deep:
            facts = self._inspect(self._reference, deep=True, progress=self._wish.progress)
            self._refuse_faulty(facts)
        elif facts.found in IMAGES and _is_small(facts):
            limits = Limits(deep_decompressed_bytes=_SMALL_UNPACKED)
            verified = self._inspect(self._reference, deep=True, workers=1, limits=limits)
            if all(problem.kind != "too-large" for problem in verified.problems):
                facts = verified
                self._refuse_faulty(facts)
        self._refuse_nameless(facts)
        return facts

    def _inspect(
        self,
        reference: Reference,
        *,
        deep: bool = False,
        workers: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        limits: Limits | None = None,
    ) -> ImageFacts:
        return inspect_image(self._descriptor, reference, deep=deep, workers=workers, progress=progress, limits=limits)

    def _refuse_faulty(self, facts: ImageFacts) -> None:
        fault = fault_in(facts, self._asked)
        if fault is not None:
            raise Refused(f"{self._shown}: not sealed: {fault}")

    def _refuse_nameless(self, facts: ImageFacts) -> None:
        if self._wish.digest_needed and (facts.selected is None or facts.selected.manifest_digest is None):
            hint = "--deep finds it" if facts.found in IMAGES and not self._wish.deep else f"a {facts.found} has none"
            raise Refused(f"{self._shown}: not sealed: its manifest digest is to be written, and is not known: {hint}")

    def _check_writer(self) -> None:
        """A process that has the file open for writing is not done with it, whatever it holds by now."""
        status = os.fstat(self._descriptor)
        if to_inode(status).type is not FileType.REGULAR:
            return
        holders = find_holders(status)
        if isinstance(holders, Seen) and holders.value:
            who = ", ".join(f"{holder.pid} (uid {holder.uid})" for holder in holders.value[:4])
            raise Refused(
                f"{self._shown}: not sealed: archive-in-progress: process {who} has it open for writing; seal when it "
                "has ended"
            )
        if self._lease_refused():
            raise Refused(
                f"{self._shown}: not sealed: archive-in-progress: a process of this node has it open for writing (a "
                "read lease was refused: EAGAIN); seal when it has ended"
            )

    def _lease_refused(self) -> bool:
        """On file systems of this node: a client of a server answers EAGAIN for want of a delegation too."""
        try:
            mount = self._table.by_id(mount_id_of(self._descriptor))
        except (OSError, ValueError):
            return False
        if mount is None or mount.remote or threading.current_thread() is not threading.main_thread():
            return False  # from another thread the signal that a lease may bring cannot be ignored
        before = signal.signal(signal.SIGIO, signal.SIG_IGN)
        try:
            answer = ask_lease(self._descriptor, self._shown)
        finally:
            signal.signal(signal.SIGIO, before)
        return isinstance(answer, Seen) and answer.value

    def _check_unchanged(self, before: tuple[Print, ...]) -> None:
        after = prints(self._source)
        same = os.fstat(self._descriptor).st_ino == after[0][2]
        if after == before and same:
            return
        known = {one[0]: one for one in before}
        path, *_ = next((one for one in after if known.get(one[0]) != one), before[0])
        raise Refused(
            f"{self._shown}: not sealed: archive-in-progress: {path_text(path)} changed while it was sealed"
            f"{_difference(known.get(path), next((one for one in after if one[0] == path), None))}; seal when its "
            "writer has ended"
        )

    # -- for the readers

    def _share(self) -> Shared:
        if self._wish.share_with is None:
            return Shared((), ())
        own = Credentials.from_identity(self._identity)
        shared = Sharing(self._source, self._final, self._wish.share_with, own, self._table).run()
        for sentence in (*shared.changes, *shared.notes):
            self._wish.tell(sentence)
        if not shared.changes:
            self._wish.tell(f"group {self._wish.share_with} can read {self._shown}: nothing was changed for it")
        return shared

    def _write(self, facts: ImageFacts, shared: Shared, before: tuple[Print, ...]) -> Seal:
        """Publish and seal: the room for the seal is taken first, and nothing but two renames is left to do then."""
        published = False
        try:
            with Draft(seal_file(self._final)) as draft:
                made = self._document(facts, shared, self._source)
                draft.write(_encoded(made))
                if self._wish.publish is not None:
                    publish(self._source, self._final, os.fstat(self._descriptor))
                    published = True
                    self._wish.tell(f"published {self._shown} as {path_text(self._final)}")
                    made = self._document(facts, shared, self._final)
                    draft.write(_encoded(made))
                self._check_final(before)
                draft.publish()
        except OSError as error:
            done = f"{path_text(self._final)}: published, but not sealed: " if published else ""
            raise Unable(done + _unwritten(self._final, error)) from None
        return made

    def _check_final(self, before: tuple[Print, ...]) -> None:
        """The name leads to what was verified, at the last moment before this is vouched for."""
        try:
            now = prints(self._final)
        except OSError as error:
            raise Refused(
                f"{path_text(self._final)}: not sealed: {_text(error)}: removed while it was sealed"
            ) from None
        if [one[1:] for one in now] != [one[1:] for one in before]:
            raise Refused(
                f"{path_text(self._final)}: not sealed: archive-in-progress: replaced or changed while it was sealed"
            )

    def _document(self, facts: ImageFacts, shared: Shared, place: bytes) -> Seal:
        """The seal of what lies at `place` now."""
        way = _way(place)
        image = facts.selected if facts.found in IMAGES else None
        sealed = None
        if image is not None:
            sealed = SealedImage(
                found=facts.found,
                manifest_digest=image.manifest_digest,
                config_digest=image.config.digest if image.config is not None else None,
                diff_ids=image.diff_ids,
            )
        return Seal(
            tool=Tool(version=__version__),
            at=time.time_ns(),
            monotonic=time.monotonic(),
            context=read_context(self._table, read_place(self._table), {"role": "producer", **self._wish.facts}),
            identity=self._identity,
            reference=self._reference,
            inode=with_birth(os.path.realpath(place), to_inode(os.fstat(self._descriptor))),
            image=sealed,
            verification=facts.verification,
            published_from=path_text(self._source) if self._wish.publish is not None else None,
            changes=shared.changes,
            way=way,
        )


def _way(place: bytes) -> tuple[Met, ...]:
    """Every directory to what lies there, and that itself; what cannot be looked up is left out."""
    names = os.path.realpath(place).split(b"/")[1:]
    met = []
    for count in range(min(len(names), MAX_COMPONENTS - 1) + 1):
        path = b"/" + b"/".join(names[:count])
        with contextlib.suppress(OSError):
            met.append(Met(path=path_text(path), inode=with_birth(path, to_inode(os.lstat(path)))))
    return tuple(met)


def _mount_table() -> MountTable:
    try:
        return read_mount_table()
    except OSError:
        return MountTable()


def _is_small(facts: ImageFacts) -> bool:
    return sum(blob.found_size or 0 for image in facts.images for blob in image.blobs) <= SMALL_IMAGE


def _difference(before: Print | None, after: Print | None) -> str:
    if before is None or after is None:
        return " (it came or went)"
    if before[1:3] != after[1:3]:
        return " (another file took its name)"
    if before[3] != after[3]:
        return f" (from {before[3]} to {after[3]} bytes)"
    return " (it was written to)"


def _encoded(made: Seal) -> bytes:
    text = made.model_dump_json(by_alias=True, indent=2).encode() + b"\n"
    if len(text) > MAX_SEAL:
        raise Unable(clip(f"{made.reference.path}: a seal of {len(text)} bytes is more than its readers take", 1024))
    return text
