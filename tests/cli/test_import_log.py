"""`probe import-log`: what a person sees, the one document, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cli.conftest import Call
from cli.test_laptop import elsewhere
from support.program import Ran, probe

from probe.cli.schemas import schema_text

CAPTURES = Path(__file__).parents[1] / "captures"
PUSH = CAPTURES / "13-race-detached-writer/logs/p13-race-detached-writer-push-to-quay-pod.step-push.log"
BUILD = CAPTURES / "12-race-no-runafter/logs/p12-race-no-runafter-build-image-pod.step-build.log"


def valid(ran: Ran, schema: str) -> Any:
    """The document, after it was held against its schema."""
    document = ran.document
    jsonschema.validate(document, json.loads(schema_text(schema)))
    return document


def test_what_a_person_sees(call: Call) -> None:
    ran = call("import-log", PUSH)
    assert (ran.status, ran.err) == (0, "")
    page = " ".join(ran.out.split())
    for said in (
        "container step-push",
        "4 id uid 1000970000, gid 0, groups 0 1000970000",
        "41 ran skopeo copy",
        "43 failed skopeo: initializing source",
        "44 exit skopeo 1 (3 times)",
        "drwxr-sr-x root(0) 1000970000 /workspace/source/oci (3 times)",
        "inode 17409045 on 7:0",
        "every line was understood",
    ):
        assert said in page
    assert max(map(len, ran.out.splitlines())) <= 80
    left = call("import-log", BUILD).out
    assert "12 of 31 lines not understood" in " ".join(left.split())


def test_one_transcript(call: Call) -> None:
    document = valid(call("import-log", PUSH, "--json"), "transcript")
    assert document["schema"] == "pod-probe/transcript/v1"
    assert document["source"]["container"] == "step-push"
    assert {one["kind"] for one in document["statements"]} >= {"identity", "inode", "failure", "exit", "command"}


def test_several_transcripts_are_a_bundle(call: Call, tmp_path: Path) -> None:
    mixed = tmp_path / "all.txt"
    mixed.write_text("[pod/a/step-x] uid=0 gid=0\n[pod/b/step-y] uid=5 gid=5\n")
    document = valid(call("import-log", PUSH, mixed, "--json"), "bundle")
    assert document["schema"] == "pod-probe/bundle/v1"
    assert [one["source"]["container"] for one in document["transcripts"]] == ["step-push", "step-x", "step-y"]


def test_what_is_printed_can_be_judged(call: Call, tmp_path: Path) -> None:
    document = tmp_path / "push.json"
    assert call("import-log", PUSH, "-o", document).status == 0
    assert json.loads(document.read_text())["schema"] == "pod-probe/transcript/v1"
    judged = call("classify", document, "--json").document
    assert judged["verdict"]["cause"] == call("classify", PUSH, "--json").document["verdict"]["cause"]
    assert call("import-log", document).status == 3, "a document is no log"


def test_whose_it_is_can_be_told(call: Call, tmp_path: Path) -> None:
    paste = tmp_path / "paste.txt"
    paste.write_text("uid=0 gid=0\n")
    told = ("--context", "pod=p,container=step-push", "--context", "task=push, namespace=ns, pipelinerun=r1")
    source = call("import-log", paste, *told, "--json").document["source"]
    assert source == {
        "file": str(paste),
        "pod": "p",
        "container": "step-push",
        "task": "push",
        "namespace": "ns",
        "pipeline_run": "r1",
        "begins": None,
        "mixed": False,
    }


@pytest.mark.parametrize("context", ["pod", "pod=", "node=x", "=", "pod=" + "x" * 300])
def test_a_context_that_is_none(context: str, call: Call) -> None:
    ran = call("import-log", PUSH, "--context", context)
    assert (ran.status, ran.out) == (2, "")
    assert "--context" in ran.err


def test_standard_input() -> None:
    ran = probe("import-log", "-", "--json", stdin=b"id\nuid=1000970000 gid=0(root)\n\xff\xfe\x00\n")
    assert ran.status == 0
    assert ran.document["statements"][0]["uid"] == 1000970000


@pytest.mark.parametrize("content", ["", "hello\n", "Name: x\nNamespace: y\n", '{"kind": "Pod"}', "\0" * 50])
def test_nothing_that_could_be_understood(content: str, call: Call, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(content)
    ran = call("import-log", path)
    assert ran.status == 3
    assert "Traceback" not in ran.out + ran.err


def test_a_file_that_is_not_there(call: Call, tmp_path: Path) -> None:
    ran = call("import-log", PUSH, tmp_path / "nope")
    assert (ran.status, ran.out) == (2, "")
    assert "No such file or directory" in ran.err
    assert call("import-log", tmp_path).status == 2
    assert call("import-log").status == 2


def test_a_log_cannot_move_the_cursor(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("cat: /w/\x1b[2Jevil\u202e: Permission denied\nwhat \x07 is\n")
    out = call("import-log", path).out
    assert not {"\x1b", "\u202e", "\x07"} & set(out)


def test_on_a_laptop() -> None:
    ran = elsewhere("import-log", PUSH, "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
