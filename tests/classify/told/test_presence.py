"""Nothing at the path: it came later, it lies elsewhere, or no volume is mounted there."""

from __future__ import annotations

from support.logs import ARCHIVE, COPY, FAILED, ID, MOUNT, PUSHED, TAR, fatal, found, judged, shown, stamped

from probe.classify.verdict import Cause, Status

PATH = "/workspace/source/oci/image.tar"
ABSENT = fatal(f"Invalid source name {ARCHIVE}: lstat {PATH}: no such file or directory")
OTHER = "oci-archive:/workspace/source/image.tar"
OTHER_COPY = f"===== skopeo copy {OTHER} docker://internal.lab/org/model:1 ====="


def test_absent_then_there_in_one_log() -> None:
    document = judged(stamped(f"{COPY}\n{ABSENT}\n@17:00:20\n{TAR}"))
    assert (document.verdict.cause, document.verdict.status) == ("absent-then-present", "likely")


def test_absent_then_read_by_the_same_loop() -> None:
    document = judged(stamped(f"{COPY}\n{ABSENT}\n@17:00:20\n{PUSHED}"))
    assert document.verdict.cause == "absent-then-present"


def test_written_after_the_failure_by_another_log() -> None:
    build = stamped(TAR.replace("17:00", "17:05"), "17:05:30")
    document = judged({"push": stamped(f"{COPY}\n{ABSENT}"), "build": build})
    assert document.verdict.cause == "absent-then-present"


def test_written_before_the_failure_is_not_later() -> None:
    build = stamped(TAR.replace("17:00", "16:50"), "16:51:30")
    document = judged({"push": stamped(f"{COPY}\n{ABSENT}"), "build": build})
    assert found(document, Cause.ABSENT_THEN_PRESENT).status is not Status.LIKELY


def test_a_script_that_waits_until_it_is_there_is_healthy() -> None:
    document = judged(stamped(f"{PATH} not there yet\n@17:00:20\n{PATH} is there\n{shown()}\n{COPY}\n{PUSHED}"))
    assert document.verdict.cause == "healthy"


def test_another_task_reads_it_elsewhere() -> None:
    push = stamped(f"{COPY}\n{ABSENT}")
    document = judged({"push": push, "other": stamped(f"{OTHER_COPY}\n{PUSHED}")})
    assert document.verdict.family == "B"
    assert found(document, Cause.WRONG_PATH).status is Status.LIKELY
    assert document.verdict.cause == "different-reference"


def test_the_readers_own_listing_shows_another_name() -> None:
    listing = "\n".join(
        (
            "===== ls -la /workspace/source/oci =====",
            "total 17444",
            "drwxr-sr-x 2 root 1000970000       23 Nov 21 17:00 .",
            "drwxrwsr-x 4 root 1000970000       30 Nov 21 17:00 ..",
            "-rw-r--r-- 1 root 1000970000 17861120 Nov 21 17:00 model-image.tar",
        )
    )
    document = judged(stamped(f"{listing}\n{COPY}\n{ABSENT}"))
    assert (document.verdict.cause, document.verdict.status) == ("wrong-path", "likely")
    supports = [claim.sentence for claim in found(document, Cause.WRONG_PATH).supports]
    assert any("and no image.tar" in sentence for sentence in supports), supports


def test_nothing_shows_where_it_is() -> None:
    document = judged(stamped(f"{COPY}\n{ABSENT}"))
    assert document.verdict.cause == "inconclusive"
    assert any(
        "the path that the producer wrote" in claim.sentence for claim in found(document, Cause.WRONG_PATH).missing
    )


ROOT_ONLY = "overlay on / type overlay (rw,relatime)"


def test_no_volume_where_another_task_has_one() -> None:
    push = stamped(f"===== id =====\n{ID}\n===== mount =====\n{ROOT_ONLY}\n{COPY}\n{ABSENT}")
    other = stamped(f"===== mount =====\n{ROOT_ONLY}\n{MOUNT}\n{COPY}\n{PUSHED}")
    document = judged({"push": push, "other": other})
    assert (document.verdict.cause, document.verdict.status) == ("not-mounted", "likely")


def test_a_mounted_volume_is_mounted() -> None:
    push = stamped(f"===== mount =====\n{ROOT_ONLY}\n{MOUNT}\n{COPY}\n{ABSENT}")
    assert found(judged(push), Cause.NOT_MOUNTED).status is not Status.LIKELY


def test_a_member_that_is_missing_is_not_the_archive() -> None:
    text = fatal(f"initializing source {ARCHIVE}:: open /var/tmp/oci2063844906/index.json: no such file or directory")
    document = judged(stamped(f"{COPY}\n{text}\n{TAR}"))
    assert not found(document, Cause.ABSENT_THEN_PRESENT).status.holds
    assert FAILED in text
