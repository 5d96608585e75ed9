"""The path as it is drawn: one row a hop, the refusal marked, what could not be seen said."""

from __future__ import annotations

import io
import os
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support.situations import Situation
from support.stage import PUSHER, ROOT, Stage, volume

from probe.classify.judge import judge_case
from probe.classify.verdict import VerdictDocument
from probe.evidence.report import Report
from probe.report.terminal import print_verdict

pytestmark = pytest.mark.root


@pytest.fixture(autouse=True)
def eighty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


_ROW = re.compile(r"( {3}| x )([-dlpsbc?][-rwxsStT]{9}[+ ]|\?) +(\S+) +(\S+) +(.*)|   (\.\.\. \d+ more)")


@dataclass(frozen=True)
class Row:
    """One row: whether it is marked, mode letters, owner, group, and what follows; `start` is the column of that."""

    marked: bool
    mode: str
    uid: str
    gid: str
    said: str
    start: int

    @property
    def name(self) -> str:
        """The name alone."""
        return self.said.split("  ")[0].split(" -> ")[0]


def drawn_in(document: VerdictDocument, number: int = 0) -> list[Row | str]:
    """The rows of one report's path, wrapped ones joined; a string where rows are left out."""
    stream = io.StringIO()
    print_verdict(document, stream)
    found: list[Row | str] = []
    for line in stream.getvalue().split("\n\n")[1 + number].splitlines()[1:]:
        match = _ROW.fullmatch(line)
        if match is not None and match[6]:
            found.append(match[6])
        elif match is not None:
            found.append(Row(match[1] == " x ", match[2].strip(), match[3], match[4], match[5], match.start(5)))
        elif found and isinstance(found[-1], Row) and line.startswith(" " * found[-1].start):
            found[-1] = replace(found[-1], said=f"{found[-1].said} {line.strip()}")
    return found


def rows(document: VerdictDocument, number: int = 0) -> list[Row]:
    """The same where nothing is left out."""
    found = drawn_in(document, number)
    assert all(isinstance(row, Row) for row in found)
    return [row for row in found if isinstance(row, Row)]


def marked(document: VerdictDocument) -> Row:
    """The one row that is marked."""
    (row,) = [row for row in rows(document) if row.marked]
    return row


@pytest.fixture
def stage(public_root: Path, archive: Path) -> Stage:
    return Stage(public_root, archive)


def test_the_refusal_is_marked_and_what_lies_below_is_not_observable(situations: dict[str, Situation]) -> None:
    document = situations["traversal"].document
    denied, below = rows(document)[-2:]
    assert (denied, denied.marked) == (marked(document), True)
    assert (denied.mode, denied.uid, denied.gid) == ("drwx------", "0", "1000970000")
    assert denied.said.startswith("oci  <- needs x for group 1000970000, mode is 0700")
    assert (below.mode, below.uid, below.gid, below.said) == ("?", "?", "?", "image.tar  not observable")
    assert [row.name for row in rows(document)[:2]] == ["/", "tmp"]


def test_a_path_without_a_fault_has_no_mark(situations: dict[str, Situation]) -> None:
    drawn = rows(situations["healthy"].document)
    assert drawn[-1].name == "image.tar"
    assert not any(row.marked or "<-" in row.said for row in drawn)


def test_an_absent_name_is_marked_with_its_errno(situations: dict[str, Situation]) -> None:
    assert marked(situations["absent"].document).said == "image.tar  ENOENT"


def test_a_plus_for_an_acl(situations: dict[str, Situation]) -> None:
    drawn = rows(situations["acl"].document)
    assert {row.name for row in drawn if row.mode.endswith("+")} == {"oci"}
    denied = marked(situations["acl"].document)
    assert denied.mode == "drwxrwsr-x+"
    assert denied.said.startswith("oci  <- needs x, ACL entry user:1000970000 gives ---")


def test_acl_sign_agrees_with_ls(stage: Stage) -> None:
    workspace = stage.workspace()
    subprocess.run(["setfacl", "-m", "u:12345:r-x", workspace / "oci"], check=True)
    drawn = rows(stage.check(f"oci-archive:{workspace}/oci/image.tar", by=ROOT))
    ls = subprocess.run(["ls", "-ld", workspace / "oci"], capture_output=True, text=True, check=True).stdout.split()
    assert [row.mode for row in drawn if row.name == "oci"] == [ls[0]]


def test_the_file_that_a_closed_directory_hides(situations: dict[str, Situation]) -> None:
    document = situations["hidden marker"].document
    assert marked(document).name == "oci"
    assert rows(document)[-1].said == "manifest.json  not observable"


def test_each_reference_has_its_own_path(situations: dict[str, Situation]) -> None:
    document = situations["two names"].document
    assert [rows(document, number)[-1].name for number in range(2)] == ["image.tar", "oci"]


