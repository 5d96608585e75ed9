"""Writers that take their time: copies in many manners, and the real skopeo, slowed down from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_SLICE = 0.001
"""Before its first byte it may run for so long at a time: it writes some megabytes in that."""


def in_pieces(data: bytes, pieces: int) -> Iterator[bytes]:
    """The data in about equal pieces."""
    step = max(1, -(-len(data) // pieces))
    return (data[at : at + step] for at in range(0, len(data), step))


def write_slowly(path: Path, data: bytes, *, pieces: int = 10, pause: float = 0.02) -> int:
    """Write in place, as skopeo does: created empty, filled bit by bit. Gives the moment before the last piece (ns)."""
    with open(path, "wb", buffering=0) as stream:
        for piece in in_pieces(data, pieces):
            time.sleep(pause)
            began = time.time_ns()
            stream.write(piece)
    return began


class SlowSkopeo:
    """The real skopeo writing an archive, stopped most of the time from its first byte on (SIGSTOP, SIGCONT).

    It opens the archive in place and fills it in well under a second: this makes it last, and changes nothing of what
    it does, or in which order.
    """

    def __init__(self, source: str, destination: Path, *, stopped: float = 0.02, free_from: int | None = None) -> None:
        """`free_from`: from this size on it runs as it likes, so that its end is its own."""
        self._destination, self._stopped, self._free_from = destination, stopped, free_from
        self._before = self._size()
        self.process = subprocess.Popen(
            ["skopeo", "--insecure-policy", "copy", "-q", source, f"oci-archive:{destination}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.begun = threading.Event()
        """Set when the first byte is in the archive."""
        self.sizes: list[int] = []
        """Of the archive, each time that skopeo was stopped."""
        self._thread = threading.Thread(target=self._slow_down)
        self._thread.start()

    def _size(self) -> tuple[int, int]:
        try:
            status = os.stat(self._destination)
        except OSError:
            return -1, 0
        return status.st_size, status.st_mtime_ns

    def _slow_down(self) -> None:
        while self.process.poll() is None:
            begun = self.begun.is_set()
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGSTOP)
                now = self._size()
                if begun or now != self._before:
                    self.begun.set()
                    self.sizes.append(now[0])
                    time.sleep(self._stopped)
                self.process.send_signal(signal.SIGCONT)
            if self._free_from is not None and self.sizes and self.sizes[-1] >= self._free_from:
                return
            time.sleep(0.0 if begun else _SLICE)
        self.begun.set()

    def finish(self) -> None:
        """Wait until it has ended, well."""
        self._thread.join(120)
        _, said = self.process.communicate(timeout=10)
        assert self.process.returncode == 0, said.decode(errors="replace")


def in_background(act: Callable[[], object]) -> threading.Thread:
    """Start it in a thread."""
    thread = threading.Thread(target=act)
    thread.start()
    return thread
