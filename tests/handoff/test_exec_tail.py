"""The end of standard error: bounded, in whole lines, without secrets."""

from __future__ import annotations

import os
import random

import pytest

from probe.evidence.command import FailureKind
from probe.handoff.execute.run import Ended
from probe.handoff.execute.tail import Tail, outcome_of

FATAL = b'time="2026-11-21T17:32:56Z" level=fatal msg="open /w/oci/image.tar: permission denied"\n'
ENDED = Ended(run=2, started=1_000, ended=2_000, status=256)


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_it_keeps_the_last_bytes_whatever_the_pieces(size: int) -> None:
    chance = random.Random(size)
    tail, whole = Tail(size), b""
    for _ in range(300):
        piece = bytes(chance.choices(b"ab\n", k=chance.randrange(2 * size + 2)))
        tail.add(piece)
        whole += piece
        lines, cut = tail.lines()
        assert cut is (len(whole) > size)
        kept = whole[-size:]
        assert lines == (kept.partition(b"\n")[2] if cut else kept)
    assert tail.total == len(whole)
    tail.clear()
    assert tail.lines() == (b"", False)


def test_what_is_known_of_a_run() -> None:
    tail = Tail(4096)
    tail.add(b"Getting image source signatures\n" + FATAL)
    outcome = outcome_of(ENDED, "/usr/bin/skopeo", tail)
    assert (outcome.source, outcome.program, outcome.run) == ("exec", "skopeo", 2)
    assert (outcome.started, outcome.ended, outcome.exit_status, outcome.signal) == (1_000, 2_000, 1, None)
    assert [(one.path, one.errno) for one in outcome.failures] == [("/w/oci/image.tar", "EACCES")]
    assert (outcome.lines, outcome.truncated) == (2, False)


def test_a_death_by_signal() -> None:
    outcome = outcome_of(Ended(1, 0, 1, 15), "x", None)
    assert (outcome.exit_status, outcome.signal, outcome.failures) == (None, "SIGTERM", ())
    assert outcome_of(Ended(1, 0, 1, 40), "x", None).signal == "SIG40"


def test_half_a_line_is_left_out_with_the_half_of_a_secret() -> None:
    tail = Tail(200)
    tail.add(b"curl --password " + b"hunter" * 60 + b"\n")
    tail.add(FATAL)
    outcome = outcome_of(ENDED, "skopeo", tail)
    assert outcome.truncated and len(outcome.failures) == 1
    assert "hunter" not in outcome.model_dump_json()


def test_one_line_without_an_end_leaves_nothing() -> None:
    tail = Tail(1 << 16)
    for _ in range(40):
        tail.add(b"x" * (1 << 16))
    outcome = outcome_of(ENDED, "skopeo", tail)
    assert (outcome.failures, outcome.lines, outcome.truncated) == ((), 0, True)


def test_hostile_bytes_become_printable_text() -> None:
    tail = Tail(1 << 16)
    tail.add(b"\xff\xfe\x00\x1b]0;owned\x07\x1b[2J\r" + FATAL.replace(b"image", b"\\x1b[31m\xff"))
    outcome = outcome_of(ENDED, os.fsdecode(b"\x1b[31m\xff"), tail)
    assert outcome.failures[0].kind is FailureKind.FILE
    assert outcome.program == "\x1b[31m\\xff"
    outcome.model_dump_json()
