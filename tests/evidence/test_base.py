"""The scalar types: times, modes, paths, bounded text."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from probe.evidence.base import (
    TEXT_LIMIT,
    Frozen,
    Mode,
    Text,
    Timestamp,
    clip,
    format_timestamp,
    parse_timestamp,
    path_bytes,
    path_text,
)

NS = 1_000_000_000
FIRST = -62_135_596_800 * NS
LAST = 253_402_300_800 * NS - 1
TIME: TypeAdapter[int] = TypeAdapter(Timestamp)
MODE: TypeAdapter[int] = TypeAdapter(Mode)


# -- times


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_763_752_539 * NS + 76_192_118, "2025-11-21T19:15:39.076192118Z"),
        (951_782_400 * NS, "2000-02-29T00:00:00.000000000Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854775807Z"),
        (-(2**63), "1677-09-21T00:12:43.145224192Z"),
        (FIRST, "0001-01-01T00:00:00.000000000Z"),
        (LAST, "9999-12-31T23:59:59.999999999Z"),
    ],
)
def test_a_time_and_its_text(ns: int, text: str) -> None:
    assert format_timestamp(ns) == text
    assert parse_timestamp(text) == ns
    assert TIME.dump_json(ns) == f'"{text}"'.encode()
    assert TIME.validate_json(f'"{text}"') == TIME.validate_python(ns) == ns


@pytest.mark.parametrize("ns", [LAST + 1, 2**63 * NS, 10**400, FIRST - 1, -(2**63) * NS, -(10**400)])
def test_a_time_that_no_calendar_has_is_the_nearest_that_one_has(ns: int) -> None:
    """A file system keeps any 64-bit number of seconds; ext4 and xfs hold years beyond 9999."""
    nearest = LAST if ns > 0 else FIRST
    assert TIME.validate_python(ns) == nearest
    assert format_timestamp(ns) == format_timestamp(nearest)


def test_a_real_file_from_before_1970_and_one_from_far_ahead(tmp_path: Path) -> None:
    for seconds in (-86_400 * 365 * 60, 2_500_000_000, 10_000_000_000):
        os.utime(tmp_path, ns=(0, seconds * NS + 123_456_789))
        kept = os.stat(tmp_path).st_mtime_ns
        assert parse_timestamp(format_timestamp(kept)) == kept


@given(st.integers(FIRST, LAST))
def test_every_nanosecond_comes_back(ns: int) -> None:
    assert parse_timestamp(format_timestamp(ns)) == ns


@given(st.integers(FIRST, LAST), st.integers(FIRST, LAST))
def test_texts_sort_as_times_do(a: int, b: int) -> None:
    assert (format_timestamp(a) < format_timestamp(b)) is (a < b)


@pytest.mark.parametrize(
    ("text", "ns"),
    [("1970-01-01T00:00:01Z", NS), ("1970-01-01T00:00:01.5Z", 1_500_000_000), ("1970-01-01 00:00:01Z", NS)],
)
def test_shorter_texts_of_others(text: str, ns: int) -> None:
    assert parse_timestamp(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2025-11-21",
        "2025-11-21T19:15:39",
        "2025-11-21T19:15:39+00:00",
        "2025-02-30T00:00:00Z",
        "2025-11-21T24:00:00Z",
        "2025-11-21T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2025-11-21T19:15:39.1234567890Z",
        "٢٠٢٥-11-21T19:15:39Z",
        "2025-11-21T19:15:39Z\n",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        parse_timestamp(text)
    with pytest.raises(ValidationError):
        TIME.validate_python(text)


def test_the_pattern_of_the_schema_fits_what_is_written() -> None:
    pattern = TIME.json_schema(mode="serialization")["pattern"]
    for ns in (0, -1, FIRST, LAST, 10**30):
        assert re.search(pattern, format_timestamp(ns))


# -- modes


@given(st.integers(0, 0o7777))
def test_a_mode_and_its_text(mode: int) -> None:
    text = MODE.dump_json(mode).decode()
    assert text == f'"{mode:04o}"'
    assert re.fullmatch(MODE.json_schema(mode="serialization")["pattern"], text.strip('"'))
    assert MODE.validate_json(text) == mode


@pytest.mark.parametrize("value", [-1, 0o10000, 0o100644, "100644", "-1", "0788", "rwx", "", None, 6.5])
def test_what_is_no_mode(value: object) -> None:
    with pytest.raises(ValidationError):
        MODE.validate_python(value)


# -- paths


@given(st.binary(max_size=1000))
def test_any_bytes_come_back_from_their_text(raw: bytes) -> None:
    text = path_text(raw)
    assert path_bytes(text) == raw
    text.encode("utf-8")
    assert path_text(os.fsdecode(raw)) == text, "an argument, as Python has it, gives the same text"


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=200))
def test_text_in_utf_8_stays_but_for_the_backslash(name: str) -> None:
    assert path_text(name) == name.replace("\\", "\\\\")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_two_names_have_two_texts(a: bytes, b: bytes) -> None:
    assert (path_text(a) == path_text(b)) is (a == b)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"/a/\xff", "/a/\\xff"),
        (b"/a/\\xff", "/a/\\\\xff"),
        (b"\\", "\\\\"),
        ("é".encode(), "é"),
        (b"\xc3", "\\xc3"),
        (b"\xed\xb3\xbf", "\\xed\\xb3\\xbf"),
    ],
)
def test_how_a_path_is_written(raw: bytes, text: str) -> None:
    assert path_text(raw) == text
    assert path_bytes(text) == raw


@given(st.text(max_size=100))
def test_any_text_is_taken_for_a_path(text: str) -> None:
    """What somebody's document holds need not come from `path_text`."""
    assert isinstance(path_bytes(text), bytes)


# -- bounded text


@given(st.text(max_size=400), st.integers(0, 300))
def test_clipped_text_fits_and_says_so(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    if len(text) <= limit:
        assert clipped == text
    else:
        assert clipped.endswith(f"... ({len(text)} characters)")
        note = len(f"... ({len(text)} characters)")
        assert len(clipped) == max(limit, note)
        assert clipped[: len(clipped) - note] == text[: max(0, limit - note)]


def test_a_text_of_the_greatest_length_is_one() -> None:
    adapter: TypeAdapter[str] = TypeAdapter(Text)
    assert adapter.validate_python("x" * TEXT_LIMIT)
    assert len(clip("x" * (TEXT_LIMIT + 1))) == TEXT_LIMIT
    with pytest.raises(ValidationError):
        adapter.validate_python("x" * (TEXT_LIMIT + 1))


# -- the base of all models


class Example(Frozen):
    number: float = 0.0
    text: Text = ""


def test_a_model_is_frozen_and_takes_unknown_keys() -> None:
    example = Example.model_validate({"text": "a", "later": {"a": 1}})
    assert example == Example(text="a")
    assert hash(example) == hash(Example(text="a"))
    with pytest.raises(ValidationError):
        example.text = "b"  # type: ignore[misc]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_json_has_no_infinity(number: str) -> None:
    with pytest.raises(ValidationError):
        Example.model_validate_json(f'{{"number": {number}}}')
    with pytest.raises(ValidationError):
        Example(number=float(number.replace("Infinity", "inf")))


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ValidationError):
        Example(text="\ud800")
