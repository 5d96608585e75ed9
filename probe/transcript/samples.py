"""What a script prints of several files in one line, by `stat -c '%A %u:%g'`: `oci=drwxr-s--- 0:1000970000`."""

from __future__ import annotations

import re

from probe.evidence.transcript import Claimed, InodeStated, RemarkStated
from probe.transcript.entries import MODE, bits_of, type_of
from probe.transcript.later import Later
from probe.transcript.line import LogLine
from probe.transcript.names import shown
from probe.transcript.sink import Sink, tidy

_SAMPLE = re.compile(
    rf"(?:^|(?<=\s))(?:(?P<name>[^\s='\"]{{1,256}})=)?"
    rf"(?P<mode>{MODE})[.+]? (?P<uid>\d{{1,10}}):(?P<gid>\d{{1,10}})(?: (?P<size>\d{{1,19}}))?(?=\s|$)"
)
_READABLE = re.compile(r"(?:^|\s)(?P<not>(?i:not-|not |un))?readable$")


def is_sampled(text: str) -> bool:
    """Whether a line holds such a sample."""
    return _SAMPLE.search(text[:4096]) is not None


def read_samples(line: LogLine, sink: Sink, later: Later) -> bool:
    """Take a line of modes. One without a name says nothing that could be placed; the rest of the line is left."""
    found = list(_SAMPLE.finditer(line.text[:4096]))
    if not found:
        return False
    for one in found:
        name = one["name"]
        if name is None:
            continue
        before = len(sink.statements)
        sink.add(
            InodeStated,
            line,
            command="stat",
            path=shown(name),
            type=type_of(one["mode"]),
            mode=bits_of(one["mode"]),
            owner=one["uid"],
            group=one["gid"],
            size=int(one["size"]) if one["size"] and one["mode"][0] == "-" else None,
        )
        if len(sink.statements) > before:
            later.inode(line, one["uid"], one["gid"], None)
    readable = _READABLE.search(line.text.rstrip())
    if readable is not None:
        claimed = Claimed.NOT_READABLE if readable["not"] else Claimed.READABLE
        sink.add(RemarkStated, line, claimed=claimed, text=tidy(line.text))
    return True
