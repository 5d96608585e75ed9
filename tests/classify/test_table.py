"""The side-by-side table: its columns and rows, what is marked, and how it looks in 80 columns."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from support.handover import OLD, look_in_pod, seal_in_pod, second_volume
from support.recorded import on_another_node
from support.registry import local_registry
from support.stage import ROOT, STRANGER, Stage, look_at, volume

from probe.classify.facts import MODE, Fact, Facts
from probe.classify.joined import JoinedVerdict, Row, Table
from probe.classify.judge import judge_case
from probe.classify.roles import Role
from probe.classify.table import build_table
from probe.classify.verdict import VerdictDocument
from probe.evidence.report import Report
from probe.report.layout import Page
from probe.report.table import print_table
from probe.report.terminal import print_verdict


def table_in(document: VerdictDocument) -> Table:
    assert isinstance(document, JoinedVerdict) and document.table is not None
    assert_pointers(document)
    return document.table


def assert_pointers(document: JoinedVerdict) -> None:
    """Every cell leads to a field of the document, every row has a cell for each column."""
    tree = json.loads(document.model_dump_json(by_alias=True))
    assert document.table is not None
    for row in document.table.rows:
        assert len(row.cells) == len(document.table.columns)
    cells = [cell.pointer for row in document.table.rows for cell in row.cells if cell.text]
    for pointer in (*cells, *(pointer for column in document.table.columns for pointer in column.pointers)):
        here: Any = tree
        for part in pointer.split("/")[1:]:
            here = here[int(part)] if isinstance(here, list) else here[part]


def row(table: Table, name: str) -> Row:
    return next(row for row in table.rows if row.name == name)


def texts(table: Table, name: str) -> list[str]:
    return [cell.text for cell in row(table, name).cells]


def marked(table: Table) -> set[str]:
    return {row.name for row in table.rows if row.differs}


def drawn(document: BaseModel, monkeypatch: pytest.MonkeyPatch, width: int = 80) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = io.StringIO()
    print_table(Page(stream), document)  # type: ignore[arg-type]
    return stream.getvalue().splitlines()


@pytest.fixture
def archive(stage: Stage) -> tuple[str, Path]:
    workspace = stage.workspace()
    return f"oci-archive:{workspace}/oci/image.tar", workspace


# -- from what was looked at


@pytest.mark.root
def test_the_producer_stands_first(stage: Stage, archive: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    push = look_in_pod(stage, "push-to-quay", reference, other, workspace)
    internal = look_in_pod(stage, "push-to-internal", reference, workspace, workspace)
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    document = judge_case([push, internal, build])
    table = table_in(document)
    assert [(column.name, column.role) for column in table.columns] == [
        ("build", "producer"),
        ("push-to-quay", ""),
        ("push-to-internal", ""),
    ]
    different = {Fact.ROOT, Fact.ROOT_INODE, Fact.INODE, Fact.SIZE, Fact.MANIFEST, Fact.CONFIG, Fact.DIFF_IDS}
    assert {*different, Fact.MODIFIED} == marked(table)
    diff_ids = texts(table, Fact.DIFF_IDS)
    assert diff_ids[0] == diff_ids[2] != diff_ids[1]
    assert all(len(one) == 71 for one in diff_ids[0].split()), "whole digests"
    assert texts(table, "mode oci") == ["2775 0:1000970000"] * 3
    page = drawn(document, monkeypatch)
    assert max(map(len, page)) <= 80
    assert any(line.startswith("! root inode") for line in page)
    assert any(line.startswith("  identity") for line in page)
    assert all(diff_id[7:19] in "\n".join(page) for one in diff_ids for diff_id in one.split())


@pytest.mark.root
def test_the_mode_that_denies_and_the_group_that_lacks_are_marked(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    os.chmod(workspace / "oci", 0o2770)
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    (push,) = stage.looks(reference, by=STRANGER, facts={"task": "push"}, **volume(workspace))
    table = table_in(judge_case([build, push]))
    assert {"mode oci", Fact.GROUPS, Fact.ACCESS} <= marked(table)
    assert texts(table, Fact.ACCESS) == ["granted", "EACCES"]
    assert Fact.IDENTITY not in marked(table), "two identities are no fault"


@pytest.mark.root
def test_several_looks_of_one_task_are_one_column(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    made = seal_in_pod(stage, reference, workspace, task="build", pod="build-pod")
    build = look_in_pod(stage, "build", reference, workspace, workspace, pod="build-pod", role="producer")
    push = look_in_pod(stage, "push", reference, workspace, workspace, pod="push-pod")
    table = table_in(judge_case([build, push], seals=[made]))
    assert [column.name for column in table.columns] == ["build", "push"]
    assert set(table.columns[0].pointers) == {"/evidence/0", "/seals/0"}
    assert not marked(table)


@pytest.mark.root
def test_two_pods_of_one_name_are_two_columns(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    first = look_in_pod(stage, "push", reference, workspace, workspace, pod="push-pod")
    retried = look_in_pod(stage, "push", reference, workspace, workspace, pod="push-pod-retry1")
    table = table_in(judge_case([first, retried]))
    assert [column.name for column in table.columns] == ["push", "push (2)"]


@pytest.mark.root
def test_runs_are_named_where_there_are_several(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    looks = [look_in_pod(stage, "push", reference, workspace, workspace, pipeline_run=f"run-{n}") for n in (1, 2)]
    assert [column.name for column in table_in(judge_case(looks)).columns] == ["run-1/push", "run-2/push"]


@pytest.mark.root
def test_one_look_has_no_table(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    document = stage.check(reference, f"dir:{workspace}/oci")
    assert type(document) is VerdictDocument
    reports = [stage.looks(one)[0] for one in (reference,)]
    assert type(judge_case(reports)) is VerdictDocument


@pytest.mark.root
def test_several_references_of_one_process_have_no_table(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    documents = stage.visit(look_at(reference), look_at(f"dir:{workspace}/oci"))
    assert type(judge_case([Report.model_validate_json(text) for text in documents])) is VerdictDocument


@pytest.mark.root
def test_numbers_of_two_nodes_are_not_compared(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    push = on_another_node(look_in_pod(stage, "push", reference, workspace, workspace), 30)
    text = push.model_dump_json(by_alias=True)
    device = build.chain.value.target.inode.value.device  # type: ignore[union-attr]
    push = Report.model_validate_json(text.replace(f'"device":"{device}"', '"device":"250:77"'))
    table = table_in(judge_case([build, push]))
    assert len(set(texts(table, Fact.DEVICE))) == 2
    assert Fact.DEVICE not in marked(table)


@pytest.mark.root
@pytest.mark.skopeo
def test_a_registry_is_a_column(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    with local_registry() as registry:
        name = registry.push(reference, "org/app:1", "--format", "v2s2")
        (arrived,) = stage.looks(name, by=ROOT, tls_verify=False)
    push = look_in_pod(stage, "push", reference, workspace, workspace)
    table = table_in(judge_case([build, push, arrived]))
    assert [column.name for column in table.columns] == ["build", "push", name]
    assert len(set(texts(table, Fact.MANIFEST))) == 2
    assert not marked(table), "another encoding of one image is no difference"


@pytest.mark.root
def test_many_tasks_are_told_in_sets(stage: Stage, archive: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    reference, workspace = archive
    other = second_volume(stage, OLD)
    build = look_in_pod(stage, "build", reference, workspace, workspace, role="producer")
    odd = look_in_pod(stage, "push-to-quay", reference, other, workspace)
    one = look_in_pod(stage, "push", reference, workspace, workspace)
    many = [
        one.model_copy(update={"context": one.context.model_copy(update={"task": f"push-{number:02}"})})
        for number in range(38)
    ]
    began = time.monotonic()
    document = judge_case([build, odd, *many])
    assert time.monotonic() - began < 3
    table = table_in(document)
    assert len(table.columns) == 40
    page = drawn(document, monkeypatch)
    assert max(map(len, page)) <= 80
    assert len(page) < 40
    assert "  push-to-quay" in page, "who stands alone"
    assert "and 27 more" in " ".join(line.strip() for line in page)
    stream = io.StringIO()
    print_verdict(document, stream)
    assert "more reports (--json)" in stream.getvalue()


@pytest.mark.root
def test_a_thousand_reports_are_bounded(stage: Stage, archive: tuple[str, Path]) -> None:
    reference, workspace = archive
    one = look_in_pod(stage, "push", reference, workspace, workspace)
    many = [
        one.model_copy(update={"context": one.context.model_copy(update={"task": f"push-{number}"})})
        for number in range(300)
    ]
    began = time.monotonic()
    table = table_in(judge_case(many))
    assert time.monotonic() - began < 10
    assert len(table.columns) == 128


# -- from facts, whoever brings them


def facts(name: str, at: int = 0, role: Role = Role.UNKNOWN, **rows: str) -> Facts:
    return Facts(name=name, role=role, at=at, rows={key: (text, "/verdict") for key, text in rows.items()})


def test_less_than_two_columns_are_no_table() -> None:
    assert build_table([]) is None
    assert build_table([facts("push", size="1"), facts("push", 1, size="2")]) is None


def test_the_later_source_of_a_column_counts() -> None:
    table = build_table([facts("push", 2, size="2"), facts("push", 1, size="1", inode="7"), facts("build", size="2")])
    assert table is not None
    assert texts(table, "size") == ["2", "2"]
    assert texts(table, "inode") == ["", "7"]
    assert not marked(table)


def test_names_decide_the_order_where_nothing_else_does() -> None:
    table = build_table([facts("scan", 1), facts("main", 0), facts("build", 5), facts("made", 9, Role.PRODUCER)])
    assert table is not None
    assert [column.name for column in table.columns] == ["made", "build", "scan", "main"]
    assert [column.role for column in table.columns] == ["producer", "", "", ""], "and tell nothing else"


def test_modes_stand_behind_the_groups_from_the_root_down() -> None:
    told = {
        "size": "1",
        f"{MODE}oci/image.tar": "0644 0:0",
        f"{MODE}.": "2775 0:0",
        "groups": "0",
        f"{MODE}oci": "2700 0:0",
    }
    table = build_table([Facts("a", rows={key: (text, "") for key, text in told.items()}), facts("b", groups="7")])
    assert table is not None
    assert [row.name for row in table.rows] == ["groups", "mode .", "mode oci", "mode oci/image.tar", "size"]
    assert not marked(table), "what only one of them knows is no difference"


@pytest.mark.parametrize(
    ("rows", "differs"),
    [
        ({"manifest": ("a", "b")}, {"manifest"}),
        ({"manifest": ("a", "b"), "diff_ids": ("x", "x")}, set()),
        ({"manifest": ("a", "b"), "diff_ids": ("x", "y")}, {"manifest", "diff_ids"}),
        ({"identity": ("uid 0", "uid 1"), "changed": ("1", "2"), "looked": ("1", "2")}, set()),
        ({"path": ("/a", "/b"), "mounted at": ("/a", "/b")}, set()),
        ({"transport": ("dir", "oci-archive"), "mode .": ("2775 0:1", "2775 0:2")}, {"transport", "mode ."}),
        ({"claim": ("one", "two")}, {"claim"}),
    ],
)
def test_what_should_be_alike(rows: dict[str, tuple[str, str]], differs: set[str]) -> None:
    sides = [Facts(name, rows={key: (pair[side], "") for key, pair in rows.items()}) for side, name in enumerate("ab")]
    table = build_table(sides)
    assert table is not None and marked(table) == differs


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("count", [2, 3, 4, 5, 40, 128])
def test_it_fits_any_page(width: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wild = "/w/" + "\u6f22" * 30 + "\x1b[31m\n" + "x" * 300
    sides = [facts(f"task-{number}" * 3, number, path=wild, size=str(number % 3)) for number in range(count)]
    table = build_table(sides)

    class Document(BaseModel):
        table: Table

    assert table is not None
    for line in drawn(Document(table=table), monkeypatch, width):
        assert line.isprintable()
        assert len(line) <= max(width, 60)


def test_beyond_the_bounds_the_first_are_kept() -> None:
    table = build_table(facts(f"task-{number}", number, size="1") for number in range(500))
    assert table is not None and len(table.columns) == 128
    many = {f"{MODE}{number}": "0644 0:0" for number in range(200)}
    table = build_table([facts("a", **many), facts("b", **many)])
    assert table is not None and len(table.rows) == 64
