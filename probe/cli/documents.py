"""Find the evidence in files, directories and standard input, by content and not by name.

Reports, watches and seals are found, alone and in what carries them: a bundle, a verdict, the document of a gate, a
log. A watch is written as lines, a header and one for each moment, and lines get lost: they are put together here.
"""

from __future__ import annotations

import codecs
import itertools
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from probe.cli.embedded import Damaged, embedded_documents, json_error
from probe.evidence.report import Report

if TYPE_CHECKING:
    from probe.evidence.seal import Seal
    from probe.evidence.watch import Moment, Timeline, Watch

MAX_DOCUMENT = 256 * 1024 * 1024
"""Bytes of one input: more than the largest report that the bounds admit (docs/evidence.md)."""
MAX_FILES = 10_000
MAX_REPORTS = 1_024
MAX_ALL_MOMENTS = 131_072
"""Of all watches: a verdict that carries so many can still be read again (MAX_DOCUMENT)."""
MAX_PROBLEMS = 32
"""Sentences about what could not be used; the rest is counted."""

_REPORT = "pod-probe/report/v"
_OF_TIMELINES = ("pod-probe/gate/v", "pod-probe/timelines/v")
"""What carries timelines, and no reports."""
_CARRIERS = ("pod-probe/bundle/v", "pod-probe/verdict/v", *_OF_TIMELINES)
_HEADER, _MOMENT = "pod-probe/watch/v", "pod-probe/moment/v"
_TIMELINE, _SEAL = "pod-probe/timeline/v", "pod-probe/seal/v"
_WATCHED = (_HEADER, _MOMENT, _TIMELINE, _SEAL)
_MOST_CARRIED = 1_024
"""Watches or seals of one document that are looked at."""
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""Byte order marks: a shell on Windows writes what it redirects in UTF-16."""


@dataclass
class Documents:
    """The evidence in what was named, in order, without repeats; a sentence for each thing that was not usable."""

    reports: list[Report] = field(default_factory=list)
    timelines: list[Timeline] = field(default_factory=list)
    seals: list[Seal] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to judge."""
        return not (self.reports or self.timelines or self.seals)


def read_documents(names: Sequence[str]) -> Documents:
    """All evidence in what was named."""
    found = _Found()
    for name, explicit in _expand(names, found.problems):
        text = _read(name, found.problems)
        if text is None:
            continue
        _search(name, text, explicit, found)
        if len(found.reports) > MAX_REPORTS:
            found.problems.append(f"{name}: more than {MAX_REPORTS} reports; the rest is left out")
            break
    return found.documents()


class _Found:
    """What was found so far."""

    def __init__(self) -> None:
        self.reports: dict[Report, None] = {}
        self.seals: dict[Seal, None] = {}
        self.problems: list[str] = []
        self._watches: dict[str, Watch] = {}
        self._moments: dict[str, dict[int, Moment]] = {}
        self._where: dict[str, str] = {}
        """The first file in which something of a watch stood."""
        self._kept = self._dropped = 0
        """Moments."""

    def watch(self, name: str, watch: Watch) -> None:
        """A header. It may come after its moments, and more than once."""
        known = self._watches.setdefault(watch.id, watch)
        self._where.setdefault(watch.id, name)
        if known != watch:
            self.problems.append(f"{name}: another watch has the id {watch.id}; its header is left out")

    def moment(self, name: str, moment: Moment) -> None:
        """A line of a watch; the first with its number counts."""
        from probe.evidence.watch import MAX_MOMENTS

        known = self._moments.get(moment.watch, {})
        if moment.number in known:
            return
        if self._kept == MAX_ALL_MOMENTS or len(known) == MAX_MOMENTS:
            self._dropped += 1
            return
        self._kept += 1
        self._where.setdefault(moment.watch, name)
        self._moments.setdefault(moment.watch, known)[moment.number] = moment

    def documents(self) -> Documents:
        """All of it, put together and bounded."""
        from probe.classify.joined import MAX_SEALS, MAX_TIMELINES
        from probe.evidence.watch import MAX_MOMENTS

        problems, timelines = self.problems, []
        for watch_id, moments in self._moments.items():
            if watch_id not in self._watches:
                what = f"{_count(len(moments), 'moment')} of a watch without its first line"
                problems.append(f"{self._where[watch_id]}: {what}, which says who watched what: left out")
        for watch_id, watch in self._watches.items():
            timelines.append(_timeline(watch, self._moments.get(watch_id, {})))
        for what, got, most in (("watches", timelines, MAX_TIMELINES), ("seals", self.seals, MAX_SEALS)):
            if len(got) > most:
                problems.append(f"more than {most} {what}; the rest is left out")
        if self._dropped:
            bounds = f"{MAX_MOMENTS} of one watch, {MAX_ALL_MOMENTS} in all"
            problems.insert(0, f"{_count(self._dropped, 'moment')} of watches left out: more than {bounds}")
        if len(problems) > MAX_PROBLEMS:
            problems[MAX_PROBLEMS:] = [f"and {len(problems) - MAX_PROBLEMS} more that could not be used"]
        return Documents(
            list(self.reports)[:MAX_REPORTS], timelines[:MAX_TIMELINES], list(self.seals)[:MAX_SEALS], problems
        )


