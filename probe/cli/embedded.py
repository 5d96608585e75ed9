"""Documents among other lines: a container log, several documents one after the other, one that is cut off."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_DAMAGED = 32
"""Documents that cannot be decoded, after which the rest of a text is left alone: each costs time."""

_START = re.compile(r'\{\s*"schema"\s*:\s*"pod-probe/')
_NEXT = re.compile(r"(?:\s|---)*[{\[]")
_PREFIX = re.compile(
    r"(?:\[[^\]\n]{1,512}\] )?"  # kubectl logs --prefix, tkn pipelinerun logs
    r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d) )?"  # kubectl logs --timestamps
    r"(?:(?:stdout|stderr) (?P<tag>[FP]) )?"  # a CRI log file; P: the line goes on in the next one
)


@dataclass(frozen=True)
class Damaged:
    """A document that begins and cannot be decoded to its end."""

    line: int
    """Where it begins, from 1."""
    reason: str


def embedded_documents(text: str) -> Iterator[Any]:
    """The JSON objects in `text` that say first that they are ours; a `Damaged` for each that cannot be decoded.

    What stands before each line in a log is taken off. Inside a damaged document the search goes on: a verdict that is
    cut off may hold whole reports.
    """
    if '"pod-probe/' not in text:
        return
    text = _without_prefixes(text)
    decoder = json.JSONDecoder()
    damaged = position = 0
    while (match := _START.search(text, position)) is not None:
        try:
            document, position = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError) as error:
            damaged += 1
            line = text.count("\n", 0, match.start()) + 1
            if damaged > MAX_DAMAGED:
                yield Damaged(line, f"and so are {MAX_DAMAGED} before it; the rest is left out")
                return
            yield Damaged(line, json_error(error))
            position = match.end()
        else:
            yield document


def json_values(text: str) -> Iterator[Any]:
    """JSON objects and arrays that follow each other, with nothing but space or a YAML separator between them."""
    decoder = json.JSONDecoder()
    position = 0
    while (match := _NEXT.match(text, position)) is not None:
        try:
            document, position = decoder.raw_decode(text, match.end() - 1)
        except (ValueError, RecursionError):
            return
        yield document


def json_error(error: ValueError | RecursionError) -> str:
    """What a decoder of JSON complains about, in a few words."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno} column {error.colno}"
    return "a number of too many digits"


def _without_prefixes(text: str) -> str:
    parts = []
    for line in text.split("\n"):
        match = _PREFIX.match(line)
        end = match.end() if match is not None else 0
        parts.append(line[end:])
        if match is None or match["tag"] != "P":
            parts.append("\n")
    return "".join(parts)
