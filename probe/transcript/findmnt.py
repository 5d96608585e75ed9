"""`findmnt`: a tree, a list or pairs (its JSON is read with the other JSON)."""

from __future__ import annotations

import re

from probe.transcript.block import Block, Take
from probe.transcript.line import LogLine
from probe.transcript.mounts import state_mount
from probe.transcript.sink import Sink

_COLUMNS = (
    "TARGET",
    "SOURCE",
    "FSTYPE",
    "OPTIONS",
    "MAJ:MIN",
    "FSROOT",
    "PROPAGATION",
    "SIZE",
    "USED",
    "AVAIL",
    "USE%",
)
_NEEDED = {"TARGET", "SOURCE", "FSTYPE"}
_BRANCH = re.compile(r"[│├└─|`\\ -]{0,400}(?=/)")
_PAIR = re.compile(r'([A-Z_:%-]{2,32})="([^"]{0,8192})"')
_HEX = re.compile(r"\\x([0-9a-f]{2})")
_SUBTREE = re.compile(r"(.*?)\[(/.*)\]")


def opens_findmnt(text: str) -> bool:
    """Whether a line is the header of `findmnt`."""
    words = text.split()
    return text.startswith("TARGET") and set(words) >= _NEEDED and set(words) <= set(_COLUMNS)


def read_pairs(line: LogLine, sink: Sink) -> bool:
    """Take a line of `findmnt -P`."""
    if not line.text.startswith('TARGET="'):
        return False
    return _state(line, sink, {key: _decoded(value) for key, value in _PAIR.findall(line.text)})


class Findmnt(Block):
    """The rows below a header. Columns stand below each other; another row is divided by spaces."""

    def __init__(self, line: LogLine, sink: Sink) -> None:
        self._sink = sink
        self._names = line.text.split()
        self._starts = [match.start() for match in re.finditer(r"\S+", line.text)]

    def take(self, line: LogLine) -> Take:
        """One row."""
        branch = _BRANCH.match(line.text)
        if branch is None:
            return Take.END
        cells = self._cells(line.text)
        if cells is None:
            return Take.END
        row = dict(zip(self._names, cells, strict=True))
        row["TARGET"] = row["TARGET"][branch.end() :]
        return Take.MINE if _state(line, self._sink, row) else Take.END

    def _cells(self, text: str) -> list[str] | None:
        starts = self._starts
        if len(text) > starts[-1] and all(text[start - 1] == " " != text[start] for start in starts[1:]):
            ends = (*starts[1:], len(text))
            return [text[start:end].rstrip() for start, end in zip(starts, ends, strict=True)]
        branch = _BRANCH.match(text)
        words = text[branch.end() if branch is not None else 0 :].split()
        if len(words) != len(starts) or branch is None:
            return None
        return [text[: branch.end()] + words[0], *words[1:]]

    def close(self) -> None:
        """Every row has been stated."""


def _decoded(text: str) -> str:
    return _HEX.sub(lambda match: chr(int(match[1], 16)), text)


def _state(line: LogLine, sink: Sink, row: dict[str, str]) -> bool:
    target, filesystem = row.get("TARGET", ""), row.get("FSTYPE", "")
    if not target.startswith("/") or not filesystem:
        return False
    source, root = row.get("SOURCE", ""), row.get("FSROOT") or None
    part = _SUBTREE.fullmatch(source)
    if part is not None:
        source, root = part[1], part[2]
    return state_mount(line, sink, source, target, filesystem, row.get("OPTIONS", ""), root, row.get("MAJ:MIN") or None)


def state_json(line: LogLine, sink: Sink, entry: dict[str, object]) -> bool:
    """State one file system of `findmnt -J`, without its children."""
    row = {key.upper(): value for key, value in entry.items() if isinstance(value, str)}
    return _state(line, sink, row)
