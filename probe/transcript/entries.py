"""One line of `ls -l` or `find -ls`, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from probe.evidence.path import FileType
from probe.transcript.commands import Call
from probe.transcript.moments import MONTHS, STAMP, Clock, moment, offset_of
from probe.transcript.names import is_quoted, unescape, unquote

MODE = r"[-bcdlpsDCMnP?](?:[-r][-w][-xsS]){2}[-r][-w][-xtT]"
_LABEL = r"(?:[a-z_0-9.-]{1,64}:[a-z_0-9.-]{1,64}:[a-z_0-9.-]{1,128}(?::s\d{1,2}[\w:.,-]{0,128})?|\?)"
_DATE = (
    rf"(?P<full>{STAMP})|(?P<iso>\d{{4}}-\d\d-\d\d(?: \d\d:\d\d(?!:)| (?= ))?|\d\d-\d\d \d\d:\d\d)|"
    r"(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) {1,2}(?:(?P<hour>\d\d):(?P<minute>\d\d)|(?P<year>\d{4}))|"
    r"(?:[^\W\d]{2,10}\.? {1,3}\d{1,2}\.?|\d{1,2}\.? {1,3}[^\W\d]{2,10}\.?) {1,3}(?:\d\d:\d\d|\d{4})"
)
_ENTRY = re.compile(
    rf"(?: {{0,20}}(?P<first>\d{{1,20}}) {{1,20}}(?:(?P<second>[\d.]{{1,20}}[KMGTP]?) {{1,20}})?)?"
    rf"(?P<mode>{MODE})(?P<mark>[.+@]?)(?P<gap> {{1,20}})(?P<links>\d{{1,20}}) {{1,40}}"
    r"(?P<owner>\S{1,256}) {1,40}(?P<group>\S(?:[^\n]{0,62}?\S)??) {1,40}"
    rf"(?:(?P<label>{_LABEL}) {{1,40}})?"
    rf"(?P<size>\d[\d.,]{{0,20}}[KMGTPEkB]{{0,3}}|\d{{1,10}}, {{0,10}}\d{{1,10}}) {{1,20}}"
    rf"(?:{_DATE}) (?P<name>.+)"
)
_OLD_LABELLED = re.compile(
    rf"(?P<mode>{MODE})(?P<mark>[.+]?) {{1,20}}(?P<owner>\S{{1,64}}) {{1,40}}(?P<group>\S{{1,64}}) {{1,40}}"
    rf"(?P<label>{_LABEL}) (?P<name>.+)"
)
"""`ls -Z` up to coreutils 8.22."""
_HIDDEN = re.compile(r"[-bcdlps]\?{9}[ .+]? {1,20}\? {1,40}\? {1,40}\? {1,40}(?:\? {1,40})?\? (?P<name>.+)")
"""An entry that could be listed and not looked at."""

TYPES = {
    "-": FileType.REGULAR,
    "d": FileType.DIRECTORY,
    "l": FileType.SYMLINK,
    "p": FileType.FIFO,
    "s": FileType.SOCKET,
    "b": FileType.BLOCK_DEVICE,
    "c": FileType.CHARACTER_DEVICE,
}
_SPECIAL = {"s": 1, "S": 0, "t": 1, "T": 0, "x": 1, "-": 0}


@dataclass
class Entry:
    """What one line says. `name` as printed, without the target of a link."""

    name: str
    mode: str = ""
    """Ten characters; empty where nothing but the name could be seen."""
    mark: str = ""
    links: int | None = None
    owner: str = ""
    group: str = ""
    label: str = ""
    size: int | None = None
    target: str | None = None
    inode: int | None = None
    found: bool = False
    """By `find -ls`."""
    at: int | None = None
    """When it was modified, where it was printed with a zone; `clock` where not."""
    within: float = 0.0
    clock: Clock | None = None
    zone: str = ""
    cut: bool = False
    """In the form of BusyBox, which prints eight characters of an owner or a group and no more."""
    quoted: bool = False

    def printed(self, name: str) -> str:
        """An owner or group, empty where it may be cut."""
        return "" if self.cut and len(name) == 8 else name


def entry_of(text: str, call: Call | None = None, *, listed: bool = False) -> Entry | None:
    """The entry that a line prints, or None. `call`: the command that printed it, if known; `listed`: below `total`."""
    match = _ENTRY.match(text)
    if match is None:
        return _other(text)
    entry = Entry(match["name"], mode=match["mode"], mark=match["mark"], links=int(match["links"]))
    entry.owner, entry.group, entry.label = match["owner"], match["group"], match["label"] or ""
    if "/" in entry.owner:  # a member of an archive, by tar
        return None
    scaled = call is not None and any(option.startswith("--block-size") for option in call.options)
    entry.size = int(match["size"]) if match["size"].isdigit() and not scaled else None
    entry.cut = len(match["gap"]) + len(match["links"]) > 4
    numbered = call is not None and call.program != "find" and "i" in call.flags
    if match["second"] is not None:
        entry.inode = int(match["first"])
        entry.found = not listed and not numbered
    elif match["first"] is not None and numbered:
        entry.inode = int(match["first"])
    _dated(entry, match)
    _named(entry)
    return entry


def _other(text: str) -> Entry | None:
    hidden = _HIDDEN.match(text)
    if hidden is not None:
        return Entry(unquote(hidden["name"]))
    old = _OLD_LABELLED.match(text)
    if old is None:
        return None
    entry = Entry(old["name"], mode=old["mode"], mark=old["mark"], owner=old["owner"], group=old["group"])
    entry.label = old["label"]
    _named(entry)
    return entry


def type_of(mode: str) -> FileType:
    """The type that the first character tells."""
    return TYPES.get(mode[:1], FileType.UNKNOWN)


def bits_of(mode: str) -> int:
    """The twelve permission bits of ten characters as `ls` prints them."""
    bits = 0
    for index, (character, special) in enumerate(((mode[3], 0o4000), (mode[6], 0o2000), (mode[9], 0o1000))):
        triple = mode[1 + 3 * index : 4 + 3 * index]
        value = 4 * (triple[0] == "r") + 2 * (triple[1] == "w") + _SPECIAL[character]
        bits |= value << (6 - 3 * index)
        bits |= special if character in "sStT" else 0
    return bits


def _dated(entry: Entry, match: re.Match[str]) -> None:
    if match["full"] is not None:
        entry.at, entry.zone = moment(match["full"]), offset_of(match["full"])
        entry.within = 0.0 if "." in match["full"] else 1.0
    elif match["iso"] is not None:
        date, _, time = match["iso"].partition(" ")
        numbers = [int(part) for part in date.split("-")]
        hour, minute = (int(part) for part in time.split(":")) if time else (None, 0)
        year = numbers[0] if len(numbers) == 3 else None
        entry.clock = Clock(year, numbers[-2], numbers[-1], hour, minute)
    elif match["month"] in MONTHS:
        hour = int(match["hour"]) if match["hour"] else None
        year = int(match["year"]) if match["year"] else None
        entry.clock = Clock(year, MONTHS[match["month"]], int(match["day"]), hour, int(match["minute"] or 0))


def _named(entry: Entry) -> None:
    if entry.mode[0] == "l":
        entry.name, entry.target = name_and_target(entry.name, entry.size)
    entry.quoted = is_quoted(entry.name)
    decode = unescape if entry.found else unquote
    entry.name = decode(entry.name)
    entry.target = decode(entry.target) if entry.target is not None else None


def name_and_target(text: str, size: int | None) -> tuple[str, str | None]:
    """Name and target of a link: where ` -> ` stands more than once, the size says how long the target is."""
    parts = text.split(" -> ")
    if len(parts) > 2 and len(parts) < 64:
        for cut in range(1, len(parts)):
            target = " -> ".join(parts[cut:])
            if len(target.encode("utf-8", "replace")) == size:
                return " -> ".join(parts[:cut]), target
    return parts[0], " -> ".join(parts[1:]) if len(parts) > 1 else None
