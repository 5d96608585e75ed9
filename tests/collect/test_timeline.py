"""The moments of one report, in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from probe.collect.timeline import timeline_of
from probe.evidence.command import CommandOutcome, Failure, FailureKind
from probe.evidence.report import Report

S = 1_000_000_000
NOON = 1_700_000_000 * S


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (NOON, NOON + 600_000_000),  # the second in which the command began: not before it
        (NOON + S, NOON + S),
        (NOON - S, NOON - S),  # by another clock, or of something else: as it was said
        (NOON + 700_000_000, NOON + 700_000_000),
    ],
)
def test_a_message_of_a_whole_second_does_not_come_before_its_command(
    place: Path, look: Callable[..., Report], said: int, expected: int
) -> None:
    failure = Failure(kind=FailureKind.OTHER, at=said, line=1, text="unexpected EOF")
    command = CommandOutcome(started=NOON + 600_000_000, ended=NOON + 5 * S, exit_status=1, failures=(failure,))
    report = look(place).model_copy(update={"command": command})
    (event,) = [event for event in timeline_of(report) if event.pointer == "/command/failures/0/at"]
    assert event.at == expected
