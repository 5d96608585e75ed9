"""Transports and references that do not fit what lies there, or what another task names."""

from __future__ import annotations

import pytest
from support.logs import COPY, PUSHED, fatal, found, judged, stamped

from probe.classify.verdict import Cause, Status

OCI = "/workspace/source/oci"
DIR_COPY = f"===== skopeo copy dir:{OCI} docker://quay.lab/org/model:1 ====="
NO_MANIFEST = fatal(
    f"determining manifest MIME type for dir:{OCI}: open {OCI}/manifest.json: no such file or directory"
)
LISTED = "\n".join(
    (
        f"===== ls -la {OCI} =====",
        "total 17444",
        "drwxr-sr-x 2 root 1000970000       23 Nov 21 17:00 .",
        "drwxrwsr-x 4 root 1000970000       30 Nov 21 17:00 ..",
        "-rw-r--r-- 1 root 1000970000 17861120 Nov 21 17:00 image.tar",
    )
)


def test_two_tasks_name_two_transports() -> None:
    document = judged({"a": stamped(f"{COPY}\n{PUSHED}"), "b": stamped(f"{DIR_COPY}\n{NO_MANIFEST}")})
    assert (document.verdict.cause, document.verdict.status) == ("different-reference", "likely")
    assert found(document, Cause.WRONG_TRANSPORT).implied_by is Cause.DIFFERENT_REFERENCE
    remedy = found(document, Cause.DIFFERENT_REFERENCE).remedy
    assert remedy is not None
    assert "oci-archive:/workspace/source/oci/image.tar" in remedy.smallest.sentence


def test_one_task_and_its_listing() -> None:
    document = judged(stamped(f"{LISTED}\n{DIR_COPY}\n{NO_MANIFEST}"))
    assert (document.verdict.cause, document.verdict.status) == ("wrong-transport", "likely")


def test_one_message_alone_decides_nothing() -> None:
    document = judged(stamped(f"{DIR_COPY}\n{NO_MANIFEST}"))
    assert document.verdict.cause == "inconclusive"
    assert any("ls -la" in claim.sentence for claim in found(document, Cause.WRONG_TRANSPORT).missing)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (f"oci:{OCI}/image.tar", f"open {OCI}/image.tar/index.json: not a directory"),
        (f"oci-archive:{OCI}", f"open {OCI}: is a directory"),
    ],
)
def test_a_file_is_no_directory(reference: str, message: str) -> None:
    copy = f"===== skopeo copy {reference} docker://quay.lab/org/model:1 ====="
    document = judged(stamped(f"{copy}\n{fatal(f'initializing source {reference}: {message}')}"))
    assert (document.verdict.cause, document.verdict.status) == ("wrong-transport", "likely")


def test_one_reference_in_both_tasks_is_no_difference() -> None:
    document = judged({"a": stamped(f"{COPY}\n{PUSHED}"), "b": stamped(f"{COPY}\n{PUSHED}")})
    assert document.verdict.cause == "healthy"
    assert found(document, Cause.DIFFERENT_REFERENCE).status is not Status.LIKELY


def test_two_references_to_one_image_are_only_possible() -> None:
    document = judged({"a": stamped(f"{COPY}\n{PUSHED}"), "b": stamped(f"{DIR_COPY}\n{PUSHED}")})
    assert found(document, Cause.DIFFERENT_REFERENCE).status is Status.POSSIBLE
    assert document.verdict.cause == "healthy"


def test_two_references_to_two_images() -> None:
    other = PUSHED.replace("7c", "8d").replace("ef", "fe")
    document = judged({"a": stamped(f"{COPY}\n{PUSHED}"), "b": stamped(f"{DIR_COPY}\n{other}")})
    assert document.verdict.cause == "different-reference"


def test_a_refusal_is_not_explained_by_another_name() -> None:
    refused = fatal(f"open {OCI}/manifest.json: permission denied")
    document = judged({"a": stamped(f"{COPY}\n{PUSHED}"), "b": stamped(f"{DIR_COPY}\n{refused}")})
    assert found(document, Cause.DIFFERENT_REFERENCE).status is not Status.LIKELY
    assert not found(document, Cause.WRONG_TRANSPORT).status.holds


def test_a_directory_that_is_being_written() -> None:
    document = judged(stamped(f"{DIR_COPY}\n{NO_MANIFEST}\n@17:00:30\n{PUSHED}"))
    assert document.verdict.cause == "archive-in-progress"


def test_without_its_command_the_message_names_the_reference() -> None:
    document = judged({"a": stamped(f"{COPY}\n{PUSHED}"), "b": stamped(NO_MANIFEST)})
    assert document.verdict.family == "B"


def test_an_image_of_that_name_is_not_in_the_archive() -> None:
    copy = COPY.replace("image.tar", "image.tar:latest")
    said = f'initializing source oci-archive:{OCI}/image.tar:latest: no descriptor found for reference "latest"'
    document = judged(stamped(f"{copy}\n{fatal(said)}"))
    assert (document.verdict.cause, document.verdict.status) == ("different-reference", "likely")
    assert "image.tar:latest" in document.verdict.statement


def test_a_name_that_is_not_stored_says_nothing_of_an_archive() -> None:
    document = judged(stamped(f"{COPY}\n{fatal('resolving localhost/a: image not known')}"))
    assert all(
        one.status is Status.NOT_ASSESSABLE for one in document.assessments if one.cause is Cause.DIFFERENT_REFERENCE
    )
