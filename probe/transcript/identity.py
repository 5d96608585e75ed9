"""Who runs: `id`, /proc/PID/status, `capsh`, `umask`."""

from __future__ import annotations

import re

from probe.access.capability import CAPABILITIES, capability_names, parse_capabilities
from probe.evidence.transcript import CapabilitiesStated, IdentityStated, IdsStated, UmaskStated
from probe.transcript.line import LogLine
from probe.transcript.names import short
from probe.transcript.sink import Sink

_ID = re.compile(r"(?:^|[\s:(])uid=(\d{1,10})(?:\(([^()]{1,256})\))? gid=(\d{1,10})(?:\(([^()]{1,256})\))?")
_EFFECTIVE = re.compile(r" e([ug])id=(\d{1,10})(?:\(([^()]{1,256})\))?")
_GROUPS = re.compile(r" groups=(\d.*?)(?= context=|$)")
_GROUP = re.compile(r"(\d{1,10})(?:\(([^()]{1,256})\))?(?:,|\s|$)")
_CONTEXT = re.compile(r" context=(\S{1,256})")
_IDS = re.compile(r"(Uid|Gid|Groups):\s{0,8}((?:\d{1,10}\s{1,8})*\d{1,10})?\s*$")
_CAPS = re.compile(r"Cap(Inh|Prm|Eff|Bnd|Amb):\s{0,8}([0-9a-f]{16})\s*$")
_UMASK = re.compile(r"(?i:umask)(?:\s*[:=]\s*|\s+(?:is )?)(0?[0-7]{3})\s*$")
_BARE_UMASK = re.compile(r"0[0-7]{3}")
_CURRENT = re.compile(r"Current: (?:= ?)?([a-z0-9_,]{0,2048}?)([+=])([eip]+)$")
_BOUNDING = re.compile(r"(Bounding|Ambient) set =([a-z0-9_,]{0,2048})$")
_DECODED = re.compile(r"0x[0-9a-f]{16}=[a-z0-9_,]*$")
_OTHER = re.compile(r"(?:NoNewPrivs|Seccomp|Seccomp_filters):\s{0,8}\d+\s*$")

_SETS = {"Inh": "inheritable", "Prm": "permitted", "Eff": "effective", "Bnd": "bounding", "Amb": "ambient"}
_LETTERS = {"e": "effective", "p": "permitted", "i": "inheritable"}
_STARTS = ("Uid:", "Gid:", "Groups:", "Cap", "Seccomp", "NoNewPrivs:", "Current: ", "Bounding set", "Ambient set", "0x")


class Names:
    """Which number a name stands for, by what the text prints of both; a name with two numbers stands for none."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int | None] = {}

    def learn(self, kind: str, name: str, number: int) -> None:
        """`kind` is `u` or `g`."""
        known = self._numbers.setdefault((kind, name), number)
        if known != number:
            self._numbers[kind, name] = None

    def number(self, kind: str, printed: str) -> int | None:
        """The number of what was printed: itself, or what it was said to be."""
        if printed.isascii() and printed.isdigit():
            return int(printed)
        return self._numbers.get((kind, printed))


def read_identity(line: LogLine, sink: Sink, names: Names) -> bool:
    """Take a line of `id`. The effective ids count: with them the kernel judges."""
    match = _ID.search(line.text)
    if match is None:
        return False
    ids = {"u": int(match[1]), "g": int(match[3])}
    called = {"u": match[2] or "", "g": match[4] or ""}
    for kind, number in ids.items():
        if called[kind]:
            names.learn(kind, called[kind], number)
    for found in _EFFECTIVE.finditer(line.text, match.end()):
        ids[found[1]], called[found[1]] = int(found[2]), found[3] or ""
        if found[3]:
            names.learn(found[1], found[3], int(found[2]))
    groups: list[int] = []
    listed = _GROUPS.search(line.text, match.end())
    for group in _GROUP.finditer(listed[1]) if listed is not None else ():
        groups.append(int(group[1]))
        if group[2]:
            names.learn("g", group[2], int(group[1]))
    context = _CONTEXT.search(line.text, match.end())
    return sink.add(
        IdentityStated,
        line,
        uid=ids["u"],
        gid=ids["g"],
        groups=tuple(groups),
        user=short(called["u"]),
        label=short(context[1]) if context is not None else "",
    )


def read_status(line: LogLine, sink: Sink) -> bool:
    """Take a line of /proc/PID/status, or of `capsh`."""
    text = line.text
    if not text.startswith(_STARTS):
        return False
    ids = _IDS.match(text)
    if ids is not None:
        if ids[2] is None and ids[1] != "Groups":
            return False
        numbers = tuple(int(number) for number in (ids[2] or "").split())
        return sink.add(IdsStated, line, name=ids[1], numbers=numbers)
    caps = _CAPS.match(text)
    if caps is not None:
        return sink.add(CapabilitiesStated, line, set=_SETS[caps[1]], names=capability_names(int(caps[2], 16)))
    return _read_capsh(line, sink) or _OTHER.match(text) is not None


def _read_capsh(line: LogLine, sink: Sink) -> bool:
    current = _CURRENT.match(line.text)
    if current is not None:
        found = _capabilities(current[1])
        if found is None or (current[2] == "=" and current[1] and not found):
            return False
        named = found if current[1] else CAPABILITIES
        for letter in sorted(set(current[3])):
            sink.add(CapabilitiesStated, line, set=_LETTERS[letter], names=named)
        return True
    if line.text.rstrip() == "Current: =":
        return sink.add(CapabilitiesStated, line, set="effective", names=())
    other = _BOUNDING.match(line.text)
    if other is not None:
        found = _capabilities(other[2])
        return found is not None and sink.add(CapabilitiesStated, line, set=other[1].lower(), names=found)
    return _DECODED.match(line.text) is not None  # says which number it decodes, not whose


def _capabilities(text: str) -> tuple[str, ...] | None:
    try:
        return parse_capabilities(text)
    except ValueError:
        return None


def read_umask(line: LogLine, sink: Sink, *, expected: bool) -> bool:
    """Take `umask 0022`; four bare digits only where a umask is to be expected (behind `umask`, or behind `id`)."""
    text = line.text.strip()
    match = _UMASK.fullmatch(text)
    printed = match[1] if match is not None else text if expected and _BARE_UMASK.fullmatch(text) else None
    return printed is not None and sink.add(UmaskStated, line, umask=int(printed, 8))
