"""Messages of tasks that failed, as their logs hold them: what is no end of an archive is not read as one."""

from __future__ import annotations

import pytest

from probe.evidence.command import FailureKind
from probe.skopeo.messages import parse_messages

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
IMAGE = "oci-archive:/w/image.tar"


@pytest.mark.parametrize(
    ("message", "kind", "about"),
    [
        (
            f'initializing source {IMAGE}:latest: no descriptor found for reference "latest"',
            FailureKind.UNKNOWN_REFERENCE,
            "",
        ),
        (
            (
                f"trying to reuse blob {A} at destination: failed to read from destination repository org/model: "
                "500 (Internal Server Error)"
            ),
            FailureKind.REGISTRY_OTHER,
            "",
        ),
        (
            (
                'writing blob: Patch "http://quay.lab:5002/v2/a/blobs/uploads/1?_state=x": happened during read: '
                f"Digest did not match, expected {A}, got {B}"
            ),
            FailureKind.DIGEST_MISMATCH,
            "member",
        ),
        (
            f"reading blob {A}: open /var/tmp/oci3107466170/blobs/sha256/{'a' * 64}: no such file or directory",
            FailureKind.FILE,
            "member",
        ),
        (
            f"initializing source {IMAGE}:: open /var/tmp/oci209780149/index.json: no such file or directory",
            FailureKind.FILE,
            "member",
        ),
        ("error determining current user: user: unknown userid 1000970000", FailureKind.OTHER, ""),
    ],
)
def test_what_a_task_met(message: str, kind: FailureKind, about: str) -> None:
    quoted = message.replace('"', '\\"')
    (failure,) = parse_messages(f'time="2026-11-22T01:35:49Z" level=fatal msg="{quoted}"\n').failures
    assert (failure.kind, failure.about) == (kind, about)
