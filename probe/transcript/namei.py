"""`namei -l`: every directory and link on the way to a path."""

from __future__ import annotations

import re

from probe.evidence.command import Failure, FailureKind
from probe.evidence.transcript import FailureStated, InodeStated
from probe.skopeo.errnos import errno_of
from probe.transcript.block import Block, Take
from probe.transcript.entries import bits_of, type_of
from probe.transcript.later import Later
from probe.transcript.line import LogLine
from probe.transcript.names import join, short, shown
from probe.transcript.sink import Sink, tidy

_HOP = re.compile(
    r"(?P<mode>[-bcdlpsD?](?:[-r][-w][-xsS]){2}[-r][-w][-xtT]) {1,4}(?P<owner>\S{1,256}) {1,64}(?P<group>\S{1,256}) "
    r"(?P<name>.+)"
)
_FAILED = re.compile(r" {2,600}(?P<name>[^ ].*) - (?P<why>[A-Z][a-z][A-Za-z /-]{2,60})$")


def opens_namei(text: str) -> bool:
    """Whether a line begins the output of `namei`."""
    return text.startswith("f: ") and len(text) > 3


class Namei(Block):
    """The hops of one path."""

    def __init__(self, line: LogLine, sink: Sink, later: Later) -> None:
        self._sink, self._later, self._begins = sink, later, line
        self._stands = ""
        """Where the walk stands: names are looked up there, and those of a link's target below the link's directory."""
        self._hops = 0

    def take(self, line: LogLine) -> Take:
        """One hop, or why there is none."""
        hop = _HOP.match(line.text)
        if hop is not None:
            self._hop(line, hop)
            return Take.MINE
        failed = _FAILED.match(line.text)
        if failed is not None and (errno := errno_of(failed["why"])) is not None:
            path = join(self._stands, failed["name"])
            failure = Failure(
                kind=FailureKind.FILE,
                tool="namei",
                operation="stat",
                path=shown(path),
                errno=errno,
                at=line.at,
                about="ancestor" if errno in ("EACCES", "ENOTDIR") else "",
                line=line.number,
                text=tidy(line.text.strip()),
            )
            self._sink.add(FailureStated, line, failure=failure)
            self._hops += 1
            return Take.MINE
        return Take.END

    def _hop(self, line: LogLine, hop: re.Match[str]) -> None:
        self._hops += 1
        mode, name = hop["mode"].replace("D", "d"), hop["name"].lstrip(" ")
        name, arrow, target = name.partition(" -> ") if mode[0] == "l" else (name, "", "")
        path = "/" if name == "/" else join(self._stands, name)
        before = len(self._sink.statements)
        self._sink.add(
            InodeStated,
            line,
            command="namei",
            path=shown(path),
            type=type_of(mode),
            mode=bits_of(mode),
            owner=short(hop["owner"]),
            group=short(hop["group"]),
            link_target=shown(target) if arrow else None,
        )
        if len(self._sink.statements) > before:
            self._later.inode(line, hop["owner"], hop["group"], None)
        if mode[0] != "l":
            self._stands = path
        elif target.startswith("/"):
            self._stands = ""

    def close(self) -> None:
        """Nothing is left to state."""
        if not self._hops:
            self._sink.leave(self._begins)
