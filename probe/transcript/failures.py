"""Error messages of tools and shells: lines that may be such are read by the same code as a standard error."""

from __future__ import annotations

import re

from probe.evidence.command import Failure
from probe.evidence.transcript import FailureStated
from probe.skopeo.errnos import TEXT
from probe.skopeo.messages import failures_of
from probe.transcript.block import Block, Take
from probe.transcript.line import LogLine
from probe.transcript.samples import is_sampled
from probe.transcript.sink import Sink

_MAX_LINES = 256
"""Lines of one message, or of messages that follow each other, that are read together."""
_LOGGED = re.compile(r"level=([a-z]+) msg=|^(FATA|PANI|ERRO|WARN|INFO|DEBU|TRAC)\[\d{4,}\]")
_FAILING = frozenset({"fatal", "panic", "error", "FATA", "PANI", "ERRO"})
_ERROR = re.compile(
    rf"(?i)^(?:error|fatal|panic)\b[: ]|error [a-z]{{2,24}}ing\b.{{0,200}}: |: (?:{TEXT})(?:$|[\s.,;)\"'\\])"
)
_OTHER = re.compile(
    r"^(?:[\w./+-]{1,128}: )(?:.{0,4096}: )?"
    r"(?:(?:command )?not found$|short read|unexpected EOF|invalid (?:tar )?magic|Unexpected EOF)"
    r"|^(?:tar|gzip|xz|bzip2|zstd): |(?:^|: )Killed(?:  |$)|unknown (?:shorthand )?flag|unexpected EOF$|\bEOF$"
)
_BULLET = re.compile(r"\s*\* \S")


def may_fail(text: str) -> bool:
    """Whether a line may be a failure message."""
    if ("level=" in text or text[4:5] == "[") and (logged := _LOGGED.search(text)) is not None:
        return (logged[1] or logged[2]) in _FAILING
    if ": " not in text:
        return text.startswith(("Killed", "Error", "ERROR"))
    return _ERROR.search(text) is not None or _OTHER.search(text) is not None


class Failures(Block):
    """Lines that follow each other and may be messages: one can take several lines."""

    def __init__(self, line: LogLine, sink: Sink, tool: str) -> None:
        self._sink, self._tool = sink, tool
        self._lines = [line]
        self.found = False
        """Whether there was a failure: known when it is closed."""

    def take(self, line: LogLine) -> Take:
        """The next message, or what belongs to the last one."""
        text = line.text
        if "=" in text[:64] and is_sampled(text):
            return Take.END
        if len(self._lines) < _MAX_LINES and (_BULLET.match(text) or _LOGGED.search(text) or may_fail(text)):
            self._lines.append(line)
            return Take.MINE
        return Take.END

    def close(self) -> None:
        """State the failures. Beyond the bound of statements messages are counted unread."""
        if self._sink.full:
            self._sink.dropped += len(self._lines)
            return
        told: set[int] = set()
        for failure in failures_of("\n".join(line.text for line in self._lines), tool=self._tool):
            self.found = True
            self._state(failure, self._lines[failure.line - 1])
            told.add(failure.line)
        last = False
        for number, line in enumerate(self._lines, 1):
            last = number in told or (last and _BULLET.match(line.text) is not None)
            if not last:
                self._sink.leave(line)

    def _state(self, failure: Failure, line: LogLine) -> None:
        at = line.at
        here = {"line": line.number, "at": at if at is not None else failure.at}
        self._sink.add(FailureStated, line, failure=failure.model_copy(update=here))
