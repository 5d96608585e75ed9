"""What log collectors put before a line: a time, a stream, the pod and the container."""

from __future__ import annotations

import re
from typing import NamedTuple

from probe.transcript.moments import STAMP

_STAMP = re.compile(rf"\[?({STAMP})\]?(?: (?:stdout|stderr) ([FP]))?(?: |$)")
_POD = re.compile(r"\[pod/([a-z0-9][a-z0-9.-]{0,252})/([a-z0-9][a-z0-9-]{0,62})\](?: |$)")
_TASK = re.compile(r"\[([a-z0-9][a-z0-9.-]{0,252}) : ([a-z0-9][a-z0-9.-]{0,62})\](?: |$)")
_STERN = re.compile(
    r"([a-z0-9][a-z0-9.-]{0,252}) (?:› )?((?:step|sidecar)-[a-z0-9][a-z0-9-]{0,62}|prepare|place-scripts)(?: |$)"
)
_COLOUR = re.compile(r"\x1b(?:\[[0-9;:?]{0,32}[A-Za-z]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)|[()][0-9A-B])")


class Owner(NamedTuple):
    """The container whose line it is, as far as a prefix tells."""

    pod: str | None = None
    container: str | None = None
    task: str | None = None


class Split(NamedTuple):
    """A line taken apart. `partial`: it goes on in the next one of the same stream (a CRI log file)."""

    owner: Owner | None
    stamp: str
    text: str
    partial: bool = False


def split(raw: str) -> Split:
    """The prefixes of a line and what was written. The collector's time counts, a second one is the script's own."""
    text = _COLOUR.sub("", raw) if "\x1b" in raw else raw
    owner, partial, stamp = None, False, ""
    if text[:1] == "[":
        owner, text = _owner(text)
    elif "-" in text[:64] and not text[:1].isdigit():
        match = _STERN.match(text)
        if match is not None:
            owner, text = Owner(match[1], match[2]), text[match.end() :]
    for _ in range(2):
        if not (text[:1].isdigit() or text[:2] in ("[1", "[2")):
            break
        match = _STAMP.match(text)
        if match is None:
            break
        stamp = stamp or match[1]
        partial = partial or match[2] == "P"
        text = text[match.end() :]
    return Split(owner, stamp, text, partial)


def _owner(text: str) -> tuple[Owner | None, str]:
    match = _POD.match(text)
    if match is not None:
        return Owner(match[1], match[2]), text[match.end() :]
    match = _TASK.match(text)
    if match is not None:
        return Owner(None, _container(match[2]), match[1]), text[match.end() :]
    return None, text


def _container(step: str) -> str:
    """The container of a step: `tkn` prints the step's own name."""
    return step if step.startswith(("step-", "sidecar-")) else f"step-{step}"
