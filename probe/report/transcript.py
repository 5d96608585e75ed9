"""What was read from a log, for a person: one line a statement, with the line that it was read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

from probe.evidence.base import format_timestamp
from probe.evidence.path import FileType
from probe.evidence.transcript import (
    AclStated,
    CapabilitiesStated,
    CommandStated,
    DigestLevel,
    DigestStated,
    ExitStated,
    FailureStated,
    IdentityStated,
    InodeStated,
    Line,
    MountStated,
    RemarkStated,
    SpaceStated,
    Statement,
    Transcript,
    UmaskStated,
)
from probe.report.layout import Page
from probe.report.modes import letters_of

_MOST = 200
"""Rows of one transcript."""
_MOST_LEFT = 8
_TITLE = 8
_SYSTEM = ("/proc", "/sys", "/dev", "/tekton")
"""Mounts that every pod has."""


def print_transcripts(transcripts: Sequence[Transcript], stream: IO[str]) -> None:
    """Write what each of them says."""
    page = Page(stream)
    for number, transcript in enumerate(transcripts):
        if number:
            page.line()
        _transcript(page, transcript)


def _transcript(page: Page, transcript: Transcript) -> None:
    source = transcript.source
    told = [
        f"{name} {value}"
        for name, value in (
            ("namespace", source.namespace),
            ("pod", source.pod),
            ("container", source.container),
            ("task", source.task),
            ("run", source.pipeline_run),
        )
        if value
    ]
    page.line([(source.file, "bold"), (f": {', '.join(told)}" if told else "", "")])
    if transcript.first is not None and transcript.last is not None:
        page.line(f"{format_timestamp(transcript.first)} to {format_timestamp(transcript.last)}", lead="  ")
    rows = list(_rows(transcript.statements))
    width = len(str(transcript.lines))
    for line, title, text, times in rows[:_MOST]:
        again = f" ({times} times)" if times > 1 else ""
        page.line(f"{text}{again}", lead=[(f"  {line:>{width}} ", "dim"), (f"{title:<{_TITLE}} ", "bold")])
    if len(rows) > _MOST:
        page.line(f"and {len(rows) - _MOST} more: --json shows all", lead="  ")
    _left(page, transcript)


def _left(page: Page, transcript: Transcript) -> None:
    """What was not understood."""
    count = transcript.unparsed_lines
    said = "every line was understood" if not count else f"{count} of {transcript.lines} lines not understood"
    page.line(said + (":" if 0 < count <= _MOST_LEFT else ""), lead="  ")
    left: tuple[Line, ...] = transcript.unparsed if count <= _MOST_LEFT else ()
    for line in left:
        page.line(line.text, lead=f"  {line.line:>{len(str(transcript.lines))}} ", style="dim")
    if transcript.dropped:
        page.line(
            f"{transcript.dropped} more statements or lines were left out: too many for one transcript", lead="  "
        )


def _rows(statements: Sequence[Statement]) -> Iterator[tuple[int, str, str, int]]:
    """Line, title, text, and how often the same was said in a row or elsewhere."""
    found: dict[tuple[str, str], list[int]] = {}
    for one in statements:
        row = _row(one)
        if row is not None:
            found.setdefault(row, [one.line, 0])[1] += 1
    for (title, text), (line, times) in found.items():
        yield line, title, text, times


def _row(one: Statement) -> tuple[str, str] | None:
    match one:
        case IdentityStated():
            groups = " ".join(map(str, one.groups[:16])) or "none stated"
            return "id", f"uid {one.uid}, gid {one.gid}, groups {groups}"
        case CapabilitiesStated(set="effective"):
            return "caps", ", ".join(one.names[:12]) + (" ..." if len(one.names) > 12 else "") or "none effective"
        case UmaskStated():
            return "umask", f"{one.umask:04o}"
        case InodeStated():
            size = f" {one.size}" if one.size is not None and one.type is not FileType.DIRECTORY else ""
            place = f", inode {one.inode} on {one.device}" if one.device and one.inode is not None else ""
            owner, group = _whose(one.owner, one.uid), _whose(one.group, one.gid)
            return "path", f"{letters_of(one.type, one.mode)}{one.mark} {owner} {group}{size} {one.path}{place}"
        case AclStated():
            return "acl", f"{one.path}: " + ", ".join(f"{tag} {bits:o}" for tag, bits in one.entries[:16])
        case MountStated() if not one.mount_point.startswith(_SYSTEM):
            root = f"[{one.root}]" if one.root not in (None, "/") else ""
            return "mount", f"{one.source}{root} on {one.mount_point}, {one.filesystem}"
        case SpaceStated():
            return "space", f"{one.mount_point}: {one.available_bytes} of {one.total_bytes} bytes free"
        case CommandStated():
            return "ran", one.invocation.text
        case FailureStated():
            tool, text = one.failure.tool, one.failure.text
            return "failed", f"{tool}: {text}" if tool and tool not in text.split(":")[0] else text
        case ExitStated():
            return "exit", f"{one.program} {one.status}".strip()
        case DigestStated():
            what = "" if one.level is DigestLevel.UNKNOWN else f"{one.level} "
            return "digest", f"{what}{one.digest}" + (f" by {one.said_by}" if one.said_by else "")
        case RemarkStated():
            return "remark", one.text
        case _:
            return None


def _whose(name: str, number: int | None) -> str:
    return name if number is None or name == str(number) else f"{name}({number})"
