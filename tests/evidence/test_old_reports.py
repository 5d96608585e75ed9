"""Reports that were written before stay readable, and keep their verdict. Never write these files anew: add others."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from probe.classify.judge import judge_case
from probe.cli.schemas import schema_text
from probe.evidence.report import Report

DATA = Path(__file__).with_name("data")
EXPECTED = {
    "dir-search-denied": "confirmed",
    "wrong-transport": "confirmed",
    "created-after-sweep": "confirmed",
    "archive-in-progress": "confirmed",
    "truncated": "confirmed",
    "registry-denied": "confirmed",
    "selinux-denied": "likely",
    "healthy": "confirmed",
    "inconclusive": "not-assessable",
}
"""At least one of each family; the name of a file says the cause."""
VERSION_1 = sorted(DATA.glob("report-v1-*.json"))


def cause_of(path: Path) -> str:
    return path.stem.removeprefix("report-v1-")


def test_every_kept_report_is_expected() -> None:
    assert {cause_of(path) for path in VERSION_1} == set(EXPECTED)


@pytest.mark.parametrize("path", VERSION_1, ids=cause_of)
def test_an_old_report_keeps_its_verdict(path: Path) -> None:
    report = Report.model_validate_json(path.read_bytes())
    verdict = judge_case([report]).verdict
    assert (verdict.cause, verdict.status) == (cause_of(path), EXPECTED[cause_of(path)]), verdict.statement


@pytest.mark.parametrize("path", VERSION_1, ids=cause_of)
def test_what_an_old_report_says_is_all_still_there(path: Path) -> None:
    """Reading and writing again loses and changes nothing: no field was renamed, removed or given another form."""
    old = json.loads(path.read_bytes())
    new = json.loads(Report.model_validate(old).model_dump_json(by_alias=True))
    assert lost(old, new) == []


@pytest.mark.parametrize("path", VERSION_1, ids=cause_of)
def test_an_old_report_read_now_fits_the_schema_of_now(path: Path) -> None:
    report = Report.model_validate_json(path.read_bytes())
    schema = json.loads(schema_text("report"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(report.model_dump_json(by_alias=True)))


def test_a_report_with_fields_of_a_later_version_is_read() -> None:
    document = json.loads(VERSION_1[0].read_bytes())
    expected = Report.model_validate(document)
    document["of_tomorrow"] = {"a": 1}
    document["context"]["of_tomorrow"] = "b"
    assert Report.model_validate(document) == expected


def lost(old: object, new: object, where: str = "") -> list[str]:
    """The pointers at which `new` lacks or changes something of `old`; what is new is no loss."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [one for key, value in old.items() for one in lost(value, new.get(key, "nothing"), f"{where}/{key}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [one for n, pair in enumerate(zip(old, new, strict=True)) for one in lost(*pair, f"{where}/{n}")]
    return [] if old == new else [f"{where}: {old!r} became {new!r}"]
