"""Small files that are there whole or not at all, for whoever looks, and after a crash too.

Written under another name beside the final one, synced, renamed (rename(2) is atomic), and the directory synced:
fsync(2) of the file alone does not make its name last.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from types import TracebackType

PREFIX = ".probe-"
"""Of temporary names. One that is left over, by a process that was killed, can be removed at any time."""
MODE = 0o644
"""Readable for everybody who can get there, whatever the umask."""

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_SYNCED = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)
"""What a file system answers that has nothing to sync for such an object (fsync(2)): no failure to write."""


class Draft:
    """A file under a temporary name in the directory of its final path, until `publish` gives it that name.

    For use in a `with` block: unless it was published, the temporary file is gone after the block. All calls raise
    OSError as the kernel gives it.
    """

    def __init__(self, path: bytes, *, sync: bool = True) -> None:
        directory, self._name = os.path.split(path)
        if not self._name:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fsdecode(path))
        self._sync = sync
        self._directory, self._listable = open_directory(directory or b".")
        self._descriptor = -1
        try:
            self._temporary = self._create()
        except BaseException:
            os.close(self._directory)
            raise

    def _create(self) -> bytes:
        while True:
            name = os.fsencode(f"{PREFIX}{secrets.token_hex(8)}")
            with contextlib.suppress(FileExistsError):
                # Closed to others until it is whole.
                self._descriptor = os.open(name, _NEW, 0o600, dir_fd=self._directory)
                return name

    def write(self, data: bytes) -> None:
        """Make `data` the whole content, on the disk. May be called again: what fitted once has its place."""
        view, offset = memoryview(data), 0
        while offset < len(data):
            offset += os.pwrite(self._descriptor, view[offset:], offset)
        os.ftruncate(self._descriptor, len(data))
        if self._sync:
            sync(self._descriptor)

    def publish(self) -> None:
        """Give it its final name, in place of what has that name."""
        self._open_to_all()
        if self._sync:
            sync(self._descriptor)
        os.rename(self._temporary, self._name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        self._temporary = b""
        if self._sync and self._listable:
            sync(self._directory)

    def _open_to_all(self) -> None:
        try:
            os.fchmod(self._descriptor, MODE)
        except OSError as error:  # modes are the mount's there (vfat, cifs): fine where they let everybody read
            if error.errno not in (errno.EPERM, *_NOT_SYNCED) or os.fstat(self._descriptor).st_mode & 0o444 != 0o444:
                raise

    def __enter__(self) -> Draft:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # ENOSPC and EDQUOT may come here (close(2)), after a sync that told them
            os.close(self._descriptor)
        if self._temporary:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary, dir_fd=self._directory)
        os.close(self._directory)


def write_file(path: bytes, data: bytes, *, sync: bool = True) -> None:
    """Write a small file, mode 0644: whole or not at all. Raises OSError, and then what was there is still there.

    `sync`: on the disk when this returns. A symbolic link at `path` is replaced.
    """
    with Draft(path, sync=sync) as draft:
        draft.write(data)
        draft.publish()


def open_directory(path: bytes) -> tuple[int, bool]:
    """A descriptor to work in a directory, and whether it can be synced: that takes r on it, the rest does not."""
    flags = os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(path, os.O_RDONLY | flags), True
    except PermissionError:
        return os.open(path, os.O_PATH | flags), False


def sync(descriptor: int) -> None:
    """fsync(2). Raises OSError, but not where the file system has nothing to sync for such an object."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SYNCED:
            raise
