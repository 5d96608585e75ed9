"""The program itself, as a shell starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "probe")
_ENVIRONMENT = {"COLUMNS": "80", "PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Ran:
    """What one run left: exit status, and the two streams."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as exactly one JSON document."""
        return json.loads(self.out)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """A small environment, in which the program is found from any directory."""
    return {**_ENVIRONMENT, "PYTHONPATH": str(ROOT), **(more or {})}


def probe(
    *arguments: str | bytes | Path,
    stdin: bytes | IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    before: Callable[[], None] | None = None,
) -> Ran:
    """Run `python -m probe ARGUMENTS...`; `before` acts in the new process first."""
    ran = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        check=False,
        cwd=cwd,
        env=environment(env),
        preexec_fn=before,
        timeout=60,
        **({"stdin": stdin} if stdin is not None and not isinstance(stdin, bytes) else {"input": stdin or b""}),
    )
    return Ran(ran.returncode, ran.stdout.decode("utf-8"), ran.stderr.decode("utf-8"))
