"""Reading documents: by content, from files, directories, standard input and logs; what cannot be used is told."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cli.conftest import Call
from support.program import Ran, probe
from support.watching import Watching

from probe.classify.judge import judge_case
from probe.cli import documents
from probe.cli.documents import MAX_DOCUMENT, read_documents
from probe.cli.schemas import schema_text
from probe.evidence.report import Bundle, Report, Tool
from probe.evidence.watch import Change

QUICK = ("--gap", "0s", "--skopeo", "never")


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One report as it is, and in what carries it; a second report."""
    folder = tmp_path_factory.mktemp("documents")
    for name in ("one", "two"):
        (folder / f"{name}.txt").write_text(name)
    collected = [probe("collect", folder / f"{name}.txt", *QUICK) for name in ("one", "two")]
    first, second = (Report.model_validate_json(ran.out) for ran in collected)
    bundle = Bundle(tool=Tool(version="1"), evidence=(first, second))
    return {
        "report": collected[0].out,
        "second": collected[1].out,
        "bundle": bundle.model_dump_json(by_alias=True, indent=2),
        "verdict": judge_case([first, second]).model_dump_json(by_alias=True, indent=2),
        "compact": first.model_dump_json(by_alias=True),
    }


def paths(reports: list[Report]) -> list[str]:
    """The last part of each path."""
    return [os.path.basename(report.reference.path) for report in reports]


def search(*paths_: Path) -> tuple[list[Report], list[str]]:
    """The reports in what is named, and what could not be used."""
    found = read_documents([str(path) for path in paths_])
    return found.reports, found.problems


