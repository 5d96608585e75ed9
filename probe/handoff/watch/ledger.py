"""Where the lines of a watch go: each whole, in one write(2), at once; within a bound, with room for the last ones."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import stat
from typing import TYPE_CHECKING

from probe.evidence.watch import MAX_MOMENTS, Change

if TYPE_CHECKING:
    from pydantic import BaseModel

    from probe.evidence.watch import Moment, Watch

LAST_LINE = 3072
"""Bytes of a line that tells of the end, besides the path of the target in it."""
_LAST = frozenset({Change.LEFT_OUT, Change.ENDED})
_NEW = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def line_of(document: BaseModel, *, sparse: bool = False) -> bytes:
    """A document as one line of ASCII: nothing in it can turn a terminal. `sparse`: without what is None or empty."""
    tree = document.model_dump(mode="json", by_alias=True, exclude_none=sparse)
    if sparse:
        tree = {key: value for key, value in tree.items() if value != []}
    text = json.dumps(tree, separators=(",", ":"), allow_nan=False)
    return text.replace("\x7f", "\\u007f").encode("ascii") + b"\n"


def open_to_append(path: str) -> int:
    """A regular file to add lines to; made with mode 0644 whatever the umask. Raises OSError.

    A symbolic link as the last name is refused (ELOOP), and so is what is no regular file.
    """
    try:
        descriptor = os.open(path, _NEW, 0o644)
    except FileExistsError:
        descriptor = os.open(path, _OLD)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "not a regular file") from None
        return descriptor
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, 0o644)
    return descriptor


class Lines:
    """Whole lines to one descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        self._regular = stat.S_ISREG(status.st_mode)
        self.size = status.st_size if self._regular else 0
        """Bytes that are there already."""
        self._owed = b"\n" if self._cut_off() else b""
        """What has to come before the next line: the rest of one, or the end of one that was cut off."""
        self.failed: OSError | None = None
        """The last failure."""

    def _cut_off(self) -> bool:
        """Whether somebody who wrote here before was stopped inside a line."""
        try:
            return self._regular and self.size > 0 and os.pread(self._descriptor, 1, self.size - 1) != b"\n"
        except OSError:  # opened for writing only
            return False

    @property
    def gone(self) -> bool:
        """Whether nobody reads any more."""
        return self.failed is not None and self.failed.errno == errno.EPIPE

    def write(self, line: bytes) -> bool:
        """Write one line; False when it is not there as a whole, for which `failed` is the reason."""
        data, self._owed = self._owed + line, b""
        done = 0
        try:
            while done < len(data):
                try:
                    done += os.write(self._descriptor, data[done:])
                except BlockingIOError:  # whoever gave us this stream reads it without waiting
                    poll = select.poll()
                    poll.register(self._descriptor, select.POLLOUT)
                    poll.poll()
        except OSError as error:
            self.failed = error
            if done:
                self._take_back(data, done)
            return False
        return True

    def _take_back(self, data: bytes, done: int) -> None:
        """A part of a line was written: away with it, or let it be finished before anything else comes."""
        if not self._regular:
            self._owed = data[done:]
            return
        with contextlib.suppress(OSError):
            end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            if os.fstat(self._descriptor).st_size == end:
                os.ftruncate(self._descriptor, end - done)
                os.lseek(self._descriptor, end - done, os.SEEK_SET)
                return
        self._owed = b"\n"


class Ledger:
    """The lines of all watches of one run, within `bound` bytes; `used` of them are taken already."""

    def __init__(self, lines: Lines | None, bound: int, used: int = 0, *, keep: bool = False) -> None:
        """`keep`: remember the lines, for a document at the end."""
        self._lines, self._left, self._remember = lines, bound - used, keep
        self._reserved: dict[str, int] = {}
        self._moments = 0
        self.kept: dict[str, list[bytes]] = {}
        """By watch: its header and its moments."""

    def begin(self, watch: Watch) -> None:
        """The header of a watch. It is written in any case."""
        self._reserved[watch.id] = 2 * (LAST_LINE + len(json.dumps(watch.reference.path)))
        self._left -= self._reserved[watch.id]
        self.kept[watch.id] = []
        self._write(watch.id, line_of(watch))

    def keep(self, moment: Moment) -> bool:
        """A moment; False when there is no room for it."""
        line = line_of(moment, sparse=True)
        last = moment.change in _LAST
        if not last and (len(line) > self._left or self._moments >= MAX_MOMENTS - 2 * len(self._reserved)):
            return False
        self._moments += 1
        self._write(moment.watch, line, counted=not last)
        return True

    def _write(self, watch: str, line: bytes, *, counted: bool = True) -> None:
        if counted:
            self._left -= len(line)
        if self._remember:
            self.kept[watch].append(line)
        if self._lines is not None:
            self._lines.write(line)


def document_of(header: bytes, moments: list[bytes]) -> bytes:
    """A timeline document from its lines, without reading them again."""
    joined = b",".join(line.rstrip(b"\n") for line in moments)
    return b'{"schema":"pod-probe/timeline/v1","watch":%b,"moments":[%b]}' % (header.rstrip(b"\n"), joined)
