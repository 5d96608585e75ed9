"""Reads the lines of one container in order: which output a line is of."""

from __future__ import annotations

import re

from probe.evidence.invocation import Invocation
from probe.evidence.transcript import CommandStated, Statement
from probe.skopeo.invocation import invocations_of
from probe.transcript.block import Block, Take
from probe.transcript.commands import Shown, command_of
from probe.transcript.digests import COPYING_TOOLS, Digests
from probe.transcript.documents import Document, is_ours, opens_document
from probe.transcript.entries import entry_of
from probe.transcript.exits import read_exit
from probe.transcript.failures import Failures, may_fail
from probe.transcript.findmnt import Findmnt, opens_findmnt, read_pairs
from probe.transcript.getfacl import Getfacl, opens_getfacl, strips
from probe.transcript.identity import Names, read_identity, read_status, read_umask
from probe.transcript.later import Later
from probe.transcript.line import LogLine
from probe.transcript.listing import Listing, state_entry
from probe.transcript.moments import date_printed
from probe.transcript.mounts import read_mount
from probe.transcript.namei import Namei, opens_namei
from probe.transcript.remarks import read_remark
from probe.transcript.running import Running
from probe.transcript.samples import read_samples
from probe.transcript.sink import Budget, Sink
from probe.transcript.space import Df, opens_df
from probe.transcript.statblock import Stat, opens_stat

_TOTAL = re.compile(r"total \d[\d.,]{0,20}[KMGTPE]?\s*$")
_IMAGE_TOOL = re.compile(r"\b(?:skopeo|buildah|podman|docker|kaniko|executor|crane|oras|regctl|umoci|tar|cp|mv)\b")
_MAX_CONTINUED = 32
_MOST_READ = 300_000
"""Lines of one log that are looked at closely for failures or commands: each takes longer than any other."""


