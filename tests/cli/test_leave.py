"""Evidence that is left: whole in a directory, or one line on standard error; never lost, never a reason to fail."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from pathlib import Path

import pytest

from probe.cli.embedded import embedded_documents
from probe.cli.leave import leave, to_standard_error
from probe.evidence.report import Bundle, Tool

HOSTILE = Bundle(tool=Tool(version="é\x7f\x9b\u2028\u202e\n"), evidence=())


def test_a_file_in_a_directory_that_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = os.umask(0o077)
    try:
        path = leave(HOSTILE, str(tmp_path / "a" / "b"), False, "wait")
    finally:
        assert os.umask(before) == 0o077, "the umask of this process is its own"
    assert path is not None and re.fullmatch(r"probe-wait-\d{8}T\d{6}\.\d{3}Z-\d+\.json", os.path.basename(path))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o755, 0o755]
    assert Bundle.model_validate_json(Path(path).read_text()) == HOSTILE
    assert capsys.readouterr() == ("", "")


def test_one_line_that_no_log_and_no_terminal_can_break(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(HOSTILE, None, True, "wait") is None
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.isascii() and said.err[:-1].isprintable() and said.err.endswith("}\n")
    (found,) = embedded_documents("noise\n" + said.err + "noise\n")
    assert Bundle.model_validate(found) == HOSTILE


def test_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = leave(HOSTILE, str(tmp_path), True, "exec")
    assert path is not None
    assert json.loads(Path(path).read_text()) == json.loads(capsys.readouterr().err)


@pytest.mark.parametrize(("directory", "errno"), [("/proc/none", "ENOENT"), ("/dev/null/x", "ENOTDIR"), ("a\0b", "")])
def test_what_cannot_be_written_is_said_and_goes_to_standard_error(
    directory: str, errno: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave(HOSTILE, directory, False, "wait") is None
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("probe: ") and "was not left there" in first and errno in first
    assert Bundle.model_validate_json(second) == HOSTILE


def test_two_in_one_moment_do_not_replace_each_other(tmp_path: Path) -> None:
    left = {leave(HOSTILE, str(tmp_path), False, "wait") for _ in range(20)}
    assert len(left) == 20 == len(list(tmp_path.iterdir()))


def test_a_stem_is_no_path(tmp_path: Path) -> None:
    path = leave(HOSTILE, str(tmp_path), False, "../a b\n")
    assert path is not None and Path(path).parent == tmp_path
    assert os.path.basename(path).startswith("probe-..-a-b-")


def test_a_standard_error_that_nobody_reads_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        assert leave(HOSTILE, None, True, "wait") is None
        monkeypatch.undo()
        with pytest.raises(BrokenPipeError):
            stream.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)


@pytest.mark.parametrize(
    ("directory", "wanted", "terminal", "expected"),
    [
        (None, None, False, True),
        (None, None, True, False),
        ("/d", None, False, False),
        ("/d", True, True, True),
        (None, False, False, False),
    ],
)
def test_where_it_goes(
    directory: str | None, wanted: bool | None, terminal: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert to_standard_error(directory, wanted) is expected
