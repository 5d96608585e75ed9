"""`check` with what other tasks told, and beside a registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.conftest import Call
from support.handover import OLD, look_in_pod, seal_in_pod, second_volume
from support.registry import local_registry
from support.stage import Stage

from probe.evidence.report import Report

QUICK = ("--gap", "0s", "--skopeo", "never")


@pytest.mark.root
def test_another_tasks_report(stage: Stage, tmp_path: Path, call: Call) -> None:
    workspace = stage.workspace()
    other = second_volume(stage, OLD)
    reference = f"oci-archive:{workspace}/oci/image.tar"
    build = look_in_pod(stage, "build", reference, other, workspace, role="producer")
    (tmp_path / "build.json").write_text(build.model_dump_json(by_alias=True))
    ran = call("check", reference, *QUICK, "--with", tmp_path / "build.json", "--context", "task=push", "--json")
    verdict = ran.document["verdict"]
    assert (ran.status, verdict["cause"]) == (1, "different-volume")
    assert "push looks into another volume" in verdict["statement"]
    assert [report["context"]["task"] for report in ran.document["evidence"]] == ["push", "build"]
    assert [column["name"] for column in ran.document["table"]["columns"]] == ["build", "push"]
    (tmp_path / "verdict.json").write_text(ran.out)
    again = call("classify", tmp_path / "verdict.json", "--json")
    assert again.document == ran.document, "a verdict is judged again from itself"
    page = call("check", reference, *QUICK, "--with", tmp_path / "build.json")
    assert "Side by side" in page.out
    assert max(map(len, page.out.splitlines())) <= 80


@pytest.mark.root
def test_a_seal_a_directory_and_a_log(stage: Stage, tmp_path: Path, call: Call) -> None:
    workspace = stage.workspace()
    reference = f"oci-archive:{workspace}/oci/image.tar"
    seal_in_pod(stage, reference, workspace, task="build")
    (tmp_path / "log.txt").write_text("+ id\nuid=1000970000 gid=0(root) groups=0(root),1000970000\n")
    seal = f"{workspace}/oci/image.tar.seal.json"
    ran = call("check", reference, *QUICK, "--with", seal, "--with", tmp_path, "--json")
    assert ran.document["verdict"]["cause"] == "healthy", ran.document["verdict"]
    assert len(ran.document["seals"]) == len(ran.document["evidence"]) == 1


def test_what_is_not_there_is_known_before_the_look(archive: Path, tmp_path: Path, call: Call) -> None:
    ran = call("check", f"oci-archive:{archive}", *QUICK, "--with", tmp_path / "none.json")
    assert ran.status == 2
    assert "none.json: cannot read it" in ran.err and "--with: no evidence" in ran.err


def test_what_cannot_be_used_is_told_and_the_rest_is_used(archive: Path, tmp_path: Path, call: Call) -> None:
    (tmp_path / "cut.json").write_text('{"schema": "pod-probe/report/v1", "tool"')
    good = call("collect", f"oci-archive:{archive}", *QUICK).out
    (tmp_path / "good.json").write_text(good)
    ran = call("check", f"oci-archive:{archive}", *QUICK, "--with", tmp_path, "--json")
    assert "cut.json" in ran.err
    assert ran.status == 0 and len(ran.document["evidence"]) == 2


def test_standard_input_is_read_once(archive: Path, call: Call) -> None:
    ran = call("check", f"oci-archive:{archive}", *QUICK, "--stderr", "-", "--with", "-")
    assert ran.status == 2 and "both read standard input" in ran.err


@pytest.mark.skopeo
def test_what_arrived_in_a_registry(archive: Path, tmp_path: Path, call: Call) -> None:
    (tmp_path / "old.tar").write_bytes(OLD)
    reference = f"oci-archive:{archive}"
    with local_registry() as registry:
        same = registry.push(reference, "org/app:1")
        other = registry.push(f"oci-archive:{tmp_path}/old.tar", "org/app:2")
        lax = (*QUICK, "--no-tls-verify", "--json")
        good, bad, none = (
            call("check", reference, name, *lax) for name in (same, other, registry.name("org/app:none"))
        )
        alone = call("collect", same, *lax)
        strict = call("check", reference, same, *QUICK, "--deadline", "10s", "--json")
    assert (good.status, good.document["verdict"]["cause"]) == (0, "healthy")
    assert "table" not in good.document, "one look, though at two places"
    assert (bad.status, bad.document["verdict"]["cause"]) == (1, "different-image")
    assert (none.status, none.document["verdict"]["cause"]) == (3, "inconclusive")
    assert "manifest unknown" in none.document["verdict"]["statement"]
    assert strict.status == 3 and "was not seen" in strict.document["verdict"]["statement"]
    assert Report.model_validate_json(alone.out).reference.path == f"//{registry.host}/org/app"
    (tmp_path / "registry.json").write_text(alone.out)
    joined = call("check", f"oci-archive:{tmp_path}/old.tar", *QUICK, "--with", tmp_path / "registry.json", "--json")
    assert joined.document["verdict"]["cause"] == "different-image"
    assert bad.document["assessments"][0]["component"] == other


@pytest.mark.skopeo
def test_a_registry_that_refuses(archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Call) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))
    with local_registry(login=True) as registry:
        name = registry.push(f"oci-archive:{archive}", "org/app:1")
        ran = call("check", f"oci-archive:{archive}", name, *QUICK, "--no-tls-verify", "--json")
        page = call("check", f"oci-archive:{archive}", name, *QUICK, "--no-tls-verify")
    assert (ran.status, ran.document["verdict"]["cause"]) == (1, "registry-denied")
    assert ran.document["verdict"]["component"] == registry.host
    assert "asked through skopeo" in page.out
