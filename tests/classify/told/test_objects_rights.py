"""Security contexts side by side: what sets a reader that failed apart from those that succeeded, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from support.objects import BUILD, GROUP, OTHER, PUSH, READER, Task, failed, judged, run, storage
from support.stage import assessment

BARE = {"runAsUser": 0, "capabilities": {"drop": ["ALL"]}}
ROOT = {"runAsUser": 0}
OWNED = BUILD.but(security={"runAsUser": 1001})


def led(*tasks: Task) -> tuple[str, str]:
    document = judged(*run(*tasks), *storage())
    return str(document.verdict.cause), str(document.verdict.status)


# -- root-without-capability


def test_root_without_capabilities_fails_where_root_with_them_reads() -> None:
    document = judged(*run(OWNED, failed(PUSH, security=BARE), OTHER.but(security=ROOT)), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("root-without-capability", "likely")
    found = assessment(document, "root-without-capability")
    said = " | ".join(claim.sentence for claim in found.supports)
    assert "push-a is uid 0 with all capabilities dropped; push-b is uid 0 and keeps them" in said
    assert "made by build, uid 1001" in said


def test_the_owner_needs_no_capability() -> None:
    assert led(BUILD, failed(PUSH, security=BARE), OTHER.but(security=ROOT))[0] == "inconclusive"


def test_what_both_share_explains_nothing() -> None:
    document = judged(*run(OWNED, failed(PUSH, security=BARE), OTHER.but(security=BARE)), *storage())
    assert assessment(document, "root-without-capability").status not in ("likely", "possible")


def test_an_unknown_owner_may_be_root() -> None:
    document = judged(*run(BUILD.but(security={}), failed(PUSH, security=BARE), OTHER.but(security=ROOT)), *storage())
    assert document.verdict.cause == "inconclusive"
    assert assessment(document, "root-without-capability").status == "possible"


@pytest.mark.parametrize("added", ["DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"])
def test_the_capability_may_be_added_again(added: str) -> None:
    again = {"runAsUser": 0, "capabilities": {"drop": ["ALL"], "add": [added]}}
    document = judged(*run(OWNED, failed(PUSH, security=again), OTHER.but(security=ROOT)), *storage())
    assert assessment(document, "root-without-capability").status not in ("likely", "possible")


def test_a_second_difference_leaves_it_open() -> None:
    vartmp = ({"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}},)
    mounted = ({"name": "tmp", "mountPath": "/var/tmp"},)
    mine = failed(PUSH, security=BARE, volumes=vartmp, mounts=mounted)
    document = judged(*run(OWNED, mine, OTHER.but(security=ROOT)), *storage())
    assert document.verdict.cause == "inconclusive"
    for cause in ("root-without-capability", "no-space"):
        found = assessment(document, cause)
        assert found.status == "possible"
        assert any("not the only difference" in claim.sentence for claim in found.contradicts)


# -- group-not-held


def test_a_pod_without_the_group_that_the_others_have() -> None:
    document = judged(*run(BUILD, failed(PUSH, pod_security={}), OTHER), *storage())
    assert (document.verdict.cause, document.verdict.status) == ("group-not-held", "likely")
    found = assessment(document, "group-not-held")
    assert any(f"push-a lacks group {GROUP}, which push-b had" in claim.sentence for claim in found.supports)
    assert found.remedy is not None and str(GROUP) in (found.remedy.smallest.yaml or "")


def test_a_supplementary_group_does_as_well() -> None:
    held = {"supplementalGroups": [GROUP]}
    document = judged(*run(BUILD, failed(PUSH, pod_security=held), OTHER), *storage())
    assert assessment(document, "group-not-held").status not in ("likely", "possible")


def test_who_made_it_needs_no_group() -> None:
    build = BUILD.but(security=READER)
    document = judged(*run(build, failed(PUSH, pod_security={}), OTHER.but(security={"runAsUser": 5})), *storage())
    assert assessment(document, "group-not-held").status not in ("likely", "possible")


def test_root_needs_no_group_and_an_unknown_user_may_be_root() -> None:
    document = judged(*run(BUILD, failed(PUSH, pod_security={}, security=ROOT), OTHER), *storage())
    assert assessment(document, "group-not-held").status not in ("likely", "possible")
    document = judged(*run(BUILD, failed(PUSH, pod_security={}, security={}), OTHER.but(security={})), *storage())
    assert assessment(document, "group-not-held").status == "possible"


def test_where_nobody_succeeded_it_is_only_possible() -> None:
    document = judged(*run(BUILD, failed(PUSH, pod_security={})), *storage())
    assert document.verdict.cause == "inconclusive"
    assert assessment(document, "group-not-held").status == "possible"


# -- others, never more than possible


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"security": {**READER, "seLinuxOptions": {"level": "s0:c5,c9"}}}, "selinux-denied"),
        ({"extra": {"hostUsers": False}}, "unmapped-ids"),
        ({"security": {**READER, "readOnlyRootFilesystem": True}}, "read-only"),
    ],
)
def test_what_may_have_failed_otherwise(changed: dict[str, Any], cause: str) -> None:
    document = judged(*run(BUILD, failed(PUSH, **changed), OTHER), *storage())
    assert document.verdict.cause == "inconclusive"
    assert assessment(document, cause).status == "possible"
    document = judged(*run(BUILD, failed(PUSH, **changed), OTHER.but(**changed)), *storage())
    assert assessment(document, cause).status != "possible", "both have it, and one succeeded"


def test_equal_specs_leave_only_what_no_object_shows() -> None:
    document = judged(*run(BUILD, failed(PUSH), OTHER), *storage())
    assert document.verdict.cause == "inconclusive"
    possible = {found.cause.value for found in document.assessments if found.status == "possible"}
    assert possible == {"registry-denied"}
