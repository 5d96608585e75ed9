"""The few system calls that Python's os module does not offer, by ctypes; loaded only when one is needed."""

from __future__ import annotations

import os
import struct
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

AT_FDCWD = -100
AT_EACCESS = 0x200
AT_EMPTY_PATH = 0x1000
AT_SYMLINK_NOFOLLOW = 0x100
_AT_STATX_FORCE_SYNC = 0x2000
_STATX_BASIC, _STATX_INO, _STATX_BTIME = 0x7FF, 0x100, 0x800
_MASK, _ATTRIBUTES, _INO, _KNOWN, _BTIME = 0, 8, 32, 56, 80
"""Offsets in struct statx: stx_mask, stx_attributes, stx_ino, stx_attributes_mask, stx_btime."""
_NAMED_ATTRIBUTES = ((0x10, "immutable"), (0x20, "append"))
_CAPABILITY_VERSION_3 = 0x20080522


@cache
def _libc() -> ctypes.CDLL:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    import ctypes
    import errno

    function = getattr(_libc(), name, None)
    if function is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def faccessat(path: bytes, mode: int) -> None:
    """Ask for access with the *effective* ids (faccessat(2)); raises the OSError that `os.access` hides.

    A cross-check: old C libraries reckon the answer from the mode bits by themselves. Where a seccomp profile refuses
    the call itself, access(2) answers, with the real ids.
    """
    import ctypes
    import errno

    try:
        _call("faccessat", AT_FDCWD, ctypes.c_char_p(path), mode, AT_EACCESS)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOSYS, errno.EINVAL) or _faccessat_works():
            raise
        _call("access", ctypes.c_char_p(path), mode)


@cache
def _faccessat_works() -> bool:
    import ctypes

    try:
        _call("faccessat", AT_FDCWD, ctypes.c_char_p(b"/"), os.F_OK, AT_EACCESS)
    except OSError:
        return False
    return True


def attributes(descriptor: int) -> tuple[str, ...]:
    """`immutable` and `append`, where set, of the inode behind a descriptor (O_PATH is enough), by statx(2).

    Raises OSError, ENOTSUP where the file system does not know these attributes.
    """
    import errno

    answer = _statx(descriptor, b"", AT_EMPTY_PATH, 0)
    (present,) = struct.unpack_from("=Q", answer, _ATTRIBUTES)
    (known,) = struct.unpack_from("=Q", answer, _KNOWN)
    if not known & 0x30:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    return tuple(name for bit, name in _NAMED_ATTRIBUTES if present & bit)


def birth(path: bytes, inode: int) -> int | None:
    """When the inode at a path (a link itself, not its target) was made, in ns since the epoch, by statx(2).

    None where the file system keeps no birth time, or another inode has the path by now. Raises OSError.
    """
    answer = _statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, _STATX_INO | _STATX_BTIME)
    (mask,) = struct.unpack_from("=I", answer, _MASK)
    (found,) = struct.unpack_from("=Q", answer, _INO)
    seconds, nanoseconds = struct.unpack_from("=qI", answer, _BTIME)
    if not mask & _STATX_BTIME or found != inode or not seconds:  # ext4 with small inodes says 0
        return None
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def refresh(path: bytes) -> None:
    """Have the attributes of what lies at a path fetched from its server, whatever is cached. Raises OSError."""
    _statx(AT_FDCWD, path, _AT_STATX_FORCE_SYNC, _STATX_BASIC)


def _statx(directory: int, path: bytes, flags: int, mask: int) -> bytes:
    import ctypes

    buffer = ctypes.create_string_buffer(256)
    _call("statx", directory, ctypes.c_char_p(path), flags, mask, buffer)
    return buffer.raw


def capability_masks() -> tuple[int, int, int]:
    """Effective, permitted and inheritable capability bits of this thread, by capget(2). Raises OSError."""
    import ctypes

    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    _call("capget", header, data)
    return (data[0] | data[3] << 32, data[1] | data[4] << 32, data[2] | data[5] << 32)
