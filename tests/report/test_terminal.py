"""The page that a person reads: the answer first, 80 columns, colour on a terminal only."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from support.program import COMMAND, ROOT, environment
from support.situations import Situation

from probe.classify.judge import judge_case
from probe.classify.verdict import Status, VerdictDocument
from probe.report.terminal import print_verdict

pytestmark = pytest.mark.root
_TITLES = ("For", "Against", "Missing", "Also", "Possible", "Note", "Fix", "For good")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def eighty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def shown(document: VerdictDocument) -> str:
    stream = io.StringIO()
    print_verdict(document, stream)
    return stream.getvalue()


def pasted(document: VerdictDocument) -> set[str]:
    """The lines of commands and patches, which are not wrapped."""
    remedy = document.assessments[0].remedy
    fixes = [fix for fix in (remedy.smallest, remedy.structural) if fix is not None] if remedy is not None else []
    return {f"  {line}" for fix in fixes for text in (fix.command, fix.yaml) for line in (text or "").split("\n")}


def test_no_line_is_wider_than_80_columns(situations: dict[str, Situation]) -> None:
    for name, situation in situations.items():
        document = situation.document
        free = pasted(document)
        for line in shown(document).splitlines():
            assert len(line) <= 80 or line in free, (name, line)
            assert line.isprintable() and line == line.rstrip(), (name, line)


def test_three_lines_answer_what_how_sure_and_where(situations: dict[str, Situation]) -> None:
    for name, situation in situations.items():
        verdict = situation.document.verdict
        first, *rest = shown(situation.document).splitlines()
        words = first.split()
        assert words[:2] == [verdict.cause, verdict.status], name
        family = {"A": "permissions", "B": "path or transport", "race": "race", "other": "neither A, B nor race"}
        assert family.get(verdict.family, "") in first
        said = " ".join(rest[: rest.index("")])
        assert said.replace(" ", "") == verdict.statement.replace(" ", ""), name
        if verdict.component is not None and verdict.family == "A":
            assert verdict.component in verdict.statement, f"{name}: the statement does not say where"


def test_everything_that_was_asked_about_is_drawn(situations: dict[str, Situation]) -> None:
    for name, situation in situations.items():
        page = shown(situation.document)
        for report in situation.document.evidence:
            assert page.replace("\n", "").count(report.reference.text) >= 1, name
        assert page.count("seen by uid") + page.count("predicted for uid") == len(situation.document.evidence)


def test_titles_stand_in_their_order_and_each_once(situations: dict[str, Situation]) -> None:
    for name, situation in situations.items():
        found = [
            title
            for line in shown(situation.document).splitlines()
            for title in _TITLES
            if line.startswith(f"{title:<9}") and line[9:10] != " "
        ]
        assert found == [title for title in _TITLES if title in found], name


def test_every_cause_that_holds_is_told_and_no_other(situations: dict[str, Situation]) -> None:
    for name, situation in situations.items():
        document = situation.document
        page = shown(document)
        for found in document.assessments[1:]:
            told = re.search(rf"^.{{9}}{found.cause}(:| confirmed| likely)", page, re.MULTILINE) is not None
            assert told == (found.status.holds or found.status is Status.POSSIBLE), (name, found.cause)


def test_the_fix_can_be_pasted_as_it_stands(situations: dict[str, Situation]) -> None:
    document = situations["traversal"].document
    remedy = document.assessments[0].remedy
    assert remedy is not None and remedy.smallest.command is not None
    assert f"\n  {remedy.smallest.command}\n" in shown(document)


def test_a_patch_keeps_its_indentation(situations: dict[str, Situation]) -> None:
    document = situations["missing group"].document
    remedy = document.assessments[0].remedy
    assert remedy is not None and remedy.smallest.yaml is not None
    block = "".join(f"  {line}\n" for line in remedy.smallest.yaml.splitlines())
    assert block in shown(document)
    assert "\n      podTemplate:\n" in block


def test_a_prediction_says_that_it_is_one(situations: dict[str, Situation]) -> None:
    page = shown(situations["predicted"].document)
    assert page.startswith("dir-search-denied  likely  (A: permissions)\n")
    assert "\npredicted for uid 1000970000, groups 0 1000970000\n" in page
    assert "openat" not in page, "what the looker itself could open is not shown as that identity's"


def test_many_reports_are_counted_not_drawn(situations: dict[str, Situation]) -> None:
    (report,) = situations["healthy"].document.evidence
    many = [report.model_copy(update={"started": report.started + number}) for number in range(40)]
    page = shown(judge_case(many))
    assert page.count("seen by uid") == 16
    assert "\nand 24 more reports (--json)\n" in page


def test_hostile_words_in_somebodys_document(situations: dict[str, Situation]) -> None:
    """Every text of a document replaced: none reaches the terminal as it is."""
    tree = json.loads(situations["acl"].text)
    hostile = "\x1b]0;owned\x07\x1b[2J\u202e\n"
    (report,) = tree["evidence"]
    for attempt in report["attempts"]:
        attempt["operation"] = attempt["errno"] = hostile
    report["reference"]["text"] = report["mounts"]["carrying"]["value"]["filesystem"] = hostile
    for mount in (report["mounts"]["carrying"]["value"], *report["mounts"]["crossed"]):
        mount["device"] = mount["mount_point"] = hostile
    for component in report["chain"]["value"]["components"]:
        component["name"] = component["link_target"] = hostile
        if component["inode"]["status"] == "not-seen":
            component["inode"]["errno"] = component["inode"]["message"] = hostile
    report["chain"]["value"]["stopped"] = None
    page = shown(VerdictDocument.model_validate(tree))
    assert "\\u{1b}]0;owned\\u{7}\\u{1b}[2J\\u{202e}\\n" in page
    assert all(line.isprintable() for line in page.split("\n"))


# -- on a terminal


def on_a_terminal(path: Path, columns: int = 80, **env: str) -> str:
    """What `probe classify` writes to a terminal of this width."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    told = {name: value for name, value in environment().items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [*COMMAND, "classify", path], stdout=follower, cwd=ROOT, env={**told, "TERM": "xterm-256color", **env}
    )
    os.close(follower)
    text = b""
    try:
        while part := os.read(leader, 65536):
            text += part
    except OSError:  # EIO: the other side is closed
        pass
    finally:
        os.close(leader)
        process.wait()
    return text.decode().replace("\r\n", "\n")


