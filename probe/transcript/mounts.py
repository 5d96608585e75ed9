"""Mounts: `mount`, /proc/mounts and mountinfo, one a line; what may be a secret in options and sources is masked."""

from __future__ import annotations

import re
from collections.abc import Iterable

from probe.evidence.base import clip
from probe.evidence.transcript import MountStated
from probe.transcript.line import LogLine
from probe.transcript.names import short, shown, unescape
from probe.transcript.sink import Sink

MAX_OPTIONS = 64

_TYPE = re.compile(r"([\w.+-]{1,64}) \(([^\n]*)\)(?: \[[^]\n]*\])?\s*")
_INFO = re.compile(
    r"\d{1,10} \d{1,10} (\d{1,10}:\d{1,10}) (\S{1,4096}) (/\S{0,4096}) (\S{1,8192})(?: \S{1,64}){0,8} - "
    r"(\S{1,256}) (\S{1,4096}|) ?(\S{0,8192})\s*$"
)
_TABLE = re.compile(r"(\S{1,4096}) (/\S{0,4096}) ([\w.+-]{1,64}) ((?:rw|ro)(?:,\S{0,8192})?) \d \d\s*$")
_OPTION = re.compile(r'(?:[^,"]|"[^"]{0,512}")+')
_FLAG = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_VALUE = re.compile(r"[0-9][0-9A-Fa-fx.]{0,40}[%kKmMgGtT]?|\"?[a-z_]+:[a-z_]+:[a-z_]+:s[\w:.,-]*\"?")
_OPEN = frozenset(
    re.findall(
        r"\w+",
        """
    access cache context data defcontext errors fscontext hidepid huge index local_lock lookupcache mode mpol nfsvers
    proto rootcontext sec security vers version xino
        """,
    )
)
_USERINFO = re.compile(r"(//|^)[^/@\s]{1,512}@")
_PAIR = re.compile(r"([A-Za-z][A-Za-z0-9_.-]{0,63})=[^,;:&/\s]+")

_Found = tuple[str, str, str, str, str | None, str | None]
"""Source, mount point, file system, options, root, device."""


def read_mount(line: LogLine, sink: Sink) -> bool:
    """Take one line of `mount`, /proc/mounts or mountinfo."""
    text = line.text
    found: _Found | None = None
    if text[:1].isdigit() and " - " in text and (info := _INFO.match(text)) is not None:
        device, root, point, options, filesystem, source, _ = info.groups()
        found = (unescape(source), unescape(point), filesystem, options, unescape(root), device)
    elif " type " in text and (mounted := _mounted(text)) is not None:
        found = mounted
    elif text.rstrip()[-4:-1].startswith(" ") and (match := _TABLE.match(text)) is not None:
        found = (unescape(match[1]), unescape(match[2]), match[3], match[4], None, None)
    return found is not None and state_mount(line, sink, *found)


def _mounted(text: str) -> _Found | None:
    """`SOURCE on POINT type FILESYSTEM (OPTIONS)`."""
    head, _, tail = text.rpartition(" type ")
    source, on, point = head.rpartition(" on /")
    match = _TYPE.fullmatch(tail)
    if match is None or not on or not source or source[0].isspace():
        return None
    return source, f"/{point}", match[1], match[2], None, None


def state_mount(
    line: LogLine,
    sink: Sink,
    source: str,
    point: str,
    filesystem: str,
    options: str,
    root: str | None,
    device: str | None,
) -> bool:
    """State one mount."""
    return sink.add(
        MountStated,
        line,
        source=masked_source(shown(source)),
        mount_point=shown(point),
        filesystem=short(filesystem),
        options=tuple(_options(options)),
        root=shown(root) if root is not None else None,
        device=device,
    )


def masked_source(source: str) -> str:
    """A source without userinfo and without what follows a question mark or an equals sign."""
    source, question, _ = source.partition("?")
    return clip(_USERINFO.sub(r"\1***@", _PAIR.sub(r"\1=***", source)) + ("?***" if question else ""))


def _options(text: str) -> Iterable[str]:
    """Flags, and values that are numbers, labels or words that mean no secret; of the others the name alone."""
    for option in _OPTION.findall(text[:8192])[:MAX_OPTIONS]:
        key, equals, value = option.strip().partition("=")
        if not _FLAG.fullmatch(key):
            yield "***"
        elif not equals or key in _OPEN or _VALUE.fullmatch(value):
            yield short(option.strip())
        else:
            yield f"{key}=***"
