"""What one should know of objects that is no fault of its own: several runs, left-out tasks, retries, clocks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from probe.classify.case import Case
from probe.classify.told.specs.events import hindrances
from probe.classify.told.specs.results import digest_of
from probe.classify.told.specs.scene import HandOver, Scene, task_of
from probe.classify.told.story import Story
from probe.classify.witness import SECOND, UNKNOWN_SKEW
from probe.evidence.cluster import Outcome

_MOST = 16
"""Of one kind."""
_ENDED = frozenset({Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED})


def of_objects(case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The notes, and what is known of the clocks."""
    scene = Scene(Story(case))
    return tuple(remarks(scene)), tuple(object_clocks(scene))


def remarks(scene: Scene) -> Iterator[str]:
    """The sentences, the most important first."""
    runs = [one.run for one in scene.hand_overs if one.run]
    if len(runs) > 1:
        named = ", ".join(runs[:6]) + (f" and {len(runs) - 6} more" if len(runs) > 6 else "")
        yield f"evidence of {len(runs)} PipelineRuns was given ({named}); each was judged by itself"
    for hand_over in scene.hand_overs:
        yield from itertools.islice(_left_out(hand_over), _MOST)
        yield from itertools.islice(_unordered(hand_over), _MOST)
        yield from itertools.islice(_unlike(hand_over), _MOST)
    yield from itertools.islice(_retried(scene), _MOST)
    yield from itertools.islice((told.value for _, told in hindrances(scene)), _MOST)
    for cluster in scene.story.case.clusters:
        yield from itertools.islice(cluster.problems, _MOST)


def object_clocks(scene: Scene) -> Iterator[str]:
    """By which clocks the times of objects are told."""
    nodes = sorted({pod.value.node for pod in scene.story.pods if pod.value.node})
    if not nodes and not scene.story.task_runs:
        return
    by = f"the kubelet of {nodes[0]}" if len(nodes) == 1 else "the kubelets"
    yield f"times of objects are whole seconds, by {by} and the API server: what falls into one second is not ordered"
    if len(nodes) > 1:
        yield (
            f"between the clocks of nodes {', '.join(nodes[:6])} the skew is unknown: what is less than "
            f"{UNKNOWN_SKEW / SECOND:.0f} s apart is not put in order"
        )
    starts: dict[int, list[str]] = {}
    for run in scene.story.task_runs:
        if run.value.started is not None:
            starts.setdefault(run.value.started, []).append(run.value.pipeline_task or run.value.key.name)
    for names in list(starts.values())[:_MOST]:
        if len(names) > 1:
            yield f"TaskRuns {', '.join(names[:6])} have one startTime: it orders nothing"


def _left_out(hand_over: HandOver) -> Iterator[str]:
    """Absence is not success."""
    run = hand_over.pipeline
    if run is None:
        return
    for one in run.value.skipped:
        why = f" ({one.reason})" if one.reason else ""
        yield f"{hand_over.named} left out {one.name}{why}: it did not succeed, it did not run"
    if run.value.outcome not in _ENDED:
        return
    made = {name for name, _ in run.value.task_runs} | {one.name for one in run.value.skipped}
    ran = {
        task_of(account) for account in hand_over.accounts if account.task_run is not None or account.pod is not None
    }
    for task in run.value.tasks:
        if task.name not in made | ran:
            yield f"{hand_over.named} ended without a TaskRun of {task.name}: it did not succeed, it did not run"


def _unordered(hand_over: HandOver) -> Iterator[str]:
    """Readers that do not wait for who makes what they read."""
    for read in hand_over.reads:
        late = task_of(read.account)
        for made in hand_over.makers_of(read):
            early = task_of(made.account)
            if early != late and hand_over.comes_after(read.account, made.account) is False:
                yield f"{late} does not wait for {early}, which makes what it reads: nothing orders them"
                break


def _unlike(hand_over: HandOver) -> Iterator[str]:
    """Digests that readers of one place handed on, where they differ."""
    for a, b in itertools.combinations(hand_over.reads, 2):
        mine, theirs = digest_of(a.account), digest_of(b.account)
        if a.account is b.account or not a.same(b) or mine is None or theirs is None or mine.value == theirs.value:
            continue
        yield (
            f"{a.name} handed on {mine.value[:19]}, {b.name} {theirs.value[:19]}: another image, or one image in two "
            "encodings (compression, schema 2): equal diff_ids would show the latter"
        )


def _retried(scene: Scene) -> Iterator[str]:
    for told in scene.story.task_runs:
        if told.value.retries:
            name = told.value.pipeline_task or told.value.key.name
            yield (
                f"{name} was tried {told.value.retries + 1} times; each try is a new pod, at whose start kubelet may "
                "set the volume's group and mode anew: that a later try succeeds proves no race"
            )
