"""Nothing in a name can move a terminal's cursor or turn its reading order."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.report.safe import safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/workspace/source/oci/image.tar", "/workspace/source/oci/image.tar"),
        ("größe 档案 é", "größe 档案 é"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x1b[31mred\x1b[0m", "\\u{1b}[31mred\\u{1b}[0m"),
        ("\x9b2J", "\\u{9b}2J"),
        ("\u202egnp.rat", "\\u{202e}gnp.rat"),
        ("\u2066x\u2069", "\\u{2066}x\\u{2069}"),
        ("zero\u200bwidth", "zero\\u{200b}width"),
        ("\u2028\u2029\x85", "\\u{2028}\\u{2029}\\u{85}"),
        ("\x7f\0", "\\u{7f}\\u{0}"),
        ("\udcff", "\\u{dcff}"),
        ("\U000f0000", "\\u{f0000}"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_shown_is_one_line_without_marks_and_can_be_encoded(text: str) -> None:
    shown = safe(text)
    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    shown.encode()
    assert safe(shown) == shown
