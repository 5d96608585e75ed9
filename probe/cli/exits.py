"""Exit statuses, and the one way to end with a message. Standard output stays free for documents."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import NoReturn

from probe.classify.verdict import Cause, Family, Verdict


class ExitStatus(IntEnum):
    """What a shell sees. `exec` alone returns its command's own status."""

    HEALTHY = 0
    FAULT = 1
    USAGE = 2
    INCONCLUSIVE = 3
    PROBE_FAILED = 4


def status_of(verdict: Verdict) -> ExitStatus:
    """The exit status that a verdict stands for."""
    if verdict.cause is Cause.INCONCLUSIVE:
        return ExitStatus.INCONCLUSIVE
    return ExitStatus.HEALTHY if verdict.family is Family.NONE else ExitStatus.FAULT


def fail(message: str, status: ExitStatus = ExitStatus.USAGE) -> NoReturn:
    """Say what went wrong on standard error and end."""
    print(f"probe: {message}", file=sys.stderr)
    raise SystemExit(int(status))
