"""Moments of the target: what stat, the wanted access and an open for reading say, again and again."""

from __future__ import annotations

import os
import time

from probe.collect.attempt import Attempts, open_for_reading
from probe.collect.clock import observe
from probe.collect.frames import send
from probe.collect.inode import to_inode
from probe.collect.journal import Journal
from probe.evidence.base import path_text
from probe.evidence.observation import Reason, Seen, reason_for
from probe.evidence.path import Attempt, FileType, Inode, Want
from probe.evidence.writer import Sample

_RESERVE_SECONDS = 0.5
"""What a wait leaves of the deadline for the steps after it."""


class Sampler:
    """Samples of one target. `until` is the deadline by CLOCK_MONOTONIC."""

    def __init__(self, path: bytes, want: Want, attempts: Attempts, journal: Journal, until: float) -> None:
        self._path, self._want, self._attempts = path, want, attempts
        self._journal, self._until = journal, until
        self._last: float | None = None
        self.refused = False
        """Whether the last attempt was denied by permission."""

    def sample(self) -> None:
        """One moment: stat, try what is wanted, open for reading. Every one is a new lookup of the whole path."""
        text = path_text(self._path)
        self._journal.crumb("stat", text)
        self._last = time.monotonic()
        inode = observe(Seen[Inode], f"stat {text}", self._stat)
        kind = inode.value.type if isinstance(inode, Seen) else None
        attempts = self._attempts.make(kind, self._journal.crumb)
        for attempt in attempts:
            send(self._journal, "attempt", attempt)
        self.refused = any(reason_for(attempt.errno or "") is Reason.DENIED for attempt in attempts)
        errno = self._open_errno(attempts, kind)
        send(self._journal, "sample", Sample(at=inode.at, monotonic=self._last, inode=inode, open_errno=errno))

    def wait_and_sample(self, gap: float) -> None:
        """Another moment, `gap` seconds after the last one, or sooner where the deadline is near."""
        now = time.monotonic()
        since = self._last if self._last is not None else now
        wait = min(since + gap - now, self._until - now - _RESERVE_SECONDS)
        if wait > 0:
            self._journal.crumb("sleep", "")
            time.sleep(wait)
        self.sample()

    def _stat(self) -> Inode:
        try:
            return to_inode(os.stat(self._path))
        except ValueError as error:  # a NUL byte
            raise OSError(str(error)) from None

    def _open_errno(self, attempts: tuple[Attempt, ...], kind: FileType | None) -> str | None:
        """What an open for reading answers now; an attempt to read has just asked."""
        decisive = [attempt for attempt in attempts if attempt.decisive]
        if self._want is Want.READ and decisive:
            return decisive[0].errno
        self._journal.crumb("openat O_RDONLY", path_text(self._path))
        descriptor, errno = open_for_reading(self._path, kind)
        if descriptor is not None:
            os.close(descriptor)
        return errno
