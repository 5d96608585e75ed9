"""JSON among the lines of a log: `skopeo inspect`, `podman inspect`, a manifest, a config, `findmnt -J`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from probe.evidence.transcript import DigestLevel
from probe.transcript.block import Block, Take
from probe.transcript.digests import Digests
from probe.transcript.findmnt import state_json
from probe.transcript.line import LogLine
from probe.transcript.sink import Sink

MAX_CHARACTERS = 16 << 20
"""Of one document."""
_MAX_LINES = 100_000
_MAX_MOUNTS = 4096
_MEMBER = re.compile(r"\s{0,400}(?:[\"{}\[\],]|-?\d|true\b|false\b|null\b)")
_OURS = re.compile(r'\{\s{0,100}"schema"\s{0,100}:\s{0,100}"pod-probe/')
_TARGET = re.compile(r'"target"\s{0,8}:\s{0,8}("(?:[^"\\]|\\.){0,4096}")')
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def opens_document(text: str) -> bool:
    """Whether a line begins a JSON document."""
    bare = text.strip() if len(text) < 8 else text[:64]
    return bare in ("{", "[", "[{", "{}", "[]") or bare.startswith(('{"', '[{"'))


def is_ours(text: str) -> bool:
    """Whether a line is a document of pod-probe: it is read elsewhere."""
    return text[:1] == "{" and _OURS.match(text) is not None


class Document(Block):
    """The lines of one document, to the bracket that closes it."""

    def __init__(self, line: LogLine, sink: Sink, digests: Digests, program: str) -> None:
        self._sink, self._digests, self._program = sink, digests, program
        self._lines = [line]
        self._size = len(line.text)
        self._indent = len(line.text) - len(line.text.lstrip())
        self._closer = "}" if line.text.lstrip()[:1] == "{" else "]"
        self._ended = False
        self.complete = self._closes(line.text)

    def take(self, line: LogLine) -> Take:
        """A line that JSON can have."""
        if self.complete or not _MEMBER.match(line.text):
            return Take.END
        self._size += len(line.text) + 1
        if self._size > MAX_CHARACTERS or len(self._lines) >= _MAX_LINES:
            self._give_up(line)
            return Take.MINE
        self._lines.append(line)
        text = line.text
        if text[self._indent : self._indent + 1] == self._closer and not text[: self._indent].strip():
            self.complete = True
        return Take.MINE

    def _closes(self, text: str) -> bool:
        """Whether it is whole in one line."""
        bare = text.strip()
        return len(bare) > 1 and bare[-1] in "}]"

    def _give_up(self, line: LogLine) -> None:
        """Too large to be what is looked for: its lines are left one by one."""
        for one in self._lines:
            self._sink.leave(one)
        self._lines.clear()
        self._sink.leave(line)

    def close(self) -> None:
        """State what is known of it; a document of ours is read elsewhere."""
        if not self._lines:
            return
        text = "\n".join(line.text for line in self._lines)
        if _OURS.match(text):
            return
        interesting = _DIGEST.search(text) is not None or '"filesystems"' in text
        try:
            document = json.loads(text) if interesting else None
        except (ValueError, RecursionError):
            document = None
        if document is None or not self._understood(document):
            for line in self._lines:
                self._sink.leave(line)

    def _understood(self, document: Any) -> bool:
        known = False
        for one in document[:16] if isinstance(document, list) else [document]:
            if isinstance(one, dict):
                known |= self._images(one) or self._mounts(one)
        return known

    def _images(self, one: dict[str, Any]) -> bool:
        places = self._places()
        known = False
        name = one.get("Name") if isinstance(one.get("Name"), str) else ""
        by = self._program if self._program.endswith(" inspect") else ""
        for level, digest in _digests(one):
            if isinstance(digest, str):
                known |= self._digests.inspected(places.get(digest, self._lines[0]), level, digest, name or "", by)
        return known

    def _places(self) -> dict[str, LogLine]:
        """The line on which each digest stands first."""
        places: dict[str, LogLine] = {}
        for line in self._lines:
            for digest in _DIGEST.findall(line.text):
                places.setdefault(digest, line)
        return places

    def _mounts(self, one: dict[str, Any]) -> bool:
        waiting = one.get("filesystems")
        if not isinstance(waiting, list):
            return False
        known, waiting = False, list(reversed(waiting[:_MAX_MOUNTS]))
        places = {target: line for line in self._lines for target in _TARGET.findall(line.text)}
        for _ in range(_MAX_MOUNTS):
            if not waiting:
                break
            entry = waiting.pop()
            if not isinstance(entry, dict):
                continue
            line = places.get(json.dumps(entry.get("target")), self._lines[0])
            known |= state_json(line, self._sink, entry)
            children = entry.get("children")
            waiting += reversed(children[:_MAX_MOUNTS]) if isinstance(children, list) else []
        return known


def _digests(one: dict[str, Any]) -> Iterator[tuple[DigestLevel, object]]:
    """The digests of an answer of `inspect`, of a config, or of a manifest, in this order."""
    if "Layers" in one and "Digest" in one:  # skopeo inspect
        yield DigestLevel.MANIFEST, one["Digest"]
        for layer in _list(one["Layers"]):
            yield DigestLevel.LAYER, layer
        return
    root = one.get("RootFS") or one.get("rootfs")
    if isinstance(root, dict):  # podman inspect, skopeo inspect --config
        yield DigestLevel.MANIFEST, one.get("Digest")
        for diff_id in _list(root.get("Layers") or root.get("diff_ids")):
            yield DigestLevel.DIFF_ID, diff_id
        return
    config = one.get("config")
    if one.get("schemaVersion") == 2 and isinstance(config, dict):
        yield DigestLevel.CONFIG, config.get("digest")
        for layer in _list(one.get("layers")):
            yield DigestLevel.LAYER, layer.get("digest") if isinstance(layer, dict) else None


def _list(value: object) -> list[Any]:
    return value[:256] if isinstance(value, list) else []
