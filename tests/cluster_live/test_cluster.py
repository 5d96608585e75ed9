"""`probe cluster`: the verdict of a run on a live API, the same again offline from what it saved, and its failures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cluster_live.conftest import Call, Serve
from support.kubeapi import CAPTURES, NAMESPACE, TOKEN, Server, World, rights_of_the_role, world_of
from support.program import ROOT, environment, probe

MISMATCH = "11-mismatch-transport"
SHARED = "15-second-pod-other-fsgroup"
CASES = (MISMATCH, "13-race-detached-writer", SHARED, "16-root-without-dac-override", "20-two-pvcs")


def options(at: Server, **changes: object) -> tuple[str, str]:
    return "--kubeconfig", str(at.kubeconfig(**changes))


@pytest.mark.parametrize("capture", CASES)
def test_live_and_offline_the_verdict_is_one(capture: str, serving: Serve, call: Call, tmp_path: Path) -> None:
    """From the API, from the bundle that it saved, and from the same objects and logs as files."""
    server, saved = serving(world_of(capture)), tmp_path / "case.json"
    live = call("cluster", f"p{capture}", *options(server), "--json", "--save", saved)
    assert live.err == f"probe: saved: {saved}; judge it again with: probe classify {saved}\n"
    offline = call("classify", saved, "--json")
    assert offline.err == ""
    assert offline.document == live.document, "to the last field"
    files = call("classify", CAPTURES / capture, "--json")
    assert files.document["verdict"]["cause"] == live.document["verdict"]["cause"]
    assert offline.status == live.status == files.status
    assert live.document["clusters"][0]["taken"].endswith("Z") and len(live.document["transcripts"]) >= 4


def test_the_page(serving: Serve, call: Call) -> None:
    ran = call("cluster", f"p{MISMATCH}", "-n", NAMESPACE, *options(serving(world_of(MISMATCH)), namespace="elsewhere"))
    assert (ran.status, ran.err) == (1, "")
    assert ran.out.startswith("different-reference  ")
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "\x1b" not in ran.out


def test_exit_zero_reports_without_failing(serving: Serve, call: Call) -> None:
    ran = call("cluster", f"p{MISMATCH}", *options(serving(world_of(MISMATCH))), "--exit-zero")
    assert ran.status == 0 and ran.out.startswith("different-reference  ")


def test_without_logs_only_the_objects_are_read(serving: Serve, call: Call) -> None:
    world = world_of(SHARED)
    ran = call("cluster", f"p{SHARED}", *options(serving(world)), "--no-logs", "--json")
    assert ran.document["verdict"]["cause"] == "swept-by-another-pod" and ran.document["transcripts"] == []
    assert not any(asked.resource == "pods/log" for asked in world.asked)


def test_what_is_forbidden_is_said_and_kept_in_the_bundle(serving: Serve, call: Call, tmp_path: Path) -> None:
    world, saved = world_of(SHARED), tmp_path / "case.json"
    world.rights = rights_of_the_role(cluster=False) - {("", "events", "list")}
    live = call("cluster", f"p{SHARED}", *options(serving(world)), "--json", "--save", saved)
    said = live.err.splitlines()
    assert len(said) == 4 and said[0].startswith("probe: may not list events in user1-tenant (403): without them mount")
    problems = live.document["clusters"][0]["problems"]
    assert [f"probe: {problem}" for problem in problems] == said[:3]
    assert call("classify", saved, "--json").document == live.document
    page = call("cluster", f"p{SHARED}", *options(serving(world)))
    assert page.err == "" and "may not list events in user1-tenant (403)" in page.out, "once, not twice"


def test_a_verdict_that_a_step_left_in_its_log_is_found(serving: Serve, call: Call) -> None:
    world = world_of(SHARED)
    report = json.loads((ROOT / "tests/evidence/data/report-v1-truncated.json").read_text())
    line = b"2026-11-21T17:38:13.000000001Z " + json.dumps(report).encode() + b"\n"
    world.logs[f"p{SHARED}-push-to-quay-pod.step-push.log"] += line
    ran = call("cluster", f"p{SHARED}", *options(serving(world)), "--json")
    assert [one["reference"]["text"] for one in ran.document["evidence"]] == [report["reference"]["text"]]


def test_a_bundle_may_go_to_standard_output_or_nowhere(serving: Serve, call: Call, tmp_path: Path) -> None:
    given = options(serving(world_of(MISMATCH)))
    ran = call("cluster", f"p{MISMATCH}", *given, "--save", tmp_path / "missing/case.json")
    assert ran.status == 4 and ran.out.startswith("different-reference"), "the verdict is told all the same"
    assert f"--save {tmp_path}/missing/case.json: cannot write it: No such file or directory" in ran.err
    call("cluster", f"p{MISMATCH}", *given, "--save", "/dev/null")
    old = tmp_path / "case.json"
    old.write_text("old")
    call("cluster", f"p{MISMATCH}", *given, "--save", old)
    assert json.loads(old.read_text())["schema"] == "pod-probe/bundle/v1"
    assert old.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_no_such_run_is_2_and_names_those_that_exist(serving: Serve, call: Call) -> None:
    ran = call("cluster", "nope", *options(serving(world_of(MISMATCH))))
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == f"probe: no PipelineRun nope in user1-tenant; there are p{MISMATCH}\n"


USAGE = {
    "no name of a run": (("cluster", "../../secrets"), "'../../secrets' is not a name of a PipelineRun"),
    "capitals": (("cluster", "Run"), "small letters"),
    "an empty name": (("monitor", ""), "'' is not a name"),
    "no name of a namespace": (("cluster", "run", "-n", "a/b"), "'a/b' is not a name of a namespace"),
    "a timeout that is none": (("cluster", "run", "--timeout", "soon"), "500ms"),
    "no time at all": (("cluster", "run", "--timeout", "0s"), "more than 0"),
    "an interval that is none": (("monitor", "run", "--interval", "1d"), "500ms"),
    "an interval too short": (("monitor", "run", "--interval", "1ms"), "at least 0.5s"),
    "too many runs": (("monitor", *(f"run-{n}" for n in range(65))), "at most 64"),
    "no kubeconfig": (("cluster", "run"), "no kubeconfig: there is none at"),
    "no such kubeconfig": (("monitor", "run", "--kubeconfig", "/nonexistent"), "no kubeconfig: there is none at /non"),
    "nothing": (("cluster",), "PIPELINERUN"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_is_2_and_a_sentence(case: str, call: Call) -> None:
    arguments, told = USAGE[case]
    ran = call(*arguments)
    assert (ran.status, ran.out) == (2, "") and told in ran.err
    assert "internal error" not in ran.err


@pytest.mark.parametrize("verb", ["cluster", "monitor"])
def test_an_api_that_cannot_be_asked_is_4_and_a_sentence(verb: str, serving: Serve, call: Call) -> None:
    server = serving(world_of(MISMATCH))
    for changes, told in (
        ({"server": "https://127.0.0.1:9"}, "cannot be reached: connection refused"),
        ({"cluster": {"certificate-authority": None}}, "its certificate is not accepted"),
        ({"user": {"token": "sha256~wrong-canary"}}, "does not accept the credentials (401)"),
        ({"user": {}}, "does not accept the credentials (401)"),
    ):
        ran = call(verb, f"p{MISMATCH}", *options(server, **changes))
        assert (ran.status, ran.out) == (4, "") and told in ran.err, changes
        assert ran.err.count("\n") == 1 and "canary" not in ran.err
    server.world.rights = set()
    ran = call(verb, f"p{MISMATCH}", *options(server))
    assert ran.status == 4 and "may not get pipelineruns in user1-tenant (403)" in ran.err
    server.world.fault = World().fault
    ran = call(verb, f"p{MISMATCH}", *options(server), "--context", "prod")
    assert ran.status == 2 and "no context 'prod'; there are: lab" in ran.err


@pytest.mark.parametrize("verb", ["cluster", "monitor"])
def test_without_the_client_it_says_what_to_install(verb: str, serving: Serve) -> None:
    """The extra is not there in the image of the probe."""
    path = serving(world_of(MISMATCH)).kubeconfig()
    absent = "import sys, runpy; sys.modules.update(lightkube=None, yaml=None); sys.argv[0] = 'probe'"
    ran = subprocess.run(
        [sys.executable, "-c", f"{absent}; runpy.run_module('probe', run_name='__main__')", verb, "run"],
        capture_output=True,
        text=True,
        check=False,
        env=environment({"KUBECONFIG": str(path)}),
    )
    assert (ran.returncode, ran.stdout) == (4, "")
    assert ran.stderr == "probe: the Kubernetes client is not installed: pip install 'pod-probe[cluster]'\n"


def test_the_program_itself_over_tls_with_the_rights_of_the_role(serving: Serve) -> None:
    world = world_of(SHARED)
    world.rights = rights_of_the_role()
    path = serving(world).kubeconfig()
    ran = probe("cluster", f"p{SHARED}", "--json", env={"KUBECONFIG": str(path), "NO_PROXY": "*"})
    assert (ran.status, ran.err) == (1, "") and ran.document["verdict"]["cause"] == "swept-by-another-pod"
    assert TOKEN not in ran.out


def test_in_a_pod_with_its_service_account(
    serving: Serve, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serving(world_of(MISMATCH))
    account = tmp_path / "account"
    account.mkdir()
    assert server.authority is not None
    for name, text in (("token", TOKEN), ("namespace", NAMESPACE), ("ca.crt", server.authority.read_text())):
        (account / name).write_text(text)
    host, port = server.url.removeprefix("https://").split(":")
    monkeypatch.setattr("probe.cluster.kubeconfig.SERVICE_ACCOUNT", str(account))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    ran = call("cluster", f"p{MISMATCH}")
    assert ran.status == 1 and ran.out.startswith("different-reference")


_ELSEWHERE = """
import asyncio, importlib.abc, runpy, sys, tempfile  # asyncio is made of other modules on other systems

class Absent(importlib.abc.MetaPathFinder):
    names = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "probe.collect", "probe.handoff"}
    def find_spec(self, name, path=None, target=None):
        if name in self.names or any(name.startswith(one + ".") for one in self.names):
            raise ModuleNotFoundError(f"No module named {name!r} (not on this system)", name=name)

sys.meta_path.insert(0, Absent())
for name in Absent.names:
    sys.modules.pop(name, None)
sys.argv[0] = "probe"
runpy.run_module("probe", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("verb", ["cluster", "monitor"])
def test_they_work_on_any_laptop(verb: str, serving: Serve, tmp_path: Path) -> None:
    path = serving(world_of(SHARED)).kubeconfig()
    more = ["--save", tmp_path / "case.json"] if verb == "cluster" else []
    ran = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE, verb, f"p{SHARED}", "--kubeconfig", path, *more],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment({"HOME": os.environ["HOME"]}),
    )
    assert ran.returncode == 1 and "not on this system" not in ran.stderr, ran.stderr
    assert "push-to-quay" in ran.stdout