def read(path: Path, content: str | bytes) -> tuple[list[str], list[str]]:
    """What is found in a file of this content: the reports' file names, the problems without the file's own name."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    reports, problems = search(path)
    assert all(problem.startswith(f"{path}: ") for problem in problems)
    return paths(reports), [problem.removeprefix(f"{path}: ") for problem in problems]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("report", ["one.txt"]),
        ("compact", ["one.txt"]),
        ("bundle", ["one.txt", "two.txt"]),
        ("verdict", ["one.txt", "two.txt"]),
    ],
)
def test_reports_are_found_in_what_carries_them(
    kind: str, found: list[str], texts: dict[str, str], tmp_path: Path
) -> None:
    assert read(tmp_path / "a", texts[kind]) == (found, [])


def test_a_report_counts_once_wherever_it_stands(texts: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "b").write_text(texts["verdict"])
    twice = json.loads(texts["bundle"])
    twice["evidence"] *= 3
    (tmp_path / "c").write_text(json.dumps(twice))
    reports, problems = search(tmp_path / "c", tmp_path / "b", tmp_path)
    assert (paths(reports), problems) == (["one.txt", "two.txt"], [])


# -- documents among other lines

STAMP = "2025-11-21T19:15:39.{n:09d}Z "


def _stamped(text: str, prefix: str = STAMP) -> str:
    lines = text.splitlines()
    return "".join(prefix.format(n=number * 1_000_003 % 10**9) + line + "\n" for number, line in enumerate(lines))


LOGS = {
    "as it is": lambda text: text,
    "other lines around": lambda text: f"Copying blob sha256:abc\n{{not json}}\n{text}\ntime=x level=fatal msg=y\n",
    "other words on its line": lambda text: f"+ probe collect{text}",
    "carriage returns": lambda text: "log\r\n" + text.replace("\n", "\r\n"),
    "kubectl logs --timestamps": lambda text: _stamped("Copying\n" + text + "\nfatal"),
    "short fractions": lambda text: _stamped("x\n" + text, "2025-11-21T19:15:39.5Z "),
    "no fraction": lambda text: _stamped("x\n" + text, "2025-11-21T19:15:39Z "),
    "another zone": lambda text: _stamped("x\n" + text, "2025-11-21T19:15:39.123456789+02:00 "),
    "kubectl logs --prefix": lambda text: _stamped("x\n" + text, "[pod/push-pod/step-push] "),
    "both": lambda text: _stamped("x\n" + text, "[pod/push-pod/step-push] 2025-11-21T19:15:39.5Z "),
    "tkn pipelinerun logs": lambda text: _stamped("x\n" + text, "[push : check] "),
    "a CRI log file": lambda text: _stamped("x\n" + text, STAMP + "stdout F "),
}


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("kind", ["report", "compact", "bundle"])
def test_a_document_in_a_log(kind: str, log: str, texts: dict[str, str], tmp_path: Path) -> None:
    found = ["one.txt", "two.txt"] if kind == "bundle" else ["one.txt"]
    assert read(tmp_path / "log", LOGS[log](texts[kind])) == (found, [])


def test_a_long_line_that_the_runtime_cut_into_parts(texts: dict[str, str], tmp_path: Path) -> None:
    line, size = texts["compact"], 4096
    parts = [line[start : start + size] for start in range(0, len(line), size)]
    tags = ["P"] * (len(parts) - 1) + ["F"]
    log = "".join(f"2025-11-21T19:15:39.1Z stdout {tag} {part}\n" for tag, part in zip(tags, parts, strict=True))
    assert len(parts) > 2
    assert read(tmp_path / "log", log) == (["one.txt"], [])


@pytest.mark.parametrize("between", ["", "\n", "\nother lines\n"])
def test_several_documents_in_one_stream(between: str, texts: dict[str, str], tmp_path: Path) -> None:
    stream = between.join((texts["report"], texts["second"], texts["compact"], texts["bundle"]))
    assert read(tmp_path / "log", stream) == (["one.txt", "two.txt"], [])


def test_one_document_a_line(texts: dict[str, str], tmp_path: Path) -> None:
    lines = [json.dumps(json.loads(texts[name])) for name in ("report", "second")]
    assert read(tmp_path / "ndjson", "\n".join(lines)) == (["one.txt", "two.txt"], [])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_what_a_shell_on_windows_writes(encoding: str, texts: dict[str, str], tmp_path: Path) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    raw = mark + texts["report"].replace("\n", "\r\n").encode(encoding)
    assert read(tmp_path / "redirected", raw) == (["one.txt"], [])


# -- what cannot be used


def _with(text: str, **fields: Any) -> str:
    return json.dumps({**json.loads(text), **fields})


BAD = {
    "empty": (lambda _: "", r"no evidence in it \(not JSON: Expecting value, line 1 column 1; and no output .*\)"),
    "a poem": (lambda _: "roses are red\n", r"no evidence in it \(not JSON: .*; and no output of a known tool\)"),
    "binary": (lambda _: b"\x7fELF\0\0\xff", r"no evidence in it \(not text\)"),
    "cut off": (lambda text: text[:5000], r"the document that begins on line 1 is damaged: .*"),
    "cut off, in a log": (lambda text: "a\nb\n" + text[:5000], r"the document that begins on line 3 is damaged: .*"),
    "brackets": (lambda _: "[" * 100_000, r"no evidence in it \(not JSON: nested too deeply; .*\)"),
    "deep in a document": (
        lambda _: '{"schema": "pod-probe/report/v1", "a": ' + "[" * 100_000,
        r"the document that begins on line 1 is damaged: nested too deeply",
    ),
    "a long number": (
        lambda text: _with(text, started=0).replace('"started": 0', '"started": ' + "9" * 5000),
        r"the document that begins on line 1 is damaged: a number of too many digits",
    ),
    "a list": (
        lambda text: f"[{text}]",
        r"not a document of pod-probe, nor of Kubernetes \(no schema that it knows\)",
    ),
    "only a number": (
        lambda _: "42",
        r"not a document of pod-probe, nor of Kubernetes \(no schema that it knows\)",
    ),
    "another schema": (lambda _: '{"schema": "https://example.com/"}', r"not a document of pod-probe, nor of .*"),
    "a schema of a wrong type": (
        lambda _: '{"schema": ["pod-probe/report/v1"]}',
        r"not a document of pod-probe, nor of .*",
    ),
    "another document of ours": (
        lambda _: '{"schema": "pod-probe/explanation/v1"}',
        r"pod-probe/explanation/v1 holds no evidence",
    ),
    "no list of evidence": (
        lambda _: '{"schema": "pod-probe/bundle/v1", "evidence": {"a": 1}}',
        r"pod-probe/bundle/v1 without a list of evidence",
    ),
    "a report of a later version": (
        lambda text: _with(text, schema="pod-probe/report/v2"),
        r"report 0 is not valid at /schema: Input should be 'pod-probe/report/v1'",
    ),
    "a wrong type": (lambda text: _with(text, identity=[]), r"report 0 is not valid at /identity: .*"),
    "a missing field": (
        lambda text: _with(text, want="smell"),
        r"report 0 is not valid at /want: Input should be 'read', .*",
    ),
    "not a number": (
        lambda text: _with(text, started_monotonic=float("nan")),
        r"report 0 is not valid at /started_monotonic: Input should be a finite number",
    ),
    "infinite": (lambda text: _with(text, duration_ms=float("inf")), r"report 0 is not valid at /duration_ms: .*"),
    "half a character": (
        lambda text: text.replace('"read"', '"\\ud800"'),
        r"report 0 is not valid at /want: .*",
    ),
    "a null byte in a name, which is no fault": (lambda text: text.replace("one.txt", "\\u0000"), None),
    "not even an object": (
        lambda _: '{"schema": "pod-probe/bundle/v1", "evidence": [1, null, "x"]}',
        r"report 0 is not valid at /: .*",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_one_sentence(case: str, texts: dict[str, str], tmp_path: Path) -> None:
    make, told = BAD[case]
    found, problems = read(tmp_path / "bad", make(texts["report"]))
    if told is None:
        assert (len(found), problems) == (1, [])
        return
    assert found == []
    assert re.fullmatch(told, problems[0]), problems[0]


def test_one_bad_file_costs_nothing_but_itself(texts: dict[str, str], tmp_path: Path) -> None:
    for number, case in enumerate(BAD):
        made = BAD[case][0](texts["report"])
        (tmp_path / f"{number:02}").write_bytes(made if isinstance(made, bytes) else made.encode())
    (tmp_path / "zz").write_text(texts["second"])
    ran = probe("classify", *sorted(tmp_path.iterdir()), "--json")
    assert ran.status == 0
    assert [report["reference"]["path"][-7:] for report in ran.document["evidence"]][1:] == ["two.txt"]
    told = {line.split(": ")[1][-2:] for line in ran.err.splitlines()}
    good = {f"{number:02}" for number, case in enumerate(BAD) if BAD[case][1] is None}
    assert told == {f"{number:02}" for number in range(len(BAD))} - good


def test_a_bad_report_in_a_bundle_costs_nothing_but_itself(texts: dict[str, str], tmp_path: Path) -> None:
    bundle = json.loads(texts["bundle"])
    bundle["evidence"].insert(1, {"schema": "pod-probe/report/v1"})
    found, problems = read(tmp_path / "bundle", json.dumps(bundle))
    assert found == ["one.txt", "two.txt"]
    assert problems == ["report 1 is not valid at /tool: Field required"]


def test_whole_reports_in_a_verdict_that_is_cut_off(texts: dict[str, str], tmp_path: Path) -> None:
    cut = texts["verdict"].index('\n  "timeline"') - 100
    found, problems = read(tmp_path / "cut", texts["verdict"][:cut])
    assert found == ["one.txt"]
    assert len(problems) == 2, "the verdict, and its last report"


def test_a_file_that_is_too_large(texts: dict[str, str], tmp_path: Path) -> None:
    with open(tmp_path / "large", "wb") as stream:
        stream.write(texts["report"].encode())
        stream.truncate(MAX_DOCUMENT + 1)
    found, problems = search(tmp_path / "large", tmp_path / "small")
    assert found == []
    assert problems[0] == f"{tmp_path}/large: larger than {MAX_DOCUMENT >> 20} MiB, left out"


def test_the_largest_file_is_read_in_bounded_time(tmp_path: Path) -> None:
    """Beginnings of documents, none of which ends: each would cost a parse of what follows."""
    start = '{"schema": "pod-probe/report/v1", "a": [\n'
    (tmp_path / "hostile").write_text(start * (MAX_DOCUMENT // 8 // len(start)))
    began = time.process_time()
    reports, problems = search(tmp_path / "hostile")
    assert reports == []
    assert len(problems) == 33 and problems[-1].endswith("1 more that could not be used")
    assert time.process_time() - began < 60


# -- directories


def test_a_directory_is_walked_in_order(texts: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "b/c").mkdir(parents=True)
    (tmp_path / "b/c/deep").write_text(texts["second"])
    (tmp_path / "a.json").write_text(texts["report"])
    for name, content in (("README", b"hello"), ("image.tar", bytes(1024)), ("data.json", b'{"a": 1}'), ("x", b"")):
        (tmp_path / name).write_bytes(content)
    reports, problems = search(tmp_path)
    assert (paths(reports), problems) == (["one.txt", "two.txt"], []), "what is no document of ours is passed over"


def test_a_damaged_document_in_a_directory_is_told(texts: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text(texts["report"][:5000])
    reports, problems = search(tmp_path)
    assert reports == []
    assert len(problems) == 1 and "cut.json: the document that begins on line 1 is damaged" in problems[0]


def test_pipes_devices_loops_and_dangling_links_in_a_directory(texts: dict[str, str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "up").symlink_to("..")
    (tmp_path / "nowhere").symlink_to("missing")
    (tmp_path / "real").write_text(texts["report"])
    (tmp_path / "named").symlink_to("real")
    reports, problems = search(tmp_path)
    assert (paths(reports), problems) == (["one.txt"], [])


@pytest.mark.root
def test_what_may_not_be_read_in_a_directory_is_told(texts: dict[str, str], public: Path) -> None:
    (public / "closed").mkdir(mode=0o700)
    (public / "secret").write_text(texts["report"])
    (public / "secret").chmod(0o600)
    (public / "open").write_text(texts["second"])

    def become() -> None:
        os.setgroups([])
        os.setresgid(12345, 12345, 12345)
        os.setresuid(12345, 12345, 12345)

    ran = probe("classify", public, "--json", before=become, cwd=public)
    assert len(ran.document["evidence"]) == 1
    assert ran.err.splitlines() == [
        f"probe: {public}/secret: cannot read it: Permission denied",
        f"probe: {public}/closed: cannot read it: Permission denied",
    ]


def test_bounds_on_files_reports_and_sentences(
    texts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        (tmp_path / f"{number:02}").write_text(texts["report"][:5000])
    monkeypatch.setattr(documents, "MAX_FILES", 50)
    _, problems = search(tmp_path)
    assert len(problems) == 33 and problems[-1] == "and 19 more that could not be used"
    monkeypatch.setattr(documents, "MAX_REPORTS", 1)
    (tmp_path / "00").write_text(texts["bundle"])
    reports, problems = search(tmp_path / "00")
    assert paths(reports) == ["one.txt"]
    assert problems == [f"{tmp_path}/00: more than 1 reports; the rest is left out"]


def test_an_empty_directory(tmp_path: Path, call: Call) -> None:
    ran: Ran = call("classify", tmp_path)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == (
        "probe: no evidence in what was given: name documents of pod-probe, objects (oc get -o json) or logs\n"
    )


def test_explain_takes_a_log_too(texts: dict[str, str], tmp_path: Path, call: Call) -> None:
    (tmp_path / "log").write_text(_stamped("Copying\n" + texts["report"]))
    ran = call("explain", tmp_path / "log", "--as", "1:1", "--json")
    assert ran.status in (0, 1)
    assert ran.document["schema"] == "pod-probe/explanation/v1"


# -- watches and seals


@pytest.fixture(scope="session")
def watch_lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A watch as `probe watch` writes it: a header, and a line for each moment."""
    path = tmp_path_factory.mktemp("watched") / "file"
    watching = Watching(path)
    watching.begin()
    for number in range(5):
        path.write_text("x" * (number + 1))
        watching.see(Change.GREW)
    timeline = watching.end()
    return [one.model_dump_json(by_alias=True) for one in (timeline.watch, *timeline.moments)]


