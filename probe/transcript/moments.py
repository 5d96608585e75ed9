"""Times as logs, `stat` and `ls` print them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from probe.evidence.base import parse_timestamp

STAMP = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?[+-]\d\d:?\d\d|Z)"
"""A time with its zone: RFC 3339, `date --iso-8601=ns`, `stat`."""

_NS = 1_000_000_000
_DAY = 86_400
_RECENT = 200 * _DAY
"""`ls` prints an hour for the last half year only."""
_PARTS = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(?: ?([+-])(\d\d):?(\d\d)|Z)")
_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}(\d{1,2}) "
    r"(\d\d):(\d\d):(\d\d) ([A-Z]{2,5}) (\d{4})"
)
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}


class Clock(NamedTuple):
    """What `ls` prints without a zone. No `year`: in the last half year; no `hour`: some time on that day."""

    year: int | None
    month: int
    day: int
    hour: int | None = None
    minute: int = 0

    @property
    def within(self) -> float:
        """Seconds by which the true time may be later: `ls` rounds down."""
        return 60.0 if self.hour is not None else float(_DAY)


def moment(text: str) -> int | None:
    """Nanoseconds since the epoch of a time with its zone; None for anything else."""
    match = _PARTS.fullmatch(text)
    if match is None:
        return None
    date, time, fraction, sign, hours, minutes = match.groups()
    try:
        at = parse_timestamp(f"{date}T{time}.{fraction or 0}Z")
    except ValueError:  # the 31st of November
        return None
    if sign is None:
        return at
    offset = (int(hours) * 3600 + int(minutes) * 60) * _NS
    return at + offset if sign == "-" else at - offset


def offset_of(text: str) -> str:
    """The zone of a time, `+0100`; empty for UTC or for none."""
    match = _PARTS.fullmatch(text)
    if match is None or match[4] is None or (match[5], match[6]) == ("00", "00"):
        return ""
    return f"{match[4]}{match[5]}{match[6]}"


def date_printed(text: str) -> tuple[int | None, str] | None:
    """The time that `date` prints in the C locale, and its zone; no time where that is not UTC."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    month, day, hour, minute, second, zone, year = match.groups()
    if zone not in ("UTC", "GMT"):
        return None, zone
    return moment(f"{year}-{MONTHS[month]:02d}-{int(day):02d}T{hour}:{minute}:{second}Z"), ""


def clock_moment(clock: Clock, near: int) -> int | None:
    """When that was in UTC, as printed at about `near`: the latest year that is not after the day that follows.

    None where it fits no year.
    """
    try:
        now = datetime.fromtimestamp(near // _NS, UTC)
        latest = now + timedelta(days=1)
        year = clock.year if clock.year is not None else latest.year
        then = datetime(year, clock.month, clock.day, clock.hour or 0, clock.minute, tzinfo=UTC)
        if clock.year is None and then > latest:
            then = then.replace(year=year - 1)
    except (ValueError, OverflowError, OSError):
        return None
    if clock.year is None and (now - then).total_seconds() > _RECENT:
        return None
    return int(then.timestamp()) * _NS
