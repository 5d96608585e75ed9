"""What the failing command said, and what that is about: the target, another path, another image."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property

from probe.classify.case import LOCAL_TRANSPORTS, REFUSALS, Reading
from probe.classify.paths import near
from probe.evidence.command import Failure, FailureKind

_SECOND = 1_000_000_000
_STALE = 600 * _SECOND
_UNPACKED = re.compile(r"/oci\d+/")
_REGISTRY = frozenset({FailureKind.REGISTRY_UNREACHABLE, FailureKind.REGISTRY_OTHER})
_IMAGE_TOOLS = frozenset({"", "skopeo", "buildah", "podman"})
_ELSEWHERE = frozenset({"temp", "auth-file", "policy", "destination", "config", "storage"})


@dataclass(frozen=True)
class Messages:
    """The messages of the command of one report."""

    reading: Reading

    @cached_property
    def failures(self) -> tuple[tuple[int, Failure], ...]:
        """The failure messages of the command, with their places; none of one that succeeded all the same."""
        command = self.reading.report.command
        return tuple(enumerate(command.failures)) if command is not None and command.exit_status != 0 else ()

    def place_of(self, number: int) -> str:
        """The pointer of one failure message."""
        return self.reading.at("command", "failures", number)

    def failed_by(self, failure: Failure) -> int | None:
        """The latest moment at which the command can have failed: most of its messages count whole seconds.

        Where the probe ran the command itself, it knows when that ended.
        """
        ended = self.reading.report.command.ended if self.reading.report.command is not None else None
        if failure.at is None:
            return ended
        latest = failure.at + _SECOND - 1 if failure.at % _SECOND == 0 else failure.at
        return min(latest, ended) if ended is not None and ended >= failure.at else latest

    def is_stale(self, failure: Failure) -> bool:
        """Whether a message is so old that what changed since needs not have to do with it."""
        failed = self.failed_by(failure)
        return failed is not None and self.reading.report.started - failed > _STALE

    def other_path(self) -> tuple[int, Failure] | None:
        """The first failure that is about a path other than the target and its ancestors (rule zero)."""
        return next((pair for pair in self.failures if self._names_another_path(pair[1])), None)

    def _names_another_path(self, failure: Failure) -> bool:
        if _UNPACKED.search(failure.path or "") and failure.errno in REFUSALS:
            return False  # below the directory that skopeo has just made: the archive's own member modes
        if failure.about in _ELSEWHERE and (failure.path or failure.registry):
            return True
        if failure.kind in _REGISTRY and failure.registry:
            return True
        if self.other_reference(failure) is not None or failure.tool not in _IMAGE_TOOLS:
            return False  # a debug script's `ls /elsewhere` says nothing about why the push failed
        path = failure.path
        return path is not None and path.startswith("/") and not self.reading.concerns_target(path)

    def is_elsewhere(self, failure: Failure) -> bool:
        """Whether a failure is about another path or another image than this report."""
        return self.other_reference(failure) is not None or self._names_another_path(failure)

    def other_reference(self, failure: Failure) -> tuple[str, str] | None:
        """Transport and path of the image that the command read, when it is another one beside ours."""
        if not failure.transport or not failure.reference or failure.about in _ELSEWHERE:
            return None
        if failure.transport not in LOCAL_TRANSPORTS or not self.reading.names_image:
            return None
        path = posixpath.normpath(failure.reference.split(":")[0] if failure.transport != "dir" else failure.reference)
        mine = posixpath.normpath(self.reading.report.reference.path)
        if (failure.transport, path) == (self.reading.report.reference.transport, mine) or not near(path, mine):
            return None
        return failure.transport, path

    def about_target(self, *errnos: str) -> tuple[int, Failure] | None:
        """The first failure about the target or its ancestors, with one of these errnos."""
        for number, failure in self.failures:
            if failure.about in _ELSEWHERE or failure.errno not in errnos or failure.path is None:
                continue
            if self.reading.concerns_target(failure.path):
                return number, failure
        return None
