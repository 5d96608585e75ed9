"""A refusal that the access model explains: the component, the rule, both sides of the comparison."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from probe.access.decide import Decision, Right, Rule, grants_if_member
from probe.classify.case import REFUSALS, Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.remedy import UMASK, access_remedy, made_for_group
from probe.classify.verdict import Assessment, Cause, Remedy
from probe.evidence.path import Acl, FileType, Inode

GENERAL = (Cause.DIR_SEARCH_DENIED, Cause.FILE_READ_DENIED, Cause.WRITE_DENIED)
"""The causes that only say where a refusal happened; the others say why, and imply one of these."""

_BY_BITS = frozenset({Rule.OWNER, Rule.NAMED_USER, Rule.OWNING_GROUP, Rule.NAMED_GROUP, Rule.OTHER})


@dataclass(frozen=True)
class Denial:
    """The component at which the walk ends for this identity, and why."""

    reading: Reading
    index: int
    inode: Inode
    decision: Decision
    searching: bool
    """Denied while passing through a directory, not at the target itself."""

    @property
    def path(self) -> str:
        """Where."""
        return self.reading.path_of(self.index)

    @property
    def acl(self) -> Acl | None:
        """The component's ACL, if it has one."""
        return self.reading.acl(self.index)

    @property
    def needs(self) -> str:
        """The right that is missing, as a mode letter."""
        return self.decision.right.letters

    @property
    def writing(self) -> bool:
        """Whether a write (or the search that goes with one, in the directory itself) was denied."""
        return Right.WRITE in self.decision.right

    @property
    def by_bits(self) -> bool:
        """Whether mode bits or an ACL decided, not a flag, a mount option or a sticky directory."""
        return self.decision.rule in _BY_BITS

    @property
    def group_would_do(self) -> bool:
        """Whether holding the inode's group would turn this component."""
        credentials = self.reading.credentials
        return (
            self.by_bits
            and not credentials.in_group(self.inode.gid)
            and grants_if_member(credentials, self.inode, self.acl, self.decision.right, self.inode.gid)
        )

    def mode_at(self) -> str:
        """The pointer of the mode bits that deny."""
        return self.reading.component_at(self.index, "mode")


def denial_of(reading: Reading) -> Denial | None:
    """The modelled denial of a reading, when the kernel refused too (or nothing was tried)."""
    step = reading.denial
    inode = reading.inode(step.index) if step is not None else None
    if step is None or inode is None:
        return None
    searching = step.decision.right is Right.EXECUTE and inode.type is FileType.DIRECTORY
    return Denial(reading, step.index, inode, step.decision, searching)


def support_denial(scale: Scale, denial: Denial) -> None:
    """Note the two observations that every explained refusal rests on: the bits, and the kernel's answer."""
    reading = denial.reading
    scale.support(denial.mode_at(), f"{denial.path}: {denial.decision.sentence}")
    truth = reading.truth
    if truth is not None and truth.errno is not None:
        scale.support(reading.truth_at, f"{truth.operation} {truth.path}: {truth.errno}")
    failure = reading.messages.about_target(*REFUSALS)
    if failure is not None:
        scale.support(reading.messages.place_of(failure[0]), f"the command said the same: {failure[1].text}")


class DenialHypothesis(ReadingHypothesis):
    """A cause of the A family: an account of one explained refusal."""

    @abstractmethod
    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """The statement, when this cause accounts for the denial; otherwise None, with a contradiction noted."""

    def remedy(self, denial: Denial) -> Remedy | None:
        """The smallest change for this denial."""
        cure = made_for_group(denial.path) if denial.searching else UMASK
        return access_remedy(denial.reading, cure)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Settle what all these causes share, then ask whether this one fits."""
        unfit = self._excluded(reading, scale)
        if unfit is not None:
            return unfit
        denial = denial_of(reading)
        if denial is None:
            return self._undecided(reading, scale)
        statement = self.fit(denial, scale)
        if statement is None:
            return scale.refuted(scale.contradicts[-1].sentence if scale.contradicts else "another rule decided")
        support_denial(scale, denial)
        if reading.truth is None and not reading.predicted:
            scale.miss(reading.at("attempts"), "a real attempt by the reader's identity")
            return scale.likely(statement, component=denial.path, remedy=self.remedy(denial))
        return scale.confirmed(statement, component=denial.path, remedy=self.remedy(denial))

    def _excluded(self, reading: Reading, scale: Scale) -> Assessment | None:
        if reading.chain is None:
            scale.miss(reading.chain_at, "the path chain: its mode bits were not observed")
            return scale.not_assessable("the path could not be walked")
        truth = reading.truth
        if truth is not None and not reading.refused:
            result = "succeeded" if truth.granted else f"failed with {truth.errno}, which is not a permission"
            scale.contradict(reading.truth_at, f"{truth.operation} {truth.path} {result}")
            return scale.refuted(f"{truth.operation} {result}")
        if reading.unexplained:
            scale.contradict(reading.chain_at, "mode bits, ACLs and capabilities allow it on every component")
            return scale.refuted("the recorded bits allow it; something else refused")
        if truth is None and reading.judgement is not None and reading.judgement.granted:
            scale.contradict(reading.chain_at, "mode bits, ACLs and capabilities allow it on every component")
            return scale.refuted("the recorded bits allow it")
        return None

    def _undecided(self, reading: Reading, scale: Scale) -> Assessment:
        judgement = reading.judgement
        if judgement is not None and judgement.granted is False:
            scale.contradict(reading.chain_at, f"the walk ends with {judgement.errno}, not with a missing permission")
            return scale.refuted(f"the walk ends with {judgement.errno}")
        for what in judgement.missing if judgement is not None else ():
            scale.miss(reading.chain_at, what)
        if reading.refused:
            return scale.possible("the kernel refused, but the component that denies was not observed")
        return scale.not_assessable("neither an attempt nor enough of the path was observed")
