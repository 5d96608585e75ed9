"""Standard output carries one document or one page and nothing else; what goes wrong with a stream is one sentence."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cli.conftest import Call
from support.program import COMMAND, ROOT, environment, probe

QUICK = ("--gap", "0s", "--skopeo", "never")


@pytest.fixture
def report(archive: Path, tmp_path: Path, call: Call) -> Path:
    path = tmp_path / "report.json"
    assert call("collect", f"oci-archive:{archive}", *QUICK, "-o", path).status == 0
    return path


@pytest.mark.parametrize(
    ("verb", "schema"),
    [
        ("check", "pod-probe/verdict/v1"),
        ("collect", "pod-probe/report/v1"),
        ("classify", "pod-probe/verdict/v1"),
        ("explain", "pod-probe/explanation/v1"),
        ("demo --list", "pod-probe/demo-list/v1"),
    ],
)
def test_json_is_one_document_and_nothing_else(verb: str, schema: str, archive: Path, report: Path, call: Call) -> None:
    subject = {"check": f"oci-archive:{archive}", "collect": f"oci-archive:{archive}", "demo --list": None}
    named = subject.get(verb, report)
    ran = call(*verb.split(), *([named] if named else []), "--json", *(QUICK if verb in subject and named else ()))
    assert (ran.status, ran.err) == (0, "")
    assert ran.document["schema"] == schema
    assert ran.out.startswith("{\n") and ran.out.endswith("}\n")


def test_the_schema_is_json_with_and_without_being_told(call: Call) -> None:
    assert call("schema", "--json").document == call("schema").document


def test_messages_go_to_standard_error(report: Path, tmp_path: Path) -> None:
    (tmp_path / "noise").write_text("no report\n")
    ran = probe("classify", report, tmp_path / "noise", "--json")
    assert ran.document["verdict"]["cause"] == "healthy"
    assert ran.err == (
        f"probe: {tmp_path}/noise: no evidence in it "
        "(not JSON: Expecting value, line 1 column 1; and no output of a known tool)\n"
    )


def test_progress_stays_out_of_pipes(archive: Path) -> None:
    ran = probe("check", f"oci-archive:{archive}", *QUICK, "--deep", "--json")
    assert ran.document["evidence"][0]["image"]["value"]["verification"]["agreed"] is True
    assert ran.err == ""


@pytest.mark.parametrize("options", [("--json",), ()], ids=["json", "page"])
@pytest.mark.parametrize("good", [True, False], ids=["healthy", "fault"])
def test_a_reader_that_goes_away_changes_nothing(
    options: tuple[str, ...], good: bool, archive: Path, truncated: Path
) -> None:
    command = [*COMMAND, "check", f"oci-archive:{archive if good else truncated}", *QUICK, *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment(), bufsize=0
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == (0 if good else 1)


@pytest.mark.parametrize("arguments", [("check", "/", *QUICK), ("check", "/", *QUICK, "--json"), ("schema",)])
def test_a_full_disk_under_standard_output_is_4(arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, check=False, cwd=ROOT, env=environment()
        )
    assert ran.returncode == 4
    assert ran.stderr == b"probe: standard output: cannot write: No space left on device\n"


@pytest.mark.parametrize(
    ("closed", "arguments", "status"),
    [
        (0, ("classify", "-"), 2),
        (0, ("check", "/", *QUICK, "--stderr", "-"), 0),
        (1, ("check", "/", *QUICK), 0),
        (1, ("check", "/", *QUICK, "--json"), 0),
        (2, ("check", "ocitar:/x"), 2),
    ],
)
def test_a_closed_stream_is_as_dev_null(closed: int, arguments: tuple[str, ...], status: int) -> None:
    ran = probe(*arguments, before=lambda: os.close(closed))
    assert ran.status == status
    assert "Traceback" not in ran.err and "internal error" not in ran.err
    if closed == 2:
        assert ran.out == "", "what standard error is for does not end up among documents"


def test_a_name_that_the_locale_cannot_say_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "größe"
    path.touch()
    ran = probe("check", path, *QUICK, env={"PYTHONIOENCODING": "ascii", "COLUMNS": "400"})
    assert ran.status == 0
    assert ran.out.splitlines()[1].endswith("gr\\xf6\\xdfe can be read")


def test_json_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    path = tmp_path / "größe"
    path.touch()
    ran = probe("check", path, *QUICK, "--json", env={"PYTHONIOENCODING": "latin-1"})
    assert ran.document["evidence"][0]["reference"]["path"] == str(path)


def test_a_name_cannot_write_to_the_terminal_of_standard_error(tmp_path: Path, call: Call) -> None:
    hostile = tmp_path / "\x1b]0;owned\x07\u202e\n.json"
    hostile.write_text("{")
    ran = call("classify", hostile)
    assert ran.status == 2
    assert ran.err.count("\n") == 2
    assert ran.err.splitlines()[0].startswith(f"probe: {tmp_path}/\\u{{1b}}]0;owned\\u{{7}}\\u{{202e}}\\n.json: ")


def test_an_interrupt_is_130_and_leaves_no_child(archive: Path) -> None:
    command = [*COMMAND, "check", f"oci-archive:{archive}", "--skopeo", "never", "--gap", "15s"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment(),
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        children = _children(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert out == b"" and b"Traceback" not in err
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def _children(process: subprocess.Popen[bytes]) -> list[str]:
    """The processes that it has started, once there is one."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until = time.monotonic() + 20
    while time.monotonic() < until:
        children = listed.read_text().split()
        if children:
            return children
        time.sleep(0.02)
    raise AssertionError("no child was seen")


def test_several_references_make_one_document(archive: Path, truncated: Path, call: Call) -> None:
    names = [f"oci-archive:{archive}", f"oci-archive:{truncated}", str(archive.parent)]
    document = call("check", *names, *QUICK, "--json").document
    assert [report["reference"]["text"] for report in document["evidence"]] == names
    collected = call("collect", *names, *QUICK).document
    assert collected["schema"] == "pod-probe/bundle/v1"
    assert [report["reference"]["text"] for report in collected["evidence"]] == names


def test_the_failing_command_can_be_piped_in(archive: Path) -> None:
    said = b'time="2025-10-27T18:34:11Z" level=fatal msg="open /etc/containers/policy.json: permission denied"\n'
    ran = probe("check", f"oci-archive:{archive}", *QUICK, "--stderr", "-", "--json", stdin=said)
    assert ran.status == 1
    assert ran.document["verdict"]["cause"] == "other-path-failed"


def test_a_report_can_be_piped_in(report: Path) -> None:
    ran = probe("classify", "-", "--json", stdin=report.read_bytes())
    assert (ran.status, ran.err) == (0, "")
    assert ran.document["evidence"] == [json.loads(report.read_text())]
    assert probe("explain", "-", "--as", "1:1", "--json", stdin=report.read_bytes()).status == 1
