"""Documents into files: whole, or not at all."""

from __future__ import annotations

import os

from probe.handoff.seal.durable import write_file


def write_whole(path: str, text: str) -> None:
    """Write `text` to `path` through a temporary file and a rename, mode 0644 whatever the umask. Raises OSError.

    A symbolic link stays, and what it leads to is replaced. Where nothing can be renamed it is written directly:
    a device, a pipe, and what this process already has open as a standard stream (`/dev/stdout`).
    """
    data = text.encode("utf-8")
    if os.path.exists(path):
        if _written_to_stream(path, data):
            return
        if not os.path.isfile(path):
            with open(path, "wb") as stream:
                stream.write(data)
            return
    write_file(os.fsencode(os.path.realpath(path)), data, sync=False)


def _written_to_stream(path: str, data: bytes) -> bool:
    """Write to standard output or error when `path` is that very file: a second way into it would write over it."""
    status = os.stat(path)
    for descriptor in (1, 2):
        try:
            same = os.path.samestat(status, os.fstat(descriptor))
        except OSError:
            continue
        if same:
            with open(descriptor, "wb", closefd=False) as stream:
                stream.write(data)
            return True
    return False
