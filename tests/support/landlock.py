"""Landlock on this process (landlock(7)): a security module that refuses what mode bits allow, and leaves no label."""

from __future__ import annotations

import ctypes
import os

_LIBC = ctypes.CDLL(None, use_errno=True)
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_ACCESS_FS_READ_FILE = 1 << 2
_PR_SET_NO_NEW_PRIVS = 38
_ALLOWED = ("/proc", "/sys", "/usr", "/lib", "/etc", "/dev", "/root", "/opt", "/home")


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def deny_reading_files() -> None:
    """From now on this process may open files for reading only below the system's own directories. Raises OSError."""
    handled = (ctypes.c_uint64 * 1)(_ACCESS_FS_READ_FILE)
    ruleset = _check(_LIBC.syscall(_CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0))
    for path in _ALLOWED:
        if not os.access(path, os.X_OK):
            continue
        directory = os.open(path, os.O_PATH)
        rule = _Beneath(_ACCESS_FS_READ_FILE, directory)
        _check(_LIBC.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
        os.close(directory)
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _check(_LIBC.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def available() -> bool:
    """Whether this kernel has it."""
    return bool(_LIBC.syscall(_CREATE_RULESET, None, 0, 1) > 0)


def _check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "landlock")
    return result