def test_links_show_where_they_point(situations: dict[str, Situation]) -> None:
    drawn = rows(situations["through links"].document)
    links = [row.said.split(" -> ") for row in drawn if row.mode.startswith("l")]
    assert [name for name, _ in links] == ["link", "latest"]
    assert links[0][1].replace(" ", "").endswith("/source/latest/image.tar") and links[1][1] == "oci"
    assert [row.name for row in drawn].count("/") == 2, "an absolute link starts again from the root"


def test_a_crossed_mount_is_named(stage: Stage) -> None:
    workspace = stage.workspace()
    os.mkdir(workspace / "inner")

    def mount() -> None:
        if os.system(f"mount -t tmpfs -o size=1m,mode=755 tmpfs {workspace}/inner && touch {workspace}/inner/f") != 0:
            raise OSError("mount failed")
        if os.system(f"mount -o remount,ro {workspace}/inner") != 0:
            raise OSError("remount failed")

    crossed = [row.said for row in rows(stage.check(workspace / "inner/f", prepare=mount)) if "  [" in row.said]
    assert len(crossed) == 1 and re.fullmatch(r"inner  \[tmpfs 0:\d+ ro\]", crossed[0])


def test_a_bind_mount_is_a_crossing_too(stage: Stage) -> None:
    workspace = stage.workspace()
    drawn = rows(stage.check(f"oci-archive:{workspace}/oci/image.tar", **volume(workspace)))
    assert [row.name for row in drawn if row.said.endswith(" rw]")] == ["source"]


def test_a_deep_path_is_drawn_around_what_matters(stage: Stage) -> None:
    path = stage.root
    for number in range(60):
        path /= f"d{number:02}"
        path.mkdir()
    (path / "f").touch()
    os.chmod(stage.root.joinpath(*(f"d{number:02}" for number in range(31))), 0o700)
    drawn = drawn_in(stage.check(path / "f"))
    seen = [row for row in drawn if isinstance(row, Row)]
    assert (seen[0].name, seen[-1].name) == ("/", "f")
    assert {"d28", "d29", "d30", "d31"} <= {row.name for row in seen}
    assert [row.name for row in seen if row.marked] == ["d30"]
    gaps = [row for row in drawn if isinstance(row, str)]
    assert len(gaps) == 2 and len(seen) < 24
    assert sum(int(gap.split()[1]) for gap in gaps) + len(seen) == len(path.parts) + 1


def test_columns_stand_under_each_other(stage: Stage) -> None:
    workspace = stage.workspace()
    os.chown(workspace / "oci/image.tar", 7, 4_000_000_000)
    drawn = rows(stage.check(f"oci-archive:{workspace}/oci/image.tar"))
    assert (drawn[-1].uid, drawn[-1].gid) == ("7", "4000000000")
    assert len({row.start for row in drawn}) == 1


def test_listing_is_visible_and_opening_is_denied(situations: dict[str, Situation]) -> None:
    document = situations["listable"].document
    assert marked(document).mode == "drwxr--r--"
    stream = io.StringIO()
    print_verdict(document, stream)
    assert "seeing the file with ls does not refute this" in " ".join(stream.getvalue().split())


def test_hostile_names_stay_in_their_row(stage: Stage) -> None:
    workspace = stage.workspace()
    for name, shown in {
        "esc\x1b[31m": "esc\\u{1b}[31m",
        "two\nlines": "two\\nlines",
        "\u202egnp.rat": "\\u{202e}gnp.rat",
        'it\'s "q"': 'it\'s "q"',
    }.items():
        (workspace / name).mkdir(mode=0o700)
        (workspace / name / "f").touch()
        document = stage.check(workspace / name / "f", by=PUSHER)
        assert marked(document).name == shown
        assert rows(document)[-1].said == "f  not observable"


def test_a_mount_that_hangs_says_timeout(situations: dict[str, Situation]) -> None:
    """As the collector leaves it when the deadline passes inside the walk: no errno, only the reason."""
    tree = situations["traversal"].document.evidence[0].model_dump(mode="json", by_alias=True)
    lost = {"status": "not-seen", "reason": "timeout", "errno": None, "message": "stat did not return", "at": 0}
    for component in tree["chain"]["value"]["components"][2:]:
        component.update(inode=lost, acl=lost, label=lost, mount_id=lost)
    tree["chain"]["value"]["stopped"] = lost
    tree["attempts"] = []
    drawn = rows(judge_case([Report.model_validate(tree)]))
    assert drawn[2].marked and drawn[2].said.endswith("  timeout")
    assert all(row.said.endswith("  not observable") and not row.marked for row in drawn[3:])
