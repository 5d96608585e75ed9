"""Find the reports in files, directories and standard input, by content and not by name."""

from __future__ import annotations

import codecs
import json
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from probe.cli.embedded import Damaged, embedded_documents, json_error
from probe.evidence.report import Report

MAX_DOCUMENT = 256 * 1024 * 1024
"""Bytes of one input: more than the largest report that the bounds admit (docs/evidence.md)."""
MAX_FILES = 10_000
MAX_REPORTS = 1_024
MAX_PROBLEMS = 32
"""Sentences about what could not be used; the rest is counted."""

_REPORT = "pod-probe/report/v"
_CARRIERS = ("pod-probe/bundle/v", "pod-probe/verdict/v")
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""Byte order marks: a shell on Windows writes what it redirects in UTF-16."""


def read_documents(names: Sequence[str]) -> tuple[list[Report], list[str]]:
    """All reports in what was named, in order, without repeats; and one sentence for each thing that was not usable."""
    reports: dict[Report, None] = {}
    problems: list[str] = []
    for name, explicit in _expand(names, problems):
        text = _read(name, problems)
        if text is None:
            continue
        found, said = _reports_in(name, text, explicit)
        problems += said
        reports.update(dict.fromkeys(found))
        if len(reports) > MAX_REPORTS:
            problems.append(f"{name}: more than {MAX_REPORTS} reports; the rest is left out")
            break
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [f"and {len(problems) - MAX_PROBLEMS} more that could not be used"]
    return list(reports)[:MAX_REPORTS], problems


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


def _reports_in(name: str, text: str, explicit: bool) -> tuple[list[Report], list[str]]:
    """The reports of one text: one document, or documents among other lines (a container log)."""
    try:
        documents = [json.loads(text)]
    except (ValueError, RecursionError) as error:
        documents = list(embedded_documents(text))
        if not documents:
            what = "not text" if "\0" in text[:4096] else f"not JSON: {json_error(error)}"
            return [], [f"{name}: no document of pod-probe in it ({what})"] if explicit else []
    reports: list[Report] = []
    problems: list[str] = []
    for document in documents:
        if isinstance(document, Damaged):
            problems.append(f"{name}: the document that begins on line {document.line} is damaged: {document.reason}")
            continue
        found, said = _from_document(name, document, explicit)
        reports += found
        problems += said
    return reports, problems


def _from_document(name: str, document: Any, explicit: bool) -> tuple[list[Report], list[str]]:
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or not schema.startswith("pod-probe/"):
        return [], [f"{name}: not a document of pod-probe (no schema that it knows)"] if explicit else []
    if schema.startswith(_REPORT):
        candidates = [document]
    elif schema.startswith(_CARRIERS):
        evidence = document.get("evidence")
        if not isinstance(evidence, list):
            return [], [f"{name}: {schema[:80]} without a list of evidence"]
        candidates = evidence
    else:
        return [], [f"{name}: {schema[:80]} holds no evidence"]
    reports: list[Report] = []
    problems: list[str] = []
    for number, candidate in enumerate(candidates[: MAX_REPORTS + 1]):
        try:
            reports.append(Report.model_validate(candidate))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = "/".join(map(str, first["loc"]))
            problems.append(f"{name}: report {number} is not valid at /{where}: {first['msg']}")
    return reports, problems