def _timeline(watch: Watch, moments: dict[int, Moment]) -> Timeline:
    from probe.evidence.watch import Timeline

    return Timeline(watch=watch, moments=tuple(moments[number] for number in sorted(moments)))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _expand(names: Sequence[str], problems: list[str]) -> Iterator[tuple[str, bool]]:
    """Files in order, with whether they were named themselves; what a directory holds is sorted by name."""
    count = 0
    for name in names:
        if name == "-" or not os.path.isdir(name):
            yield name, True
            continue
        for folder, folders, files in os.walk(name, onerror=lambda error: problems.append(_unreadable(error))):
            folders.sort()
            for file in sorted(files):
                count += 1
                if count > MAX_FILES:
                    problems.append(f"{name}: more than {MAX_FILES} files; the rest is left out")
                    return
                path = os.path.join(folder, file)
                if _is_regular(path):  # opening a pipe that nobody writes to waits for ever
                    yield path, False


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:  # a link that leads nowhere, or what is gone meanwhile
        return False


def _unreadable(error: OSError) -> str:
    return f"{os.fsdecode(error.filename)}: cannot read it: {error.strerror}"


def _read(name: str, problems: list[str]) -> str | None:
    try:
        if name == "-":
            raw = sys.stdin.buffer.read(MAX_DOCUMENT + 1)
        else:
            with open(name, "rb") as stream:
                raw = stream.read(MAX_DOCUMENT + 1)
    except OSError as error:
        problems.append(f"{name}: cannot read it: {error.strerror}")
        return None
    if len(raw) > MAX_DOCUMENT:
        problems.append(f"{name}: larger than {MAX_DOCUMENT >> 20} MiB, left out")
        return None
    encoding = next((encoding for mark, encoding in _MARKS.items() if raw.startswith(mark)), "utf-8")
    return raw.decode(encoding, "replace")


def _search(name: str, text: str, explicit: bool, found: _Found) -> None:
    """The evidence of one text: one document, or documents among other lines (a container log, a watch)."""
    try:
        documents: Iterable[Any] = [json.loads(text)]
    except (ValueError, RecursionError) as error:
        documents = embedded_documents(text)
        first = next(iter(documents), None)
        if first is None:
            what = "not text" if "\0" in text[:4096] else f"not JSON: {json_error(error)}"
            if explicit:
                found.problems.append(f"{name}: no document of pod-probe in it ({what})")
            return
        documents = itertools.chain([first], documents)
    for document in documents:
        if isinstance(document, Damaged):
            reason = f"the document that begins on line {document.line} is damaged: {document.reason}"
            found.problems.append(f"{name}: {reason}")
        else:
            _take(name, document, explicit, found)


def _take(name: str, document: Any, explicit: bool, found: _Found) -> None:
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or not schema.startswith("pod-probe/"):
        if explicit:
            found.problems.append(f"{name}: not a document of pod-probe (no schema that it knows)")
    elif schema.startswith(_CARRIERS):
        _take_carried(name, schema, document, found)
    elif schema.startswith(_REPORT):
        _take_reports(name, [document], found)
    elif schema.startswith(_WATCHED):
        _take_watched(name, schema, [document], found)
    else:
        found.problems.append(f"{name}: {schema[:80]} holds no evidence")


def _take_carried(name: str, schema: str, document: dict[str, Any], found: _Found) -> None:
    lists = {key: document.get(key) for key in ("evidence", "timelines", "seals")}
    needs = "timelines" if schema.startswith(_OF_TIMELINES) else "evidence"
    if not isinstance(lists[needs], list):
        found.problems.append(f"{name}: {schema[:80]} without a list of {needs}")
    if isinstance(lists["evidence"], list):
        _take_reports(name, lists["evidence"], found)
    for key, kind in (("timelines", _TIMELINE), ("seals", _SEAL)):
        carried = lists[key]
        if isinstance(carried, list):
            _take_watched(name, kind, carried[:_MOST_CARRIED], found)


def _take_reports(name: str, candidates: Sequence[Any], found: _Found) -> None:
    for number, candidate in enumerate(candidates[: MAX_REPORTS + 1]):
        try:
            found.reports[Report.model_validate(candidate)] = None
        except ValidationError as error:
            found.problems.append(f"{name}: report {number} is not valid at {_first(error)}")


def _take_watched(name: str, schema: str, candidates: Sequence[Any], found: _Found) -> None:
    """What is seen over time: models that only this needs."""
    from probe.evidence.seal import Seal
    from probe.evidence.watch import Moment, Timeline, Watch

    for number, candidate in enumerate(candidates):
        try:
            if schema.startswith(_MOMENT):
                found.moment(name, Moment.model_validate(candidate))
            elif schema.startswith(_HEADER):
                found.watch(name, Watch.model_validate(candidate))
            elif schema.startswith(_SEAL):
                found.seals[Seal.model_validate(candidate)] = None
            else:
                timeline = Timeline.model_validate(candidate)
                found.watch(name, timeline.watch)
                for moment in timeline.moments:
                    found.moment(name, moment)
        except ValidationError as error:
            what = schema.split("/")[1]
            found.problems.append(f"{name}: {what} {number} is not valid at {_first(error)}")


def _first(error: ValidationError) -> str:
    """Where and what the first fault of a document is."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"/{'/'.join(map(str, first['loc']))}: {first['msg']}"
