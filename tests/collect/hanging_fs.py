"""A FUSE file system that shows a directory as it is, but answers chosen calls with an errno, late, or never.

Run as `hanging_fs.py SOURCE TARGET CALL=PATH=ANSWER...`; an answer is a number of errno, `hang`, or `hang-after-N`
(N answers, then none). `cache=/=N`: the kernel may keep names and attributes for N seconds.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from typing import Any

import mfusepy as fuse

KEYS = ("st_gid", "st_mode", "st_nlink", "st_size", "st_uid", "st_ino")


class Mirror(fuse.Operations):  # type: ignore[misc]
    use_ns = True

    def __init__(self, source: str, answers: dict[tuple[str, str], str]) -> None:
        self._source, self._answers, self._calls = source, answers, Counter[tuple[str, str]]()

    def _place(self, call: str, path: str) -> str:
        answer = self._answers.get((call, path))
        self._calls[call, path] += 1
        if answer is not None:
            word, _, count = answer.partition("-after-")
            if word != "hang":
                raise fuse.FuseOSError(int(answer))
            if self._calls[call, path] > int(count or 0):
                time.sleep(3600)
        return self._source + path

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        status = os.lstat(self._place("getattr", path))
        times = {name: getattr(status, name + "_ns") for name in ("st_atime", "st_ctime", "st_mtime")}
        return {**{name: getattr(status, name) for name in KEYS}, **times}

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        place = self._place("getxattr", path)
        try:
            return os.getxattr(place, name, follow_symlinks=False)
        except OSError as error:
            raise fuse.FuseOSError(error.errno) from None

    def readlink(self, path: str) -> str:
        return os.readlink(self._place("readlink", path))

    def opendir(self, path: str) -> int:
        self._place("opendir", path)
        return 0

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *os.listdir(self._place("readdir", path))]

    def open(self, path: str, flags: int) -> int:
        return os.open(self._place("open", path), flags)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        self._place("read", path)
        return os.pread(fh, size, offset)

    def statfs(self, path: str) -> dict[str, int]:
        found = os.statvfs(self._place("statfs", "/") and self._source)
        return {
            key: getattr(found, key) for key in ("f_bavail", "f_blocks", "f_bsize", "f_frsize", "f_files", "f_ffree")
        }

    def release(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0


def main() -> None:
    source, target, *told = sys.argv[1:]
    answers: dict[tuple[str, str], str] = {}
    for one in told:
        call, path, answer = one.split("=")
        answers[call, path] = answer
    cached = int(answers.pop(("cache", "/"), "0"))
    fuse.FUSE(
        Mirror(source, answers),
        target,
        foreground=True,
        nothreads=False,
        allow_other=True,
        default_permissions=True,
        attr_timeout=cached,
        entry_timeout=cached,
    )


if __name__ == "__main__":
    main()
