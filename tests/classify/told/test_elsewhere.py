"""Failures that are not about the image."""

from __future__ import annotations

import pytest
from support.logs import ARCHIVE, COPY, PUSHED, fatal, found, judged, shown, stamped

from probe.classify.verdict import Cause, Status

TEMP = "/var/tmp/oci100447970/blobs/sha256/7dd39e3d29db32d854e15c2c55a0ad460b61864b6648dce50a41a0a272614c1b"
NO_SPACE = fatal(
    f'initializing source {ARCHIVE}:: creating temp directory: untarring file "/var/tmp/oci100447970": '
    f"write {TEMP}: no space left on device"
)
AUTH = "/workspace/source/.docker/config.json"
DENIED = (
    "trying to reuse blob sha256:abc at destination: checking whether a blob sha256:abc exists in quay.lab/org/model: "
    "denied: requested access to the resource is denied"
)
NO_AUTH = fatal(
    "initializing destination docker://quay.lab/org/model:1: getting username and password: 1 error occurred:\\n\\t* "
    f'reading JSON file "{AUTH}": open {AUTH}: permission denied\\n\\n'
)


def lead(failure: str, before: str = "") -> tuple[str, str, str | None]:
    verdict = judged(stamped(f"{shown()}\n{before}\n{COPY}\n{failure}")).verdict
    return verdict.cause, verdict.status, verdict.component


def test_no_space_where_skopeo_unpacks() -> None:
    space = "Filesystem      Size  Used Avail Use% Mounted on\ntmpfs           8.0M     0  8.0M   0% /var/tmp"
    assert lead(NO_SPACE, space) == ("no-space", "likely", "/var/tmp")


def test_the_auth_file() -> None:
    assert lead(NO_AUTH, f"-rw------- 1 1001 1000970000 52 Nov 21 17:00 {AUTH}") == (
        "other-path-failed",
        "likely",
        AUTH,
    )


def test_the_bits_of_the_auth_file_are_both_sides_of_it() -> None:
    text = stamped(f"{shown()}\n-rw------- 1 1001 1000970000 52 Nov 21 17:00 {AUTH}\n{COPY}\n{NO_AUTH}")
    supports = [claim.sentence for claim in found(judged(text), Cause.OTHER_PATH_FAILED).supports]
    assert any("needs r for group 1000970000, mode is 0600" in sentence for sentence in supports), supports


def test_the_registry_refused() -> None:
    assert lead(fatal(DENIED))[:2] == ("registry-denied", "likely")


def test_without_a_command_the_registry_refused_all_the_same() -> None:
    assert judged(stamped(fatal(DENIED))).verdict.cause == "registry-denied"


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (f"initializing source {ARCHIVE}: open /workspace/source/oci/image.tar: stale NFS file handle", "stale-handle"),
        (
            f"initializing source {ARCHIVE}: creating temp directory: mkdir /var/tmp/oci1: read-only file system",
            "read-only",
        ),
    ],
)
def test_the_errno_tells(failure: str, cause: str) -> None:
    assert lead(fatal(failure))[0] == cause


@pytest.mark.parametrize("failure", [NO_SPACE, NO_AUTH, fatal(DENIED)])
def test_a_later_success_leaves_no_such_fault(failure: str) -> None:
    document = judged(stamped(f"{shown()}\n{COPY}\n{failure}\n@17:00:30\n{PUSHED}"))
    assert document.verdict.cause == "healthy"
    assert found(document, Cause.HEALTHY).contradicts


def test_a_look_at_another_file_is_not_the_commands_failure() -> None:
    text = f"{shown()}\nls: cannot access '/dev/termination-log': No such file or directory\n{COPY}\n{PUSHED}"
    document = judged(stamped(text))
    assert document.verdict.cause == "healthy"
    assert found(document, Cause.OTHER_PATH_FAILED).status is not Status.LIKELY


def test_two_faults_are_both_told() -> None:
    closed = "drwx--S--- 2 root 1000970000 23 Nov 21 17:00 /workspace/source/oci"
    refused = fatal(f"Invalid source name {ARCHIVE}: lstat /workspace/source/oci/image.tar: permission denied")
    a = stamped(f"{shown(oci=closed, tar=None)}\n{COPY}\n{refused}")
    document = judged({"a": a, "b": stamped(f"{COPY}\n{NO_SPACE}")})
    assert document.verdict.cause == "no-space"
    assert found(document, Cause.DIR_SEARCH_DENIED).status is Status.LIKELY
    assert found(document, Cause.DIR_SEARCH_DENIED).implied_by is None
