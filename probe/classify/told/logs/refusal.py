"""A reader that was refused: by which message, and what the bits that its log shows say of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from probe.access.decide import Right, Rule, grants_if_member
from probe.access.walk import Step
from probe.classify.case import REFUSALS
from probe.classify.hypothesis import Scale
from probe.classify.told.account import Account, Told, Who
from probe.classify.told.logs.links import leads_to
from probe.classify.told.logs.reader import LOOKING, Met, Reader, related
from probe.classify.told.logs.shown import MAYBE, NOBODY, Hop, Shown, shown
from probe.classify.told.story import Story
from probe.evidence.cluster import Outcome
from probe.evidence.command import Failure
from probe.evidence.path import Acl, FileType, Inode

_LOOKUPS = frozenset({"access", "stat", "statx", "lstat", "faccessat", "fstatat", "newfstatat"})
_LISTING = frozenset({"open directory", "reading directory", "read directory"})
_BY_BITS = frozenset({Rule.OWNER, Rule.NAMED_USER, Rule.OWNING_GROUP, Rule.NAMED_GROUP, Rule.OTHER})


@dataclass(frozen=True)
class Refusal:
    """One message of EACCES or EPERM about an image, and the path as it is shown beside it."""

    reader: Reader
    met: Met | None
    """The attempt that met it; None where only a look of a debugging script did."""
    failure: Told[Failure]
    path: str
    """What was refused to be looked up or opened."""
    shown: Shown | None
    """None where nothing says who asked."""

    @property
    def account(self) -> Account:
        """Whose log."""
        return self.reader.account

    @property
    def looked_up(self) -> bool:
        """Whether a name was looked up, for which no right on the file itself is asked: a directory refused."""
        said = self.failure.value
        return said.about == "ancestor" or said.operation in _LOOKUPS

    @property
    def opened(self) -> bool:
        """Whether the archive itself refused: the message comes after its name had been looked up."""
        return self.failure.value.about == "archive" and not self.looked_up

    @property
    def step(self) -> Step | None:
        """The step that explains the message; None where none of the bits shown does."""
        denial = self.shown.denial if self.shown is not None else None
        if denial is None or self.shown is None or denial.decision.errno not in REFUSALS:
            return None
        at_target = denial.index == len(self.shown.hops) - 1 and not self._searching(denial)
        return denial if not (at_target and self.looked_up) else None

    def _searching(self, step: Step) -> bool:
        assert self.shown is not None
        inode = self.shown.hops[step.index].inode
        return step.decision.right is Right.EXECUTE and inode is not None and inode.type is FileType.DIRECTORY

    @property
    def sentence(self) -> str:
        """Both sides of the comparison that denies."""
        text = self.step.decision.sentence if self.step is not None else ""
        told = self.hop.told.value if self.hop is not None and self.hop.told is not None else None
        if told is None or self.step is None or self.inode is None:
            return text
        if self.inode.gid == MAYBE and self.step.decision.rule in (Rule.OWNING_GROUP, Rule.OTHER):
            owner = f"owner {told.owner}, group {told.group}"
            return (
                f"needs {self.step.decision.right.letters}, mode is {told.mode:04o} ({owner}); uid {self.shown_uid} is "
                "not the owner, and neither the group nor others have it"
            )
        return text.replace(f"owner {NOBODY}", f"owner {told.owner}").replace(f"group {NOBODY}", f"group {told.group}")

    @property
    def shown_uid(self) -> str:
        """Who asked, for a sentence."""
        return str(self.who.uid) if self.who is not None and self.who.uid is not None else "not known"

    @property
    def group_known(self) -> bool:
        """Whether the number of the component's group is told."""
        return self.inode is not None and self.inode.gid not in (MAYBE, NOBODY)

    @property
    def searching(self) -> bool:
        """Whether a directory on the way denies, not what is at the path."""
        return self.step is not None and self._searching(self.step)

    @property
    def hop(self) -> Hop | None:
        """The component that denies."""
        return self.shown.hops[self.step.index] if self.shown is not None and self.step is not None else None

    @property
    def inode(self) -> Inode | None:
        """Its bits and owners, for the access model."""
        return self.hop.inode if self.hop is not None else None

    @property
    def component(self) -> str | None:
        """Its path."""
        return self.hop.path if self.hop is not None else None

    @property
    def who(self) -> Who | None:
        """Whose access it was."""
        return self.shown.who if self.shown is not None else None

    @property
    def acl(self) -> Acl | None:
        """The ACL of the component, where the log shows it."""
        if self.shown is None or self.step is None:
            return None
        acl = self.shown.chain.components[self.step.index].acl
        return acl.value if acl.status == "seen" else None

    @property
    def by_bits(self) -> bool:
        """Whether mode bits or an ACL decided."""
        return self.step is not None and self.step.decision.rule in _BY_BITS

    @cached_property
    def group_would_do(self) -> bool:
        """Whether holding the component's group would turn it."""
        if self.shown is None or self.step is None or self.inode is None or not self.by_bits:
            return False
        if self.step.decision.acl_decided or self.shown.credentials.in_group(self.inode.gid):
            return False
        return grants_if_member(self.shown.credentials, self.inode, self.acl, self.step.decision.right, self.inode.gid)

    def support(self, scale: Scale) -> None:
        """Note the message, the bits with both sides of the comparison, and who asked."""
        scale.support(self.failure.pointer, f"{self.account.cite(self.failure)}: {self.failure.value.text}")
        if self.hop is not None and self.hop.told is not None and self.step is not None and self.who is not None:
            whose = self.hop.account or self.account
            scale.support(self.hop.pointer, f"{whose.cite(self.hop.told)}: {self.hop.path}: {self.sentence}")
            scale.support(self.who.pointer, f"asked by {words(self.who)}")
            if whose is not self.account:
                scale.miss(self.failure.pointer, f"ls -ld {self.hop.path} by {self.reader.name} itself")
        for lacking in self._above():
            scale.miss(self.failure.pointer, lacking)

    def _above(self) -> Iterator[str]:
        if self.shown is not None and self.step is not None:
            for hop in self.shown.hops[: self.step.index]:
                if hop.lacking and hop.path != "/":
                    yield hop.lacking


