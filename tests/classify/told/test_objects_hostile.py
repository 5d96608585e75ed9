"""Objects with fields gone or absurd: no traceback, no certainty, and every pointer leads somewhere."""

from __future__ import annotations

import random
from typing import Any

import pytest
from support.objects import BUILD, IMAGE, OTHER, PUSH, event, failed, run, storage, stranger
from support.stage import assert_sound

from probe.classify.judge import judge_case
from probe.cluster.objects import Collector

OBJECTS = [
    *run(
        BUILD.but(sidecar=(f"skopeo copy oci:/tmp/l {IMAGE}", 10, 40)),
        failed(PUSH, security={"runAsUser": 0, "capabilities": {"drop": ["ALL"]}}),
        OTHER,
    ),
    *storage(),
    stranger("notebook", "data", 5, 28),
    event("r-push-a-pod", "Evicted", "emptyDir"),
]
ABSURD = (None, -1, 2**70, "", "/", "x" * 5000, [], {}, True, "../..", 1e300, "r", "data", "2026-11-21T17:00:12Z")


def spoilt(tree: Any, dice: random.Random) -> Any:
    if isinstance(tree, dict):
        return {key: spoilt(value, dice) for key, value in tree.items() if dice.random() > 0.02}
    if isinstance(tree, list):
        return [spoilt(value, dice) for value in tree if dice.random() > 0.03]
    return dice.choice(ABSURD) if dice.random() < 0.04 else tree


@pytest.mark.parametrize("seed", range(8))
def test_absurd_objects(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(6):
        collector = Collector()
        for number, one in enumerate(spoilt(OBJECTS, dice)):
            collector.take(one, f"object {number}")
        document = judge_case((), clusters=(collector.cluster(),))
        assert document.verdict.status != "confirmed"
        assert_sound(document)
