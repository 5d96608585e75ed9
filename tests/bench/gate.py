"""The gate against the loop that it replaces: who lets a reader in too early, and how long after the end each opens."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.archives import write_archive
from tests.support.writers import SlowSkopeo, write_slowly

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

_ARCHIVE_BYTES = 24 * 10**6
_PIECES, _PAUSE = 60, 0.04
"""A copy that takes two seconds and a half."""
_LOOP = 'for i in $(seq 30); do [ -f "$1" ] && [ -r "$1" ] && break; sleep 2; done'
"""As it stood in the pipeline."""
_WITHOUT_INOTIFY = ("unshare", "-Ur", "sh", "-c", 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"', "sh")
"""In a user namespace of its own (namespaces(7), /proc/sys/user) the kernel then gives no inotify instance."""


@dataclass
class Entry:
    """One reader behind one gate."""

    late: float
    """Seconds from the completion to the opening, negative when it opened before."""
    whole: bool
    """Whether the reader, let in, found the finished bytes."""

    @property
    def early(self) -> bool:
        """Let in before there was anything whole to read."""
        return not self.whole


class _Reader:
    """A gate, and behind it a reader that hashes the archive as soon as it is let in."""

    def __init__(self, command: list[str], path: Path) -> None:
        self._path = path
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self._watching = threading.Event()
        self.opened, self.digest = 0.0, ""
        self.said: list[str] = []
        self._threads = [threading.Thread(target=act) for act in (self._listen, self._read)]
        for thread in self._threads:
            thread.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said.append(line[:200])
            self._watching.set()
        self._watching.set()

    def _read(self) -> None:
        if self._process.wait() == 0:
            self.opened = time.time()
            self.digest = _hash(self._path)

    def watches(self) -> None:
        """Wait until the gate has looked for the first time: its start is not what is measured here."""
        self._watching.wait(30)

    def end(self) -> None:
        """Wait until the reader is done."""
        for thread in self._threads:
            thread.join(120)


def run(bench: Bench) -> None:
    """Several writers, each watched by all gates at once."""
    source = bench.directory / "source.tar"
    write_archive(source, _ARCHIVE_BYTES // 2, layers=2)
    data = source.read_bytes()
    writers: dict[str, Callable[[Path], float]] = {
        "a throttled copy, in place": lambda path: _copy(path, data),
        "a copy renamed into place": lambda path: _rename(path, data),
    }
    if shutil.which("skopeo"):
        writers = {"skopeo itself, slowed down": lambda path: _skopeo(source, path), **writers}
    times = 3 if bench.quick else 12
    print(f"\nThe gate: {len(data) / 1e6:.0f} MB written slowly, {times} times each")
    print(f"  {'':28} {'gate':28} {'too early':>10} {'median s':>9} {'worst s':>9}   after the end")
    for name, write in writers.items():
        entries: dict[str, list[Entry]] = {}
        for number in range(times):
            for gate, entry in _one(bench.directory / f"gate{number}", write):
                entries.setdefault(gate, []).append(entry)
        bench.raw[f"gate: {name}"] = {gate: [asdict(one) for one in several] for gate, several in entries.items()}
        for gate, several in entries.items():
            _print(name, gate, several)
            name = ""
    _cold_start(bench, source)


def _print(name: str, gate: str, entries: list[Entry]) -> None:
    early = sum(one.early for one in entries)
    late = [one.late for one in entries if not one.early]
    figures = f"{statistics.median(late):9.3f} {max(late):9.3f}" if late else f"{'-':>9} {'-':>9}"
    print(f"  {name:28} {gate:28} {early:3} of {len(entries):3} {figures}")


def _one(directory: Path, write: Callable[[Path], float]) -> Iterator[tuple[str, Entry]]:
    """One writer, and a reader behind each gate."""
    directory.mkdir()
    path = directory / "image.tar"
    with ExitStack() as stack:
        readers = {name: stack.enter_context(_reader(command, path)) for name, command in _gates(path).items()}
        for name, reader in readers.items():
            if name.startswith("probe"):
                reader.watches()
        time.sleep(random.uniform(0.0, 2.0))  # the loop is asleep for two seconds at a time
        completed = write(path)
    finished = _hash(path)
    for name, reader in readers.items():
        yield name, Entry(reader.opened - completed, reader.digest == finished)
    shutil.rmtree(directory)


@contextmanager
def _reader(command: list[str], path: Path) -> Iterator[_Reader]:
    reader = _Reader(command, path)
    try:
        yield reader
    finally:
        reader.end()


def _gates(path: Path) -> dict[str, list[str]]:
    wait = [sys.executable, "-m", "probe", "wait", "--timeout", "60s", f"oci-archive:{path}"]
    gates = {"the loop": ["sh", "-c", _LOOP, "sh", str(path)], "probe wait (inotify)": wait}
    if shutil.which("unshare") and _may_unshare():
        gates["probe wait (polling)"] = [*_WITHOUT_INOTIFY, *wait]
    return gates


def _may_unshare() -> bool:
    return subprocess.run([*_WITHOUT_INOTIFY, "true"], check=False, capture_output=True).returncode == 0


def _copy(path: Path, data: bytes) -> float:
    write_slowly(path, data, pieces=_PIECES, pause=_PAUSE)
    return time.time()


def _rename(path: Path, data: bytes) -> float:
    temporary = path.with_suffix(".tmp")
    write_slowly(temporary, data, pieces=_PIECES, pause=_PAUSE)
    temporary.rename(path)
    return time.time()


def _skopeo(source: Path, path: Path) -> float:
    """The moment of its last write: when it closed the file cannot be seen from here."""
    writer = SlowSkopeo(f"oci-archive:{source}", path, stopped=0.06, free_from=int(source.stat().st_size * 0.95))
    writer.finish()
    return os.stat(path).st_mtime


def _hash(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _cold_start(bench: Bench, archive: Path) -> None:
    time.sleep(1.1)  # at rest, so that nothing is waited for
    python = [sys.executable, "-m", "probe"]
    bench.compare(
        "The gate: cold start, in front of an archive that is finished and rests",
        {
            "probe wait": [*python, "wait", f"oci-archive:{archive}"],
            "probe wait --until readable": [*python, "wait", "--until", "readable", f"oci-archive:{archive}"],
            "floor: probe --version": [*python, "--version"],
            "the loop": ["sh", "-c", _LOOP, "sh", str(archive)],
        },
        "floor: probe --version",
    )
