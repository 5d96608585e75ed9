"""What the looking process does: a first look while the command runs, and when it has failed a full one, at once.

It has the identity, the mounts and the node of the command, so what it sees is what the command met.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from probe.classify.verdict import STRENGTH, Cause, Family, VerdictDocument
from probe.collect.plan import Plan
from probe.evidence.base import path_text
from probe.evidence.command import CommandOutcome, Failure
from probe.evidence.observation import Seen
from probe.evidence.path import Want
from probe.evidence.report import Reference, Report
from probe.handoff.execute.arguments import Role, find_references
from probe.handoff.execute.desk import AGAIN, DONE, FINAL, FIRST, Desk
from probe.handoff.execute.retry import Decision, Step, decide
from probe.handoff.execute.run import Ended
from probe.handoff.execute.tail import Tail, outcome_of

_FIRST_SECONDS = 2.0
_LEAST_SECONDS = 0.5


@dataclass(frozen=True)
class Task:
    """What to look at and how. `references` are those that were named; none: they are found in `command`."""

    command: tuple[str, ...]
    references: tuple[Reference, ...]
    plan: Plan
    retries: int = 0
    retry_wait: float = 60.0

    @property
    def patience(self) -> float:
        """Seconds within which all that comes after a failure is done, with something to spare."""
        return 3 * self.plan.deadline + (self.retry_wait if self.retries else 0.0) + 30.0


@dataclass(frozen=True)
class Aim:
    """One reference, and what the command wanted with it."""

    reference: Reference
    want: Want
    made: bool = False
    """The command makes it, or writes to it."""


@dataclass(frozen=True)
class Found:
    """What came out for one run: verdicts, the one that matters most first."""

    ended: Ended
    program: str
    documents: tuple[VerdictDocument, ...]
    waited: bool = False
    """Judged once more, with what was seen while it was waited for."""


@dataclass
class _Looks:
    """The reports on one aim, in order of time."""

    aim: Aim
    reports: list[Report] = field(default_factory=list)


class Aftermath:
    """`tell` gets sentences, `show` the verdicts on each failed run."""

    def __init__(self, task: Task, tell: Callable[[str], None], show: Callable[[Found], None]) -> None:
        self._task, self._tell, self._show = task, tell, show
        self._aims: tuple[Aim, ...] | None = None

    def serve(self, desk: Desk, tail: Tail | None) -> None:
        """Take orders until there are none. What goes wrong here is one sentence, and nothing more."""
        try:
            self._serve(desk, tail)
        except Exception as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            self._tell(f"no evidence was collected: {said}")
            desk.reply(DONE)

    def _serve(self, desk: Desk, tail: Tail | None) -> None:
        looks: list[_Looks] = []
        while (order := desk.next_order()) is not None:
            if "begun" in order:
                looks = []
                with contextlib.suppress(Exception):  # it may yet succeed, and then nothing is said
                    looks = [_Looks(aim) for aim in self._prepare()]
                    self._first_look(desk, looks)
            elif "status" in order:
                with desk.looking(FINAL):
                    looks = looks or [_Looks(aim) for aim in self._prepare()]
                    desk.reply(self._failed(desk, Ended(**order), tail, looks))

    def _prepare(self) -> tuple[Aim, ...]:
        """All that takes time, while the command runs. Gives what is to be looked at."""
        from probe.classify import judge  # noqa: F401
        from probe.collect import gather, nearby, timeline  # noqa: F401
        from probe.collect.frames import prepare
        from probe.image import inspect  # noqa: F401
        from probe.skopeo import messages  # noqa: F401

        prepare()
        if self._aims is None:
            self._aims = tuple(_aims(self._task))
        return self._aims

    # -- looks

    def _first_look(self, desk: Desk, looks: Sequence[_Looks]) -> None:
        """How things stood when the command began. What it makes itself was rightly absent then."""
        plan = replace(self._task.plan, gap=0.0, deadline=min(_FIRST_SECONDS, self._task.plan.deadline))
        with desk.looking(FIRST):
            for look in looks:
                if desk.wanted and not look.aim.made and look.aim.want is Want.READ:
                    report = _gather(look.aim.reference, plan)
                    if desk.wanted:
                        look.reports.append(report)

    def _look(self, looks: Sequence[_Looks]) -> None:
        """One more report on each. All together take little longer than the deadline for one."""
        until = time.monotonic() + self._task.plan.deadline
        for look in looks:
            left = max(until - time.monotonic(), min(_LEAST_SECONDS, self._task.plan.deadline))
            plan = replace(self._task.plan, deadline=left, want=look.aim.want)
            report = _gather(look.aim.reference, plan)
            if look.aim.made and isinstance(report.chain, Seen) and report.chain.value.target is not None:
                report = _gather(look.aim.reference, replace(plan, want=Want.WRITE))
            look.reports.append(report)

    # -- after a failure

    def _failed(self, desk: Desk, ended: Ended, tail: Tail | None, looks: list[_Looks]) -> bytes:
        program = self._task.command[0]
        self._look(looks)
        desk.next_order()  # what the command said has arrived
        if not looks:
            self._show(Found(ended, program, ()))
            return DONE
        outcome = outcome_of(ended, program, tail)
        for look in looks:
            others = [other.aim.reference for other in looks if other is not look]
            look.reports[-1] = _with_outcome(look.reports[-1], outcome, others)
        documents = _judge(looks, joined=bool(self._task.references))
        self._show(Found(ended, program, documents))
        if ended.run > self._task.retries:
            return DONE
        return AGAIN if self._again(ended, documents, looks) else DONE

    def _again(self, ended: Ended, documents: Sequence[VerdictDocument], looks: list[_Looks]) -> bool:
        decision = decide(documents)
        read = [look for look in looks if not look.aim.made]
        if decision.step is Step.STOP or not read:
            self._tell(decision.sentence)
            return False
        self._tell(f"{decision.sentence}; waiting up to {self._task.retry_wait:g} s for it to be finished")
        began = time.monotonic()
        if not _wait([look.aim.reference for look in read], self._task.retry_wait):
            self._tell(f"not run again: not finished after {time.monotonic() - began:.1f} s")
            return False
        if decision.step is Step.SEE:
            self._look(read)
            documents = _judge(looks, joined=bool(self._task.references))
            decision = decide(documents, waited=True)
            if decision.step is not Step.AGAIN:
                self._tell(decision.sentence)
                return False
            self._show(Found(ended, self._task.command[0], documents, waited=True))
        self._tell(f"run again after {time.monotonic() - began:.1f} s: {_why(decision)}")
        return True


def _why(decision: Decision) -> str:
    return decision.sentence.removesuffix(" heals by waiting")


def _aims(task: Task) -> Iterator[Aim]:
    if task.references:
        yield from (Aim(reference, task.plan.want) for reference in task.references)
        return
    for reference, role in find_references(task.command):
        made = role is Role.MADE
        yield Aim(reference, Want.CREATE if made else Want.READ, made)


def _gather(reference: Reference, plan: Plan) -> Report:
    from probe.collect.gather import gather

    return gather(reference, plan)


def _wait(references: Sequence[Reference], seconds: float) -> bool:
    """Wait until all are there, readable, complete and at rest."""
    from probe.handoff.gate.rules import Rules
    from probe.handoff.gate.waiting import Patience, Waiting

    return Waiting(references, Rules(), Patience(timeout=seconds), lambda _: None).run().opened


# -- judging


def _judge(looks: Sequence[_Looks], *, joined: bool) -> tuple[VerdictDocument, ...]:
    """References that were named together are names of one hand-over. Those of a script may be different images."""
    from probe.classify.judge import judge_case

    made = [look for look in looks if look.aim.made]
    read = [look for look in looks if not look.aim.made]
    cases = [looks] if joined or len(read) < 2 else [[look, *made] for look in read]
    documents = [judge_case(sorted(_reports(case), key=lambda report: report.started)) for case in cases]
    return tuple(sorted(documents, key=_weight))


def _reports(case: Sequence[_Looks]) -> Iterator[Report]:
    for look in case:
        yield from look.reports


def _weight(document: VerdictDocument) -> tuple[bool, int, bool]:
    """The verdict that matters most first."""
    verdict = document.verdict
    return verdict.family is Family.NONE, STRENGTH[verdict.status], verdict.cause is Cause.OTHER_PATH_FAILED


def _with_outcome(report: Report, outcome: CommandOutcome, others: Sequence[Reference]) -> Report:
    """The report with what the command said: without messages on its other references, which stand in their reports."""
    from probe.collect.timeline import timeline_of

    failures = tuple(
        failure
        for failure in outcome.failures
        if _concerns(failure, report.reference) or not any(_concerns(failure, other) for other in others)
    )
    told = report.model_copy(update={"command": outcome.model_copy(update={"failures": failures})})
    return told.model_copy(update={"timeline": timeline_of(told)})


def _concerns(failure: Failure, reference: Reference) -> bool:
    """Whether the path of a message is that of a reference, on the way to it, or inside it."""
    if failure.path is None:
        return False
    path, mine = (posixpath.normpath(posixpath.join(_here(), one)) for one in (failure.path, reference.path))
    return path == mine or path.startswith(mine.rstrip("/") + "/") or mine.startswith(path.rstrip("/") + "/")


def _here() -> str:
    """The working directory, against which relative paths are read."""
    try:
        return path_text(os.getcwdb())
    except OSError:  # it was removed
        return ""
