"""One text in, the transcripts of its containers out."""

from __future__ import annotations

from probe import __version__
from probe.evidence.base import clip, path_text
from probe.evidence.report import Tool
from probe.evidence.transcript import MAX_UNPARSED, Line, Source, Transcript


def import_text(text: str, file: str) -> tuple[Transcript, ...]:
    """The transcripts of one text: one for each container whose lines it holds. Never raises for any text."""
    lines = text.splitlines()
    unparsed = tuple(Line(line=number, text=clip(line)) for number, line in enumerate(lines[:MAX_UNPARSED], 1))
    source, tool = Source(file=path_text(file)), Tool(version=__version__)
    return (Transcript(tool=tool, source=source, lines=len(lines), unparsed=unparsed, unparsed_lines=len(lines)),)
