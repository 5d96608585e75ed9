"""What a text shows to be running, and where: from this the names in its output get their directories."""

from __future__ import annotations

import re
from collections import deque

from probe.transcript.commands import Call, Shown, calls_of
from probe.transcript.digests import COPYING_TOOLS
from probe.transcript.line import LogLine
from probe.transcript.listing import Place
from probe.transcript.names import join, unquote

_LISTING = ("ls", "ll")
_GLOB = re.compile(r"[*?\[{$`]")
_SPOKEN = re.compile(
    r"(?i)(?:.{0,80}\b)?(?:contents?(?: of)?|listing(?: of)?|inside|in|of|ls(?: -\S{1,16}){0,4}|dir(?:ectory)?)"
    r"[: ]{1,3}['\"]?(/[^\s'\"]{0,4000}?)/?['\"]?"
)
"""A script's own heading: `Contents of /workspace/source:`."""


class Running:
    """The command that was shown last. Without one nothing is known of the output that follows."""

    def __init__(self) -> None:
        self.directory = ""
        """Where commands run, empty where that is not known."""
        self.name = ""
        """A tool that copies images, with its verb: `skopeo inspect`."""
        self.stripped = False
        """`getfacl` has said that absolute paths lose their first character."""
        self.umask = False
        """The next line may be a umask."""
        self._calls: tuple[Call, ...] = ()
        self._listed: deque[Call] = deque()
        """Calls of `ls` whose listing is still to come."""
        self._literal = self._troubled = False

    def begin(self, shown: Shown, text: str) -> None:
        """A command is shown; an empty `text` is a heading of something else."""
        self._calls = calls_of(text)
        self._listed = deque(call for call in self._calls if call.program in _LISTING and "d" not in call.flags)
        self._literal, self._troubled, self.stripped = shown.literal, False, False
        self.umask = any(call.program == "umask" and not call.operands for call in self._calls)
        self.name = next((call.named for call in self._calls if call.program in COPYING_TOOLS), "")
        if shown.directory:
            self.directory = shown.directory
        for call in self._calls:
            if call.program == "cd":  # behind a prompt nothing is run unseen
                to = call.operands[0] if len(call.operands) == 1 and shown.prompted else ""
                self.directory = to.rstrip("/") or "/" if to.startswith("/") and not _GLOB.search(to) else ""

    def call(self, *programs: str) -> Call | None:
        """The first call of one of these programs."""
        return next((call for call in self._calls if call.program in programs), None)

    def operands(self, program: str) -> tuple[str, ...]:
        """All operands of a program."""
        return tuple(one for call in self._calls if call.program == program for one in call.operands)

    def trouble(self, text: str) -> None:
        """`ls` complains: what it complains of is not listed."""
        self._troubled = True
        self._listed = deque(call for call in self._listed if not any(one in text for one in call.operands))

    def listing(self, header: LogLine | None) -> Place:
        """Where a listing stands that begins: in the directory of its header, or in the one that `ls` was told."""
        headed = _headed(header.text[:-1]) if header is not None and not self._alone else ""
        if headed:
            call = self._listed[0] if self._listed else self.call(*_LISTING)
            return Place(join(self.directory, headed), call, header, self._troubled)
        if self._listed:
            call = self._listed.popleft()
            return Place(self._listing_of(call), call, None, self._troubled)
        return Place("", None, None, self._troubled)

    @property
    def _alone(self) -> bool:
        """Whether the next call of `ls` lists one directory: then it prints no header."""
        call = self._listed[0] if self._listed else None
        operands = call.operands if call is not None else ()
        return call is not None and len(operands) == 1 and "R" not in call.flags and not _GLOB.search(operands[0])

    def path_of(self, name: str) -> str:
        """The path of a name that stands alone, not in a listing."""
        call = self.call(*_LISTING, "find")
        if call is not None and call.piped and "d" not in call.flags and "/" not in name and name not in call.operands:
            return join(self._listing_of(call), name)  # a listing whose first line was filtered away
        return join(self.directory, name)

    def _listing_of(self, call: Call) -> str:
        """The directory that a call lists, empty where it cannot be told: a heading may be abridged."""
        operands = [one for one in call.operands if not one.startswith(("(", "#"))]
        if not operands:
            return (self.directory or ".") if self._literal else ""
        if len(operands) > 1 or _GLOB.search(operands[0]):
            return ""
        return join(self.directory, operands[0].rstrip("/") or "/")


def _headed(text: str) -> str:
    """The directory that a line with a colon names above a listing; empty where the words name none."""
    plain = unquote(text)
    if plain.startswith(("/", "./", "../")) or plain != text or " " not in text:
        return plain
    spoken = _SPOKEN.fullmatch(text)
    return spoken[1] or "/" if spoken is not None else ""
