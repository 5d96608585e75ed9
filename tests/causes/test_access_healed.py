"""access-healed: denied, then granted to the same identity, with the change in between."""

from __future__ import annotations

import os
import time

import pytest
from support.stage import Stage, assert_verdict, assessment

pytestmark = pytest.mark.root


def test_fires_for_a_late_chmod(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", 0o600)
    pid = os.fork()
    if pid == 0:
        time.sleep(0.4)
        os.chmod(workspace / "oci/image.tar", 0o644)
        os._exit(0)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar", gap=0.8)
    os.waitpid(pid, 0)
    assert_verdict(document, "access-healed")
    assert assessment(document, "file-read-denied").implied_by == "access-healed"
    assert any("in between" in claim.sentence for claim in document.assessments[0].supports)


def test_likely_from_the_commands_refusal_and_a_later_change(stage: Stage) -> None:
    workspace = stage.workspace()
    path = workspace / "oci/image.tar"
    early = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
    stderr = (
        f'time="{early}" level=fatal msg="initializing source oci-archive:{path}:: creating temp directory: '
        f'open {path}: permission denied"'
    )
    assert_verdict(stage.check(f"oci-archive:{path}", stderr=stderr), "access-healed", "likely")


def test_race_not_shown_without_a_later_change(stage: Stage) -> None:
    workspace = stage.workspace()
    path = workspace / "oci/image.tar"
    late = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
    stderr = f'time="{late}" level=fatal msg="open {path}: permission denied"'
    document = stage.check(f"oci-archive:{path}", stderr=stderr)
    assert assessment(document, "access-healed").status == "possible"
    assert_verdict(document, "inconclusive", "not-assessable")


def test_refusal_that_stays_is_no_race(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", 0o600)
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert_verdict(document, "file-read-denied")
    assert assessment(document, "access-healed").status == "possible"
    assert "race not shown" in assessment(document, "access-healed").statement


def test_refuted_when_nothing_was_refused(stage: Stage) -> None:
    workspace = stage.workspace()
    document = stage.check(f"oci-archive:{workspace}/oci/image.tar")
    assert assessment(document, "access-healed").status == "refuted"
