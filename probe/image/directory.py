"""A directory as a container's store. Nothing but small JSON files and, when asked, blobs is read."""

from __future__ import annotations

import os
import stat

from probe.evidence.image import BlobState
from probe.image.cache import ConsiderateReader
from probe.image.cursor import SeekableFile
from probe.image.measure import Measured, measure
from probe.image.problems import error_text
from probe.image.store import Found, Progress

_ABSENT = (FileNotFoundError, NotADirectoryError)
_TYPES = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
}


def type_name(mode: int) -> str:
    """`a FIFO`, for a `st_mode`."""
    return _TYPES.get(stat.S_IFMT(mode), "a regular file" if stat.S_ISREG(mode) else "something unknown")


class DirectoryStore:
    """The files below an open directory. Names are followed over symbolic links, as skopeo does.

    A name is opened only after it was seen to be a regular file, and without waiting, so a FIFO or a device left
    there cannot block the reader.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def find(self, name: str) -> Found:
        """Look a name up, and try to open it for reading."""
        try:
            status = os.stat(name, dir_fd=self._descriptor)
        except _ABSENT:
            return Found(BlobState.MISSING, note="not in the directory")
        except OSError as error:
            return Found(BlobState.UNCHECKED, note=error_text(error))
        if not stat.S_ISREG(status.st_mode):
            return Found(BlobState.MISSING, note=f"{type_name(status.st_mode)} in place of a regular file")
        try:
            descriptor = self._open(name)
        except OSError as error:
            return Found(BlobState.UNREADABLE, status.st_size, None, error_text(error))
        os.close(descriptor)
        return Found(BlobState.PRESENT, status.st_size, status.st_size)

    def holds_directory(self, name: str) -> bool:
        """Whether a directory of this name is there."""
        try:
            return stat.S_ISDIR(os.stat(name, dir_fd=self._descriptor).st_mode)
        except OSError:
            return False

    def read(self, name: str, limit: int) -> bytes | None:
        """The first bytes of a file. Raises OSError."""
        descriptor = self._open(name)
        try:
            size = os.fstat(descriptor).st_size
            return SeekableFile(descriptor, size).read_at(0, limit)
        finally:
            os.close(descriptor)

    def measure(self, name: str, algorithm: str, limit: int, progress: Progress | None = None) -> Measured | None:
        """Hash a file. Raises OSError."""
        descriptor = self._open(name)
        try:
            size = os.fstat(descriptor).st_size
            return measure(ConsiderateReader(descriptor, 0, size), algorithm, limit, progress)
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        descriptor = os.open(name, flags, dir_fd=self._descriptor)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        raise FileNotFoundError(2, "replaced by something that is not a regular file", name)
