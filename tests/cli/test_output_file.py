"""`-o FILE`: whole or not at all, mode 0644, nothing left over; devices and streams written as they are."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cli.conftest import Call
from support.program import COMMAND, ROOT, environment, probe

from probe.cli.files import write_whole

QUICK = ("--gap", "0s", "--skopeo", "never")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_everybody_may_read_it_whatever_the_umask(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        write_whole(str(tmp_path / "verdict.json"), "{}\n")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "verdict.json").st_mode) == 0o644


def test_check_writes_what_it_prints(archive: Path, tmp_path: Path) -> None:
    ran = probe("check", f"oci-archive:{archive}", *QUICK, "--json", "-o", "v.json", cwd=tmp_path)
    assert ran.status == 0
    assert (tmp_path / "v.json").read_text() == ran.out
    assert os.listdir(tmp_path) == ["v.json"]


def test_collect_writes_there_and_prints_nothing(tmp_path: Path, call: Call) -> None:
    ran = call("collect", "/", *QUICK, "-o", tmp_path / "report.json")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert json.loads((tmp_path / "report.json").read_text())["schema"] == "pod-probe/report/v1"


def test_an_older_document_is_replaced_and_its_readers_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "verdict.json"
    path.write_text("old\n")
    with open(path) as reader:
        write_whole(str(path), "new\n")
        assert reader.read() == "old\n"
    assert path.read_text() == "new\n"


def test_a_link_stays_and_leads_to_the_new_document(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real/verdict.json")
    for text in ("one\n", "two\n"):
        write_whole(str(tmp_path / "link"), text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real/verdict.json").read_text() == text
    assert os.listdir(tmp_path / "real") == ["verdict.json"]


@pytest.mark.parametrize("name", ["missing/verdict.json", ".", ""])
def test_what_cannot_be_written_is_an_error_and_leaves_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(OSError):
        write_whole(name, "text\n")
    assert os.listdir(tmp_path) == ["here"]
    assert os.listdir(tmp_path / "here") == []


@pytest.mark.root
def test_a_full_disk_is_4_and_leaves_neither_half_a_document_nor_a_temporary_file(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    script = """
        small=$1; shift
        mount -t tmpfs -o size=8k tmpfs "$small" && echo old > "$small/verdict.json" || exit 99
        "$@" > /dev/null; echo "status $?"; ls -A "$small"; cat "$small/verdict.json"
    """
    command = [*COMMAND, "check", "/", *QUICK, "-o", str(small / "verdict.json")]
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", small, *command],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert ran.stdout == "status 4\nverdict.json\nold\n"
    assert ran.stderr == f"probe: {small}/verdict.json: cannot write the document: No space left on device\n"


def test_dev_stdout_on_a_pipe(tmp_path: Path) -> None:
    ran = probe("collect", "/", *QUICK, "-o", "/dev/stdout")
    assert ran.status == 0
    assert ran.document["schema"] == "pod-probe/report/v1"


def test_dev_stdout_on_a_file_keeps_document_and_page(tmp_path: Path) -> None:
    with open(tmp_path / "out", "wb") as out:
        status = subprocess.run(
            [*COMMAND, "check", "/", *QUICK, "-o", "/dev/stdout"], stdout=out, check=False, cwd=ROOT, env=environment()
        ).returncode
    text = (tmp_path / "out").read_text()
    page, brace, document = text.partition("\n{\n")
    assert status == 0
    assert page.startswith("healthy")
    assert json.loads(brace + document)["schema"] == "pod-probe/verdict/v1"
    assert os.path.islink("/dev/stdout"), "the device is what it was"


def test_a_named_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([sys.executable, "-c", f"print(open({str(pipe)!r}).read())"], stdout=-1, text=True) as reader:
        write_whole(str(pipe), "{}")
        assert reader.communicate(timeout=10)[0] == "{}\n"
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)
