"""Find the evidence in files, directories and standard input, by content and not by name.

Reports, watches and seals are found, alone and in what carries them: a bundle, a verdict, the document of a gate, a
log. A watch is written as lines, a header and one for each moment, and lines get lost: they are put together here.
Other JSON may be objects of Kubernetes; other text is read as a log.
"""

from __future__ import annotations

import codecs
import json
import os
import stat
import sys
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from probe.cli.embedded import Damaged, embedded_documents, json_error, json_values
from probe.evidence.report import Report

if TYPE_CHECKING:
    from probe.cluster.objects import Collector
    from probe.evidence.cluster import Cluster
    from probe.evidence.seal import Seal
    from probe.evidence.transcript import Transcript
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
_TRANSCRIPT, _CLUSTER = "pod-probe/transcript/v", "pod-probe/cluster/v"
_WATCHED = (_HEADER, _MOMENT, _TIMELINE, _SEAL)
_LISTS = ("evidence", "timelines", "seals", "transcripts", "clusters")
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
    transcripts: list[Transcript] = field(default_factory=list)
    clusters: list[Cluster] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to judge."""
        return not (self.reports or self.timelines or self.seals or self.told)

    @property
    def told(self) -> bool:
        """Whether a log or an object tells anything."""
        return bool(self.clusters) or any(transcript.statements for transcript in self.transcripts)


def read_documents(names: Sequence[str]) -> Documents:
    """All evidence in what was named."""
    found = Finder()
    for name, explicit in _expand(names, found.problems):
        text = read_text(name, found.problems)
        if text is None:
            continue
        found.search(name, text, explicit=explicit)
        if len(found.reports) > MAX_REPORTS:
            found.problems.append(f"{name}: more than {MAX_REPORTS} reports; the rest is left out")
            break
    return found.documents()


class Finder:
    """Takes texts one after the other, and holds what was found so far."""

    def __init__(self) -> None:
        self.reports: dict[Report, None] = {}
        self.seals: dict[Seal, None] = {}
        self.transcripts: list[Transcript] = []
        self.clusters: dict[Cluster, None] = {}
        self.problems: list[str] = []
        self._collector: Collector | None = None
        self._watches: dict[str, Watch] = {}
        self._moments: dict[str, dict[int, Moment]] = {}
        self._where: dict[str, str] = {}
        """The first file in which something of a watch stood."""
        self._kept = self._dropped = 0
        """Moments."""

    def search(self, name: str, text: str, *, explicit: bool = True) -> None:
        """Take all evidence in one text. `explicit`: it was named itself, so say if there is none."""
        _search(name, text, explicit, self)

    @property
    def collector(self) -> Collector:
        """Where objects of the API come together."""
        if self._collector is None:
            from probe.cluster.objects import Collector

            self._collector = Collector()
        return self._collector

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
        from probe.classify.joined import MAX_CLUSTERS, MAX_SEALS, MAX_TIMELINES, MAX_TRANSCRIPTS
        from probe.evidence.watch import MAX_MOMENTS

        problems, timelines = self.problems, []
        for watch_id, moments in self._moments.items():
            if watch_id not in self._watches:
                what = f"{_count(len(moments), 'moment')} of a watch without its first line"
                problems.append(f"{self._where[watch_id]}: {what}, which says who watched what: left out")
        for watch_id, watch in self._watches.items():
            timelines.append(_timeline(watch, self._moments.get(watch_id, {})))
        clusters = list(self.clusters)
        if self._collector is not None:
            if not self._collector.empty:
                clusters.append(self._collector.cluster())
            problems += self._collector.problems
        bounds: tuple[tuple[str, Sized, int], ...] = (
            ("watches", timelines, MAX_TIMELINES),
            ("seals", self.seals, MAX_SEALS),
            ("logs", self.transcripts, MAX_TRANSCRIPTS),
            ("sets of objects", clusters, MAX_CLUSTERS),
        )
        for what, got, most in bounds:
            if len(got) > most:
                problems.append(f"more than {most} {what}; the rest is left out")
        if self._dropped:
            most_moments = f"{MAX_MOMENTS} of one watch, {MAX_ALL_MOMENTS} in all"
            problems.insert(0, f"{_count(self._dropped, 'moment')} of watches left out: more than {most_moments}")
        if len(problems) > MAX_PROBLEMS:
            problems[MAX_PROBLEMS:] = [f"and {len(problems) - MAX_PROBLEMS} more that could not be used"]
        return Documents(
            list(self.reports)[:MAX_REPORTS],
            timelines[:MAX_TIMELINES],
            list(self.seals)[:MAX_SEALS],
            self.transcripts[:MAX_TRANSCRIPTS],
            clusters[:MAX_CLUSTERS],
            problems,
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


def read_text(name: str, problems: list[str]) -> str | None:
    """The text of a file, or of standard input (`-`); None with a sentence why not."""
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


def _search(name: str, text: str, explicit: bool, found: Finder) -> None:
    """The evidence of one text: one document, documents one after the other, or documents among the lines of a log."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        _search_text(name, text, explicit, found, error)
        return
    if _take(name, document, found) or found.collector.take(document, name):
        return
    if not _take_log(name, text, found) and explicit:
        found.problems.append(f"{name}: not a document of pod-probe, nor of Kubernetes (no schema that it knows)")


