"""/workspace, which is the whole machine's: those that mount on it, in namespaces of their own, share it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

WORKSPACE = Path("/workspace")


@contextlib.contextmanager
def workspace_to_mount_on() -> Iterator[None]:
    """/workspace exists, to be mounted on in namespaces of one's own.

    Where it did not exist, whoever made it waits for the others that use it, and removes it.
    """
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(root, fcntl.LOCK_SH)
        try:
            WORKSPACE.mkdir()
            made = True
        except FileExistsError:
            made = False
        try:
            yield
        finally:
            if made:
                fcntl.flock(root, fcntl.LOCK_EX)
                WORKSPACE.rmdir()
    finally:
        fcntl.flock(root, fcntl.LOCK_UN)  # a child that was forked meanwhile may have it open still
        os.close(root)
