"""Nothing is wrong, as far as the logs tell; and when they do not tell enough to say so."""

from __future__ import annotations

from support.logs import ARCHIVE, COPY, FAILED, PUSHED, fatal, found, judged, shown, stamped

from probe.classify.verdict import Cause

GOOD = stamped(f"{shown()}\n{COPY}\n{PUSHED}")


def test_every_reader_succeeded() -> None:
    document = judged({"a": GOOD, "b": GOOD})
    assert (document.verdict.cause, document.verdict.status) == ("healthy", "likely")
    supports = [claim.sentence for claim in found(document, Cause.HEALTHY).supports]
    assert any("agree on config" in sentence for sentence in supports), supports


def test_the_producers_digest_is_a_support() -> None:
    build = stamped("built version v2.0.0 manifest sha256:" + "ef" * 32)
    push = GOOD.replace("skopeo exit code: 0", "Writing manifest to image destination")
    document = judged({"build": build, "a": push + stamped("skopeo exit code: 0")})
    assert document.verdict.cause == "healthy"


def test_a_reader_without_an_end_is_named() -> None:
    document = judged({"a": GOOD, "b": stamped(f"{shown()}\n{COPY}")})
    assert document.verdict.cause == "inconclusive"
    missing = [claim.sentence for claim in found(document, Cause.HEALTHY).missing]
    assert any(sentence.startswith("how run-b-pod/step-b ended") for sentence in missing), missing


def test_a_status_without_a_message_is_no_health() -> None:
    document = judged(stamped(f"{shown()}\n{COPY}\n{FAILED}"))
    assert document.verdict.cause == "inconclusive"
    assert not found(document, Cause.HEALTHY).status.holds


def test_a_message_that_nobody_understands_is_no_health() -> None:
    document = judged(stamped(f"{shown()}\n{COPY}\n{fatal('something entirely new went wrong')}"))
    assert document.verdict.cause == "inconclusive"


def test_an_inspect_of_another_task_does_not_end_a_copy() -> None:
    text = f"{shown()}\n{COPY}\nskopeo inspect exit code: 0"
    assert judged(stamped(text)).verdict.cause == "inconclusive"


def test_the_status_may_stand_before_its_message() -> None:
    refused = fatal(f"Invalid source name {ARCHIVE}: lstat /workspace/source/oci/image.tar: permission denied")
    message, status = refused.splitlines()
    closed = "drwx--S--- 2 root 1000970000 23 Nov 21 17:00 /workspace/source/oci"
    document = judged(stamped(f"{shown(oci=closed, tar=None)}\n{COPY}\n{status}\n{message}"))
    assert document.verdict.cause == "dir-search-denied"


def test_nothing_at_all() -> None:
    document = judged("hello\nworld\n")
    assert document.verdict.cause == "inconclusive"
