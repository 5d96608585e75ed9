"""What one verb writes another reads: the same verdict, valid by the schema, every pointer leading somewhere."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cli.conftest import Call
from support.program import probe
from support.situations import Situation

from probe.classify.explanation import explain
from probe.cli.schemas import SCHEMAS, schema_text

pytestmark = pytest.mark.root
COMMITTED = Path(__file__).parents[2] / "docs/schema"


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    """Of one document, by the schema that the program prints."""
    schema = json.loads(schema_text(name))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def resolve(tree: Any, pointer: str) -> Any:
    """What a JSON pointer leads to (RFC 6901); raises when it leads nowhere."""
    assert pointer.startswith("/")
    for part in pointer[1:].split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(tree, list):
            assert part == "0" or (part.isdecimal() and not part.startswith("0")), f"{part!r} is no index"
            tree = tree[int(part)]
        else:
            tree = tree[part]
    return tree


def test_every_situation(situations: dict[str, Situation], tmp_path: Path, call: Call) -> None:
    for name, situation in situations.items():
        path = tmp_path / "verdict.json"
        path.write_text(situation.text)
        ran = call("classify", path, "--json")
        again, first = ran.document, json.loads(situation.text)
        assert ran.err == "", name
        assert again == first, f"{name}: classify says otherwise than check"
        assert ran.status == {"healthy": 0, "inconclusive": 3}.get(first["verdict"]["cause"], 1), name


def test_every_document_is_valid_by_its_schema(situations: dict[str, Situation]) -> None:
    for name, situation in situations.items():
        document = json.loads(situation.text)
        problems = [
            f"{name}: {error.json_path}: {error.message}" for error in validator("verdict").iter_errors(document)
        ]
        for report in document["evidence"]:
            problems += [f"{name}: {error.message}" for error in validator("report").iter_errors(report)]
        explanation = json.loads(explain(situation.document.evidence, None).model_dump_json(by_alias=True))
        problems += [f"{name}: {error.message}" for error in validator("explanation").iter_errors(explanation)]
        assert not problems


def test_every_pointer_leads_somewhere(situations: dict[str, Situation]) -> None:
    for name, situation in situations.items():
        document = json.loads(situation.text)
        pointers = [
            claim["pointer"]
            for assessment in document["assessments"]
            for side in ("supports", "contradicts", "missing")
            for claim in assessment[side]
        ]
        assert pointers, name
        for pointer in pointers:
            resolve(document, pointer)
        for number, report in enumerate(document["evidence"]):
            for event in report["timeline"]:
                resolve(report, event["pointer"])
            assert report == resolve(document, f"/evidence/{number}")


def test_what_the_program_prints_is_valid(archive: Path, tmp_path: Path) -> None:
    options = ("--gap", "0s", "--skopeo", "never")
    check = probe("check", f"oci-archive:{archive}", *options, "--json", "-o", tmp_path / "verdict.json")
    validator("verdict").validate(check.document)
    validator("report").validate(probe("collect", f"oci-archive:{archive}", *options).document)
    validator("bundle").validate(probe("collect", f"oci-archive:{archive}", archive, *options).document)
    validator("explanation").validate(probe("explain", tmp_path / "verdict.json", "--as", "5:6:7", "--json").document)
    assert probe("classify", tmp_path / "verdict.json", "--json").document["verdict"] == check.document["verdict"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_that_is_printed_is_the_one_that_is_committed(name: str, call: Call) -> None:
    path = COMMITTED / f"{name}.json"
    assert call("schema", name).out == path.read_text(), f"run `make schema` and commit {path.name}"


def test_the_schema_refuses_what_is_no_verdict(situations: dict[str, Situation]) -> None:
    document = json.loads(situations["healthy"].text)
    for broken in ({**document, "schema": "x"}, {**document, "verdict": {}}, {**document, "assessments": [{}]}):
        assert not validator("verdict").is_valid(broken)


def test_joined_in_any_order_and_from_any_carrier(situations: dict[str, Situation], tmp_path: Path, call: Call) -> None:
    names = ("absent", "healthy", "traversal")
    for number, name in enumerate(names):
        (tmp_path / f"{number}.json").write_text(situations[name].text)
    joined = call("classify", tmp_path, "--json").document
    assert [report["reference"] for report in joined["evidence"]] == [
        situations[name].document.evidence[0].model_dump(mode="json")["reference"] for name in names
    ]
    (tmp_path / "joined.json").write_text(json.dumps(joined))
    assert call("classify", tmp_path / "joined.json", "--json").document == joined
    assert call("classify", tmp_path, "--json").document["evidence"] == joined["evidence"], "nothing counts twice"
