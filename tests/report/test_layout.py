"""Lines of a page: wrapped to the width, indented beside what leads them, coloured on a terminal only."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from probe.report.layout import Page


def page(columns: str | None, monkeypatch: pytest.MonkeyPatch) -> tuple[Page, io.StringIO]:
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    stream = io.StringIO()
    return Page(stream), stream


@pytest.mark.parametrize(
    ("columns", "width"), [("80", 80), ("40", 40), ("200", 200), (None, 80), ("", 80), ("x", 80), ("²", 80), ("1", 20)]
)
def test_the_width(columns: str | None, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    written, stream = page(columns, monkeypatch)
    written.line("a" * 1000)
    assert max(map(len, stream.getvalue().splitlines())) == width


def test_words_stay_whole_and_lines_stand_beside_their_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    written, stream = page("40", monkeypatch)
    written.entry("Missing", ["one two three four five six seven eight nine ten", "eleven"])
    assert stream.getvalue() == (
        "Missing  one two three four five six\n         seven eight nine ten\n         eleven\n"
    )


def test_a_long_path_is_broken_before_a_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    written, stream = page("40", monkeypatch)
    written.line("in /workspace/source/some-directory/some-other-directory/image.tar here")
    assert stream.getvalue().splitlines() == [
        "in",
        "/workspace/source/some-directory",
        "/some-other-directory/image.tar here",
    ]


def test_a_word_without_a_slash_is_broken_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    written, stream = page("40", monkeypatch)
    written.line("a/" + "b" * 100)
    assert [len(line) for line in stream.getvalue().splitlines()] == [40, 40, 22]


def test_what_is_to_be_pasted_is_never_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    written, stream = page("40", monkeypatch)
    written.paste("chmod g+x " + "a" * 100 + "\n  umask 0007")
    assert stream.getvalue() == "  chmod g+x " + "a" * 100 + "\n    umask 0007\n"


def test_everything_is_made_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    written, stream = page("80", monkeypatch)
    written.line("a\x1b[2J\nb", lead="\x07")
    written.entry("For", [[("c\u202e", "bold"), ("\r", "")]])
    written.paste("d\x1b\ne\x85f")
    assert stream.getvalue().splitlines() == [
        "\\u{7}a\\u{1b}[2J\\nb",
        "For      c\\u{202e}\\r",
        "  d\\u{1b}",
        "  e\\u{85}f",
    ]


def test_an_empty_line_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    written, stream = page("80", monkeypatch)
    written.line()
    written.line("   ")
    assert stream.getvalue() == "\n\n"


_WORDS = st.text(st.sampled_from("ab /档é\u0301"), max_size=200)


@given(st.lists(st.tuples(_WORDS, st.sampled_from(["", "bold"])), max_size=5), st.integers(22, 100))
def test_nothing_is_lost_and_no_line_is_wider(spans: list[tuple[str, str]], width: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        written, stream = page(str(width), monkeypatch)
        written.line(spans, lead="> ")
    lines = stream.getvalue().removesuffix("\n").split("\n")
    assert all(cell_len(line) <= width for line in lines)
    assert lines[0].startswith(">")
    assert all(line.startswith("  ") for line in lines[1:])
    shown = "".join(line[2:] for line in lines)
    assert shown.replace(" ", "") == "".join(text for text, _ in spans).replace(" ", "")
