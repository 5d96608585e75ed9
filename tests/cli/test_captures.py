"""Real PipelineRuns: the verdict from their logs alone, from their objects alone, and from both.

What each directory of tests/captures holds is what `oc get -o json` and `oc logs --timestamps` printed of one run in
which the truth was known.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.program import probe

CAPTURES = Path(__file__).parents[1] / "captures"
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
SHOWN_BY_OBJECTS = {
    "11-mismatch-transport",
    "12-race-no-runafter",
    "13-race-detached-writer",
    "15-second-pod-other-fsgroup",
    "20-two-pvcs",
}
"""Of the others, the objects may show the truth or be silent; they never name another fault."""
STATUS = {"healthy": 0, "inconclusive": 3}


def test_every_capture_is_judged() -> None:
    assert {path.name for path in CAPTURES.iterdir() if path.is_dir()} == set(TRUTH)


@pytest.mark.parametrize("name", TRUTH)
def test_from_logs_alone(name: str) -> None:
    _judged(TRUTH[name], CAPTURES / name / "logs")


@pytest.mark.parametrize("name", TRUTH)
def test_from_logs_and_objects(name: str) -> None:
    _judged(TRUTH[name], CAPTURES / name)


@pytest.mark.parametrize("name", TRUTH)
def test_from_objects_alone(name: str) -> None:
    ran = probe("classify", *sorted((CAPTURES / name).glob("*.json")), "--json")
    verdict = ran.document["verdict"]
    if name in SHOWN_BY_OBJECTS or verdict["cause"] != "inconclusive":
        assert (verdict["cause"], verdict["status"]) == (TRUTH[name], "likely"), verdict["statement"]
        return
    assert (ran.status, verdict["status"]) == (3, "not-assessable")
    lead = ran.document["assessments"][0]
    assert lead["cause"] == "inconclusive"
    assert lead["missing"], "an honest inconclusive names what would decide"


def _judged(cause: str, *what: Path) -> None:
    ran = probe("classify", *what, "--json")
    verdict = ran.document["verdict"]
    assert (verdict["cause"], verdict["status"]) == (cause, "likely"), verdict["statement"]
    assert ran.status == STATUS.get(cause, 1)
    lead = ran.document["assessments"][0]
    assert lead["supports"]
    for claim in (*lead["supports"], *lead["contradicts"], *lead["missing"]):
        _resolve(ran.document, claim["pointer"])


def _resolve(document: object, pointer: str) -> object:
    """Follow a JSON pointer; KeyError or IndexError where it leads nowhere."""
    for part in pointer.split("/")[1:]:
        document = document[int(part)] if isinstance(document, list) else document[part]  # type: ignore[index]
    return document
