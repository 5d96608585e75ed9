"""stat(2) in the words of the evidence."""

from __future__ import annotations

import os
import stat

from probe.evidence.path import FileType, Inode

_TYPES = {
    stat.S_IFDIR: FileType.DIRECTORY,
    stat.S_IFREG: FileType.REGULAR,
    stat.S_IFLNK: FileType.SYMLINK,
    stat.S_IFIFO: FileType.FIFO,
    stat.S_IFSOCK: FileType.SOCKET,
    stat.S_IFBLK: FileType.BLOCK_DEVICE,
    stat.S_IFCHR: FileType.CHARACTER_DEVICE,
}


def file_type(mode: int) -> FileType:
    """The type bits of st_mode."""
    return _TYPES.get(stat.S_IFMT(mode), FileType.UNKNOWN)


def to_inode(status: os.stat_result) -> Inode:
    """An inode's record."""
    return Inode(
        type=file_type(status.st_mode),
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        device=f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}",
        inode=status.st_ino,
        links=status.st_nlink,
        size=status.st_size,
        blocks=status.st_blocks,
        modified=status.st_mtime_ns,
        changed=status.st_ctime_ns,
    )


def with_birth(path: bytes, inode: Inode) -> Inode:
    """The record of what lies at a path, with the time at which it was made, where the file system keeps that."""
    from probe.collect.libc import birth

    try:
        return inode.model_copy(update={"born": birth(path, inode.inode)})
    except OSError:  # gone meanwhile
        return inode
