"""A container's status 0 is not that of its command: what the log says goes first, and objects alone show less."""

from __future__ import annotations

import pytest
from support.logs import ARCHIVE, COPY, PUSHED, REFUSED, follow_every_pointer, shown, stamped
from support.objects import BUILD, DIGEST, OTHER, PUSH, Task, cluster, failed, run, storage
from support.stage import assessment

from probe.classify.judge import judge_case
from probe.classify.verdict import VerdictDocument
from probe.transcript.importing import import_text

CLOSED = "drwx--S--- 2 root 1000970000 23 Nov 21 17:00 /workspace/source/oci"
DENIED = shown(oci=CLOSED, tar=None)
PIPED = PUSH.but(digest=None, script=f"{PUSH.script} 2>&1 | tee /tmp/log")
LATER = "@17:01:00\nCopying config sha256:" + "7c" * 32 + "\nWriting manifest to image destination"


def judged(*tasks: Task, log: str = "") -> VerdictDocument:
    """The verdict of a run's objects, with the log of push-a where one is given."""
    logs = tuple(import_text(stamped(log), "r-push-a-pod.step-main.log")) if log else ()
    document = judge_case((), (), (), logs, (cluster((*run(*tasks), *storage())),))
    follow_every_pointer(document)
    return document


def test_a_pipe_does_not_hide_what_the_log_says() -> None:
    document = judged(BUILD, PIPED, log=f"{DENIED}\n{REFUSED}")
    assert (document.verdict.cause, document.verdict.status) == ("dir-search-denied", "likely")
    assert not assessment(document, "healthy").status.holds


def test_a_stated_failure_outlasts_an_exit_of_0() -> None:
    log = f"{DENIED}\n{COPY}\n{REFUSED}\nskopeo exit code: 1"
    document = judged(BUILD, PUSH.but(digest=None, script=f"{PUSH.script} || true\nexit 0"), log=log)
    assert document.verdict.cause == "dir-search-denied"


def test_a_stated_0_of_the_command_is_its_own() -> None:
    document = judged(BUILD, PUSH.but(digest=None), log=f"{shown()}\n{COPY}\n{PUSHED}")
    assert document.verdict.cause == "healthy"


def test_a_later_try_clears_a_message() -> None:
    task = PUSH.but(digest=None, script=f"until {PUSH.script}; do sleep 5; done")
    assert judged(BUILD, task, log=f"{DENIED}\n{REFUSED}").verdict.cause == "dir-search-denied"
    for known in (
        judged(BUILD, task, log=f"{DENIED}\n{REFUSED}\n{LATER}"),
        judged(BUILD, task.but(digest=DIGEST), log=f"{DENIED}\n{REFUSED}"),
    ):
        assert known.verdict.cause == "access-healed", known.verdict.statement


@pytest.mark.parametrize("script", [PIPED.script, f"{PUSH.script} || true", PUSH.script])
def test_objects_alone_need_a_digest(script: str) -> None:
    document = judged(BUILD, PUSH.but(digest=None, script=script))
    assert document.verdict.cause == "inconclusive"
    assert assessment(document, "healthy").status == "possible"
    assert "push-a ended with status 0, and no log or digest shows" in document.verdict.statement
    assert "the log of push-a: kubectl logs -n ns r-push-a-pod -c step-main" in document.verdict.statement
    assert judged(BUILD, PUSH).verdict.cause == "healthy"


def test_one_reader_without_a_digest_is_enough_for_doubt() -> None:
    assert judged(BUILD, PUSH, OTHER.but(digest=None)).verdict.cause == "inconclusive"


def test_a_log_without_a_failure_stands_for_the_digest() -> None:
    assert judged(BUILD, PUSH.but(digest=None), log=shown()).verdict.cause == "healthy"


@pytest.mark.parametrize(
    "message",
    [
        "cat: /workspace/source/oci/image.tar: Permission denied",
        "tar: /workspace/source/oci/image.tar: Cannot open: Permission denied",
    ],
)
def test_objects_do_not_take_away_what_the_log_shows(message: str) -> None:
    script = "cat /workspace/source/oci/image.tar | wc -c\ntar tf /workspace/source/oci/image.tar"
    document = judged(BUILD, failed(PUSH, script=script, exit_status=2), log=f"{DENIED}\n{message}")
    assert document.verdict.cause == "dir-search-denied"
    other = message.replace("source/oci/image.tar", "other/notes.txt")
    assert judged(BUILD, failed(PUSH, script=script), log=f"{shown()}\n{other}").verdict.cause != "dir-search-denied"


def test_in_a_log_of_several_containers_no_success_clears_a_failure() -> None:
    log = f"{DENIED}\n{COPY}\n{REFUSED}\nskopeo exit code: 1\n{COPY}\n{PUSHED}"
    (transcript,) = import_text(stamped(log), "r-push-a-pod.step-main.log")
    mixed = transcript.model_copy(update={"source": transcript.source.model_copy(update={"mixed": True})})
    apart = judge_case((), (), (), (transcript,), ())
    assert apart.verdict.cause == "access-healed"
    together = judge_case((), (), (), (mixed,), ())
    assert together.verdict.cause == "dir-search-denied"
    assert ARCHIVE.partition(":")[2] in together.model_dump_json()
