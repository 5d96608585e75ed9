"""What a reader met: each attempt to read an image that a log tells of, and how it ended."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, islice

from probe.classify.paths import inside
from probe.classify.told.account import LOCAL, PUSHES, Account, Told, Tried
from probe.classify.told.logs.mounts import joined
from probe.classify.told.story import Story, together
from probe.classify.told.tried import IMAGE_TOOLS
from probe.evidence.cluster import Outcome
from probe.evidence.command import Failure, FailureKind
from probe.evidence.transcript import Claimed, RemarkStated

ELSEWHERE = frozenset({"temp", "auth-file", "policy", "destination", "config", "storage"})
"""What a path can be to a command beside its image (`Failure.about`)."""
LOOKING = frozenset(
    {"ls", "stat", "namei", "find", "getfacl", "file", "du", "df", "readlink", "lsattr", "test", "tree"}
)
"""Programs that look and read no contents."""
_WRITING = frozenset(
    {"touch", "mkdir", "chmod", "chown", "chgrp", "rm", "rmdir", "mv", "ln", "tee", "install", "setfacl", "truncate"}
)
_IMAGE_FILE = re.compile(r"\.(?:tar|tgz|oci|oci\.gz|tar\.(?:gz|xz|zst|bz2))$|/(?:index|manifest)\.json$|/oci-layout$")
_PATH = "path"
_MOST_PAIRS = 2_048


@dataclass(frozen=True)
class Met:
    """One attempt to read an image, or a file that may be one."""

    path: str
    """Absolute, normal; empty where nothing names it."""
    transport: str
    """Empty where only a path is known."""
    tool: str
    failures: tuple[Told[Failure], ...]
    failed: bool | None
    pointer: str
    """Of what says how it went: the message, or the exit status, or the command."""
    at: int | None
    line: int | None
    verb: str = ""

    @property
    def reference(self) -> str:
        """As a person writes it."""
        return f"{self.transport}:{self.path}" if self.transport and self.path else self.path

    def concerns(self, failure: Failure) -> bool:
        """Whether a message is about what was to be read: it, what lies in it, or a directory on the way."""
        if failure.about in ELSEWHERE:
            return False
        if failure.path is None or not failure.path.startswith("/"):
            return failure.about in ("archive", "member", "ancestor") or failure.kind not in _NAMELESS
        return bool(self.path) and related(failure.path, self.path)


_NAMELESS = frozenset(
    {
        FailureKind.REGISTRY_DENIED,
        FailureKind.REGISTRY_UNREACHABLE,
        FailureKind.REGISTRY_OTHER,
        FailureKind.USAGE,
        FailureKind.NO_SPACE,
        FailureKind.OTHER,
    }
)
"""What says nothing of the image unless it names it."""


def related(path: str, target: str) -> bool:
    """Whether a path is the target, lies in it, or is a directory on the way to it."""
    path = posixpath.normpath(path)
    return path == target or inside(path, target) or inside(target, path)


@dataclass(frozen=True)
class Reader:
    """One container that reads an image, with everything that it met."""

    account: Account
    mets: tuple[Met, ...]
    """In order; those that only say what was planned have no outcome."""

    @property
    def name(self) -> str:
        """Who, for a sentence."""
        return self.account.name

    @cached_property
    def final(self) -> Met | None:
        """The attempt that counts: the last of which something tells how it went, of a push where there is one.

        In a log of several containers that cannot be told apart, one that failed counts before any that did not.
        """
        known = [met for met in self.mets if met.failed is not None]
        if self.account.mixed:
            known = [met for met in known if met.failed] or known
        pushes = [met for met in known if met.verb in PUSHES]
        return pushes[-1] if pushes else known[-1] if known else None

    @property
    def failed(self) -> bool | None:
        """How it ended; None where nothing tells."""
        return self.final.failed if self.final is not None else None

    @property
    def first(self) -> Met:
        """The attempt that names what is read, for a reader whose end is not known."""
        return next((met for met in self.mets if met.path), self.mets[0])

    @property
    def path(self) -> str:
        """What was to be read."""
        return self.final.path if self.final is not None and self.final.path else self.first.path

    @property
    def transport(self) -> str:
        """How."""
        return self.final.transport if self.final is not None and self.final.path else self.first.transport

    @cached_property
    def last_failures(self) -> tuple[Told[Failure], ...]:
        """What the last attempt said, if it failed."""
        return self.final.failures if self.final is not None and self.final.failed else ()

    def failures(self, *kinds: FailureKind) -> Iterator[tuple[Met, Told[Failure]]]:
        """Messages of these kinds about what was to be read, of all attempts, in order."""
        for met in self.mets:
            for failure in met.failures if met.failed else ():
                if failure.value.kind in kinds and met.concerns(failure.value):
                    yield met, failure

    def later_success(self, met: Met) -> Met | None:
        """An attempt at the same path that succeeded after this one."""
        if met not in self.mets or self.account.mixed:
            return None
        behind = self.mets[self.mets.index(met) + 1 :]
        return next((one for one in behind if one.failed is False and one.path == met.path), None)


def pairs(readers: Iterable[Reader]) -> Iterator[tuple[Reader, Reader]]:
    """Two readers at a time that may be of one run: of a large case enough for 64 that all differ."""
    both = ((a, b) for a, b in combinations(readers, 2) if together(a.account, b.account))
    return islice(both, _MOST_PAIRS)


def readers_of(story: Story) -> tuple[Reader, ...]:
    """Every container that reads an image, by what its log shows or its specs plan."""
    targets = targets_of(story)
    found = [Reader(account, tuple(_mets(account, targets)) or _looks(account, targets)) for account in story.accounts]
    found = [reader for reader in found if reader.mets]
    return tuple(reader for reader in found if not _reads_its_own(reader, found))


def _looks(account: Account, targets: frozenset[str]) -> tuple[Met, ...]:
    """What a log is about that shows no command on images: the path that its debugging looks at in vain.

    Or that it shows as the file of somebody else: a task that does not own it has no reason but to read it.
    """
    if account.transcript is None or account.makes or account.outcome is Outcome.SUCCEEDED:
        return ()
    for failure in account.failures:
        path = posixpath.normpath(failure.value.path or "")
        if failure.value.tool in LOOKING and path.startswith("/"):
            known = sorted(target for target in targets if path == target or inside(target, path))
            if known or (not targets and _IMAGE_FILE.search(path)):
                return (_met((known or [path])[0], failure),)
    for remark in account.stated(RemarkStated):
        if remark.value.claimed is Claimed.NOT_READABLE and _is_image(posixpath.normpath(remark.value.path), targets):
            return (_met(posixpath.normpath(remark.value.path), remark),)
    uid = account.who.uid if account.who is not None else None
    for inode in account.every_inode:
        if inode.value.path in targets and None not in (uid, inode.value.uid) and uid != inode.value.uid:
            return (_met(inode.value.path, inode),)
    return ()


def _met(path: str, told: Told[object]) -> Met:
    return Met(path, "", "", (), None, told.pointer, told.at, told.line)


def _reads_its_own(reader: Reader, readers: Sequence[Reader]) -> bool:
    """Whether it makes an image out of what nobody else names: the producer, whose way there matters if it failed."""
    if reader.failed or not reader.account.makes:
        return False
    return not any(
        other is not reader and related(other.path, reader.path) and joined(other.account, reader.account, reader.path)
        for other in readers
        if other.path
    )


def targets_of(story: Story) -> frozenset[str]:
    """Every path that some command or some remark names as an image."""
    found = set()
    for account in story.accounts:
        for tried in account.tries:
            for reference in (*tried.invocation.value.reads, *tried.invocation.value.makes):
                if reference.transport in LOCAL:
                    found.add(reference.path)
        for failure in account.failures:
            found.add(_named(failure.value))
        for remark in account.stated(RemarkStated):
            if remark.value.claimed is not Claimed.ABSENT and _IMAGE_FILE.search(remark.value.path):
                found.add(remark.value.path)
    return frozenset(posixpath.normpath(path) for path in found if path.startswith("/"))


def _mets(account: Account, targets: frozenset[str]) -> Iterator[Met]:
    mets = [met for tried in account.tries if (met := _of_command(tried, targets)) is not None]
    used = {failure.pointer for met in mets for failure in met.failures}
    used |= {failure.pointer for tried in account.tries for failure in tried.failures if tried.invocation.value.makes}
    for failure in account.failures:
        if failure.pointer not in used:
            alone = _of_message(failure, targets)
            if alone is not None:
                mets = [met for met in mets if not _explained(met, alone)]
                mets.append(alone)
    yield from sorted(mets, key=lambda met: (met.line is None, met.line or 0))


def _explained(met: Met, alone: Met) -> bool:
    """Whether a message tells why a command failed of which only the container's exit status is known."""
    return met.failed is True and not met.failures and met.line is None and bool(met.path) and met.path == alone.path


