"""Where logs and objects decide nothing: the next observation, by the name of its pod and container."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from probe.classify.told.said import Told
from probe.classify.told.specs.results import shows_success
from probe.classify.told.specs.scene import task_of
from probe.classify.told.tried import IMAGE_TOOLS
from probe.classify.verdict import Claim
from probe.evidence.cluster import Outcome, PipelineRun
from probe.evidence.command import Failure

if TYPE_CHECKING:
    from probe.classify.told.account import Account
    from probe.classify.told.specs.scene import HandOver, Scene

_MOST_NAMED = 4
_QUOTED = 240
"""Characters of a message in a sentence."""


def log_wanted(account: Account) -> str:
    """Which log would tell why an account failed, and how to get it."""
    pod, container, namespace = _names(account)
    if account.transcript is not None:
        return f"what {account.name} met: {_last_word(account)}; probe check in that container would tell"
    if not pod:
        return f"the log of {account.name}"
    where = f" -n {namespace}" if namespace else ""
    what = f" -c {container}" if container else ""
    return f"the log of {account.name}: kubectl logs{where} {pod}{what}"


def _last_word(account: Account) -> str:
    """What its log says at the end of why it failed, in its own words."""
    said = last_message(account)
    if said is None:
        return "its log ends without saying why"
    return f'{account.cite(said)} says "{_clipped(said.value.text)}"'


def last_message(account: Account) -> Told[Failure] | None:
    """The last error message of a log: of an image's tool where there is one."""
    own = [one for one in account.failures if one.value.tool in ("", *IMAGE_TOOLS) or one.value.level]
    said = own or account.failures
    return said[-1] if said else None


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED else f"{line[: _QUOTED - 3]}..."


def end_wanted(account: Account) -> str:
    """What would tell how an account ended of which there is a log."""
    return f"how {account.name} ended: its exit status (kubectl get pod -o json), or the digest that it pushed"


def log_at(account: Account) -> str:
    """Where the container stands whose log is meant."""
    return account.container_at or account.step_at or account.transcript_at


def next_observations(scene: Scene) -> tuple[str, tuple[Claim, ...]]:
    """What can be said although nothing is decided, in one sentence, and every observation that would decide."""
    said = [sentence for hand_over in scene.hand_overs if (sentence := _said(scene, hand_over))]
    by_need = sorted(scene.hand_overs, key=lambda one: not one.failed)
    missing = [claim for hand_over in by_need for claim in _missing(hand_over)]
    missing += _missing_objects(scene)
    said += [sentence for run in scene.story.runs if (sentence := _said_of_run(scene, run.value))]
    what = "; ".join(said[:_MOST_NAMED]) or "no container of a pipeline is told of"
    return what, tuple(missing)


def _said(scene: Scene, hand_over: HandOver) -> str:
    """How it stands with the readers of one run."""
    prefix = f"{hand_over.named}: " if hand_over.named else ""
    if hand_over.failed:
        return f"{prefix}{_listed(hand_over.failed)} failed, and {_unexplained(hand_over.failed)}"
    waiting = [one for one in hand_over.readers if one.outcome is Outcome.UNKNOWN]
    if waiting and not hand_over.succeeded:
        return f"{prefix}{_not_seen(hand_over, waiting, _hindrance(scene, waiting))}"
    broken = tuple(one for one in hand_over.accounts if one.outcome is Outcome.FAILED and not one.is_sidecar)
    if broken:
        return f"{prefix}{_listed(broken)} failed, and no command is known by which it reads an image"
    open_ended = tuple(waiting) + _cut_off(hand_over)
    if open_ended:
        return f"{prefix}nothing tells how {_listed(open_ended)} ended"
    unproved = tuple(one for one in hand_over.succeeded if not shows_success(one))
    if unproved:
        return f"{prefix}{_listed(unproved)} ended with status 0, and no log or digest shows that the image was read"
    if hand_over.readers:
        if any(other.failed for other in scene.hand_overs):
            return f"{prefix}{_listed(hand_over.readers)} did not fail"
        return f"{prefix}{_listed(hand_over.readers)} did not fail, and nothing shows which image was read"
    if hand_over.accounts:
        return f"{prefix}no command is known that reads an image from a volume{_said_all_the_same(hand_over)}"
    return ""


def _said_all_the_same(hand_over: HandOver) -> str:
    """The first message with which a program gave up."""
    for account in hand_over.accounts:
        said = last_message(account)
        if said is not None and said.value.level:
            return f'; {account.cite(said)} says "{_clipped(said.value.text)}"'
    return ""


def _said_of_run(scene: Scene, run: PipelineRun) -> str:
    """How it stands with a run of whose containers nothing tells."""
    if not run.task_runs or any(hand_over.run == run.key.name for hand_over in scene.hand_overs):
        return ""
    names = [task for task, _ in run.task_runs]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return (
        f"PipelineRun {run.key.name} ({run.outcome}): its tasks {', '.join(names[:_MOST_NAMED])}{more} have TaskRuns, "
        "and none of them was given"
    )


def _unexplained(failed: Sequence[Account]) -> str:
    """Whether nothing says why, or nothing here explains what was said."""
    if any(last_message(one) is not None for one in failed):
        return "what it said does not show why" if len(failed) == 1 else "what they said does not show why"
    return "what was given does not say why"


def _not_seen(hand_over: HandOver, waiting: Sequence[Account], hindrance: str) -> str:
    """How it stands with readers of which nothing tells how they ended: not begun, not given, or not said."""
    begun = tuple(one for one in waiting if one.transcript is not None)
    if begun:
        return f"nothing tells how {_listed(begun)} ended"
    names = _ran_unseen(hand_over)
    unseen = tuple(one for one in waiting if task_of(one) in names)
    if unseen:
        return f"{_listed(unseen)} ran, and no TaskRun, pod or log tells of it"
    return f"no reader ran ({_listed(tuple(waiting))}{hindrance})"


def _ran_unseen(hand_over: HandOver) -> tuple[str, ...]:
    """Tasks that ran by what the run says, and of which nothing else tells."""
    if hand_over.pipeline is None:
        return ()
    known = {task_of(one) for one in hand_over.accounts if one.task_run is not None or one.pod is not None}
    return tuple(task for task, _ in hand_over.pipeline.value.task_runs if task not in known)


def _cut_off(hand_over: HandOver) -> tuple[Account, ...]:
    """Logs without a command, of containers that are called as a reader's is: another run of that task."""
    names = {container_of(one) for one in hand_over.readers} - {""}
    return tuple(
        one
        for one in hand_over.accounts
        if one not in hand_over.readers and container_of(one) in names and one.outcome is Outcome.UNKNOWN
    )


def container_of(account: Account) -> str:
    """The container's name by its log; empty where there is none."""
    return (account.transcript.source.container or "") if account.transcript is not None else ""


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
        open_ended = tuple(one for one in hand_over.readers if one.outcome is Outcome.UNKNOWN)
        for account in (*open_ended, *_cut_off(hand_over)):
            if account.transcript is not None:
                yield Claim(pointer=log_at(account), sentence=end_wanted(account))


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
