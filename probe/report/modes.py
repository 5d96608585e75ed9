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
    return letters_of(inode.type, inode.mode)


def letters_of(kind: FileType, mode: int) -> str:
    """The same from the type and the twelve bits alone."""
    letters = _TYPES[kind]
    for shift, special, mark in ((6, 0o4000, "s"), (3, 0o2000, "s"), (0, 0o1000, "t")):
        bits = mode >> shift
        letters += "r" if bits & 4 else "-"
        letters += "w" if bits & 2 else "-"
        executable = bool(bits & 1)
        if mode & special:
            letters += mark if executable else mark.upper()
        else:
            letters += "x" if executable else "-"
    return letters
