"""Mode bits as `ls -l` shows them (POSIX ls, long format)."""

from __future__ import annotations

from probe.evidence.path import FileType, Inode

_TYPES = {
    FileType.DIRECTORY: "d",
    FileType.REGULAR: "-",
    FileType.SYMLINK: "l",
    FileType.FIFO: "p",
    FileType.SOCKET: "s",
    FileType.BLOCK_DEVICE: "b",
    FileType.CHARACTER_DEVICE: "c",
    FileType.UNKNOWN: "?",
}


def mode_letters(inode: Inode) -> str:
    """Ten letters: `drwxr-s---`."""
    letters = _TYPES[inode.type]
    for shift, special, mark in ((6, 0o4000, "s"), (3, 0o2000, "s"), (0, 0o1000, "t")):
        bits = inode.mode >> shift
        letters += "r" if bits & 4 else "-"
        letters += "w" if bits & 2 else "-"
        executable = bool(bits & 1)
        if inode.mode & special:
            letters += mark if executable else mark.upper()
        else:
            letters += "x" if executable else "-"
    return letters
