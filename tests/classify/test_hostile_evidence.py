"""Partial, contradictory and hostile evidence never breaks the classifier: a report that validates gets a verdict."""

from __future__ import annotations

import io
import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support.mutation import Mutator
from support.situations import Situation
from support.stage import assert_sound

from probe.access.credentials import parse_identity
from probe.classify.explanation import explain
from probe.classify.judge import judge_case
from probe.classify.verdict import Status, VerdictDocument
from probe.evidence.path import Want
from probe.evidence.report import Report
from probe.report.explanation import print_explanation
from probe.report.terminal import print_verdict

pytestmark = pytest.mark.root
_SEEDS = st.integers(0, 2**64)


@pytest.fixture(scope="session")
def mutator(situations: dict[str, Situation]) -> Mutator:
    return Mutator([report for one in situations.values() for report in json.loads(one.text)["evidence"]])


def valid_report(mutator: Mutator, seed: int) -> Report:
    """A changed report that still validates; the same for the same seed."""
    for number in range(1000):
        try:
            return Report.model_validate(mutator.report(seed * 1000 + number))
        except ValidationError:
            continue
    raise AssertionError("no change left a valid report")


def check(reports: list[Report]) -> VerdictDocument:
    """Judge, and hold what is promised of every verdict, of its page and of its explanation."""
    document = judge_case(reports)
    assert_sound(document)
    text = document.model_dump_json(by_alias=True)
    assert type(document).model_validate_json(text) == document
    assert judge_case(type(document).model_validate_json(text).evidence) == document
    if all(report.predict_for is not None for report in reports):
        assert not [found.cause for found in document.assessments if found.status is Status.CONFIRMED]
    page = io.StringIO()
    print_verdict(document, page)
    for identity in (None, parse_identity("12345:0:7")):
        for want in (None, Want.CREATE):
            explanation = explain(reports, identity, want)
            explanation.model_dump_json()
            print_explanation(explanation, page)
    assert all(line.isprintable() for line in page.getvalue().split("\n"))
    return document


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=_SEEDS)
def test_one_report(seed: int, mutator: Mutator) -> None:
    check([valid_report(mutator, seed)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seeds=st.lists(_SEEDS, min_size=2, max_size=4))
def test_several_reports(seeds: list[int], mutator: Mutator) -> None:
    check([valid_report(mutator, seed) for seed in seeds])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=_SEEDS)
def test_as_a_prediction(seed: int, mutator: Mutator) -> None:
    report = valid_report(mutator, seed)
    check([report.model_copy(update={"predict_for": parse_identity("12345:1000970000", "all")})])


def test_every_observation_missing_alone(situations: dict[str, Situation]) -> None:
    """Each thing that can be not seen, not seen: in every situation, one at a time."""
    lost = {"status": "not-seen", "reason": "timeout", "message": "it did not return", "at": 0}
    for name, situation in situations.items():
        for number, report in enumerate(situation.document.evidence):
            tree = report.model_dump(mode="json", by_alias=True)
            for container, key in _observations(tree):
                before, container[key] = container[key], lost
                try:
                    document = judge_case([Report.model_validate(tree)])
                    assert_sound(document)
                except Exception as error:
                    raise AssertionError(f"{name}, report {number}, without {key}") from error
                finally:
                    container[key] = before


def _observations(tree: Any) -> list[tuple[Any, Any]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    found = []
    for key, value in items:
        if isinstance(value, dict) and value.get("status") == "seen":
            found.append((tree, key))
        found += _observations(value)
    return found


def test_nothing_was_seen_at_all(situations: dict[str, Situation]) -> None:
    tree = situations["healthy"].document.evidence[0].model_dump(mode="json", by_alias=True)
    lost = {"status": "not-seen", "reason": "timeout", "message": "it did not return", "at": 0}
    while observations := _observations(tree):
        container, key = observations[0]
        container[key] = lost
    tree.update(attempts=[], timeline=[], chain_after=None, marker=None)
    document = check([Report.model_validate(tree)])
    assert (document.verdict.cause, document.verdict.status) == ("inconclusive", "not-assessable")
    assert not [found.cause for found in document.assessments if found.status.holds]


@pytest.mark.slow
@pytest.mark.parametrize("block", range(int(os.environ.get("PROBE_HOSTILE_BLOCKS", "20"))))
def test_many_more(block: int, mutator: Mutator) -> None:
    for seed in range(block * 1000, block * 1000 + 500):
        try:
            check([valid_report(mutator, seed)])
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