def words(who: Who) -> str:
    """An identity for a sentence."""
    groups = ", ".join(map(str, sorted(who.groups))) or "none known"
    return f"uid {who.uid if who.uid is not None else 'not known'} with groups {groups}"


def refusals_of(story: Story) -> tuple[Refusal, ...]:
    """One for each reader that was refused in the end."""
    return tuple(found for reader in story.reading if (found := _refusal(story, reader)) is not None)


def _refusal(story: Story, reader: Reader) -> Refusal | None:
    final = reader.final
    if final is not None and final.failed is False:
        return None
    if final is not None:
        for failure in final.failures:
            concerns = final.concerns(failure.value) or leads_to(reader.account, final.path, failure.value.path)
            if failure.value.errno in REFUSALS and concerns:
                return _shown(story, reader, final, failure)
        if final.failures:
            return None  # it failed, and of something else
    elif reader.account.outcome is Outcome.SUCCEEDED:
        return None
    looked = _refused_look(reader)
    if looked is None:
        return None
    found = _shown(story, reader, None, looked)
    if looked.value.operation in _LISTING and found.step is None:
        return None  # to list a directory takes another right than to pass through it
    return found


def _refused_look(reader: Reader) -> Told[Failure] | None:
    """A look of the script itself at what is to be read, or at a directory on the way, that was refused."""
    found = [
        one
        for one in reader.account.failures
        if one.value.tool in LOOKING
        and one.value.errno in REFUSALS
        and one.value.path is not None
        and related(one.value.path, reader.path)
    ]
    return found[-1] if found else None


def _shown(story: Story, reader: Reader, met: Met | None, failure: Told[Failure]) -> Refusal:
    named = failure.value.path
    path = named if named is not None and named.startswith("/") else reader.path
    if (
        (met is None or met.transport not in ("oci", "dir"))
        and reader.path.startswith("/")
        and related(path, reader.path)
    ):
        path = reader.path
    who = reader.account.who
    if who is None or who.uid is None or not path.startswith("/"):
        return Refusal(reader, met, failure, path, None)
    accounts = (reader.account, *story.beside(reader.account))
    return Refusal(reader, met, failure, path, shown(accounts, who, path, failure))
