"""Reading JSON of the API that may hold anything: what has the wrong type counts as not said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from probe.evidence.base import clip, parse_timestamp
from probe.skopeo.masking import mask

Raw = dict[str, Any]

_NAME_LIMIT = 256
_MOST = 1 << 63
_OFFSET = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)([+-])(\d\d):(\d\d)", re.ASCII)
_UNITS = {
    "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18,
    "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60,
}  # fmt: skip
_QUANTITY = re.compile(r"(\d{1,18})(?:\.(\d{1,9}))?(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|)", re.ASCII)


def mapping(value: Any) -> Raw:
    """A JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def within(value: Any, *names: str) -> Raw:
    """The object at a path of field names, or an empty one."""
    for name in names:
        value = mapping(value).get(name)
    return mapping(value)


def sequence(value: Any, most: int = 10_000) -> list[Any]:
    """A JSON array, or an empty one; at most `most` of it."""
    return value[:most] if isinstance(value, list) else []


def objects(value: Any, most: int = 10_000) -> Iterator[Raw]:
    """The JSON objects in an array."""
    for one in sequence(value, most):
        if isinstance(one, dict):
            yield one


def text(value: Any, limit: int = _NAME_LIMIT) -> str:
    """A string as JSON can carry it again, clipped; empty for anything else."""
    if not isinstance(value, str):
        return ""
    return clip(value.encode("utf-8", "replace").decode("utf-8"), limit)


def texts(value: Any, most: int = 64) -> tuple[str, ...]:
    """The strings in an array."""
    return tuple(text(one) for one in sequence(value, most) if isinstance(one, str))


def path(value: Any) -> str:
    """A path or another long text."""
    return text(value, 4096)


def message(value: Any) -> str:
    """A message for people, without secrets."""
    return clip(mask(text(value, 16_384)))


def number(value: Any) -> int | None:
    """A whole number of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -_MOST <= value < _MOST else None


def flag(value: Any) -> bool | None:
    """True or false."""
    return value if isinstance(value, bool) else None


def moment(value: Any) -> int | None:
    """Nanoseconds since the epoch of an RFC 3339 time."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    offset = _OFFSET.fullmatch(value)
    try:
        if offset is None:
            return parse_timestamp(value)
        shift = int(offset[3]) * 3600 + int(offset[4]) * 60
        return parse_timestamp(f"{offset[1]}Z") - (shift if offset[2] == "+" else -shift) * 10**9
    except ValueError:
        return None


def spoken_moment(value: str) -> int | None:
    """Nanoseconds since the epoch of a time as `kubectl describe` prints it: `Sat, 21 Nov 2026 17:32:51 +0000`."""
    try:
        when = datetime.strptime(value.strip(), "%a, %d %b %Y %H:%M:%S %z")
    except ValueError:
        return None
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return (when - epoch) // timedelta(seconds=1) * 10**9


def quantity(value: Any) -> int | None:
    """Bytes of a Kubernetes quantity: `8Mi`, `1G`, `512`."""
    if isinstance(value, int):
        return number(value)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) and len(value) < 40 else None
    if match is None:
        return None
    unit, fraction = _UNITS[match[3]], match[2] or ""
    return number(int(match[1]) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0))
