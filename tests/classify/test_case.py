"""What a case works out of its reports: pointers, times, and which paths belong to one hand-over."""

from __future__ import annotations

import pytest
from support.situations import Situation

from probe.classify.case import Case, Reading
from probe.classify.paths import near
from probe.evidence.command import Failure, FailureKind
from probe.evidence.observation import Seen


@pytest.mark.parametrize(
    ("a", "b", "related"),
    [
        ("/w/oci/image.tar", "/w/oci/image.tar", True),
        ("/w/oci/image.tar", "/w/oci", True),
        ("/w/oci", "/w/oci/image.tar", True),
        ("/w/oci/a.tar", "/w/oci/b.tar", True),
        ("/w/a/x.tar", "/w/b/x.tar", False),
        ("/w/oci-old/x", "/w/oci", False),
        ("/", "/w/oci/x", False),
        ("image.tar", "oci/image.tar", False),
    ],
)
def test_near(a: str, b: str, related: bool) -> None:
    assert near(a, b) is near(b, a) is related


def failure(**fields: object) -> Failure:
    return Failure.model_validate({"kind": FailureKind.FILE, "line": 1, "text": "", **fields})


@pytest.mark.root
def test_which_paths_concern_the_target(situations: dict[str, Situation]) -> None:
    report = situations["through links"].document.evidence[0]
    reading = Reading(0, report)
    link = report.reference.path
    root = link.rpartition("/")[0]
    source = f"{root}/source"
    for path in (link, f"{source}/oci/image.tar", f"{source}/latest", source, "/", f"{link}/x", f"{link}/"):
        assert reading.concerns_target(path), path
    for path in (f"{root}/other", "/etc/containers/auth.json", f"{link}x", "/tmpfile"):
        assert not reading.concerns_target(path), path


@pytest.mark.root
@pytest.mark.parametrize(
    ("at", "latest"), [(None, None), (5_000_000_000, 5_999_999_999), (5_500_000_000, 5_500_000_000)]
)
def test_whole_seconds_may_be_a_second_late(
    at: int | None, latest: int | None, situations: dict[str, Situation]
) -> None:
    reading = Reading(0, situations["healthy"].document.evidence[0])
    assert reading.messages.failed_by(failure(at=at)) == latest


@pytest.mark.root
def test_readings_are_numbered_as_the_evidence_is(situations: dict[str, Situation]) -> None:
    evidence = situations["two names"].document.evidence
    case = Case(tuple(evidence))
    assert [(reading.index, reading.report) for reading in case] == list(enumerate(evidence))
    assert case.readings[1].at("chain", "value", 3) == "/evidence/1/chain/value/3"


@pytest.mark.root
def test_a_prediction_takes_no_attempt_for_its_own(situations: dict[str, Situation]) -> None:
    reading = Reading(0, situations["predicted"].document.evidence[0])
    assert reading.report.attempts and not reading.truths
    assert reading.truth is None and reading.granted is False and reading.refused


@pytest.mark.root
def test_the_hidden_marker_is_judged(situations: dict[str, Situation]) -> None:
    """A directory without search hides the file that `dir:` opens first: that refusal is what is to be explained."""
    reading = Reading(0, situations["hidden marker"].document.evidence[0])
    assert reading.report.marker is None
    assert [component.name for component in reading.components][-2:] == ["oci", "manifest.json"]
    assert reading.denial is not None and reading.path_of(reading.denial.index).endswith("/oci")
    assert not reading.unexplained
    assert isinstance(reading.components[-2].inode, Seen)
