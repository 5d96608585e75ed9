"""`df`, in bytes: exact in blocks of 1024, as printed with `-h`."""

from __future__ import annotations

import re

from probe.evidence.transcript import SpaceStated
from probe.transcript.block import Block, Take
from probe.transcript.commands import Call
from probe.transcript.line import LogLine
from probe.transcript.mounts import masked_source
from probe.transcript.names import short, shown
from probe.transcript.sink import Sink

_HEADER = re.compile(
    r"Filesystem\s{1,400}(?P<type>Type\s{1,80})?"
    r"(?P<unit>1K-blocks|1024-blocks|512-blocks|1B-blocks|1M-blocks|Size|Inodes)\s{1,80}"
    r"(?:I?Used)\s{1,80}(?:Available|Avail|IFree)\s{1,80}(?:I?Use%|Capacity)\s{1,80}Mounted on\s*$"
)
_ROW = re.compile(
    r"(?P<source>\S{1,4096}(?: \S{1,256}){0,8}?)?\s{1,400}(?:(?P<type>[A-Za-z][\w.+-]{0,63})\s{1,80})?"
    r"(?P<total>[\d.]{1,20}[KMGTPEk]?i?)\s{1,80}"
    r"(?P<used>-?[\d.]{1,20}[KMGTPEk]?i?)\s{1,80}(?P<free>-?[\d.]{1,20}[KMGTPEk]?i?)\s{1,80}(?:\d{1,20}%|-)\s{1,80}(?P<point>/.*)$"
)
_UNITS = {"1K-blocks": 1024, "1024-blocks": 1024, "512-blocks": 512, "1B-blocks": 1, "1M-blocks": 1 << 20, "Size": 1}
_POWERS = {letter: power for power, letter in enumerate("KMGTPE", 1)}


def opens_df(text: str) -> bool:
    """Whether a line is the header of `df`."""
    return text.startswith("Filesystem") and _HEADER.match(text) is not None


class Df(Block):
    """The rows below a header. A long source may stand on a line of its own."""

    def __init__(self, line: LogLine, sink: Sink, call: Call | None) -> None:
        header = _HEADER.match(line.text)
        assert header is not None, "opened by opens_df"
        self._sink = sink
        self._unit = _UNITS.get(header["unit"])
        self._typed = header["type"] is not None
        self._power = 1000 if call is not None and ("H" in call.flags or "--si" in call.options) else 1024
        self._source: LogLine | None = None

    def take(self, line: LogLine) -> Take:
        """One row, or the source of the next one."""
        text = line.text
        if self._source is not None:
            row = _ROW.match(text) if text[:1] == " " else None
            source, self._source = self._source, None
            if row is None or row["source"]:
                self._sink.leave(source)
                return Take.END
            return self._state(line, row, source.text.strip())
        row = _ROW.match(text)
        if row is not None and row["source"]:
            return self._state(line, row, row["source"])
        if row is None and " " not in text.strip() and ("/" in text or ":" in text):
            self._source = line
            return Take.MINE
        return Take.END

    def _state(self, line: LogLine, row: re.Match[str], source: str) -> Take:
        if self._unit is None:  # inodes
            return Take.MINE
        if self._typed != (row["type"] is not None):
            return Take.END
        total, free = self._bytes(row["total"]), self._bytes(row["free"])
        if total is None or free is None:
            return Take.END
        stated = self._sink.add(
            SpaceStated,
            line,
            source=masked_source(shown(source)),
            mount_point=shown(row["point"].rstrip()),
            total_bytes=total,
            available_bytes=free,
            filesystem=short(row["type"] or ""),
        )
        return Take.MINE if stated else Take.END

    def _bytes(self, text: str) -> int | None:
        digits = text.rstrip("i")
        if digits.isdigit():
            return int(digits) * (self._unit or 1)
        power = _POWERS.get(digits[-1:].upper(), 0)
        try:
            return int(float(digits[:-1] if power else digits) * self._power**power) * (self._unit or 1)
        except (ValueError, OverflowError):
            return None

    def close(self) -> None:
        """A source without its row is nothing."""
        if self._source is not None:
            self._sink.leave(self._source)
