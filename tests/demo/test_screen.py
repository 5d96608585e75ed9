"""The screen: 80 columns, whatever the commands wrote."""

from __future__ import annotations

import io

import pytest

from probe.demo.document import Spoken
from probe.demo.screen import Screen
from probe.report.layout import make_console

LONG = "/tmp/" + "x" * 200


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.StringIO()
    return Screen(make_console(stream), lambda document: None), stream


def speak(screen: Screen, command: str = "id", **said: object) -> None:
    screen.speaks(Spoken(by="push-to-quay", command=command, exit_status=said.pop("exit_status", 0), **said))


def test_output_is_wrapped_bounded_and_safe(shown):
    screen, stream = shown
    speak(screen, stdout="\n".join([LONG, "\x1b[31mred\x1b[0m", *"abcdefgh"]), stderr="late\n", exit_status=1)
    text = stream.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert "... 5 more lines" in text
    assert "[exit status 1]" in text


def test_silence_shows_its_status(shown):
    screen, stream = shown
    speak(screen)
    assert "[exit status 0]" in stream.getvalue()


def test_a_long_command_is_shown_in_full_once(shown):
    screen, stream = shown
    for _ in range(2):
        speak(screen, "for n in 1 2; do\necho $n; done", stdout="1\n2\n")
    lines = stream.getvalue().splitlines()
    assert lines.count("  > echo $n; done") == 1
    assert "  $ for n in 1 2; do ..." in lines


def test_the_speaker_is_named_once_until_it_changes(shown):
    screen, stream = shown
    speak(screen, "id")
    speak(screen, "pwd")
    assert stream.getvalue().count("push-to-quay") == 1
