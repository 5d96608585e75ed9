"""The runs of a command on images, as a log shows them: the command, what was said, the exit status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from probe.classify.told.said import Told
from probe.evidence.command import Failure
from probe.evidence.invocation import Invocation
from probe.evidence.transcript import CommandStated, ExitStated, FailureStated, Transcript

IMAGE_TOOLS = frozenset({"skopeo", "buildah", "podman"})
"""Programs whose messages `probe/skopeo` reads; one of them may run the code of another."""
_ENDING = frozenset({"fatal", "panic"})
"""Levels of a message after which the program has ended."""


@dataclass(frozen=True)
class Tried:
    """One run of a command that reads or makes an image, and how it went."""

    invocation: Told[Invocation]
    failures: tuple[Told[Failure], ...] = ()
    exit_status: Told[int] | None = None

    @property
    def failed(self) -> bool | None:
        """Whether it failed; None where nothing says how it went."""
        if self.exit_status is not None:
            return self.exit_status.value != 0
        return True if self.failures else None


@dataclass
class _Run:
    invocation: Told[Invocation]
    failures: list[Told[Failure]] = field(default_factory=list)
    exit_status: Told[int] | None = None

    @property
    def ended(self) -> bool:
        return self.exit_status is not None or any(one.value.level in _ENDING for one in self.failures)

    def tried(self) -> Tried:
        return Tried(self.invocation, tuple(self.failures), self.exit_status)


def runs_shown(transcript: Transcript, pointer: str) -> Iterator[Tried]:
    """Each run of each command that the log shows, in order; a command in a loop is shown once and runs often.

    Standard output and standard error are two streams: an exit status may stand before the message that explains it.
    """
    run: _Run | None = None
    fresh = False  # a run of which nothing was said yet counts only if it is the command's first
    for number, one in enumerate(transcript.statements):
        at = f"{pointer}/statements/{number}"
        if isinstance(one, CommandStated):
            if run is not None and (run.failures or run.exit_status or fresh):
                yield run.tried()
            run, fresh = _Run(Told(one.invocation, f"{at}/invocation", one.at, one.line)), True
        elif run is not None and isinstance(one, FailureStated) and _said_by(one.failure, run.invocation.value):
            failure = Told(one.failure, f"{at}/failure", one.at, one.line)
            if run.ended and not _owed(run):
                yield run.tried()
                run = _Run(run.invocation)
            run.failures.append(failure)
            fresh = False
        elif run is not None and isinstance(one, ExitStated) and _of(one, run.invocation.value):
            if run.exit_status is not None:
                yield run.tried()
                run = _Run(run.invocation)
            run.exit_status = Told(one.status, f"{at}/status", one.at, one.line)
            fresh = False
    if run is not None and (run.failures or run.exit_status or fresh):
        yield run.tried()


def _owed(run: _Run) -> bool:
    """Whether a failed exit status was stated, and nothing yet that says why."""
    return run.exit_status is not None and run.exit_status.value != 0 and not run.failures


def _said_by(failure: Failure, invocation: Invocation) -> bool:
    """Whether a message is that command's: a debugging script's `ls` between says nothing of it."""
    if failure.tool in ("", invocation.program):
        return True
    return failure.tool in IMAGE_TOOLS and invocation.program in IMAGE_TOOLS


def _of(stated: ExitStated, invocation: Invocation) -> bool:
    """Whether an exit status is that of a command: by the program, and the verb, that it names, if it names one."""
    words = stated.program.split()
    return not words or (words[0] == invocation.program and words[1:2] in ([], [invocation.verb]))
