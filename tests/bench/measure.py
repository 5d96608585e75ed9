"""One command as a whole process, by the kernel's accounting: seconds, peak memory, bytes read and written."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Run:
    """Figures of one run. Bytes are those asked of read(2) and write(2) (proc_pid_io(5): rchar, wchar)."""

    wall: float
    cpu: float
    peak_mib: float
    read: int
    written: int
    status: int


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command with its output thrown away."""
    began = time.perf_counter()
    nowhere = os.open(os.devnull, os.O_RDWR)
    pid = os.posix_spawnp(
        command[0],
        list(command),
        dict(environment if environment is not None else os.environ),
        file_actions=[(os.POSIX_SPAWN_DUP2, nowhere, descriptor) for descriptor in (0, 1, 2)],
    )
    os.close(nowhere)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    wall = time.perf_counter() - began
    read, written = _io(pid)
    _, status, usage = os.wait4(pid, 0)
    return Run(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
        read=read,
        written=written,
        status=os.waitstatus_to_exitcode(status),
    )


def _io(pid: int) -> tuple[int, int]:
    """What it and the children that it waited for read and wrote; a process that has ended still has the file."""
    try:
        with open(f"/proc/{pid}/io", encoding="ascii") as stream:
            figures = dict(line.split(": ") for line in stream.read().splitlines())
    except OSError:
        return 0, 0
    return int(figures["rchar"]), int(figures["wchar"])


def alternate(commands: Mapping[str, Callable[[], Run]], times: int) -> dict[str, list[Run]]:
    """Each command once to warm up, then in turn, A B A B, so that a machine that drifts drifts for all."""
    for command in commands.values():
        command()
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            runs[name].append(command())
    return runs


def median(runs: Sequence[Run], figure: str) -> float:
    """The median of one figure."""
    return float(statistics.median(getattr(one, figure) for one in runs))


def ratio(runs: Sequence[Run], base: Sequence[Run], figure: str) -> float:
    """The median of the ratios, pair by pair."""
    pairs = zip(runs, base, strict=True)
    return float(statistics.median(getattr(a, figure) / max(getattr(b, figure), 1e-9) for a, b in pairs))


def raw(runs: Mapping[str, Sequence[Run]]) -> dict[str, list[dict[str, float]]]:
    """Every figure of every run, for the file that is kept."""
    return {name: [asdict(one) for one in several] for name, several in runs.items()}
