"""Access that went, or came, while a log was written."""

from __future__ import annotations

from support.logs import (
    COPY,
    FAILED,
    OCI,
    PUSHED,
    REFUSED,
    SOURCE,
    TAR,
    fatal,
    found,
    judged,
    shown,
    stamped,
    stat,
)

from probe.classify.verdict import Cause, Status

PATH = "/workspace/source/oci"
OPEN = f"drwxr-s--- 2 root 1000970000 23 Nov 21 17:00 {PATH}"
TAKEN = f"drwxrws--- 2 root 1000660000 23 Nov 21 17:00 {PATH}"
CLOSED = f"drwx--S--- 2 root 1000970000 23 Nov 21 17:00 {PATH}"
SOURCE_TAKEN = SOURCE.replace("1000970000", "1000660000")
AFTER = "\n".join((shown(source=SOURCE_TAKEN, oci=TAKEN, tar=None), COPY, REFUSED, FAILED))


def test_a_group_that_was_rewritten() -> None:
    document = judged(stamped(f"{shown(oci=OPEN)}\n@17:01:00\n{AFTER}"))
    assert (document.verdict.cause, document.verdict.status) == ("swept-by-another-pod", "likely")
    assert "1000660000" in document.verdict.statement
    assert found(document, Cause.GROUP_NOT_HELD).implied_by is Cause.SWEPT_BY_ANOTHER_POD


def test_the_other_pod_is_named_by_its_log() -> None:
    other = stamped("uid=1000660000 gid=0(root) groups=0(root),1000660000", "17:00:30")
    document = judged({"push": stamped(f"{shown(oci=OPEN)}\n@17:01:00\n{AFTER}"), "notebook": other})
    supports = found(document, Cause.SWEPT_BY_ANOTHER_POD).supports
    assert any("notebook" in claim.sentence for claim in supports)


def test_only_the_state_afterwards_shows_no_rewrite() -> None:
    document = judged(stamped(AFTER))
    assert document.verdict.cause == "group-not-held"
    assert found(document, Cause.SWEPT_BY_ANOTHER_POD).status is Status.POSSIBLE


def test_a_mode_that_was_taken_away_is_no_sweep() -> None:
    text = f"{shown(oci=OPEN)}\n@17:01:00\n{shown(oci=CLOSED, tar=None)}\n{COPY}\n{REFUSED}\n{FAILED}"
    document = judged(stamped(text))
    assert document.verdict.cause == "dir-search-denied"
    assert found(document, Cause.SWEPT_BY_ANOTHER_POD).status is not Status.LIKELY


def test_refused_then_granted() -> None:
    text = f"{shown(oci=CLOSED, tar=None)}\n{COPY}\n{REFUSED}\n{FAILED}\n@17:01:00\n{shown(oci=OCI)}\n{COPY}\n{PUSHED}"
    document = judged(stamped(text))
    assert (document.verdict.cause, document.verdict.status) == ("access-healed", "likely")
    supports = [claim.sentence for claim in found(document, Cause.ACCESS_HEALED).supports]
    assert any("and had mode 2700" in sentence for sentence in supports), supports
    assert found(document, Cause.DIR_SEARCH_DENIED).status is not Status.LIKELY


def test_a_loop_that_was_refused_until_the_writer_let_it_in() -> None:
    text = f"{COPY}\n{REFUSED}\n{FAILED}\n@17:00:15\n{REFUSED}\n{FAILED}\n@17:00:20\n{PUSHED}"
    document = judged(stamped(text))
    assert document.verdict.cause == "access-healed"
    assert any("what changed" in claim.sentence for claim in found(document, Cause.ACCESS_HEALED).missing)


def test_a_change_time_in_between() -> None:
    text = f"{COPY}\n{REFUSED}\n{FAILED}\n@17:00:20\n{PUSHED}\n" + stat(
        PATH, "2755", changed="17:00:15.5", modified="17:00:01", born="17:00:01"
    )
    supports = [claim.sentence for claim in found(judged(stamped(text)), Cause.ACCESS_HEALED).supports]
    assert any("between the two" in sentence for sentence in supports), supports


def test_waiting_for_a_file_is_no_fault() -> None:
    text = f"attempt 1/30: {PATH}/image.tar not readable yet, sleeping 2s\n@17:00:15\n{shown()}\n{COPY}\n{PUSHED}"
    assert judged(stamped(text)).verdict.cause == "healthy"


def test_waiting_for_a_file_that_its_maker_left_closed() -> None:
    build = stamped("uid=0(root) gid=0(root) groups=0(root)\n" + TAR.replace("-rw-r--r--", "-rw-------"), "17:00:05")
    text = f"attempt 1/30: {PATH}/image.tar not readable yet, sleeping 2s\n@17:00:25\n{shown()}\n{COPY}\n{PUSHED}"
    document = judged({"build": build, "push": stamped(text, "17:00:12")})
    assert document.verdict.cause == "access-healed"


def test_opened_after_it_had_been_refused() -> None:
    text = f"{COPY}\n{REFUSED}\n{FAILED}\n@17:00:20\n{shown()}\n" + stat(
        PATH, "2755", changed="17:00:15.5", modified="17:00:01", born="17:00:01"
    )
    document = judged(stamped(text))
    assert document.verdict.cause == "access-healed"


def test_a_success_before_the_refusal_heals_nothing() -> None:
    text = f"{COPY}\n{PUSHED}\n@17:01:00\n{shown(oci=CLOSED, tar=None)}\n{COPY}\n{REFUSED}\n{FAILED}"
    document = judged(stamped(text))
    assert document.verdict.cause == "dir-search-denied"


def test_another_failure_does_not_heal_a_refusal() -> None:
    ended = fatal("initializing source oci-archive:/workspace/source/oci/image.tar:: unexpected EOF")
    document = judged(stamped(f"{COPY}\n{REFUSED}\n{FAILED}\n@17:00:20\n{ended}"))
    assert found(document, Cause.ACCESS_HEALED).status is not Status.LIKELY
