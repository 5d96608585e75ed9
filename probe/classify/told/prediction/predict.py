"""Whether a container that has not begun will be able to read: its credentials on the volume as it will find it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from probe.access.change import minimal_changes
from probe.access.decide import grants_if_member
from probe.access.walk import Judgement, Purpose, Step, judge
from probe.classify.joined import Prediction
from probe.classify.remedy import UMASK, one_sentence
from probe.classify.told.account import Account
from probe.classify.told.prediction.asker import Asker, Asking, asking, primary_group_missing
from probe.classify.told.prediction.ground import Ground
from probe.classify.told.prediction.sweep import root_fits, swept
from probe.classify.told.specs.kubelet import Applies, applies
from probe.classify.told.specs.places import Place
from probe.classify.told.specs.rights import of_container, of_pod, security_at
from probe.classify.told.specs.scene import HandOver, Scene
from probe.classify.verdict import Cause, Claim, Fix, Remedy
from probe.evidence.observation import Seen
from probe.evidence.path import Chain, Want


@dataclass(frozen=True)
class Consumer:
    """A container to come, and what it is going to read."""

    hand_over: HandOver
    account: Account
    text: str
    """The reference, as its command names it; the path, where no command is known."""
    pointer: str
    place: Place | None

    @property
    def name(self) -> str:
        """Who, as far as a name may be long."""
        return self.account.name[:256]


@dataclass(frozen=True)
class Trial:
    """One way it may be: who asks, what kubelet has done before, and the answer."""

    asker: Asker
    chain: Chain
    swept: bool
    judgement: Judgement


@dataclass(frozen=True)
class Foretold:
    """A prediction, and the cause that a refusal would have."""

    prediction: Prediction
    cause: Cause | None = None


def predict(scene: Scene, consumer: Consumer, ground: Ground, rivals: frozenset[int]) -> Foretold:
    """The prediction. `rivals` are fsGroups of other pods that may be started on the volume later than this one."""
    owners = frozenset(inode.uid for inode in ground.inodes)
    asked = asking(scene, consumer.hand_over, consumer.account, owners)
    sweep = _sweep(scene, consumer, ground)
    trials = tuple(_trials(asked, ground, sweep))
    answers = {trial.judgement.granted for trial in trials}
    missing = [Claim(pointer=ground.reading.chain_at, sentence=what) for t in trials for what in t.judgement.missing]
    if answers == {False}:
        helped = tuple(_turned(consumer, trials, rivals, False))
        if helped:
            return Foretold(_undecided(consumer, ground, asked, [*helped, *missing]))
        return _refused(consumer, ground, asked, trials[0], sweep)
    if answers == {True}:
        missing += _doubts(consumer, ground, trials, rivals)
        if not missing:
            return Foretold(_granted(consumer, ground, asked, trials[0]))
    else:
        missing += asked.missing
        if sweep is Applies.UNKNOWN:
            what = "whether kubelet applies an fsGroup to this volume: its PersistentVolume and CSIDriver"
            missing.append(Claim(pointer=consumer.pointer, sentence=what))
        if not ground.shows_root:
            what = "group and mode of the volume's own root: only a part of it was seen (subPath)"
            missing.append(Claim(pointer=ground.at(0), sentence=what))
        if not missing:
            missing.append(primary_group_missing(consumer.account))
    return Foretold(_undecided(consumer, ground, asked, missing))


def _sweep(scene: Scene, consumer: Consumer, ground: Ground) -> Applies:
    place = consumer.place or ground.place
    if place is None:
        return Applies.UNKNOWN
    return applies(scene.story, consumer.account.pod, place)


def _trials(asked: Asking, ground: Ground, sweep: Applies) -> Iterator[Trial]:
    for asker in asked.askers:
        for chain, done in _states(asker, ground, sweep):
            yield Trial(asker, chain, done, judge(asker.credentials, chain, Want.READ))


def _states(asker: Asker, ground: Ground, sweep: Applies) -> Iterator[tuple[Chain, bool]]:
    """The volume as this pod may find it; it starts after the report was made."""
    if asker.fs_group is None or sweep is Applies.NO:
        yield ground.chain, False
        return
    left_alone: bool | None = False
    if asker.policy == "OnRootMismatch":
        left_alone = root_fits(ground.chain, asker.fs_group) if ground.shows_root else None
    if left_alone is not True:
        yield swept(ground.chain, asker.fs_group), True
    if left_alone is not False or sweep is Applies.UNKNOWN:
        yield ground.chain, False


def _doubts(consumer: Consumer, ground: Ground, trials: tuple[Trial, ...], rivals: frozenset[int]) -> Iterator[Claim]:
    """What may still refuse where mode bits allow it."""
    account = consumer.account
    yield from _turned(consumer, trials, rivals, True)
    if account.pod is not None and account.pod.host_users is False:
        yield Claim(pointer=f"{account.pod_at}/host_users", sentence="how its user namespace maps the volume's owners")
    if ground.is_directory and not all(one.swept or one.asker.credentials.capabilities for one in trials):
        yield Claim(
            pointer=ground.reading.image_at(), sentence="the mode bits of the blobs inside: only its top was seen"
        )
    mount = ground.reading.mount
    if mount is not None and mount.remote:
        yield Claim(
            pointer=ground.reading.at("mounts", "carrying"), sentence=f"the answer of the {mount.filesystem} server"
        )
    label = of_container(account).se_linux or of_pod(account).se_linux or ""
    if label and any(_categories(one) - _categories(label) for one in ground.labels):
        sentence = f"whether the volume is relabelled at its start: it asks for {label}, the files have others"
        yield Claim(pointer=security_at(account), sentence=sentence)


def _turned(consumer: Consumer, trials: tuple[Trial, ...], rivals: frozenset[int], answer: bool) -> Iterator[Claim]:
    """Sweeps of other pods that would turn the answer, if they come in between."""
    for gid in sorted(rivals):
        after = [judge(one.asker.credentials, swept(one.chain, gid), Want.READ).granted for one in trials]
        if any(one is not answer for one in after):
            sentence = f"the order of the pods' starts: another one gives the volume to its fsGroup {gid}"
            yield Claim(pointer=consumer.account.pod_at or consumer.pointer, sentence=sentence)


def _granted(consumer: Consumer, ground: Ground, asked: Asking, trial: Trial) -> Prediction:
    supports = _supports(consumer, ground, asked)
    done = "mode bits and groups let it through"
    if trial.swept:
        done = f"kubelet gives the volume to its group {trial.asker.fs_group} at its start"
        sentence = f"{done} (policy {trial.asker.policy})"
        supports.append(Claim(pointer=consumer.account.pod_at or consumer.pointer, sentence=sentence))
    last = trial.judgement.steps[-1]
    supports.append(_of_step(ground, trial, last))
    statement = f"{consumer.name} ({asked.words}) will be able to read {consumer.text}: {done}"
    return Prediction(
        consumer=consumer.name,
        reads=True,
        statement=statement,
        supports=tuple(supports),
        missing=_by_path_only(ground),
    )


def _refused(consumer: Consumer, ground: Ground, asked: Asking, trial: Trial, sweep: Applies) -> Foretold:
    denial = trial.judgement.denial
    assert denial is not None
    claim = _of_step(ground, trial, denial)
    why = _why_not_swept(trial, sweep)
    supports = [*_supports(consumer, ground, asked), claim]
    if why:
        supports.append(Claim(pointer=consumer.account.pod_at or consumer.pointer, sentence=why))
    text = f"{consumer.name} ({asked.words}) will not be able to read {consumer.text}: {claim.sentence}"
    found = Prediction(
        consumer=consumer.name,
        reads=False,
        statement=f"{text}; {why}" if why else text,
        component=ground.chain.components[denial.index].path,
        supports=tuple(supports),
        missing=_by_path_only(ground),
        remedy=_remedy(ground, trial, sweep),
    )
    return Foretold(found, _cause(ground, trial, denial, sweep))


def _cause(ground: Ground, trial: Trial, denial: Step, sweep: Applies) -> Cause:
    """The most specific account of a refusal to come."""
    who, inode = trial.asker.credentials, trial.chain.components[denial.index].inode
    if always_helps(ground, trial, sweep):
        return Cause.STALE_OWNERSHIP
    if trial.asker.fs_group is not None and sweep is Applies.NO:
        return Cause.FSGROUP_NOT_APPLIED
    if who.uid == 0:
        return Cause.ROOT_WITHOUT_CAPABILITY
    acl = trial.chain.components[denial.index].acl
    if isinstance(inode, Seen) and not who.in_group(inode.value.gid):
        seen = acl.value if isinstance(acl, Seen) else None
        if grants_if_member(who, inode.value, seen, denial.decision.right, inode.value.gid):
            return Cause.GROUP_NOT_HELD
    return Cause.DIR_SEARCH_DENIED if denial.purpose is Purpose.SEARCH else Cause.FILE_READ_DENIED


def _by_path_only(ground: Ground) -> tuple[Claim, ...]:
    """What is taken for granted where the pod of the report is not known."""
    if ground.place is not None:
        return ()
    sentence = "the pod of the report, which shows its claim: only the path tells that this reader has the same volume"
    return (Claim(pointer=ground.reading.at("context"), sentence=sentence),)


def _undecided(consumer: Consumer, ground: Ground, asked: Asking, missing: list[Claim]) -> Prediction:
    once = tuple({claim.sentence: claim for claim in missing}.values())
    return Prediction(
        consumer=consumer.name,
        reads=None,
        statement=f"whether {consumer.name} ({asked.words}) will be able to read {consumer.text} hangs on "
        f"{once[0].sentence}",
        supports=tuple(_supports(consumer, ground, asked)),
        missing=once[:64],
    )


def _supports(consumer: Consumer, ground: Ground, asked: Asking) -> list[Claim]:
    found = [Claim(pointer=asked.pointer, sentence=f"{consumer.name} runs as {asked.words}")]
    found.append(Claim(pointer=consumer.pointer, sentence=f"it reads {consumer.text}"))
    if consumer.place is not None:
        words = f"that is {consumer.place.path} of {consumer.place.words}"
        found.append(Claim(pointer=consumer.place.pointer, sentence=words))
    found.append(Claim(pointer=ground.at(0), sentence=f"{ground.mount_point} was looked at in a report"))
    return found


def _of_step(ground: Ground, trial: Trial, step: Step) -> Claim:
    path = trial.chain.components[step.index].path
    after = " after kubelet's sweep" if trial.swept else ""
    return Claim(pointer=ground.at(step.index), sentence=f"{path}{after}: {step.decision.sentence}")


def _why_not_swept(trial: Trial, sweep: Applies) -> str:
    """Why kubelet does not help although the pod asks for an fsGroup."""
    if trial.swept or trial.asker.fs_group is None:
        return ""
    if sweep is Applies.NO:
        return f"kubelet applies no fsGroup to this volume, so {trial.asker.fs_group} is only a group that it holds"
    return f"the volume's root already has group {trial.asker.fs_group}: with OnRootMismatch nothing below it is mended"


def always_helps(ground: Ground, trial: Trial, sweep: Applies) -> bool:
    """Whether the policy Always would turn a refusal."""
    gid = trial.asker.fs_group
    if gid is None or trial.swept or sweep is not Applies.YES:
        return False
    return judge(trial.asker.credentials, swept(ground.chain, gid), Want.READ).granted is True


def _remedy(ground: Ground, trial: Trial, sweep: Applies) -> Remedy | None:
    changes = minimal_changes(trial.asker.credentials, trial.chain, Want.READ, trial.judgement)
    commands = [change.command for change in changes if change.command]
    by_hand = Fix(
        sentence=one_sentence([change.sentence for change in changes]),
        command="\n".join(commands) if changes and len(commands) == len(changes) else None,
    )
    if always_helps(ground, trial, sweep):
        always = Fix(
            sentence="Let kubelet repair every inode when that pod starts.",
            yaml="securityContext:\n  fsGroupChangePolicy: Always",
        )
        return Remedy(smallest=by_hand if commands else always, structural=always if commands else UMASK)
    return Remedy(smallest=by_hand, structural=UMASK) if changes else None


def _categories(label: str) -> frozenset[str]:
    """The categories at the end of a label: `...:s0:c12,c34`."""
    level = label.rsplit("-", 1)[-1]
    return frozenset(re.findall(r"\bc\d{1,4}\b", level))
