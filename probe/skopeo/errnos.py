"""errno by name from the texts that Go (lower case) and libc (capitalised) print for it; see errno(3)."""

from __future__ import annotations

import re

_TEXTS = {
    "permission denied": "EACCES",
    "operation not permitted": "EPERM",
    "no such file or directory": "ENOENT",
    "not a directory": "ENOTDIR",
    "is a directory": "EISDIR",
    "no space left on device": "ENOSPC",
    "disk quota exceeded": "EDQUOT",
    "read-only file system": "EROFS",
    "stale file handle": "ESTALE",
    "stale nfs file handle": "ESTALE",
    "input/output error": "EIO",
    "remote i/o error": "EREMOTEIO",
    "too many levels of symbolic links": "ELOOP",
    "too many symbolic links": "ELOOP",
    "file name too long": "ENAMETOOLONG",
    "file exists": "EEXIST",
    "file too large": "EFBIG",
    "device or resource busy": "EBUSY",
    "text file busy": "ETXTBSY",
    "directory not empty": "ENOTEMPTY",
    "invalid cross-device link": "EXDEV",
    "invalid argument": "EINVAL",
    "operation not supported": "ENOTSUP",
    "function not implemented": "ENOSYS",
    "no such device or address": "ENXIO",
    "no such device": "ENODEV",
    "too many open files in system": "ENFILE",
    "too many open files": "EMFILE",
    "too many links": "EMLINK",
    "cannot allocate memory": "ENOMEM",
    "resource temporarily unavailable": "EAGAIN",
    "transport endpoint is not connected": "ENOTCONN",
    "value too large for defined data type": "EOVERFLOW",
    "no data available": "ENODATA",
    "required key not available": "ENOKEY",
    "key has expired": "EKEYEXPIRED",
    "connection refused": "ECONNREFUSED",
    "connection reset by peer": "ECONNRESET",
    "connection timed out": "ETIMEDOUT",
    "no route to host": "EHOSTUNREACH",
    "network is unreachable": "ENETUNREACH",
    "host is down": "EHOSTDOWN",
    "broken pipe": "EPIPE",
}

NETWORK = frozenset({"ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "EPIPE"})
"""Errors of a connection: with a registry in the message they say that it could not be reached."""

NO_SPACE = frozenset({"ENOSPC", "EDQUOT"})

TEXT = "|".join(re.escape(text) for text in sorted(_TEXTS, key=len, reverse=True))
"""The texts as one alternative of a regular expression, to be matched without regard to case."""

_ANYWHERE = re.compile(rf"(?i)\b(?:{TEXT})\b")


def errno_of(text: str) -> str | None:
    """The name of the errno whose text `text` is."""
    return _TEXTS.get(text.lower())


def last_errno(message: str) -> str | None:
    """The name of the last errno that a message mentions: in a chain of wrapped errors the innermost stands last."""
    found = None
    for match in _ANYWHERE.finditer(message):
        found = match[0]
    return errno_of(found) if found else None