class Reader:
    """The state between two lines: what runs, where, and which output is open."""

    def __init__(self, budget: Budget) -> None:
        self.sink = Sink(budget)
        self._names = Names()
        self._later = Later(self.sink, self._names)
        self._digests = Digests(self.sink)
        self._block: Block | None = None
        self._beside = False
        """The line stands in the middle of the open block."""
        self._header: LogLine | None = None
        """A line that ends with a colon: the directory of a listing, if `total` follows."""
        self._running = Running()
        self._tool = ""
        """What runs now and copies images: the one that says a bare error."""
        self._continued: list[LogLine] = []
        self._shown: Shown | None = None
        self._close_looks = 0

    def feed(self, line: LogLine) -> None:
        """Take the next line."""
        if line.stamp:
            self._later.stamp(line.stamp)
        text = line.text
        if not text or text.isspace():
            self._blank()
            return
        if self.sink.full:
            self._end_block()
            self.sink.skip(line)
            return
        take = self._block.take(line) if self._block is not None else Take.END
        if take is Take.MINE:
            return
        if take is Take.END:
            self._end_block()
        block, self._beside = self._block, take is Take.BESIDE
        understood = self._read(line)
        if take is Take.DOUBT and understood and self._block is block:
            self._end_block()
        if not understood:
            self.sink.leave(line)

    def close(self, *, cut: bool = False) -> tuple[Statement, ...]:
        """The end of the text; `cut`: in the middle of a line. The statements in order."""
        self._finish_command()
        self._drop_header()
        if self._block is not None:
            self._block.cut = cut
            self._end_block()
        self._later.fill()
        return self.sink.in_order()

    # -- blocks

    def _open(self, block: Block) -> bool:
        if self._beside:
            self._closed(block)  # one line in the middle of other output
        else:
            self._end_block()
            self._block = block
        return True

    def _end_block(self) -> None:
        block, self._block = self._block, None
        if block is not None:
            self._closed(block)

    def _closed(self, block: Block) -> None:
        block.close()
        if isinstance(block, Failures) and block.found:
            self._digests.failed()

    def _blank(self) -> None:
        self._finish_command()
        self._drop_header()
        if self._block is not None and self._block.blank() is Take.END:
            self._end_block()

    def _drop_header(self) -> None:
        if self._header is not None:
            self.sink.leave(self._header)
            self._header = None

    # -- one line

    def _read(self, line: LogLine) -> bool:
        """Whether somebody understands it."""
        text = line.text
        if self._shown is not None and self._continue(line):
            return True
        first = text[0]
        if first == "t" and text.startswith("total ") and _TOTAL.match(text) is not None:
            return self._total(line)
        self._drop_header()
        if first in "{[ " and opens_document(text):
            return is_ours(text) or self._open(Document(line, self.sink, self._digests, self._running.name))
        if read_exit(line, self.sink):
            self._tool = ""
            return True
        shown = command_of(text)
        if shown is not None:
            self._command(line, shown)
            return bool(shown.text)
        expected, self._running.umask = self._running.umask, False
        if self._outputs(line, first, expected):
            return True
        if ("level=" in text or text[4:5] == "[") and self._fails(line):
            return True  # what a logger calls an error may name digests
        if self._digests.read(line) or read_remark(line, self.sink):
            return True
        if self._fails(line):
            return True
        if text[-1] == ":" and len(text) <= 4096:
            self._header = line
            return True
        return self._date(text)

    def _outputs(self, line: LogLine, first: str, umask: bool) -> bool:
        """Output of a tool that has a form of its own."""
        text, sink = line.text, self.sink
        if first in "-dlcbps? 0123456789":
            if self._entry(line):
                return True
            if opens_stat(text):
                return self._open(Stat(line, sink, self._later, self._names))
            if first == "0" and read_umask(line, sink, expected=umask):
                return True
        if "uid=" in text and read_identity(line, sink, self._names):
            self._running.umask = True
            return True
        if first in "UGCSNBA0" and read_status(line, sink):
            self._running.umask = True
            return True
        if first in "fF#T":
            if opens_stat(text):
                return self._open(Stat(line, sink, self._later, self._names))
            if opens_namei(text):
                return self._open(Namei(line, sink, self._later))
            if opens_getfacl(text):
                return self._open(Getfacl(line, sink, self._running))
            if opens_df(text):
                return self._open(Df(line, sink, self._running.call("df")))
            if opens_findmnt(text):
                return self._open(Findmnt(line, sink))
            if read_pairs(line, sink):
                return True
        if first in "uU" and read_umask(line, sink, expected=False):
            return True
        if first == "g" and strips(text):
            self._running.stripped = True
            return True
        return " /" in text and read_mount(line, sink)

    def _date(self, text: str) -> bool:
        printed = date_printed(text) if text[3:4] == " " else None
        if printed is not None:
            self._later.zone(printed[1])
        return printed is not None

    # -- ls

    def _total(self, line: LogLine) -> bool:
        place = self._running.listing(self._header)
        if place.begins is not None:
            self._header = None
        self._drop_header()
        return self._open(Listing(line, place, self.sink, self._later))

    def _entry(self, line: LogLine) -> bool:
        """A line of `ls -ld`, `ls -l FILE` or `find -ls`; or samples, if nothing else stands in the line."""
        entry = entry_of(line.text, self._running.call("ls", "ll", "find"))
        if entry is None:
            return "=" in line.text and not may_fail(line.text) and read_samples(line, self.sink, self._later)
        name = entry.name[1:] if entry.name.startswith(" /") else entry.name
        return state_entry(line, entry, self._running.path_of(name), self.sink, self._later)

    # -- commands

    def _command(self, line: LogLine, shown: Shown) -> None:
        self._finish_command()
        self._shown, self._continued = shown, [line]
        if not shown.goes_on:
            self._finish_command()

    def _continue(self, line: LogLine) -> bool:
        """A line that belongs to the command above, which ended with a backslash."""
        self._continued.append(line)
        if not line.text.endswith("\\") or len(self._continued) > _MAX_CONTINUED:
            self._finish_command()
        return True

    def _finish_command(self) -> None:
        shown, lines = self._shown, self._continued
        if shown is None:
            return
        self._shown, self._continued = None, []
        rest = [line.text.removeprefix("> ").strip() for line in lines[1:]]
        text = " ".join(part.removesuffix("\\").rstrip() for part in (shown.text, *rest))
        self._running.begin(shown, text)
        if self._running.name:
            self._digests.command(None, self._running.name)
        if _IMAGE_TOOL.search(text) is not None and self._may_look():
            for invocation in invocations_of(text, line=lines[0].number):
                stated = _as_shown(invocation, shown, lines[0].number)
                self.sink.add(CommandStated, lines[0], lines=len(lines), invocation=stated)
                self._digests.command(stated, f"{invocation.program} {invocation.verb}".strip())
                self._tool = invocation.program if invocation.program in COPYING_TOOLS else ""

    # -- failures

    def _may_look(self) -> bool:
        self._close_looks += 1
        return self._close_looks <= _MOST_READ

    def _fails(self, line: LogLine) -> bool:
        text = line.text
        if not may_fail(text) or not self._may_look():
            return False
        if text.startswith("ls: "):
            self._running.trouble(text)
        if "=" in text[:64]:
            read_samples(line, self.sink, self._later)
        return self._open(Failures(line, self.sink, self._tool))


def _as_shown(invocation: Invocation, shown: Shown, line: int) -> Invocation:
    """The invocation with its line.

    A heading may be shorter than its command (`skopeo inspect oci-archive`): a word without a transport is no path.
    """
    if shown.literal or invocation.program != "skopeo":
        return invocation.model_copy(update={"line": line})
    named = {
        "reads": tuple(one for one in invocation.reads if one.transport != "path"),
        "makes": tuple(one for one in invocation.makes if one.transport != "path"),
    }
    return invocation.model_copy(update={"line": line, **named})
