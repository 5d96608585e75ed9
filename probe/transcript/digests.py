"""Digests: what a copy says of itself, and digests in other lines with the word that tells what they are of."""

from __future__ import annotations

import re

from probe.evidence.invocation import Invocation
from probe.evidence.transcript import DigestLevel, DigestStated
from probe.transcript.line import LogLine
from probe.transcript.names import short
from probe.transcript.sink import Sink, tidy

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}(?![0-9a-f])")
_BARE = re.compile(r"sha256:[0-9a-f]{64}\s*")
_COPYING = re.compile(r"Copying (blob|config) (sha256:[0-9a-f]{64})(?![0-9a-f])")
_PINNED = re.compile(r"[\w./:@-]{1,512}\Z")
_DOCKER = re.compile(r"digest: (sha256:[0-9a-f]{64}) size: \d+\s*$")
_ASKED = re.compile(r"--format[= ]['\"]?\{\{ ?\.Digest ?\}\}")
_WORDS = {
    "manifest": DigestLevel.MANIFEST,
    "config": DigestLevel.CONFIG,
    "layer": DigestLevel.LAYER,
    "layers": DigestLevel.LAYER,
    "blob": DigestLevel.LAYER,
    "diff_id": DigestLevel.DIFF_ID,
    "diff_ids": DigestLevel.DIFF_ID,
    "diffid": DigestLevel.DIFF_ID,
    "diffids": DigestLevel.DIFF_ID,
    "diff-id": DigestLevel.DIFF_ID,
    "diff-ids": DigestLevel.DIFF_ID,
}
_LAST_WORDS = re.compile(r"([A-Za-z_-]{2,16})(?:[ _-]digests?)?[\s:=\"'\[]{0,8}\Z")
_CHATTER = (
    "Getting image source signatures",
    "Writing manifest to image destination",
    "Storing signatures",
    "Copying blob ",
    "Copying config ",
    "Getting image list signatures",
    "Skipping blob ",
)
_DONE = "Writing manifest to image destination"
COPYING_TOOLS = frozenset({"skopeo", "buildah", "podman"})
_FORGET = 25
"""Lines after the end of a copy within which a bare digest is the one that it wrote."""


class Digests:
    """Reads digests; remembers which copy runs and whether it has come to its end."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._command: Invocation | None = None
        self._name = ""
        self._done_on: int | None = None

    def command(self, invocation: Invocation | None, name: str) -> None:
        """A command on images begins: `skopeo copy`; taken apart, if it could be."""
        self._command, self._name, self._done_on = invocation, name, None

    def failed(self) -> None:
        """Something failed: what is printed now is no result of a copy."""
        self._done_on = None

    @property
    def _by(self) -> str:
        """Which command says it. The progress lines are those of containers/image, whoever calls it."""
        return self._name if self._name.split(" ")[0] in COPYING_TOOLS else "skopeo copy"

    def read(self, line: LogLine) -> bool:
        """Take a line that holds a digest, or that a copy prints."""
        text = line.text
        if text.startswith(_CHATTER):
            if text.startswith(_DONE):
                self._done_on = line.number
            copying = _COPYING.match(text)
            if copying is not None:
                level = DigestLevel.LAYER if copying[1] == "blob" else DigestLevel.CONFIG
                self._state(line, level, copying[2], self._by, self._source())
            return True
        if "sha256:" not in text:
            return False
        if _BARE.fullmatch(text):
            return self._bare(line, text.strip())
        return self._named(line)

    def _bare(self, line: LogLine, digest: str) -> bool:
        """A digest alone: what `--digestfile` wrote, if a copy has just ended; else nobody says what it is of."""
        one = self._command
        if self._done_on is not None and line.number - self._done_on <= _FORGET:
            self._done_on = None
            made = one.makes[0].text if one is not None and one.makes else ""
            return self._state(line, DigestLevel.MANIFEST, digest, self._by, made)
        if self._name.endswith(" inspect"):
            asked = one is not None and _ASKED.search(one.text) is not None
            return self._state(
                line, DigestLevel.MANIFEST if asked else DigestLevel.UNKNOWN, digest, self._by, self._source()
            )
        return self._state(line, DigestLevel.UNKNOWN, digest)

    def _named(self, line: LogLine) -> bool:
        level, end, stated = DigestLevel.UNKNOWN, 0, False
        for match in _DIGEST.finditer(line.text):
            before = line.text[end : match.start()][-600:]
            reference = ""
            if before.endswith("@") and (pinned := _PINNED.search(before[:-1])) is not None:
                level, reference = DigestLevel.MANIFEST, pinned[0]  # by digest: that of the manifest
            elif before.strip(" ,\"'"):
                words = _LAST_WORDS.search(before)
                level = _WORDS.get(words[1].lower(), DigestLevel.UNKNOWN) if words is not None else DigestLevel.UNKNOWN
                if _DOCKER.search(line.text):
                    level = DigestLevel.MANIFEST
            stated |= self._state(line, level, match[0], "", reference)
            end = match.end()
        return stated

    def _source(self) -> str:
        return self._command.reads[0].text if self._command is not None and self._command.reads else ""

    def _state(self, line: LogLine, level: DigestLevel, digest: str, by: str = "", reference: str = "") -> bool:
        return self._sink.add(
            DigestStated, line, level=level, digest=digest, said_by=short(by), reference=tidy(reference)
        )

    def inspected(self, line: LogLine, level: DigestLevel, digest: object, reference: str, by: str) -> bool:
        """A digest of a JSON document; `by` is empty where nothing tells which program printed it."""
        if not isinstance(digest, str) or not _BARE.fullmatch(digest):
            return False
        return self._state(line, level, digest.strip(), by, reference or self._source())
