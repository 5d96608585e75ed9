"""Timing one observation: the wall clock says when, the monotonic clock how long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from probe.evidence.base import clip
from probe.evidence.observation import NotSeen, Observation, Reason, Seen, not_seen_from

T = TypeVar("T")


def observe(kind: type[Seen[T]], operation: str, call: Callable[[], T]) -> Observation[T]:
    """Run one call; its value, or the errno with which it failed. `operation` names call and object: `fstat /a/b`."""
    at, began = time.time_ns(), time.perf_counter()
    try:
        value = call()
    except OSError as error:
        return not_seen_from(error, operation, at, since_ms(began))
    return kind(value=value, at=at, took_ms=since_ms(began))


def missing(reason: Reason, message: str, errno: str | None = None, took_ms: float = 0.0) -> NotSeen:
    """A `NotSeen` of this moment."""
    return NotSeen(reason=reason, errno=errno, message=clip(message), at=time.time_ns(), took_ms=took_ms)


def since_ms(began: float) -> float:
    """Milliseconds since a `time.perf_counter()`, to the microsecond."""
    return round((time.perf_counter() - began) * 1000, 3)
