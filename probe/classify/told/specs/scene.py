"""Who reads and who makes which image where: the accounts of each run, with the places that their commands name."""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from probe.classify.paths import inside
from probe.classify.told.account import LOCAL, Account, Told
from probe.classify.told.specs.places import Atlas, Place, workspaces_of
from probe.classify.told.story import Story
from probe.evidence.cluster import Outcome, PipelineRun
from probe.evidence.invocation import Invocation
from probe.evidence.report import Reference

FILE = "path"
"""The transport of what `cp`, `mv`, `tar` and the like name: any kind of file."""


@dataclass(frozen=True)
class Use:
    """One image that a command of an account reads or makes."""

    account: Account
    invocation: Told[Invocation]
    reference: Reference
    pointer: str
    place: Place | None
    """None where the specs do not tell."""

    @property
    def name(self) -> str:
        """Who, for a sentence."""
        return self.account.name

    @property
    def text(self) -> str:
        """The reference, without its tag."""
        if self.reference.transport == FILE:
            return self.reference.path
        return f"{self.reference.transport}:{self.reference.path}"

    def same_place(self, other: Use) -> bool:
        """Whether both name one place in one volume, as the specs show it."""
        if self.place is None or other.place is None:
            return self.place is other.place and self.reference.path == other.reference.path
        return self.place.key == other.place.key

    def same(self, other: Use) -> bool:
        """Whether both name one image: transport, place, and the tag where both have one."""
        transports = {self.reference.transport, other.reference.transport}
        tags = {self.reference.tag, other.reference.tag} - {None, ""}
        return self.same_place(other) and (len(transports) == 1 or FILE in transports) and len(tags) < 2


@dataclass(frozen=True)
class HandOver:
    """The accounts of one run, or of all that belong to none."""

    run: str
    pipeline: Told[PipelineRun] | None
    accounts: tuple[Account, ...]
    reads: tuple[Use, ...]
    """Of images that somebody else made: where a task reads what it made itself, nothing is handed over."""
    makes: tuple[Use, ...]
    _graph: dict[str, frozenset[str]] = field(default_factory=dict, compare=False)

    @cached_property
    def readers(self) -> tuple[Account, ...]:
        """Each account that reads, once."""
        return _once(use.account for use in self.reads)

    @cached_property
    def failed(self) -> tuple[Account, ...]:
        """Readers that failed."""
        return tuple(one for one in self.readers if one.outcome is Outcome.FAILED)

    @cached_property
    def succeeded(self) -> tuple[Account, ...]:
        """Readers that succeeded."""
        return tuple(one for one in self.readers if one.outcome is Outcome.SUCCEEDED)

    def use_of(self, account: Account) -> Use:
        """What a reader reads: the first such command of it."""
        return next(use for use in self.reads if use.account is account)

    def makers_of(self, read: Use) -> tuple[Use, ...]:
        """Who makes what is read there, whatever the transport; or makes it in it, or makes what it lies in."""
        return tuple(use for use in self.makes if use.account is not read.account and overlapping(use, read))

    def peers(self, account: Account) -> tuple[Account, ...]:
        """Other readers of the very image that this one reads."""
        mine = self.use_of(account)
        return _once(use.account for use in self.reads if use.account is not account and use.same(mine))

    @property
    def named(self) -> str:
        """The run, for a sentence; empty where there is none."""
        return f"PipelineRun {self.run}" if self.run else ""

    def comes_after(self, later: Account, earlier: Account) -> bool | None:
        """Whether the pipeline lets `later` begin only when `earlier` has ended; None where no pipeline is known."""
        tasks = {one.name: one for one in self.pipeline.value.tasks} if self.pipeline is not None else {}
        late, early = task_of(later), task_of(earlier)
        if late not in tasks or early not in tasks:
            return None
        if tasks[late].final and not tasks[early].final:
            return True
        seen, waiting = set(), [late]
        while waiting:
            name = waiting.pop()
            for before in (*tasks[name].run_after, *tasks[name].results_of) if name in tasks else ():
                if before == early:
                    return True
                if before not in seen:
                    seen.add(before)
                    waiting.append(before)
        return False


