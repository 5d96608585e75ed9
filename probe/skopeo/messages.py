"""Standard error of a failing command, taken apart: `parse_messages`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from probe.evidence.base import TEXT_LIMIT, clip, path_text
from probe.evidence.command import MAX_FAILURES, CommandOutcome, Failure
from probe.skopeo.finding import Finding
from probe.skopeo.gomessage import is_go_failure, read_go
from probe.skopeo.loglines import FAILING, Record, looked_at, records
from probe.skopeo.masking import mask
from probe.skopeo.shellmessage import read_shell

_SHORT = 256
_FIRST = MAX_FAILURES // 2
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), 127, *range(0x80, 0xA0))}


def parse_messages(text: str, *, source: str = "") -> CommandOutcome:
    """The failures that a standard error tells, in order; `source` names where the text came from.

    Warnings are not failures. An `error` line of a program that then ends with a `fatal` one belongs to that end and
    is not counted by itself. Of more failures than a report holds, the first and the last half are kept and
    `truncated` is set, as it is when the text is longer than `loglines.MAX_TEXT`. Never raises; no exit status is
    known from the text alone.
    """
    parts, lines, truncated = looked_at(text)
    first: list[Failure] = []
    last: deque[Failure] = deque()
    for number, part in parts:
        for failure in _failures(part, number):
            if len(first) < _FIRST:
                first.append(failure)
            else:
                last.append(failure)
            if len(last) > MAX_FAILURES - _FIRST:
                last.popleft()
                truncated = True
    return CommandOutcome(
        source=clip(_clean(mask(source)), _SHORT), failures=(*first, *last), lines=lines, truncated=truncated
    )


def failures_of(text: str, *, first_line: int = 1, tool: str = "") -> Iterator[Failure]:
    """The failures of a piece of a log; `tool` is the one that runs there, if something above tells it."""
    return _failures(text, first_line, tool)


def _failures(text: str, first_line: int, tool: str = "") -> Iterator[Failure]:
    pending: deque[Failure] = deque()
    for record in records(text, first_line, tool):
        found = _read(record)
        if record.logged and record.level == "error":
            pending.extend(found)
            while len(pending) > MAX_FAILURES:
                yield pending.popleft()
            continue
        if found and (record.level in FAILING or record.claimed):
            pending.clear()
        elif not record.logged:
            yield from pending
            pending.clear()
        yield from found
    yield from pending


def _read(record: Record) -> tuple[Failure, ...]:
    if record.level and record.level not in FAILING:
        return ()
    message = mask(record.message)
    findings: tuple[Finding, ...]
    if record.level or record.claimed or is_go_failure(message):
        findings = read_go(message, tool=record.tool or ("skopeo" if record.level in ("fatal", "panic") else ""))
    else:
        shell = read_shell(message)
        findings = (shell,) if shell is not None else ()
    return tuple(_failure(record, finding, message) for finding in findings)


def _failure(record: Record, finding: Finding, message: str) -> Failure:
    return Failure(
        kind=finding.kind,
        tool=_short(finding.tool),
        level=_short(record.level),
        at=record.at,
        operation=_short(finding.operation),
        path=_path(finding.path),
        errno=finding.errno or None,
        transport=_short(finding.transport) if finding.transport else None,
        reference=_path(finding.reference),
        registry=_short(finding.registry) if finding.registry else None,
        about=finding.about,
        line=record.line,
        text=clip(_clean(finding.text or message), TEXT_LIMIT),
    )


def _short(text: str) -> str:
    return clip(_clean(text), _SHORT)


def _path(text: str | None) -> str | None:
    return clip(path_text(_bytes(text)), TEXT_LIMIT) if text else None


def _bytes(text: str) -> bytes:
    """The bytes that a text stands for: lone surrogates are bytes that were not UTF-8, or nothing that can be."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _clean(text: str) -> str:
    """Printable: no control characters but line feed and tab, no lone surrogates."""
    return _bytes(text).decode("utf-8", "backslashreplace").translate(_CONTROL)