@pytest.fixture
def verdict(situations: dict[str, Situation], tmp_path: Path) -> Path:
    path = tmp_path / "verdict.json"
    path.write_text(situations["traversal"].text)
    return path


def test_colour_on_a_terminal(verdict: Path, situations: dict[str, Situation]) -> None:
    text = on_a_terminal(verdict)
    assert text.startswith("\x1b[1;31mdir-search-denied\x1b[0m")
    plain = _ANSI.sub("", text)
    assert [line.rstrip() for line in plain.splitlines()] == shown(situations["traversal"].document).splitlines()


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "unknown"}])
def test_no_codes_where_they_are_not_wanted_or_not_known(
    env: dict[str, str], verdict: Path, situations: dict[str, Situation]
) -> None:
    assert on_a_terminal(verdict, **env) == shown(situations["traversal"].document)
    assert max(map(len, _lines(on_a_terminal(verdict, 60, **env)))) <= 60


def test_the_width_of_the_terminal_is_used(verdict: Path) -> None:
    widths = {columns: max(map(len, _lines(on_a_terminal(verdict, columns)))) for columns in (60, 80, 120)}
    assert all(width <= columns for columns, width in widths.items())
    assert widths[60] < widths[80] < widths[120]
    told = _lines(on_a_terminal(verdict, 120, COLUMNS="80"))
    assert max(map(len, told)) <= 80, "COLUMNS goes before what the terminal says"


def _lines(text: str) -> list[str]:
    """Without colour, and without what is to be pasted."""
    return [line for line in _ANSI.sub("", text).splitlines() if not line.startswith("  ") or line.startswith("   ")]


def test_no_codes_in_a_pipe_whatever_the_terminal(verdict: Path) -> None:
    for env in ({"TERM": "xterm-256color"}, {"FORCE_COLOR": "1"}, {"CLICOLOR_FORCE": "1"}, {}):
        ran = subprocess.run(
            [*COMMAND, "classify", verdict], capture_output=True, check=False, cwd=ROOT, env=environment(env)
        )
        assert b"\x1b" not in ran.stdout + ran.stderr
