"""Find the reports in files, directories and standard input, by content and not by name."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from probe.evidence.report import Report

MAX_DOCUMENT = 64 * 1024 * 1024
"""Bytes of one input; the largest report is far smaller (docs/evidence.md)."""
MAX_FILES = 10_000
MAX_REPORTS = 1_024

_REPORT = "pod-probe/report/v"
_CARRIERS = ("pod-probe/bundle/v", "pod-probe/verdict/v")


def read_documents(names: Sequence[str]) -> tuple[list[Report], list[str]]:
    """All reports in what was named, in order, without repeats; and one sentence for each thing that was not usable."""
    reports: list[Report] = []
    problems: list[str] = []
    for name, explicit in _expand(names, problems):
        text = _read(name, problems)
        if text is None:
            continue
        found, said = _reports_in(name, text, explicit)
        problems += said
        reports += [report for report in found if report not in reports]
        if len(reports) > MAX_REPORTS:
            problems.append(f"{name}: more than {MAX_REPORTS} reports; the rest is left out")
            return reports[:MAX_REPORTS], problems
    return reports, problems


def _expand(names: Sequence[str], problems: list[str]) -> Iterator[tuple[str, bool]]:
    """Files in order, with whether they were named themselves; what a directory holds is sorted by name."""
    count = 0
    for name in names:
        if name == "-" or not os.path.isdir(name):
            yield name, True
            continue
        for folder, folders, files in os.walk(name):
            folders.sort()
            for file in sorted(files):
                count += 1
                if count > MAX_FILES:
                    problems.append(f"{name}: more than {MAX_FILES} files; the rest is left out")
                    return
                yield os.path.join(folder, file), False


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
        problems.append(f"{name}: larger than {MAX_DOCUMENT} bytes, left out")
        return None
    return raw.decode("utf-8", "replace")


def _reports_in(name: str, text: str, explicit: bool) -> tuple[list[Report], list[str]]:
    """The reports of one text: one document, or documents among other lines (a container log)."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        documents = list(_embedded(text))
        if not documents:
            reason = f"not JSON: {error}" if not isinstance(error, RecursionError) else "JSON nested too deeply"
            return [], [f"{name}: {reason}"] if explicit else []
    else:
        documents = [document]
    reports: list[Report] = []
    problems: list[str] = []
    for document in documents:
        found, said = _from_document(name, document, explicit)
        reports += found
        problems += said
    return reports, problems


def _embedded(text: str) -> Iterator[Any]:
    """JSON objects that begin at the start of a line and say that they are ours."""
    decoder = json.JSONDecoder()
    position = 0
    while True:
        start = text.find("{", position)
        if start < 0:
            return
        position = start + 1
        if start and text[start - 1] not in "\n\r":
            continue
        if '"pod-probe/' not in text[start : start + 200]:
            continue
        try:
            document, position = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        yield document


def _from_document(name: str, document: Any, explicit: bool) -> tuple[list[Report], list[str]]:
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or not schema.startswith("pod-probe/"):
        return [], [f"{name}: not a document of pod-probe (no schema that it knows)"] if explicit else []
    if schema.startswith(_REPORT):
        candidates = [document]
    elif schema.startswith(_CARRIERS):
        evidence = document.get("evidence")
        candidates = evidence if isinstance(evidence, list) else []
    else:
        return [], [f"{name}: {schema} holds no evidence"]
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
