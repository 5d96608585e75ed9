"""The verbs that only read documents work where there is no Linux: without its modules, its calls and its /proc."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.program import ROOT, environment
from support.situations import Situation

_ELSEWHERE = """
import importlib.abc, os, runpy, sys

class Absent(importlib.abc.MetaPathFinder):
    names = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "spwd", "syslog",
             "probe.collect", "probe.demo", "probe.skopeo.run"}

    def find_spec(self, name, path=None, target=None):
        if name in self.names or any(name.startswith(one + ".") for one in self.names):
            raise ModuleNotFoundError(f"No module named {name!r} (not on this system)", name=name)

sys.meta_path.insert(0, Absent())
for name in Absent.names:
    sys.modules.pop(name, None)
for name in ("fork", "getuid", "geteuid", "getgid", "getegid", "getgroups", "setresuid", "O_PATH", "O_NOFOLLOW",
             "getxattr", "listxattr", "statvfs", "uname", "fchmod", "mkfifo", "posix_fadvise", "memfd_create"):
    if hasattr(os, name):
        delattr(os, name)

import ctypes
def no_library(*_, **__):
    raise OSError("no libc here")
ctypes.CDLL = no_library

import builtins
true_open = builtins.open
def no_proc(name, *rest, **more):
    if isinstance(name, (str, bytes)) and os.fsdecode(name).startswith(("/proc", "/sys")):
        raise FileNotFoundError(2, "No such file or directory", name)
    return true_open(name, *rest, **more)
builtins.open = no_proc

sys.argv[0] = "probe"
runpy.run_module("probe", run_name="__main__", alter_sys=True)
"""


def elsewhere(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The program in an interpreter that lacks what only Linux has."""
    return subprocess.run(
        [sys.executable, "-c", _ELSEWHERE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment(),
    )


@pytest.fixture
def verdict(situations: dict[str, Situation], tmp_path: Path) -> Path:
    path = tmp_path / "verdict.json"
    path.write_text(situations["missing group"].text)
    return path


def test_the_block_blocks(verdict: Path) -> None:
    ran = elsewhere("check", "/")
    assert ran.returncode == 4
    assert "not on this system" in ran.stderr


@pytest.mark.root
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["page", "json"])
def test_classify(options: tuple[str, ...], verdict: Path) -> None:
    ran = elsewhere("classify", verdict, *options)
    assert (ran.returncode, ran.stderr) == (1, "")
    said = json.loads(ran.stdout)["verdict"]["cause"] if options else ran.stdout.split()[0]
    assert said == "group-not-held"


@pytest.mark.root
@pytest.mark.parametrize("options", [(), ("--json",), ("--as", "5:5", "--caps", "dac_override")])
def test_explain(options: tuple[str, ...], verdict: Path) -> None:
    ran = elsewhere("explain", verdict, *options)
    assert ran.stderr == ""
    assert ran.returncode in (1, 3)


@pytest.mark.parametrize("name", ["verdict", "report", "bundle", "explanation"])
def test_schema(name: str) -> None:
    ran = elsewhere("schema", name)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_help_and_version() -> None:
    assert elsewhere("--version").returncode == 0
    assert elsewhere("classify", "--help").returncode == 0
    assert elsewhere("--help").returncode == 0


CAPTURE = Path(__file__).parents[1] / "captures/20-two-pvcs"


@pytest.mark.parametrize("what", [".", "logs"])
def test_logs_and_objects_are_judged(what: str) -> None:
    ran = elsewhere("classify", CAPTURE / what, "--json")
    assert (ran.returncode, ran.stderr) == (1, "")
    assert json.loads(ran.stdout)["verdict"]["cause"] == "different-volume"


def test_a_log_is_imported() -> None:
    ran = elsewhere("import-log", *sorted(CAPTURE.glob("logs/*push*.log")), "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(json.loads(ran.stdout)["transcripts"]) == 2


@pytest.mark.parametrize("verb", ["cluster", "monitor"])
def test_the_verbs_that_ask_the_api_are_there(verb: str) -> None:
    ran = elsewhere(verb, "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "PIPELINERUN" in ran.stdout
