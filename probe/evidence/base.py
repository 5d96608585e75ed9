"""What every evidence model shares: the frozen base, and the scalar types with their JSON form."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema

TEXT_LIMIT = 4096
"""Characters in any one free text or path; `PATH_MAX` of Linux, so a whole path always fits."""

_TIMESTAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_TIMESTAMP_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$"
_NS = 1_000_000_000
_EPOCH, _SECOND = datetime(1970, 1, 1), timedelta(seconds=1)
_FIRST = (datetime.min - _EPOCH) // _SECOND * _NS
_LAST = (datetime.max - _EPOCH) // _SECOND * _NS + _NS - 1


class Frozen(BaseModel):
    """Base of all evidence: immutable, and readable by a later or an earlier version (unknown keys pass).

    Infinity and NaN are refused: Python reads them, and JSON has neither.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True, allow_inf_nan=False)


def format_timestamp(ns: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 in UTC with all nine digits: a JSON number would lose some."""
    seconds, rest = divmod(min(max(ns, _FIRST), _LAST), _NS)
    moment = _EPOCH + seconds * _SECOND
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}.{rest:09d}Z"


def parse_timestamp(text: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time in UTC (`...Z`). Raises ValueError on anything else."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 time in UTC: {text[:40]!r}")
    *fields, fraction = match.groups()
    moment = datetime(*map(int, fields))  # type: ignore[arg-type]
    return (moment - _EPOCH) // _SECOND * _NS + int((fraction or "0").ljust(9, "0"))


def _read_timestamp(value: Any) -> Any:
    if isinstance(value, str):
        return parse_timestamp(value)
    return min(max(value, _FIRST), _LAST) if isinstance(value, int) else value


def _read_octal(value: Any) -> Any:
    return int(value, 8) if isinstance(value, str) else value


def _write_octal(value: int) -> str:
    return f"{value:04o}"


Timestamp = Annotated[
    int,
    BeforeValidator(_read_timestamp),
    PlainSerializer(format_timestamp, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _TIMESTAMP_PATTERN, "description": "RFC 3339, UTC, nanoseconds"}),
]
"""A moment: integer nanoseconds since the epoch in Python, RFC 3339 in JSON; in the years 1 to 9999, which that can
say: what a file system holds beyond them is the first or the last moment."""

Mode = Annotated[
    int,
    Field(ge=0, le=0o7777),
    BeforeValidator(_read_octal),
    PlainSerializer(_write_octal, return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "pattern": "^[0-7]{4}$", "description": "permission bits in octal, as chmod takes them"}
    ),
]
"""The twelve permission bits (`S_IMODE`): an integer in Python, four octal digits in JSON."""

Text = Annotated[str, StringConstraints(max_length=TEXT_LIMIT)]
"""Bounded free text."""

ShortText = Annotated[str, StringConstraints(max_length=256)]
"""A name, a number with its unit, an option: bounded to what a file name may hold."""


def clip(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text` cut to `limit` characters, saying how many were left out."""
    if len(text) <= limit:
        return text
    note = f"... ({len(text)} characters)"
    return text[: max(0, limit - len(note))] + note


def path_text(path: bytes | str) -> str:
    r"""A path as JSON can carry it: UTF-8 as it is, a backslash doubled, any other byte as `\xNN`.

    File names are bytes (path_resolution(7)); this form is reversible by `path_bytes` and never holds
    a lone surrogate, which JSON encoders refuse.
    """
    raw = path if isinstance(path, bytes) else path.encode("utf-8", "surrogateescape")
    return clip(raw.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace"))


def path_bytes(text: str) -> bytes:
    r"""The bytes that `path_text` wrote (for a path that was not clipped)."""
    return re.sub(rb"\\(\\|x([0-9a-f]{2}))", _unescape, text.encode("utf-8"))


def _unescape(match: re.Match[bytes]) -> bytes:
    return b"\\" if match[2] is None else bytes([int(match[2], 16)])
