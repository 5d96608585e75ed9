"""`stat`: GNU's eight lines and BusyBox's seven."""

from __future__ import annotations

import re
from typing import Any

from probe.evidence.path import FileType
from probe.evidence.transcript import InodeStated
from probe.transcript.block import Block, Take
from probe.transcript.entries import MODE, bits_of, name_and_target, type_of
from probe.transcript.identity import Names
from probe.transcript.later import Later
from probe.transcript.line import LogLine
from probe.transcript.moments import STAMP, moment, offset_of
from probe.transcript.names import short, shown, unquote
from probe.transcript.sink import Sink

_SIZE = re.compile(r"\s{0,8}Size: (\d{1,20})\s{1,20}Blocks: (\d{1,20})\s{1,20}IO Block: \d")
_DEVICE = re.compile(
    r"\s{0,8}Device: (?:(\d{1,10}),(\d{1,10})|[0-9a-f]{1,16}h/(\d{1,20})d)\s{1,8}"
    r"Inode: (\d{1,20})\s{1,20}Links: (\d{1,10})"
)
_ACCESS = re.compile(
    rf"\s{{0,8}}Access: \(([0-7]{{3,5}})/({MODE})[.+@]?\)\s{{1,8}}"
    rf"Uid: \(\s{{0,10}}(\d{{1,10}})/\s{{0,16}}(.{{1,256}}?)\)"
    r"\s{1,8}Gid: \(\s{0,10}(\d{1,10})/\s{0,16}(.{1,256}?)\)\s*$"
)
_CONTEXT = re.compile(r"\s{0,8}Context: (\S{1,256})\s*$")
_TIME = re.compile(rf"\s{{0,8}}(Access|Modify|Change|Birth): (?:({STAMP})|-?)\s*$")
_QUOTED_LINK = re.compile(r"'((?:(?!'\$'|'\\').)+)' -> '([^']+)'")
"""BusyBox quotes both."""
_FIELDS = {"Access": "accessed", "Modify": "modified", "Change": "changed", "Birth": "born"}
_UNKNOWN = "UNKNOWN"
_MAX_FOREIGN = 4


def opens_stat(text: str) -> bool:
    """Whether a line begins the output of `stat`."""
    return text.startswith(("  File: ", "File: "))


class Stat(Block):
    """The lines of one file. Lines of standard error may stand between them."""

    def __init__(self, line: LogLine, sink: Sink, later: Later, names: Names) -> None:
        self._sink, self._later, self._names = sink, later, names
        self._lines = [line]
        self._known: dict[str, Any] = {}
        self._foreign = 0
        self._name = line.text.lstrip().removeprefix("File: ")

    def take(self, line: LogLine) -> Take:
        """A line of it, or somebody else's."""
        if self._foreign > _MAX_FOREIGN or opens_stat(line.text) or "born" in self._known:
            return Take.END
        if self._read(line.text):
            self._lines.append(line)
            return Take.MINE
        if len(self._lines) == 1:
            return Take.END
        self._foreign += 1
        return Take.BESIDE if "changed" not in self._known else Take.END

    def _read(self, text: str) -> bool:
        size = _SIZE.match(text)
        if size is not None:
            self._known |= {"size": int(size[1]), "blocks": int(size[2])}
            return True
        device = _DEVICE.match(text)
        if device is not None:
            self._known |= {"device": _device(device), "inode": int(device[4]), "links": int(device[5])}
            return True
        access = _ACCESS.match(text)
        if access is not None:
            self._accessible(access)
            return True
        context = _CONTEXT.match(text)
        if context is not None:
            self._known["label"] = context[1]
            return True
        time = _TIME.match(text)
        if time is None or _FIELDS[time[1]] in self._known:
            return False
        self._known[_FIELDS[time[1]]] = moment(time[2]) if time[2] else None
        self._later.zone(offset_of(time[2]) if time[2] else "")
        return True

    def _accessible(self, access: re.Match[str]) -> None:
        octal, mode, uid, owner, gid, group = access.groups()
        self._known |= {"type": type_of(mode), "mode": int(octal, 8) & 0o7777, "uid": int(uid), "gid": int(gid)}
        for kind, number, name in (("u", uid, owner), ("g", gid, group)):
            known = name.strip()
            if known != _UNKNOWN:
                self._names.learn(kind, known, int(number))
            self._known["owner" if kind == "u" else "group"] = short(number if known == _UNKNOWN else known)
        if bits_of(mode) != int(octal, 8) & 0o7777:
            del self._known["mode"]  # two words for one thing that differ: damaged

    def close(self) -> None:
        """State the inode, if its mode was there."""
        if "mode" not in self._known or (self.cut and "changed" not in self._known):
            for line in self._lines:
                self._sink.leave(line)
            return
        span = self._lines[-1].number - self._lines[0].number + 1
        name, target = self._name, None
        if self._known["type"] is FileType.SYMLINK:
            quoted = _QUOTED_LINK.fullmatch(name)
            name, target = quoted.groups() if quoted else name_and_target(name, self._known.get("size"))
        self._sink.add(
            InodeStated,
            self._lines[0],
            lines=span,
            command="stat",
            path=shown(_unquote(name)),
            link_target=shown(_unquote(target)) if target is not None else None,
            **self._known,
        )


def _unquote(name: str) -> str:
    """As printed, or quoted: in a newer way, by BusyBox (links only), or typographically (coreutils before 8.25)."""
    name = name.strip()
    if len(name) > 1 and (name[0], name[-1]) in (("`", "'"), ("‘", "’")):
        return name[1:-1]
    plain = unquote(name)
    return name[1:-1] if plain == name and len(name) > 2 and name[0] == name[-1] == "'" and name[1] in "/." else plain


def _device(match: re.Match[str]) -> str:
    """`major:minor`; a single number is put together as the kernel's `new_encode_dev` and glibc's makedev do."""
    if match[1] is not None:
        return f"{int(match[1])}:{int(match[2])}"
    number = int(match[3])
    major = (number >> 8 & 0xFFF) | (number >> 32 & ~0xFFF)
    minor = (number & 0xFF) | (number >> 12 & ~0xFF)
    return f"{major}:{minor}"
