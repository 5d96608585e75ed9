"""By strace: what waits, watches and looks after a failure changes nothing below the path, and the process that the
caller waits for makes no call there that could hang."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.program import ROOT, environment

_CHANGES = re.compile(
    r"(creat|truncate|ftruncate|unlink|unlinkat|rename\w*|mkdir\w*|rmdir|mknod\w*|symlink\w*|link|linkat|chmod|fchmod\w*|"
    r"chown|fchown\w*|lchown|utime\w*|\w*setxattr|\w*removexattr|fallocate|mount)\("
)
_WRITES = re.compile(r"p?write\w*\(\d+<")
_SAYS = re.compile(r"(execve|write|writev|read|readv|fcntl)\(")
"""Calls whose text may hold the path although they are not about it: arguments, messages, the pipe to the child."""


def traced(place: Path, *arguments: str) -> tuple[int, list[tuple[str, str]]]:
    """Exit status, and process and call of each line of the trace."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    trace = place / "trace"
    done = subprocess.run(
        ["strace", "-f", "-y", "-qq", "-s", "200", "-o", str(trace), sys.executable, "-m", "probe", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
        timeout=120,
    )
    if "ptrace" in done.stderr:
        pytest.skip(f"no ptrace here: {done.stderr.strip()}")
    lines = (line.split(maxsplit=1) for line in trace.read_text(errors="replace").splitlines())
    return done.returncode, [(line[0], line[1]) for line in lines if len(line) == 2]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("wait",), 0),
        (("wait", "--timeout", "300ms", "--until", "sealed", "--no-evidence-stderr"), 1),
        (("watch", "--for", "300ms"), 0),
        (("exec", "--no-evidence-stderr", "--", "false"), 1),
    ],
    ids=["wait", "wait in vain", "watch", "exec"],
)
def test_readers_change_nothing(place: Path, archive: Path, arguments: tuple[str, ...], status: int) -> None:
    inspected, reference = str(archive.parent), f"oci-archive:{archive}"
    words = ("exec", "--ref", reference, *arguments[1:]) if arguments[0] == "exec" else (*arguments, reference)
    ended, calls = traced(place, *words)
    assert ended == status
    touching = [(pid, call) for pid, call in calls if inspected in call and not _SAYS.match(call)]
    assert len(touching) > 10
    assert [call for pid, call in touching if pid == calls[0][0]] == []
    assert [call for _, call in touching if _CHANGES.match(call)] == []
    assert [call for _, call in calls if _WRITES.match(call) and inspected in call.partition(">")[0]] == []
    opened = [call for _, call in touching if re.match(r"open(at2?)?\(", call)]
    assert opened and not [call for call in opened if re.search(r"O_(CREAT|TRUNC|RDWR|WRONLY|TMPFILE|APPEND)", call)]
    assert not [call for _, call in calls if "F_SETLEASE" in call]
