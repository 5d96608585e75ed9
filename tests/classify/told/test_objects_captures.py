"""Objects of real runs, with some of them gone: the verdict may get weaker, and is never another fault."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probe.classify.judge import judge_case
from probe.classify.verdict import Verdict
from probe.cluster.objects import Collector

CAPTURES = Path(__file__).parents[2] / "captures"
TRUTH = {
    "01-success": "healthy",
    "02-fail-dir-0700": "stale-ownership",
    "04-csi-onrootmismatch-0700": "stale-ownership",
    "05-csi-always-0700": "healthy",
    "10-healthy-push": "healthy",
    "11-mismatch-transport": "different-reference",
    "12-race-no-runafter": "archive-in-progress",
    "13-race-detached-writer": "archive-in-progress",
    "14-late-creation-umask077": "created-after-sweep",
    "15-second-pod-other-fsgroup": "swept-by-another-pod",
    "16-root-without-dac-override": "root-without-capability",
    "18-enospc-tmp": "no-space",
    "19-authfile-denied": "other-path-failed",
    "20-two-pvcs": "different-volume",
}
SHOWN = {
    "10-healthy-push",
    "11-mismatch-transport",
    "12-race-no-runafter",
    "13-race-detached-writer",
    "15-second-pod-other-fsgroup",
    "16-root-without-dac-override",
    "18-enospc-tmp",
    "20-two-pvcs",
}
Documents = dict[str, Any]


def documents_of(name: str) -> Documents:
    return {path.name: json.loads(path.read_text()) for path in sorted((CAPTURES / name).glob("*.json"))}


def judged(documents: Documents) -> Verdict:
    collector = Collector()
    for source, document in documents.items():
        collector.take(document, source)
    return judge_case((), clusters=(collector.cluster(),)).verdict


@pytest.mark.parametrize("name", TRUTH)
def test_what_objects_alone_show(name: str) -> None:
    verdict = judged(documents_of(name))
    if name in SHOWN:
        assert (verdict.cause, verdict.status) == (TRUTH[name], "likely"), verdict.statement
    elif verdict.cause != TRUTH[name]:
        assert (verdict.cause, verdict.status) == ("inconclusive", "not-assessable"), verdict.statement
        assert "needed: " in verdict.statement


@pytest.mark.parametrize("name", TRUTH)
def test_less_is_never_another_fault(name: str) -> None:
    for what, documents in poorer(documents_of(name)):
        verdict = judged(documents)
        assert verdict.cause in (TRUTH[name], "inconclusive"), f"without {what}: {verdict.statement}"
        assert verdict.status != "confirmed"


def poorer(whole: Documents) -> Iterator[tuple[str, Documents]]:
    """Without each file, with one or two of them, and without each task or each of its objects."""
    main = [name for name in whole if name in ("pipelinerun.json", "taskruns.json", "pods.json", "other-pods.json")]
    for name in whole:
        yield name, {key: value for key, value in whole.items() if key != name}
    for several in (*itertools.combinations(main, 1), *itertools.combinations(main, 2)):
        yield f"all but {several}", {key: whole[key] for key in several}
    for number in range(len(whole["pods.json"]["items"])):
        for kinds in (("pods.json",), ("pods.json", "taskruns.json")):
            documents = copy.deepcopy({key: whole[key] for key in whole if key != "events.json"})
            task = documents["pods.json"]["items"][number]["metadata"]["labels"]["tekton.dev/pipelineTask"]
            for kind in kinds:
                items = documents[kind]["items"]
                items[:] = [one for one in items if one["metadata"]["labels"]["tekton.dev/pipelineTask"] != task]
            yield f"{task} in {kinds}", documents