def numbers(path: Path, content: str) -> tuple[list[list[int]], list[str]]:
    """The numbers of the moments of each watch in a file of this content, and the problems."""
    path.write_text(content)
    found = read_documents([str(path)])
    said = [problem.removeprefix(f"{path}: ") for problem in found.problems]
    return [[moment.number for moment in timeline.moments] for timeline in found.timelines], said


def test_a_watch_is_put_together(watch_lines: list[str], tmp_path: Path) -> None:
    whole = "\n".join(watch_lines) + "\n"
    assert numbers(tmp_path / "w", whole) == ([[0, 1, 2, 3, 4, 5, 6]], [])
    assert numbers(tmp_path / "w", _stamped("Copying\n" + whole)) == ([[0, 1, 2, 3, 4, 5, 6]], [])
    assert numbers(tmp_path / "w", "a word\n".join(f"{line}\n" for line in watch_lines))[0] == [[0, 1, 2, 3, 4, 5, 6]]


def test_lines_that_were_lost_or_torn(watch_lines: list[str], tmp_path: Path, call: Call) -> None:
    header, *moments = watch_lines
    torn = "\n".join([*watch_lines[:-1], moments[-1][:100]])
    assert numbers(tmp_path / "w", torn) == (
        [[0, 1, 2, 3, 4, 5]],
        [f"the document that begins on line {len(watch_lines)} is damaged: {_reason(moments[-1][:100])}"],
    )
    ran = call("classify", tmp_path / "w", "--json")
    assert ran.status == 3
    assert any("was cut off" in note for note in ran.document["notes"])
    lost = "\n".join([header, moments[0], *moments[3:]])
    assert numbers(tmp_path / "w", lost) == ([[0, 3, 4, 5, 6]], [])
    ran = call("classify", tmp_path / "w", "--json")
    assert any("2 of 7 lines are lost" in note for note in ran.document["notes"])
    assert numbers(tmp_path / "w", "\n".join(moments)) == (
        [],
        ["7 moments of a watch without its first line, which says who watched what: left out"],
    )


