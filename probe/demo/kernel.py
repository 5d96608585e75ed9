"""The system calls by which a process takes another identity, and which Python's os module does not offer; by ctypes.

Sources: prctl(2), capset(2), capabilities(7), unshare(2), mount(2).
"""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache

from probe.access.capability import CAPABILITIES, capability_bits

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_MS_NOSUID, _MS_NODEV, _MS_REC, _MS_PRIVATE = 2, 4, 0x4000, 0x40000
_CAPABILITY_VERSION_3 = 0x20080522


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def prepare() -> None:
    """Load what the calls need, while this process may still read it."""
    _libc()


def _call(name: str, *arguments: object) -> int:
    """A call of the C library. Raises OSError."""
    result: int = getattr(_libc(), name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def _prctl(option: int, argument: int = 0) -> int:
    return _call("prctl", option, *(ctypes.c_ulong(value) for value in (argument, 0, 0, 0)))


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` names for new ones. Raises OSError (EPERM, ENOSPC, EINVAL)."""
    _call("unshare", flags)


def mount_tmpfs(path: str, size: str) -> None:
    """Mount a tmpfs of `size` (`1m`) on `path`, seen in this mount namespace alone. Raises OSError."""
    _call("mount", None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None)
    options = f"size={size},mode=1777".encode()
    _call("mount", b"tmpfs", os.fsencode(path), b"tmpfs", ctypes.c_ulong(_MS_NOSUID | _MS_NODEV), options)


def forbid_new_privileges() -> None:
    """Set no_new_privs, as `allowPrivilegeEscalation: false` does."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_from_bounding_set(keep: frozenset[str]) -> None:
    """Take every other capability from the bounding set, and all from the ambient set.

    Without CAP_SETPCAP the bounding set stays as it is, which grants nothing under no_new_privs.
    """
    for number in range(len(CAPABILITIES), 64):
        _drop(number)
    for number, name in enumerate(CAPABILITIES):
        if name not in keep:
            _drop(number)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)


def _drop(number: int) -> None:
    try:
        if _prctl(_PR_CAPBSET_READ, number):
            _prctl(_PR_CAPBSET_DROP, number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EPERM):  # a capability that this kernel does not know; not ours
            raise


def limit_capabilities(keep: frozenset[str]) -> None:
    """Give up every effective, permitted and inheritable capability that is not in `keep`."""
    mask = capability_bits(keep)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    _call("capget", header, data)
    for word in (0, 1):
        bits = mask >> 32 * word & 0xFFFFFFFF
        data[3 * word] &= bits
        data[3 * word + 1] &= bits
        data[3 * word + 2] = 0
    _call("capset", header, data)


def become_ordinary() -> None:
    """Undo the mark of a changed identity, which hides /proc/self; what a container starts has no such mark."""
    _prctl(_PR_SET_DUMPABLE, 1)


def die_with_parent(parent: int, signal_number: int) -> None:
    """Have this process killed when its parent ends. Call it after the identity is changed, which clears it."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        os._exit(1)