class Scene:
    """All that the specs say, by run."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.atlas = Atlas(story)
        self.hand_overs: tuple[HandOver, ...] = ()
        self.bystanders: HandOver | None = None
        """Containers of no run that read no image, where others have one."""
        self._group()

    def narrowed(self, hand_over: HandOver) -> Scene:
        """The same with one hand-over only."""
        narrow = copy.copy(self)
        narrow.hand_overs = (hand_over,)
        return narrow

    def _group(self) -> None:
        accounts: dict[str, list[tuple[Account, int | None]]] = {}
        for account in self.story.accounts:
            accounts.setdefault(account.run, []).append((account, None))
        runs = {one.value.key.name: one for one in self.story.runs}
        for name, run in runs.items():
            known = {task_of(account) for account, _ in accounts.get(name, ())}
            for account, number in _planned(run, known):
                accounts.setdefault(name, []).append((account, number))
        found = {name: self._hand_over(name, runs.get(name), several) for name, several in accounts.items()}
        if len(found) > 1 and "" in found and not found[""].reads:
            self.bystanders = found.pop("")
        self.hand_overs = tuple(found.values())

    def _hand_over(
        self, name: str, run: Told[PipelineRun] | None, accounts: list[tuple[Account, int | None]]
    ) -> HandOver:
        reads: list[Use] = []
        makes: list[Use] = []
        for account, task in accounts:
            workspaces = workspaces_of(self.story, account, run, task)
            namespace = run.value.key.namespace if run is not None else ""
            for told in _invocations(account):
                for kind, found in (("reads", reads), ("makes", makes)):
                    for index, reference in enumerate(getattr(told.value, kind)):
                        if reference.transport in (*LOCAL, FILE):
                            place = self.atlas.place(account, reference.path, workspaces, namespace)
                            found.append(Use(account, told, reference, f"{told.pointer}/{kind}/{index}", place))
        read = tuple(_distinct(use for use in reads if _handed_over(use, makes, reads)))
        return HandOver(name, run, tuple(account for account, _ in accounts), read, tuple(_distinct(makes)))


def overlapping(a: Use, b: Use) -> bool:
    """Whether two places are one, or one lies in the other."""
    if a.place is None or b.place is None:
        return a.same_place(b)
    if a.place.volume != b.place.volume:
        return False
    return a.place.path == b.place.path or inside(a.place.path, b.place.path) or inside(b.place.path, a.place.path)


def task_of(account: Account) -> str:
    """The pipeline's task of an account."""
    if account.task_run is not None and account.task_run.pipeline_task:
        return account.task_run.pipeline_task
    if account.pod is not None and account.pod.pipeline_task:
        return account.pod.pipeline_task
    return account.name.partition("/")[0]


def _invocations(account: Account) -> Iterator[Told[Invocation]]:
    """What the log shows to be run, then what the specs name beside it."""
    yield from (tried.invocation for tried in account.tries)
    for source, at in ((account.step, account.step_at), (account.container, account.container_at)):
        for index, one in enumerate(source.invocations if source is not None else ()):
            yield Told(one, f"{at}/invocations/{index}")


def _distinct(uses: Iterator[Use] | list[Use]) -> Iterator[Use]:
    seen: set[tuple[int, str, str, str | None]] = set()
    for use in uses:
        key = (id(use.account), use.reference.transport, use.reference.path, use.reference.tag)
        if key not in seen:
            seen.add(key)
            yield use


def _handed_over(use: Use, makes: list[Use], reads: list[Use]) -> bool:
    """Whether what is read comes from another account."""
    if any(made.account is use.account and overlapping(made, use) for made in makes):
        return False
    others = [made for made in makes if made.account is not use.account]
    if use.place is None or use.place.shared:
        return use.reference.transport in LOCAL or any(overlapping(made, use) for made in others)
    # No other pod can put anything there; a task that was to read a volume may look here by mistake.
    path = posixpath.normpath(use.reference.path)
    return any(overlapping(made, use) for made in others) or any(
        one.place is not None and one.place.shared and posixpath.normpath(one.reference.path) == path
        for one in (*others, *reads)
    )


def _planned(run: Told[PipelineRun], known: set[str]) -> Iterator[tuple[Account, int]]:
    """The steps of tasks of which no TaskRun and no pod tells: not begun, left out, or not given."""
    for number, task in enumerate(run.value.tasks):
        if task.name in known:
            continue
        several = sum(not one.sidecar for one in task.steps) > 1
        for index, step in enumerate(task.steps):
            name = f"{task.name}/{step.name}" if several or step.sidecar else task.name
            at = f"{run.pointer}/tasks/{number}/steps/{index}"
            yield Account(name=name, run=run.value.key.name, step=step, step_at=at), number


def _once(accounts: Iterator[Account]) -> tuple[Account, ...]:
    found: dict[int, Account] = {}
    for account in accounts:
        found.setdefault(id(account), account)
    return tuple(found.values())