def _reason(text: str) -> str:
    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads("\n" * 7 + text + "\n")
    return f"{raised.value.msg}, line {raised.value.lineno} column {raised.value.colno}"


def test_two_watches_in_one_file_and_one_in_two(watch_lines: list[str], tmp_path: Path) -> None:
    other = [line.replace(json.loads(watch_lines[0])["id"], "another") for line in watch_lines]
    mixed = [line for pair in zip(watch_lines, other, strict=True) for line in pair]
    assert numbers(tmp_path / "w", "\n".join(mixed)) == ([list(range(7)), list(range(7))], [])
    (tmp_path / "a").write_text("\n".join(watch_lines[:4]))
    (tmp_path / "b").write_text("\n".join(watch_lines[2:]))
    found = read_documents([str(tmp_path / "b"), str(tmp_path / "a")])
    assert [[moment.number for moment in one.moments] for one in found.timelines] == [list(range(7))]
    assert found.problems == []


def test_a_large_watch_is_read_in_one_go(watch_lines: list[str], tmp_path: Path) -> None:
    header, moment = watch_lines[0], json.loads(watch_lines[2])
    lines = [json.dumps({**moment, "number": number}) for number in range(10_000)]
    began = time.process_time()
    assert numbers(tmp_path / "w", "\n".join([header, *lines])) == ([list(range(10_000))], [])
    assert time.process_time() - began < 60


