"""What a watch costs: at rest, beside a fast writer, in a busy directory; and how soon it notices a close."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from probe.demo.image import build_image
from probe.handoff.observe.observer import Kind, Observer
from probe.image.reference import parse_reference

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

_WRITER = """
import os, sys, time
piece, end = bytes(1 << 20), time.monotonic() + float(sys.argv[2])
descriptor, count = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 0
while time.monotonic() < end:
    os.pwrite(descriptor, piece, (count % 256) << 20)
    count += 1
    if count % 256 == 0:
        os.ftruncate(descriptor, 0)
"""
_APPENDER = """
import sys, time
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    with open(sys.argv[1], "ab") as stream:
        stream.write(b"line")
    time.sleep(0.0005)
"""
_NEIGHBOUR = """
import os, sys, time
end, place = time.monotonic() + float(sys.argv[2]), os.path.dirname(sys.argv[1])
while time.monotonic() < end:
    for number in range(10):
        with open(f"{place}/other{number}", "w"):
            pass
    time.sleep(0.005)
"""


def run(bench: Bench) -> None:
    """Measure and print; the raw data goes with the rest."""
    directory = bench.directory / "watching"
    directory.mkdir()
    path = directory / "image.tar"
    image = build_image(200_000).archive
    seconds, rest, times = (2.0, 4.0, 20) if bench.quick else (5.0, 60.0, 200)
    figures = {"at rest": _shares(path, image, rest, None)}
    for name, code in (
        ("beside a writer without a pause", _WRITER),
        ("beside one who opens, appends, closes", _APPENDER),
        ("in a directory where others make files", _NEIGHBOUR),
    ):
        figures[name] = _shares(path, image, seconds, code)
    latencies = _latencies(path, image, times)
    bench.raw["probe watch"] = {"shares": figures, "latencies": latencies}
    print("\nprobe watch, with its child: share of one processor, memory that it alone takes")
    for name, (share, mib, lines) in figures.items():
        print(f"  {name:42} {100 * share:8.4f} %  {mib:6.1f} MiB  {lines:5} lines")
    print(f"from close to notice, {times} times: median and worst of the two, in milliseconds")
    for kind, several in latencies.items():
        print(f"  {kind:42} {1000 * statistics.median(several):8.2f}   {1000 * max(several):8.2f}")


def _shares(path: Path, image: bytes, seconds: float, other: str | None) -> tuple[float, float, int]:
    """Processor time of a watch and its child, over some seconds; memory; lines written."""
    log = path.with_name("log")
    log.unlink(missing_ok=True)
    path.write_bytes(image)
    with _watch(path, log) as pids:
        began, before = time.monotonic(), sum(map(_cpu, pids))
        if other is None:
            time.sleep(seconds)
        else:
            subprocess.run([sys.executable, "-c", other, str(path), str(seconds)], check=True)
        share = (sum(map(_cpu, pids)) - before) / (time.monotonic() - began)
        mib = sum(map(_pss, pids)) / 1024
    return share, mib, log.read_bytes().count(b"\n")


@contextmanager
def _watch(path: Path, log: Path) -> Iterator[list[int]]:
    command = [sys.executable, "-m", "probe", "watch", f"oci-archive:{path}", "-o", str(log)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _until(lambda: log.exists() and b'"complete"' in log.read_bytes())
        time.sleep(0.5)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield [process.pid, *map(int, children)]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError("the watch does not begin")
        time.sleep(0.02)


def _cpu(pid: int) -> float:
    """Seconds on a processor, by the scheduler's own count (proc_pid_schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _pss(pid: int) -> int:
    """Proportional set size, KiB: what several share is counted in parts."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Pss:")))


def _latencies(path: Path, image: bytes, times: int) -> dict[str, list[float]]:
    """From close(2) until the observer says that it is closed, and until it says that it is complete."""
    found: dict[str, list[float]] = {"closed": [], "complete": []}
    path.unlink()
    with Observer([parse_reference(f"oci-archive:{path}")]) as observer:
        for _ in range(times):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.write(descriptor, image[:-512])
            time.sleep(0.06)
            while observer.next(0.0) is not None:
                pass
            os.write(descriptor, image[-512:])
            began = time.monotonic()
            os.close(descriptor)
            for name, kind in (("closed", Kind.CLOSED), ("complete", Kind.FACTS)):
                while (notice := observer.next(10.0)) is not None and notice.kind is not kind:
                    pass
                found[name].append(time.monotonic() - began)
            path.unlink()
    return found
