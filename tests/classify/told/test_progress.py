"""An archive that ends early: somebody is at it, or nobody is."""

from __future__ import annotations

import pytest
from support.logs import ARCHIVE, COPY, PUSHED, fatal, found, judged, shown, stamped

from probe.classify.verdict import Cause, Status

PATH = "/workspace/source/oci/image.tar"
EOF = fatal(
    f'initializing source {ARCHIVE}:: creating temp directory: untarring file "/var/tmp/oci361640711": unexpected EOF'
)
NO_INDEX = fatal(f"initializing source {ARCHIVE}:: open /var/tmp/oci2063844906/index.json: no such file or directory")
WRONG = fatal(f"writing blob: Digest did not match, expected sha256:{'a' * 64}, got sha256:{'b' * 64}")


def sized(size: int) -> str:
    return f"-rw-r--r-- 1 root 1000970000 {size} Nov 21 17:00 {PATH}"


@pytest.mark.parametrize("failure", [EOF, NO_INDEX])
@pytest.mark.parametrize("times", [True, False])
def test_growth_in_one_log_needs_no_clock(failure: str, times: bool) -> None:
    text = f"{sized(5505024)}\n{COPY}\n{failure}\n{sized(5767168)}"
    document = judged(stamped(text) if times else text)
    assert (document.verdict.cause, document.verdict.status) == ("archive-in-progress", "likely")
    assert found(document, Cause.TRUNCATED).status is not Status.LIKELY


def test_a_later_success_of_the_same_command() -> None:
    document = judged(stamped(f"{COPY}\n{EOF}\n@17:00:20\n{NO_INDEX}\n@17:00:30\n{PUSHED}"))
    assert document.verdict.cause == "archive-in-progress"


def test_the_writers_own_words() -> None:
    build = stamped(
        f"writer: pid 30 begins {PATH} total 216109568\n@17:00:40\nwriter: archive complete 216109568", "17:00:01"
    )
    document = judged({"build": build, "push": stamped(f"{COPY}\n{EOF}")})
    assert document.verdict.cause == "archive-in-progress"


def test_the_writers_words_before_it_speak_for_no_race() -> None:
    build = stamped(f"writer: pid 30 begins {PATH} total 216109568\nwriter: archive complete 216109568", "17:00:01")
    document = judged({"build": build, "push": stamped(f"{COPY}\n{EOF}")})
    assert document.verdict.cause == "inconclusive"


def test_one_message_alone_decides_nothing() -> None:
    document = judged(stamped(f"{COPY}\n{EOF}"))
    assert document.verdict.cause == "inconclusive"
    for cause in (Cause.ARCHIVE_IN_PROGRESS, Cause.TRUNCATED):
        assessment = found(document, cause)
        assert assessment.status is Status.POSSIBLE
        assert assessment.missing


def test_the_same_size_over_several_attempts_is_truncated() -> None:
    text = "\n".join(f"@17:00:{second}\n{sized(5505024)}\n{COPY}\n{EOF}" for second in (10, 20, 30))
    document = judged(stamped(text))
    assert (document.verdict.cause, document.verdict.status) == ("truncated", "likely")


def test_the_same_size_in_one_moment_tells_nothing() -> None:
    document = judged(stamped(f"{sized(5505024)}\n{sized(5505024)}\n{COPY}\n{EOF}"))
    assert document.verdict.cause == "inconclusive"


def test_last_written_long_ago_is_truncated() -> None:
    old = sized(5505024).replace("Nov 21 17:00", "Nov 20 09:12")
    document = judged(stamped(f"{old}\n{COPY}\n{EOF}"))
    assert document.verdict.cause == "truncated"
    assert found(document, Cause.ARCHIVE_IN_PROGRESS).status is not Status.LIKELY


def test_a_digest_that_does_not_match_in_a_file_at_rest() -> None:
    old = sized(17861120).replace("Nov 21 17:00", "Nov 20 09:12")
    document = judged(stamped(f"{old}\n{COPY}\n{WRONG}"))
    assert (document.verdict.cause, document.verdict.status) == ("corrupt", "likely")


def test_a_digest_that_does_not_match_while_it_grows() -> None:
    document = judged(stamped(f"{sized(5505024)}\n{COPY}\n{WRONG}\n{sized(5767168)}"))
    assert document.verdict.cause == "archive-in-progress"


def test_a_refusal_is_none_of_these() -> None:
    refused = fatal(f"Invalid source name {ARCHIVE}: lstat {PATH}: permission denied")
    document = judged(stamped(f"{sized(5505024)}\n{COPY}\n{refused}\n{sized(5767168)}"))
    for cause in (Cause.ARCHIVE_IN_PROGRESS, Cause.TRUNCATED, Cause.CORRUPT):
        assert not found(document, cause).status.holds


def test_growth_before_a_push_that_succeeds_is_no_fault() -> None:
    document = judged(stamped(f"{sized(5505024)}\n{sized(5767168)}\n{shown()}\n{COPY}\n{PUSHED}"))
    assert document.verdict.cause == "healthy"