def test_what_carries_watches_and_seals(watch_lines: list[str], texts: dict[str, str], tmp_path: Path) -> None:
    header, *moments = (json.loads(line) for line in watch_lines)
    timeline = {"schema": "pod-probe/timeline/v1", "watch": header, "moments": moments}
    seal = {**_seal_of(texts), "schema": "pod-probe/seal/v1"}
    gate = {"schema": "pod-probe/gate/v1", "opened": True, "timelines": [timeline]}
    verdict = {**json.loads(texts["verdict"]), "timelines": [timeline], "seals": [seal]}
    for content, expected in (
        (timeline, (0, 1, 0)),
        (gate, (0, 1, 0)),
        ({"schema": "pod-probe/timelines/v1", "timelines": [timeline, _renamed(timeline)]}, (0, 2, 0)),
        (seal, (0, 0, 1)),
        (verdict, (2, 1, 1)),
    ):
        (tmp_path / "d").write_text(json.dumps(content))
        found = read_documents([str(tmp_path / "d")])
        assert (len(found.reports), len(found.timelines), len(found.seals)) == expected
        assert found.problems == []
    (tmp_path / "d").write_text(json.dumps({**seal, "inode": 3}))
    assert "seal 0 is not valid at /inode" in read_documents([str(tmp_path / "d")]).problems[0]
    (tmp_path / "d").write_text(json.dumps({"schema": "pod-probe/gate/v1"}))
    assert "without a list of timelines" in read_documents([str(tmp_path / "d")]).problems[0]


