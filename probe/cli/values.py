"""Values as people type them: durations, `key=value` facts."""

from __future__ import annotations

import re

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?")
_SIZE = r"(\d{1,15}(?:\.\d{1,3})?)\s*([A-Za-z]*)"
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Seconds of `500ms`, `2s`, `1.5m`, `1h`, or of a plain number of seconds. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write 500ms, 2s, 1.5m or 1h")
    return float(match[1]) * _SECONDS[match[2] or "s"]


def parse_size(text: str) -> int:
    """Bytes of `8MiB`, `500kB`, or of a plain number. Raises ValueError."""
    match = re.fullmatch(_SIZE, text.strip())
    if match is None or match[2].lower() not in _UNITS:
        raise ValueError(f"{text[:40]!r} is not a size: write 8MiB, 500kB or a number of bytes")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def parse_facts(pairs: list[str]) -> dict[str, str]:
    """The `--context key=value` pairs; which keys there are is the collector's matter. Raises ValueError."""
    facts: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"--context {pair[:80]!r}: write KEY=VALUE, such as task=push-to-quay")
        if not value.isprintable():
            raise ValueError(f"--context {key[:40]}: {value[:80]!r} holds what is no printable text")
        facts[key] = value
    return facts