def _of_command(tried: Tried, targets: frozenset[str]) -> Met | None:
    invocation = tried.invocation.value
    read = next(
        (
            one
            for one in invocation.reads
            if one.transport in LOCAL or (one.transport == _PATH and _is_image(posixpath.normpath(one.path), targets))
        ),
        None,
    )
    if read is None:
        return None
    path = posixpath.normpath(read.path) if read.path.startswith("/") else read.path
    ended = tried.exit_status or tried.copied
    place = tried.failures[0] if tried.failures else ended if ended is not None else tried.invocation
    return Met(
        path=path,
        transport="" if read.transport == _PATH else read.transport,
        tool=invocation.program,
        failures=tried.failures,
        failed=tried.failed,
        pointer=place.pointer,
        at=place.at,
        line=place.line,
        verb=invocation.verb,
    )


def _of_message(failure: Told[Failure], targets: frozenset[str]) -> Met | None:
    """A message whose command the log does not show."""
    said = failure.value
    if said.tool in LOOKING or said.tool in _WRITING:
        return None
    transport = said.transport if said.transport in LOCAL else None
    path = _named(said)
    if not path and said.about not in ELSEWHERE and said.path is not None and said.path.startswith("/"):
        path = posixpath.normpath(said.path)
    if said.tool not in IMAGE_TOOLS and transport is None and not (path and _is_image(path, targets)):
        return None
    return Met(path, transport or "", said.tool, (failure,), True, failure.pointer, failure.at, failure.line)


def _named(failure: Failure) -> str:
    """The path of the image that a message names; empty where it names none."""
    named = failure.reference
    if failure.transport not in LOCAL or not named or not named.startswith("/"):
        return ""
    return posixpath.normpath(named if failure.transport == "dir" else named.partition(":")[0])


def _is_image(path: str, targets: frozenset[str]) -> bool:
    return path in targets or _IMAGE_FILE.search(path) is not None