def _search_text(name: str, text: str, explicit: bool, found: Finder, error: ValueError | RecursionError) -> None:
    if "\0" in text[:4096]:
        if explicit:
            found.problems.append(f"{name}: no evidence in it (not text)")
        return
    usable = False
    for document in embedded_documents(text):
        usable = True
        if isinstance(document, Damaged):
            reason = f"the document that begins on line {document.line} is damaged: {document.reason}"
            found.problems.append(f"{name}: {reason}")
        else:
            _take(name, document, found)
    for number, document in enumerate(json_values(text), 1):
        usable |= found.collector.take(document, f"{name}: document {number}")
    usable |= found.collector.take_description(text, name)
    usable |= _take_log(name, text, found)
    if not usable and (explicit or text.lstrip()[:1] == "{"):
        why = f"not JSON: {json_error(error)}; and no output of a known tool"
        found.problems.append(f"{name}: no evidence in it ({why})")


def _take_log(name: str, text: str, found: Finder) -> bool:
    """The text as a log; one in which nothing is understood is no evidence."""
    from probe.transcript.importing import import_text

    taken = [one for one in import_text(text, name) if one.statements]
    found.transcripts += taken
    return bool(taken)


def _take(name: str, document: Any, found: Finder) -> bool:
    """Whether it is a document of ours."""
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or not schema.startswith("pod-probe/"):
        return False
    if schema.startswith(_CARRIERS):
        _take_carried(name, schema, document, found)
    elif schema.startswith(_REPORT):
        _take_reports(name, [document], found)
    elif schema.startswith(_WATCHED):
        _take_watched(name, schema, [document], found)
    elif schema.startswith((_TRANSCRIPT, _CLUSTER)):
        _take_told(name, schema, [document], found)
    else:
        found.problems.append(f"{name}: {schema[:80]} holds no evidence")
    return True


def _take_carried(name: str, schema: str, document: dict[str, Any], found: Finder) -> None:
    lists = {key: document.get(key) for key in _LISTS}
    needs = "timelines" if schema.startswith(_OF_TIMELINES) else "evidence"
    if not isinstance(lists[needs], list):
        found.problems.append(f"{name}: {schema[:80]} without a list of {needs}")
    if isinstance(lists["evidence"], list):
        _take_reports(name, lists["evidence"], found)
    for key, kind in (("timelines", _TIMELINE), ("seals", _SEAL)):
        carried = lists[key]
        if isinstance(carried, list):
            _take_watched(name, kind, carried[:_MOST_CARRIED], found)
    for key, kind in (("transcripts", _TRANSCRIPT), ("clusters", _CLUSTER)):
        carried = lists[key]
        if isinstance(carried, list):
            _take_told(name, kind, carried[:_MOST_CARRIED], found)


def _take_reports(name: str, candidates: Sequence[Any], found: Finder) -> None:
    for number, candidate in enumerate(candidates[: MAX_REPORTS + 1]):
        try:
            found.reports[Report.model_validate(candidate)] = None
        except ValidationError as error:
            found.problems.append(f"{name}: report {number} is not valid at {_first(error)}")


def _take_watched(name: str, schema: str, candidates: Sequence[Any], found: Finder) -> None:
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


def _take_told(name: str, schema: str, candidates: Sequence[Any], found: Finder) -> None:
    """What logs and objects told, when they were taken apart before."""
    from probe.evidence.cluster import Cluster
    from probe.evidence.transcript import Transcript

    for number, candidate in enumerate(candidates):
        try:
            if schema.startswith(_TRANSCRIPT):
                found.transcripts.append(Transcript.model_validate(candidate))
            else:
                found.clusters[Cluster.model_validate(candidate)] = None
        except ValidationError as error:
            found.problems.append(f"{name}: {schema.split('/')[1]} {number} is not valid at {_first(error)}")


def _first(error: ValidationError) -> str:
    """Where and what the first fault of a document is."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"/{'/'.join(map(str, first['loc']))}: {first['msg']}"
