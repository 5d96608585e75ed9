"""`getfacl`: the access ACL of one path; default entries, which grant nothing there, are left out."""

from __future__ import annotations

import re

from probe.evidence.transcript import AclStated
from probe.transcript.block import Block, Take
from probe.transcript.line import LogLine
from probe.transcript.names import join, short, shown, unescape
from probe.transcript.running import Running
from probe.transcript.sink import Sink

_HEAD = "# file: "
_OWNER = re.compile(r"# (owner|group|flags): (.{1,256}?)\s*$")
_ENTRY = re.compile(
    r"(?P<default>default:)?(?P<tag>user|group|mask|other):(?P<name>[^:\s]{0,256}(?: [^:\s]{1,128}){0,4}):{1,2}?"
    r"(?P<bits>[r-][w-][xX-])(?:\s{1,20}#effective:[r-][w-][x-])?\s*$"
)
_STRIPPED = "getfacl: Removing leading '/' from absolute path names"
_MAX_ENTRIES = 1024


def opens_getfacl(text: str) -> bool:
    """Whether a line begins the output of `getfacl`."""
    return text.startswith(_HEAD)


def strips(text: str) -> bool:
    """Whether `getfacl` says here that absolute paths lose their first character."""
    return text.startswith(_STRIPPED)


class Getfacl(Block):
    """The entries of one path."""

    def __init__(self, line: LogLine, sink: Sink, running: Running) -> None:
        self._sink, self._begins, self._ends = sink, line, line
        self._path = _path(unescape(line.text[len(_HEAD) :]), running)
        self._said = {"owner": "", "group": "", "flags": ""}
        self._entries: list[tuple[str, int]] = []
        self._seen: list[LogLine] = [line]

    def take(self, line: LogLine) -> Take:
        """An owner or an entry."""
        owner = _OWNER.match(line.text)
        if owner is not None and not self._entries:
            self._said[owner[1]] = short(unescape(owner[2]))
        else:
            entry = _ENTRY.match(line.text)
            if entry is None:
                return Take.BESIDE if strips(line.text) else Take.END
            if not entry["default"] and len(self._entries) < _MAX_ENTRIES:
                name = unescape(entry["name"])
                bits = sum(bit for bit, letter in zip((4, 2, 1), entry["bits"], strict=True) if letter in "rwx")
                self._entries.append((short(f"{entry['tag']}:{name}") if name else f"{entry['tag']}::", bits))
        self._ends = line
        return Take.MINE

    def close(self) -> None:
        """State the ACL. One whose entry for all others is missing was cut: it could be misread."""
        if not any(tag == "other::" for tag, _ in self._entries):
            self._sink.leave(self._begins)
            return
        self._sink.add(
            AclStated,
            self._begins,
            lines=self._ends.number - self._begins.number + 1,
            path=shown(self._path),
            owner=self._said["owner"],
            group=self._said["group"],
            entries=tuple(self._entries),
        )


def _path(printed: str, running: Running) -> str:
    """The path as it was meant, where the text allows to tell."""
    if printed.startswith("/"):
        return printed
    whole, operands = f"/{printed}", running.operands("getfacl")
    for operand in operands:
        if printed == operand:
            return join(running.directory, printed)
        if whole == operand.rstrip("/") or (operand.startswith("/") and whole.startswith(operand.rstrip("/") + "/")):
            return whole
    return whole if running.stripped and not operands else printed