def _renamed(timeline: dict[str, Any]) -> dict[str, Any]:
    """The same as another watch."""
    return {
        **timeline,
        "watch": {**timeline["watch"], "id": "another"},
        "moments": [{**moment, "watch": "another"} for moment in timeline["moments"]],
    }


def test_what_watches_of_several_references_print_is_read(tmp_path: Path, call: Call) -> None:
    """`probe watch A B --json`: one document of two timelines."""
    for name in "ab":
        (tmp_path / name).write_text(name)
    printed = call("watch", tmp_path / "a", tmp_path / "b", "--json", "--for", "0s")
    jsonschema.Draft202012Validator(json.loads(schema_text("timelines"))).validate(printed.document)
    (tmp_path / "times.json").write_text(printed.out)
    ran = call("classify", tmp_path / "times.json", "--json")
    assert "times.json" not in ran.err
    assert [os.path.basename(one["watch"]["reference"]["path"]) for one in ran.document["timelines"]] == ["a", "b"]


def test_moments_are_bounded_and_what_is_left_out_is_told(
    watch_lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_ALL_MOMENTS", 9)
    header, moments = json.loads(watch_lines[0]), [json.loads(line) for line in watch_lines[1:]]
    other = _renamed({"watch": header, "moments": moments})
    lines = [header, *moments, *moments, other["watch"], *other["moments"]]
    found, said = numbers(tmp_path / "w", "\n".join(map(json.dumps, lines)))
    assert found == [list(range(7)), [0, 1]]
    assert len(said) == 1 and said[0].startswith("5 moments of watches left out")


def _seal_of(texts: dict[str, str]) -> dict[str, Any]:
    report = json.loads(texts["report"])
    fields = {name: report[name] for name in ("tool", "context", "identity", "reference")}
    inode = report["chain"]["value"]["components"][-1]["inode"]["value"]
    return {**fields, "at": report["started"], "monotonic": report["started_monotonic"], "inode": inode}


def test_a_verdict_with_a_watch_is_judged_again_from_itself(
    watch_lines: list[str], texts: dict[str, str], tmp_path: Path, call: Call
) -> None:
    (tmp_path / "w").write_text("\n".join(watch_lines))
    (tmp_path / "s").write_text(json.dumps({**_seal_of(texts), "schema": "pod-probe/seal/v1"}))
    (tmp_path / "r").write_text(texts["report"])
    first = call("classify", tmp_path / "r", tmp_path / "w", tmp_path / "s", "--json")
    assert first.err == ""
    (tmp_path / "verdict").write_text(first.out)
    assert call("classify", tmp_path / "verdict", "--json").out == first.out
    jsonschema.Draft202012Validator(json.loads(schema_text("verdict"))).validate(first.document)
    page = call("classify", tmp_path / "verdict").out
    assert "\nTime     from " in page and "watch 1: grew" in page
