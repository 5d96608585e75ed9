"""root-without-capability: uid 0, CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH both dropped."""

from __future__ import annotations

import os

import pytest
from support.stage import BARE_ROOT, PUSHER, Person, Stage, assert_verdict, assessment

pytestmark = pytest.mark.root


def build(stage: Stage, mode: int = 0o2700) -> str:
    workspace = stage.workspace()
    os.chown(workspace / "oci", 1001, -1)
    os.chmod(workspace / "oci", mode)
    return f"oci-archive:{workspace}/oci/image.tar"


def test_fires_for_uid_0_without_capabilities(stage: Stage) -> None:
    document = stage.check(build(stage), by=BARE_ROOT)
    assert_verdict(document, "root-without-capability")
    assert assessment(document, "dir-search-denied").implied_by == "root-without-capability"


def test_leads_even_where_the_group_would_help(stage: Stage) -> None:
    document = stage.check(build(stage, 0o2770), by=BARE_ROOT)
    assert_verdict(document, "root-without-capability")
    assert assessment(document, "group-not-held").implied_by == "root-without-capability"


@pytest.mark.parametrize("capability", ["CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"])
def test_refuted_with_either_capability(stage: Stage, capability: str) -> None:
    person = Person(uid=0, gid=0, groups=(0,), capabilities=(capability,))
    document = stage.check(build(stage), by=person)
    assert_verdict(document, "healthy")
    assert assessment(document, "root-without-capability").status == "refuted"


def test_refuted_for_another_uid(stage: Stage) -> None:
    document = stage.check(build(stage), by=PUSHER)
    assert_verdict(document, "dir-search-denied")
    assert assessment(document, "root-without-capability").status == "refuted"
