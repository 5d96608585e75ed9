"""What a look is given beside its references: another identity, and the failed command's standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from probe.cli.exits import fail

if TYPE_CHECKING:
    from probe.evidence.command import CommandOutcome
    from probe.evidence.identity import Identity


def predicted(as_: str | None, caps: str | None, pid: int | None) -> Identity | None:
    """The identity that `--as` or `--pid` names; ends the run where that cannot be."""
    if as_ is not None and pid is not None:
        fail("--as and --pid both name an identity: give one")
    from probe.collect.identity import read_identity

    if pid is not None:
        import psutil

        if not psutil.pid_exists(pid):
            fail(
                f"--pid {pid}: no such process here; the containers of a pod see each other's processes only with "
                "shareProcessNamespace: true"
            )
        try:
            return read_identity(pid)
        except OSError as error:
            fail(f"--pid {pid}: /proc/{pid}/status: {error.strerror}")
    if as_ is None:
        if caps is not None:
            fail("--caps belongs to --as")
        return None
    from probe.access.credentials import parse_identity

    try:
        return parse_identity(as_, caps, like=read_identity())
    except ValueError as error:
        fail(str(error))


def command_of(source: str | None) -> CommandOutcome | None:
    """What `--stderr` holds, taken apart; ends the run where it cannot be read."""
    if source is None:
        return None
    from probe.skopeo.loglines import MAX_TEXT
    from probe.skopeo.messages import parse_messages

    try:
        if source == "-":
            raw = sys.stdin.buffer.read(MAX_TEXT + 1)
        else:
            with open(source, "rb") as stream:
                raw = stream.read(MAX_TEXT + 1)
    except OSError as error:
        fail(f"--stderr {source}: cannot read it: {error.strerror}")
    return parse_messages(raw.decode("utf-8", "replace"), source=source)
