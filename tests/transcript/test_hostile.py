"""Any text: no exception, bounded time and size, and no line number that the file does not have."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transcript.conftest import stated, transcript

from probe.evidence.transcript import MAX_UNPARSED, InodeStated, Transcript
from probe.transcript import sink
from probe.transcript.importing import MAX_CONTAINERS, import_text

_CAPTURES = Path(__file__).parents[1] / "captures"
_LINES = sorted(
    {line for path in _CAPTURES.glob("1*/logs/*.log") for line in path.read_text().splitlines() if line.strip()}
)
_MORE = (
    "f: /w/s",
    "drwxr-xr-x root root w",
    "                     nope - No such file or directory",
    "# file: w/s",
    "user:1000:r-x\t#effective:r--",
    "other::---",
    "getfacl: Removing leading '/' from absolute path names",
    "TARGET SOURCE FSTYPE OPTIONS",
    "└─/w /dev/x[/y] ext4 rw",
    "Filesystem 1K-blocks Used Available Use% Mounted on",
    "/dev/x 1 2 3 4% /w",
    "{",
    '  "Digest": "sha256:' + "a" * 64 + '",',
    '  "Layers": [] }',
    '"filesystems": [{"target": "/"}]',
    "}",
    "$ ls -la \\",
    "+ cd /w",
    "/w:",
    "total 4",
    "-????????? ? ? ? ? ? f",
    "36 35 98:0 /r /w rw,noatime - ext4 /dev/x rw",
    "/dev/x /w ext4 rw 0 0",
    "Current: =ep",
    "CapEff:\tffffffffffffffff",
    "Uid:\t99999999999\t0",
    "uid=4294967295(x) gid=0",
    "Name:\tcat",
    "[pod/a/b] hello",
    "[a : b] + id",
    "Sun Nov 22 01:02:49 CET 2026",
    "2026-11-21T17:32:56Z stdout P part",
    "\x1b[01;34m/w\x1b[0m:",
    "\x00\x1b[31m\r\x85\u2028 \ud800",
)
_fragment = st.one_of(st.sampled_from([*_LINES, *_MORE]), st.text(max_size=60))


@st.composite
def _line(draw: st.DrawFn) -> str:
    """A line that a tool prints, whole, cut, or with another inside."""
    line = draw(_fragment)
    change = draw(st.integers(0, 9))
    if change == 0:
        return line[: draw(st.integers(0, len(line)))]
    if change == 1:
        at = draw(st.integers(0, len(line)))
        return line[:at] + draw(_fragment) + line[at:]
    if change == 2:
        return line.replace("1", draw(st.sampled_from(["", "9" * 30, "-1", "٣"])))
    return line


_text = st.lists(_line(), max_size=40).map("\n".join)


@settings(max_examples=300, deadline=None)
@given(text=_text, file=st.text(max_size=40))
def test_any_text(text: str, file: str) -> None:
    found = import_text(text, file)
    lines = text.count("\n") + (not text.endswith("\n") and text != "")
    assert found
    for one in found:
        assert one.lines == lines
        numbers = [statement.line for statement in one.statements]
        assert numbers == sorted(numbers)
        assert all(1 <= number <= lines for number in numbers)
        assert all(statement.line + statement.lines - 1 <= lines for statement in one.statements)
        assert all(1 <= line.line <= lines for line in one.unparsed)
        assert [line.line for line in one.unparsed] == sorted(line.line for line in one.unparsed)
        assert one.unparsed_lines >= len(one.unparsed)
        again = one.model_dump_json(by_alias=True)
        assert Transcript.model_validate_json(again).model_dump_json(by_alias=True) == again
    assert import_text(text, file) == found


@pytest.mark.parametrize(
    "unit",
    [
        "error aing ",
        " - ",
        "[pod/",
        "sha256:",
        "x on / type y (",
        '{"a":',
        "a/",
        "'",
        '"',
        "\\",
        "/w is there ",
        "user:",
        "\x1b[",
        "Copying blob sha256:",
        "level=fatal msg=",
        'level=fatal msg="\\"',
        "attempt 1 ",
        ": permission denied",
        "uid=0 gid=0 groups=0,",
        "-rw-r--r-- 1 root ",
        "drwxr-xr-x 0:1 ",
        "+ ",
        "$(",
        "`",
        "name=",
        "2026-11-21T17:32:56Z ",
        "a -> b",
        " ",
        "://user:pw",
    ],
)
@pytest.mark.parametrize(
    "start",
    ["", "2026-11-21T17:32:56Z ", "-rw-r--r-- 1 root root 5 Nov 21 17:35 ", "+ ls ", "# file: ", "Error: ", "  File: "],
)
def test_a_long_line_is_read_in_bounded_time(unit: str, start: str) -> None:
    text = f"{start}{unit * (100_000 // len(unit))}\nuid=0 gid=0\n"
    before = time.process_time()
    transcript(text)
    assert time.process_time() - before < 2.0


@pytest.mark.parametrize(
    "line",
    [
        "-rw-r--r-- 1 0 0 5 Nov 21 17:35 /f{}",
        "2026-11-21T17:32:56Z ls: cannot access '/f{}': Permission denied",
        "2026-11-21T17:32:56Z /f{} not there yet",
        "nothing to see here, line {}",
        "+ skopeo copy oci-archive:/w/{}.tar docker://q.io/a",
        '{{"line": {}}}',
    ],
)
def test_a_long_text_is_bounded(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    most, count = 500, 6000
    monkeypatch.setattr(sink, "MAX_STATEMENTS", most)
    text = "".join(line.format(number) + "\n" for number in range(count))
    one = transcript(text)
    assert one.lines == count
    assert len(one.statements) <= most
    assert len(one.unparsed) <= MAX_UNPARSED
    assert len(one.statements) + one.dropped + one.unparsed_lines == count
    assert one.unparsed[-1].line == count if one.unparsed else one.dropped == 0


def test_the_end_of_a_text_that_was_not_read_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "MAX_STATEMENTS", 500)
    text = "-rw-r--r-- 1 0 0 5 Nov 21 17:35 /f\n" * 5500 + "the end\n"
    one = transcript(text)
    assert (len(one.statements), one.dropped) == (500, 5001)
    assert one.unparsed[-1].text == "the end"


def test_the_containers_of_a_text_are_bounded() -> None:
    text = "".join(f"[pod/p{number}/c] hello\n" for number in range(2 * MAX_CONTAINERS))
    found = import_text(text, "x")
    assert len(found) <= MAX_CONTAINERS + 1
    assert sum(one.unparsed_lines for one in found) == 2 * MAX_CONTAINERS


def test_lines_end_in_any_way() -> None:
    unix = "uid=0(root) gid=0(root) groups=0(root)\n\n+ ls -ld /f\n-rw-r--r-- 1 root root 5 Nov 21 17:35 /f\n"
    assert transcript(unix.replace("\n", "\r\n")).statements == transcript(unix).statements
    bar = "Copying 1%\rCopying 50%\rls: cannot access '/f': Permission denied\nuid=0 gid=0\n"
    assert [(one.kind, one.line) for one in transcript(bar).statements] == [("failure", 1), ("identity", 2)]


def test_colours_are_taken_off() -> None:
    text = (
        "\x1b[0m-rw-r--r-- 1 root root 5 Nov 21 17:35 \x1b[01;31m/w/image.tar\x1b[0m\n"
        "\x1b[31mFATA[0000] open /x: permission denied\x1b[0m\n"
    )
    first, second = transcript(text).statements
    assert (first.kind, second.kind) == ("inode", "failure")
    assert isinstance(first, InodeStated)
    assert first.path == "/w/image.tar"


def test_what_is_kept_is_masked_and_printable() -> None:
    text = "curl -u bob:hunter2 https://a\x1b[2J\x07 b\nAuthorization: Bearer abcdefghijk\n"
    kept = transcript(text).unparsed
    assert not any(secret in line.text for line in kept for secret in ("hunter2", "abcdefghijk", "\x1b", "\x07"))


# -- what is no log


def test_a_description_is_read_elsewhere() -> None:
    text = (
        "Name:             push-pod\nNamespace:        ns\nContainers:\n  step-push:\n    Args:\n"
        "      + skopeo copy oci-archive:/w/i.tar docker://q.io/a\n    State:  Terminated\n      Exit Code:    1\n"
        "Exit Code: 1\nls: cannot access '/x': Permission denied\n"
    )
    one = transcript(text)
    assert one.statements == ()
    assert one.unparsed_lines == 10


@pytest.mark.parametrize("start", ["apiVersion: v1\nkind: Pod\n", "---\nkind: List\n", "items:\n- apiVersion: v1\n"])
def test_objects_are_read_elsewhere(start: str) -> None:
    assert transcript(f"{start}ls: cannot access '/x': Permission denied\n").statements == ()


def test_status_of_a_process_is_no_description() -> None:
    assert len(transcript("Name:\tcat\nUmask:\t0022\nUid:\t0\t0\t0\t0\n").statements) == 2


def test_documents_of_ours_are_read_elsewhere() -> None:
    small = {"schema": "pod-probe/report/v1", "message": "skopeo exit code: 1"}
    for text in (json.dumps(small), json.dumps(small, indent=2), "[pod/a/b] " + json.dumps(small)):
        one = transcript(f"{text}\n")
        assert (one.statements, one.unparsed_lines) == ((), 0)
    large = json.dumps({**small, "fill": ["x" * 100] * 20_000})
    assert transcript(f"{large}\n").unparsed_lines == 0


def test_objects_in_json_say_nothing_here() -> None:
    pod = {
        "kind": "Pod",
        "script": "+ skopeo copy oci-archive:/w/i.tar docker://q\nExit Code: 1",
        "d": "sha256:" + "a" * 64,
    }
    text = json.dumps(pod, indent=4)
    assert transcript(f"{text}\n{text}\n").statements == ()
    assert transcript(text[:-20]).statements == ()
    assert stated(f"{text[:-20]}\n+ ls -ld /f\n-rw-r--r-- 1 0 0 5 Nov 21 17:35 /f\n", InodeStated)
