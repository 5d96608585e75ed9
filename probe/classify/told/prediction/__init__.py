"""Before they run: whether each consumer will be able to read what a report shows, by its spec."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from probe.classify.case import Case
from probe.classify.hypothesis import Scale
from probe.classify.joined import Prediction
from probe.classify.paths import inside
from probe.classify.told.account import LOCAL, Account
from probe.classify.told.prediction.ground import Ground, grounds
from probe.classify.told.prediction.predict import Consumer, Foretold, predict
from probe.classify.told.specs.kubelet import Applies, applies, sweeper_of
from probe.classify.told.specs.moments import began
from probe.classify.told.specs.rights import of_pod
from probe.classify.told.specs.scene import HandOver, Scene
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Cause, Claim, Fix, Remedy
from probe.evidence.cluster import Outcome
from probe.evidence.image import Container

MAX_PREDICTIONS = 256
_ENDED = frozenset({Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED})


def predictions(case: Case) -> tuple[Prediction, ...]:
    """One for each container that has not begun and is going to read; none without a report to rest on."""
    if not case.clusters or not case.readings:
        return ()
    return tuple(one.prediction for one in _foretold(Scene(Story(case))))[:MAX_PREDICTIONS]


def rule(story: Story) -> Iterator[Assessment]:
    """Each refusal to come, as a fault: likely, since nobody has tried yet."""
    if not story.case.clusters or not story.case.readings:
        return
    for one in _foretold(Scene(story)):
        if one.cause is None or one.prediction.reads is not False:
            continue
        scale = Scale(one.cause, supports=list(one.prediction.supports), missing=list(one.prediction.missing))
        scale.miss(
            one.prediction.supports[0].pointer, f"an attempt by {one.prediction.consumer} itself: it has not run"
        )
        yield scale.likely(one.prediction.statement, component=one.prediction.component, remedy=one.prediction.remedy)


def _foretold(scene: Scene) -> Iterator[Foretold]:
    known = grounds(scene)
    if not known:
        return
    consumers = [consumer for hand_over in _all(scene) for consumer in _consumers(scene, hand_over, known)]
    for consumer in consumers:
        found = _one(scene, consumer, known, consumers)
        if found is not None:
            yield found


def _all(scene: Scene) -> Iterator[HandOver]:
    yield from scene.hand_overs
    if scene.bystanders is not None:
        yield scene.bystanders


def to_come(hand_over: HandOver, account: Account) -> bool:
    """Whether it has not begun, and its run goes on."""
    run = hand_over.pipeline
    if run is not None and run.value.outcome in _ENDED:
        return False
    if account.pod is not None and account.pod.phase not in ("", "Pending"):
        return False
    return account.outcome is Outcome.UNKNOWN and began(account) is None and not account.is_sidecar


def _consumers(scene: Scene, hand_over: HandOver, known: tuple[Ground, ...]) -> Iterator[Consumer]:
    makers = {id(use.account) for use in hand_over.makes}
    for account in hand_over.accounts:
        if not to_come(hand_over, account):
            continue
        reads = [use for use in hand_over.reads if use.account is account and use.reference.transport in LOCAL]
        for use in reads:
            yield Consumer(hand_over, account, use.text, use.pointer, use.place)
        if not reads and id(account) not in makers and account.container is not None and not _commands(account):
            yield from _by_mount(scene, hand_over, account, known)


def _commands(account: Account) -> bool:
    """Whether commands on images are known: then it reads what they name, and nothing else."""
    return bool(account.container is not None and account.container.invocations)


def _by_mount(scene: Scene, hand_over: HandOver, account: Account, known: tuple[Ground, ...]) -> Iterator[Consumer]:
    """A container whose commands are not known, and that has the volume: asked about what the report is about."""
    assert account.container is not None
    for ground in known[:1]:
        for index, mount in enumerate(account.container.mounts):
            path = posixpath.join(mount.path, ground.path.lstrip("/"))
            place = scene.atlas.place(account, path)
            if place is None or not place.shared:
                continue
            here = ground.place.key == place.key if ground.place is not None else mount.path == ground.mount_point
            if here:
                yield Consumer(hand_over, account, path, f"{account.container_at}/mounts/{index}", place)
                return


def _one(scene: Scene, consumer: Consumer, known: tuple[Ground, ...], all_of_them: list[Consumer]) -> Foretold | None:
    if consumer.place is not None and not consumer.place.shared:
        return Foretold(_nowhere(consumer), Cause.NOT_MOUNTED)
    ground = next((one for one in known if _same_place(consumer, one)), None)
    if ground is None:
        return _elsewhere(consumer, known)
    wrong = _other_kind(consumer, ground)
    if wrong is not None:
        return Foretold(wrong, Cause.DIFFERENT_REFERENCE)
    if ground.place is None and _at_odds(consumer, all_of_them):
        return Foretold(_which_claim(consumer, ground))
    return predict(scene, consumer, ground, _rivals(scene, consumer, all_of_them))


def _same_place(consumer: Consumer, ground: Ground) -> bool:
    if consumer.place is None or ground.place is None:
        return posixpath.normpath(_path(consumer)) == posixpath.join(ground.mount_point, ground.path.lstrip("/"))
    return consumer.place.key == ground.place.key


def _path(consumer: Consumer) -> str:
    transport, colon, path = consumer.text.partition(":")
    return path if colon and transport in LOCAL else consumer.text


def _elsewhere(consumer: Consumer, known: tuple[Ground, ...]) -> Foretold | None:
    """Another volume under the same path; or another path, of which nothing was recorded."""
    for ground in known:
        if ground.place is None or consumer.place is None:
            continue
        named = posixpath.normpath(_path(consumer)) == posixpath.normpath(ground.reading.report.reference.path)
        if consumer.place.volume != ground.place.volume and (named or consumer.place.path == ground.place.path):
            return Foretold(_other_volume(consumer, ground), Cause.DIFFERENT_VOLUME)
        if consumer.place.volume == ground.place.volume and _around(consumer, ground):
            return Foretold(_other_path(consumer, ground), Cause.DIFFERENT_REFERENCE)
    return None


def _around(consumer: Consumer, ground: Ground) -> bool:
    """Whether one of the two places lies in the other."""
    assert consumer.place is not None and ground.place is not None
    a, b = consumer.place.path, ground.place.path
    return inside(a, b) or inside(b, a)


def _other_kind(consumer: Consumer, ground: Ground) -> Prediction | None:
    transport, colon, _ = consumer.text.partition(":")
    found = ground.found
    if not colon or transport not in LOCAL or found is None or found is Container(transport):
        return None
    at = ground.reading.image_at("found")
    return Prediction(
        consumer=consumer.name,
        reads=False,
        statement=f"{consumer.name} will not be able to read {consumer.text}: what lies there is {found}",
        component=_path(consumer),
        supports=(
            Claim(pointer=consumer.pointer, sentence=f"{consumer.name} reads {consumer.text}"),
            Claim(pointer=at, sentence=f"a report found {found} there"),
        ),
        remedy=Remedy(smallest=Fix(sentence=f"Name {ground.reading.report.reference.text} in that task, too.")),
    )


def _other_path(consumer: Consumer, ground: Ground) -> Prediction:
    assert consumer.place is not None
    seen = ground.reading.report.reference
    return Prediction(
        consumer=consumer.name,
        reads=False,
        statement=f"{consumer.name} will read {consumer.text}; the image that was looked at is {seen.text}",
        component=_path(consumer),
        supports=(
            Claim(pointer=consumer.pointer, sentence=f"{consumer.name} reads {consumer.text}"),
            Claim(pointer=ground.reading.at("reference"), sentence=f"a report is about {seen.text}"),
        ),
        remedy=Remedy(smallest=Fix(sentence=f"Name {seen.text} in that task, too.")),
    )


def _other_volume(consumer: Consumer, ground: Ground) -> Prediction:
    assert consumer.place is not None and ground.place is not None
    here, there = consumer.place, ground.place
    return Prediction(
        consumer=consumer.name,
        reads=False,
        statement=f"{consumer.name} will not read that image: {consumer.text} is {here.path} of {here.words} "
        f"there, and the image lies at {there.path} of {there.words}",
        component=_path(consumer),
        supports=(
            Claim(pointer=consumer.pointer, sentence=f"{consumer.name} reads {consumer.text}"),
            Claim(pointer=here.pointer, sentence=f"that is on {here.words}"),
            Claim(pointer=there.pointer, sentence=f"the report looked at {there.words}"),
        ),
        remedy=Remedy(smallest=Fix(sentence=f"Bind the workspace of that task to {there.words}.")),
    )


def _nowhere(consumer: Consumer) -> Prediction:
    assert consumer.place is not None
    return Prediction(
        consumer=consumer.name,
        reads=False,
        statement=f"{consumer.name} will find nothing at {_path(consumer)}: the path lies on {consumer.place.words}",
        component=_path(consumer),
        supports=(
            Claim(pointer=consumer.pointer, sentence=f"{consumer.name} reads {consumer.text}"),
            Claim(pointer=consumer.place.pointer, sentence=f"no workspace is mounted there: {consumer.place.words}"),
        ),
        remedy=Remedy(smallest=Fix(sentence="Bind the workspace in that task.")),
    )


def _at_odds(consumer: Consumer, all_of_them: list[Consumer]) -> bool:
    """Whether consumers have different volumes at this path: then one of them at least has another than the report."""
    volumes = {one.place.volume for one in all_of_them if one.place is not None and _path(one) == _path(consumer)}
    return len(volumes) > 1


def _which_claim(consumer: Consumer, ground: Ground) -> Prediction:
    missing = "the pod of the report, which shows its claim: the consumers have different ones at this path"
    return Prediction(
        consumer=consumer.name,
        reads=None,
        statement=f"whether {consumer.name} will be able to read {consumer.text} hangs on {missing}",
        supports=(Claim(pointer=consumer.pointer, sentence=f"{consumer.name} reads {consumer.text}"),),
        missing=(Claim(pointer=ground.reading.at("context"), sentence=missing),),
    )


def _rivals(scene: Scene, consumer: Consumer, all_of_them: list[Consumer]) -> frozenset[int]:
    """fsGroups for which other pods to come may have the volume swept before this one has read."""
    found: set[int] = set()
    for other in all_of_them:
        pod, gid = other.account.pod, of_pod(other.account).fs_group
        if pod is None or pod is consumer.account.pod or gid is None or consumer.place is None:
            continue
        if other.hand_over is consumer.hand_over and other.hand_over.comes_after(other.account, consumer.account):
            continue
        if gid == of_pod(consumer.account).fs_group and pod.security.fs_group_policy == "OnRootMismatch":
            continue  # it does what this one's own start does
        place = sweeper_of(scene.atlas, pod, consumer.place.volume)
        if place is not None and applies(scene.story, pod, place) is not Applies.NO:
            found.add(gid)
    return frozenset(found)
