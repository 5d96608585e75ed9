"""`explain` for a person: each component, the rule that decided, the changes that would turn it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from support.situations import Situation

from probe.access.credentials import parse_identity
from probe.classify.explanation import explain
from probe.evidence.path import Want
from probe.report.explanation import print_explanation

pytestmark = pytest.mark.root


@pytest.fixture(autouse=True)
def eighty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def shown(situation: Situation, identity: str | None, caps: str | None = None, want: Want | None = None) -> str:
    stream = io.StringIO()
    asked = parse_identity(identity, caps) if identity is not None else None
    print_explanation(explain(situation.document.evidence, asked, want), stream)
    return stream.getvalue()


def test_who_asks_and_the_answer_come_first(situations: dict[str, Situation]) -> None:
    lines = shown(situations["traversal"], "12345:0:7,8").splitlines()
    assert lines[0] == "uid 12345, groups 0 7 8, no capabilities"
    assert " ".join(lines[2:4]).replace(" ", "").startswith("readoci-archive:/tmp/probe-situation-")
    assert "denied (EACCES)" in " ".join(lines[2:5])


def test_the_one_that_denies_is_marked_and_its_rule_named(situations: dict[str, Situation]) -> None:
    page = shown(situations["traversal"], "12345:0")
    (marked,) = [line for line in page.splitlines() if line.startswith(" x ")]
    assert marked.startswith(" x search  /tmp/probe-situation-")
    assert "other: needs x for others, mode is 0700" in " ".join(page.split())


def test_what_was_not_seen_is_a_question_not_a_denial(situations: dict[str, Situation]) -> None:
    page = shown(situations["traversal"], "0:0", "all")
    assert "not decidable" in " ".join(page.split())
    assert not [line for line in page.splitlines() if line.startswith(" x ")]
    assert len([line for line in page.splitlines() if line.startswith(" ? look up ")]) == 1
    assert "missing: " in page


def test_granted(situations: dict[str, Situation]) -> None:
    page = shown(situations["healthy"], "12345:12345")
    assert "granted" in page and " x " not in page and "would do" not in page


def test_changes_are_offered_least_privilege_first_with_commands(situations: dict[str, Situation]) -> None:
    page = shown(situations["missing group"], "12345:0")
    _, title, changes = page.partition("Any one of these would do, least privilege first:\n")
    assert title
    assert changes.startswith(" - ")
    assert "1000970000" in changes.split(" - ")[1], "the group that the inode has"
    assert "\n    setfacl " in changes


def test_another_want(situations: dict[str, Situation]) -> None:
    page = shown(situations["create denied"], "12345:12345", want=Want.CREATE)
    assert page.splitlines()[2].startswith("create /tmp/probe-situation-")
    assert "create in" in page


def test_widths_and_capabilities(situations: dict[str, Situation]) -> None:
    page = shown(situations["healthy"], f"0:0:{','.join(map(str, range(100, 200)))}", "all")
    first = " ".join(page.split("\n\n")[0].split())
    assert first.startswith("uid 0, groups 0 100 101") and " 114," in first and " 115" not in first
    assert first.endswith(" more")
    for name, situation in situations.items():
        for line in shown(situation, "12345:12345").splitlines():
            assert len(line) <= 80 or line.startswith("    "), (name, line)


def test_hostile_names(situations: dict[str, Situation], tmp_path: Path) -> None:
    (report,) = situations["acl"].document.evidence
    tree = report.model_dump(mode="json", by_alias=True)
    tree["reference"]["text"] = "\x1b[2J"
    tree["identity"]["capabilities"]["effective"] = ["\x1b]0;owned\x07"]
    for component in tree["chain"]["value"]["components"]:
        component["path"] += "\x1b[31m\n"
    stream = io.StringIO()
    print_explanation(explain([type(report).model_validate(tree)], None), stream)
    assert "\\u{1b}[31m\\n" in stream.getvalue()
    assert all(line.isprintable() for line in stream.getvalue().split("\n"))
