"""The runs of a command on images, as a log shows them: the command, what was said, the exit status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from probe.classify.told.said import Told, gap
from probe.evidence.command import Failure
from probe.evidence.invocation import Invocation
from probe.evidence.transcript import CommandStated, DigestLevel, DigestStated, ExitStated, FailureStated, Transcript

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
    """Of the command, by the log; else, without a line, of the container whose only command it is."""
    copied: Told[str] | None = None
    """The digest of the config that it said to copy: only the manifest comes after that."""

    @property
    def failed(self) -> bool | None:
        """Whether it failed; None where nothing says how it went.

        A container's status 0 may be that of another command (`skopeo copy ... | tee log`, `exit 0`): it does not
        outweigh the message that a program ended with.
        """
        status = self.exit_status
        if status is not None and (status.line is not None or status.value != 0 or not ends(self.failures)):
            return status.value != 0
        if self.failures:
            return True
        return None if self.copied is None else False


def ends(failures: Iterable[Told[Failure]]) -> bool:
    """Whether one of these is the last word of its program."""
    return any(one.value.level in _ENDING for one in failures)


@dataclass
class _Run:
    invocation: Told[Invocation]
    failures: list[Told[Failure]] = field(default_factory=list)
    exit_status: Told[int] | None = None
    copied: Told[str] | None = None

    @property
    def ended(self) -> bool:
        return self.exit_status is not None or ends(self.failures)

    @property
    def told(self) -> bool:
        return bool(self.failures or self.exit_status or self.copied)

    def tried(self, *, mixed: bool) -> Tried:
        status = self.exit_status
        if mixed and status is not None and status.value == 0 and self.failures:
            status = None  # whose it is cannot be told
        return Tried(self.invocation, tuple(self.failures), status, self.copied)


def runs_shown(transcript: Transcript, pointer: str) -> Iterator[Tried]:
    """Each run of each command that the log shows, in order; a command in a loop is shown once and runs often.

    Standard output and standard error are two streams: an exit status may stand before the message that explains it.
    """
    mixed = transcript.source.mixed
    run: _Run | None = None
    fresh = False  # a run of which nothing was said yet counts only if it is the command's first
    for number, one in enumerate(transcript.statements):
        at = f"{pointer}/statements/{number}"
        if isinstance(one, CommandStated):
            if run is not None and (run.told or fresh):
                yield run.tried(mixed=mixed)
            run, fresh = _Run(Told(one.invocation, f"{at}/invocation", one.at, one.line)), True
        elif run is not None and isinstance(one, FailureStated) and said_by(one.failure, run.invocation.value):
            failure = Told(one.failure, f"{at}/failure", one.at, one.line)
            if run.ended and not _owed(run):
                yield run.tried(mixed=mixed)
                run = _Run(run.invocation)
            run.failures.append(failure)
            fresh = False
        elif run is not None and isinstance(one, ExitStated) and _of(one, run.invocation.value):
            if run.exit_status is not None:
                yield run.tried(mixed=mixed)
                run = _Run(run.invocation)
            run.exit_status = Told(one.status, f"{at}/status", one.at, one.line)
            fresh = False
        elif run is not None and isinstance(one, DigestStated) and _copied_by(one, run.invocation.value):
            copied = Told(one.digest, f"{at}/digest", one.at, one.line)
            if run.failures and run.exit_status is None and surely_later(copied, run.failures[-1]) and not mixed:
                yield run.tried(mixed=mixed)
                run = _Run(run.invocation)
            if one.line < transcript.lines and not run.ended and not mixed:
                run.copied = copied
                fresh = False
    if run is not None and (run.told or fresh):
        yield run.tried(mixed=mixed)


def surely_later(copied: Told[str], failure: Told[Failure]) -> bool:
    """Whether what was copied was so by another try: progress and messages are two streams, so by a second or more."""
    return (copied.line or 0) > (failure.line or 0) and gap(copied, failure)[0] > 0


def _copied_by(stated: DigestStated, invocation: Invocation) -> bool:
    """Whether a line is about the config of the image that a command copies."""
    return stated.level is DigestLevel.CONFIG and stated.said_by == f"{invocation.program} {invocation.verb}"


def _owed(run: _Run) -> bool:
    """Whether a failed exit status was stated, and nothing yet that says why."""
    return run.exit_status is not None and run.exit_status.value != 0 and not run.failures


def said_by(failure: Failure, invocation: Invocation) -> bool:
    """Whether a message is that command's: a debugging script's `ls` between says nothing of it."""
    if failure.tool in ("", invocation.program):
        return True
    return failure.tool in IMAGE_TOOLS and invocation.program in IMAGE_TOOLS


def _of(stated: ExitStated, invocation: Invocation) -> bool:
    """Whether an exit status is that of a command: by the program, and the verb, that it names, if it names one."""
    words = stated.program.split()
    return not words or (words[0] == invocation.program and words[1:2] in ([], [invocation.verb]))
