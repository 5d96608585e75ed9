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


def warn(message: str) -> None:
    """Say something on standard error, in one line: what a file is called cannot move the cursor there."""
    from probe.report.safe import safe

    # Python carries a byte of an argument that is not UTF-8 as a surrogate: shown as in the documents, `\\xff`.
    text = message.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    print(f"probe: {safe(text)}", file=sys.stderr)


def fail(message: str, status: ExitStatus = ExitStatus.USAGE) -> NoReturn:
    """Say what went wrong on standard error and end."""
    warn(message)
    raise SystemExit(int(status))
