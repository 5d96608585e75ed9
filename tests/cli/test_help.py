"""Help, version, completion: 80 columns, an example for each verb."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from cli.conftest import Call
from support.program import probe

from probe import __version__
from probe.cli.app import VERBS


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_the_help_of_a_verb(verb: str, option: str, call: Call) -> None:
    ran = call(verb, option)
    assert (ran.status, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"Usage: probe {verb} ")
    assert max(map(len, lines)) <= 80, [line for line in lines if len(line) > 80]
    assert "\x1b" not in ran.out
    _, examples, shown = ran.out.partition("Examples:\n")
    assert examples, "no example"
    assert all(f"probe {verb}" in line for line in shown.splitlines() if line.strip())


def test_the_program_helps() -> None:
    ran = probe("--help")
    assert (ran.status, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "..." not in ran.out.replace("skopeo copy ...", "").replace("[ARGS]...", ""), "a summary is cut off"
    for verb in VERBS:
        assert any(line.startswith(f"  {verb} ") for line in lines), verb
    assert "0 healthy, 1 fault found, 2 usage, 3 inconclusive, 4 the probe" in ran.out
    assert ran == probe("-h")


def test_the_program_alone_helps_too() -> None:
    ran = probe()
    assert ran.out + ran.err == probe("--help").out
    assert ran.status == 2, "no verb is no success: 0 would say healthy"


def test_the_version(call: Call) -> None:
    assert call("--version") == probe("--version")
    assert call("--version").out == f"pod-probe {__version__}\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("probe ", set(VERBS)),
        ("probe c", {"check", "collect", "classify", "cluster"}),
        ("probe check --wa", {"--want"}),
        ("probe check --want ", {"read", "write", "create", "list", "execute"}),
        ("probe check --skopeo a", {"auto", "always"}),
    ],
)
def test_completion_in_bash(words: str, offered: set[str]) -> None:
    at = len(words.split(" ")) - 1
    ran = probe(env={"_PROBE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(at)})
    assert (ran.status, ran.err) == (0, "")
    assert set(ran.out.split()) == offered


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_completion_script_is_one() -> None:
    script = probe("--show-completion", "bash")
    if script.status != 0:  # this typer detects the shell that it runs in, and takes no name
        script = probe("--show-completion", env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert script.status == 0 and "_PROBE_COMPLETE=complete_bash" in script.out
    checked = subprocess.run(["bash", "-n"], input=script.out, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_script_and_the_module_are_the_same_program() -> None:
    script = Path(sysconfig.get_path("scripts")) / "probe"
    if not script.exists():
        pytest.skip("the package is not installed here: there is no script")
    ran = subprocess.run([script, "--help"], capture_output=True, text=True, env={**os.environ, "COLUMNS": "80"})
    assert ran.stdout == probe("--help").out
