"""Where logs and objects decide nothing: the next observation, by the name of its pod and container."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from probe.classify.verdict import Claim
from probe.evidence.cluster import Outcome

if TYPE_CHECKING:
    from probe.classify.told.account import Account
    from probe.classify.told.specs.scene import HandOver, Scene

_MOST_NAMED = 4


def log_wanted(account: Account) -> str:
    """Which log would tell why an account failed, and how to get it."""
    pod, container, namespace = _names(account)
    if account.transcript is not None:
        return f"what {account.name} met: its log ends without saying why; probe check in that container would tell"
    if not pod:
        return f"the log of {account.name}"
    where = f" -n {namespace}" if namespace else ""
    what = f" -c {container}" if container else ""
    return f"the log of {account.name}: kubectl logs{where} {pod}{what}"


def log_at(account: Account) -> str:
    """Where the container stands whose log is meant."""
    return account.container_at or account.step_at or account.transcript_at


def next_observations(scene: Scene) -> tuple[str, tuple[Claim, ...]]:
    """What can be said although nothing is decided, in one sentence, and every observation that would decide."""
    said = [sentence for hand_over in scene.hand_overs if (sentence := _said(scene, hand_over))]
    missing = [claim for hand_over in scene.hand_overs for claim in _missing(hand_over)]
    missing += _missing_objects(scene)
    what = "; ".join(said[:_MOST_NAMED]) or "no container of a pipeline is told of"
    return what, tuple(missing)


def _said(scene: Scene, hand_over: HandOver) -> str:
    """How it stands with the readers of one run."""
    prefix = f"{hand_over.named}: " if hand_over.named else ""
    if hand_over.failed:
        return f"{prefix}{_listed(hand_over.failed)} failed, and what was given does not say why"
    waiting = [one for one in hand_over.readers if one.outcome is Outcome.UNKNOWN]
    if waiting and not hand_over.succeeded:
        return f"{prefix}no reader ran ({_listed(tuple(waiting))}{_hindrance(scene, waiting)})"
    broken = tuple(one for one in hand_over.accounts if one.outcome is Outcome.FAILED and not one.is_sidecar)
    if broken:
        return f"{prefix}{_listed(broken)} failed, and no command is known by which it reads an image"
    if hand_over.readers:
        return f"{prefix}{_listed(hand_over.readers)} did not fail, and nothing shows which image was read"
    if hand_over.accounts:
        return f"{prefix}no command is known that reads an image from a volume"
    return ""


def _hindrance(scene: Scene, waiting: Sequence[Account]) -> str:
    """Why the first of them did not run, where an event or a state tells."""
    from probe.classify.told.specs.events import hindered

    told = next((found for one in waiting if (found := hindered(scene, one)) is not None), None)
    return f"; {told.value}" if told is not None else ""


def _missing(hand_over: HandOver) -> Iterator[Claim]:
    wanted = hand_over.failed or tuple(
        one for one in hand_over.accounts if one.outcome is Outcome.FAILED and not one.is_sidecar
    )
    for account in wanted:
        yield Claim(pointer=log_at(account), sentence=log_wanted(account))
    for use in hand_over.reads:
        if use.account in wanted:
            sentence = f"what {use.name} may do on the way to {use.reference.path}: probe check {use.text} in its pod"
            yield Claim(pointer=use.pointer, sentence=sentence)
    if not wanted:
        for account in hand_over.readers or hand_over.accounts:
            if account.transcript is None and not account.is_sidecar:
                yield Claim(pointer=log_at(account), sentence=log_wanted(account))


def _missing_objects(scene: Scene) -> Iterator[Claim]:
    """Kinds of objects of which none was given, and what they would tell."""
    for number, cluster in enumerate(scene.story.case.clusters):
        at = f"/clusters/{number}"
        for field, what in (
            ("runs", "the PipelineRun: which task waits for which (kubectl get pipelinerun -o json)"),
            ("tasks", "the TaskRuns: their scripts, steps and results (kubectl get taskrun -o json)"),
            ("pods", "the pods: volumes, claims and security contexts (kubectl get pod -o json)"),
            ("claims", "the claims: which volume each is bound to (kubectl get pvc -o json)"),
            ("volumes", "the volumes: their driver and file system (kubectl get pv -o json)"),
            ("drivers", "the CSI drivers: whether an fsGroup is applied (kubectl get csidriver -o json)"),
            ("notices", "the events of the namespace (kubectl get events -o json)"),
        ):
            if not getattr(cluster, field):
                yield Claim(pointer=f"{at}/{field}", sentence=what)
    strangers = any(not one.value.pipeline_run for one in scene.story.pods)
    if scene.story.pods and not strangers:
        yield Claim(
            pointer=scene.story.pods[0].pointer.rpartition("/")[0],
            sentence="the other pods that mount these claims, of no run (kubectl get pod -A -o json)",
        )


def _listed(accounts: tuple[Account, ...]) -> str:
    names = [account.name for account in accounts[:_MOST_NAMED]]
    more = len(accounts) - len(names)
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names) + (
        f" and {more} more" if more else ""
    )


def _names(account: Account) -> tuple[str, str, str]:
    """Pod, container and namespace."""
    if account.pod is not None and account.container is not None:
        return account.pod.key.name, account.container.name, account.pod.key.namespace
    if account.task_run is not None:
        step = account.step
        return account.task_run.pod, step.container if step is not None else "", account.task_run.key.namespace
    return "", "", ""
