"""A FUSE file system whose answers a test chooses: a directory shown as it is, but for the errnos that are told."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SERVER = """
import errno, os, sys
import mfusepy as fuse

class Mirror(fuse.Operations):
    def __init__(self, source, answers):
        self.source, self.answers = source, answers
    def _path(self, path, call):
        number = self.answers.get((call, path))
        if number:
            raise fuse.FuseOSError(number)
        return self.source + path
    def getattr(self, path, fh=None):
        st = os.lstat(self._path(path, "getattr"))
        keys = ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid")
        return {key: getattr(st, key) for key in keys}
    def readdir(self, path, fh):
        return [".", "..", *os.listdir(self._path(path, "readdir"))]
    def open(self, path, flags):
        return os.open(self._path(path, "open"), flags)
    def read(self, path, size, offset, fh):
        self._path(path, "read")
        return os.pread(fh, size, offset)
    def release(self, path, fh):
        os.close(fh)
        return 0

source, target, allow_other, *told = sys.argv[1:]
answers = {}
for one in told:
    call, path, number = one.split("=")
    answers[call, path] = int(number)
options = {"allow_other": True, "default_permissions": True} if allow_other == "1" else {}
fuse.FUSE(Mirror(source, answers), target, foreground=True, nothreads=True, **options)
"""


@contextmanager
def mirror(
    source: Path, target: Path, answers: dict[tuple[str, str], int], *, allow_other: bool = True
) -> Iterator[None]:
    """Mount `source` at `target`; `answers` maps (call, path inside) to the errno that it gets."""
    target.mkdir(exist_ok=True)
    told = [f"{call}={path}={number}" for (call, path), number in answers.items()]
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(source), str(target), "1" if allow_other else "0", *told],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        for _ in range(200):
            if os.path.ismount(target):
                break
            if server.poll() is not None:
                raise OSError(errno.EIO, f"the FUSE server ended: {server.stderr and server.stderr.read().decode()}")
            time.sleep(0.02)
        yield
    finally:
        subprocess.run(["umount", "-l", str(target)], check=False, capture_output=True)
        server.kill()
        server.wait()
