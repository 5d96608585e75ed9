"""Exit status: 0 healthy, 1 fault, 2 usage, 3 inconclusive, 4 the probe itself failed."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.conftest import Call
from support.program import probe

from probe.classify.verdict import Cause, Status, Verdict
from probe.cli.exits import ExitStatus, status_of

QUICK = ("--gap", "0s", "--skopeo", "never")

USAGE = {
    "unknown verb": (("nonsense",), "nonsense"),
    "no reference": (("check",), "REF"),
    "empty reference": (("check", ""), "empty reference"),
    "a login in a reference": (("check", "docker://user:pw@x.example/y"), "skopeo login"),
    "unknown transport": (("check", "ocitar:/x"), "did you mean oci-archive:/x"),
    "no path": (("check", "oci-archive:"), "no path"),
    "a bad one among good ones": (("check", "/", "ocitar:/x"), "ocitar"),
    "too many references": (("check", *("/",) * 65), "at most 64"),
    "bad reference to collect": (("collect", "docker:x/y"), "docker://HOST/REPOSITORY"),
    "a registry to wait for": (("wait", "docker://x.example/y"), "reads a registry"),
    "unknown option": (("check", "--nonsense", "/"), "--nonsense"),
    "context without value": (("check", "/", "--context", "task"), "KEY=VALUE"),
    "unknown context": (("check", "/", "--context", "colour=blue"), "fs-group"),
    "context of a wrong kind": (("check", "/", "--context", "fs-group=staff"), "group id"),
    "context with an escape": (("check", "/", "--context", "task=\x1b[2J"), "no printable text"),
    "bad gap": (("check", "/", "--gap", "soon"), "500ms"),
    "negative gap": (("check", "/", "--gap", "-1s"), "500ms"),
    "endless gap": (("check", "/", "--gap", "9" * 30 + "h"), "gap"),
    "bad deadline": (("collect", "/", "--deadline", "1d"), "500ms"),
    "capabilities of nobody": (("check", "/", "--caps", "all"), "--as"),
    "a name for an identity": (("check", "/", "--as", "root"), "UID:GID"),
    "an id too large": (("check", "/", "--as", "4294967295:0"), "too large"),
    "a negative id": (("check", "/", "--as", "-1:0"), "not a number"),
    "unknown capability": (("check", "/", "--as", "1:1", "--caps", "FLY"), "CAP_FLY"),
    "two identities": (("check", "/", "--as", "1:1", "--pid", "1"), "--pid"),
    "no such process": (("check", "/", "--pid", "4194305"), "shareProcessNamespace"),
    "unknown want": (("check", "/", "--want", "smell"), "smell"),
    "unknown use of skopeo": (("check", "/", "--skopeo", "sometimes"), "sometimes"),
    "no such stderr": (("check", "/", "--stderr", "/nonexistent"), "No such file"),
    "a directory as stderr": (("check", "/", "--stderr", "/"), "Is a directory"),
    "nothing to classify": (("classify",), "FILE"),
    "no such file to classify": (("classify", "/nonexistent"), "No such file"),
    "nothing to explain": (("explain",), "FILE"),
    "no such file to explain": (("explain", "/nonexistent", "--as", "1:1"), "No such file"),
    "explain capabilities of nobody": (("explain", "/nonexistent", "--caps", "all"), "--as"),
    "unknown document": (("schema", "poem"), "verdict, report"),
    "unknown scene": (("demo", "romance"), "traversal"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_is_2_and_a_sentence(call: Call, case: str) -> None:
    arguments, told = USAGE[case]
    ran = call(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert told in ran.err
    assert "Traceback" not in ran.err and "internal error" not in ran.err


def test_the_program_returns_what_the_call_returns() -> None:
    ran = probe("check", "ocitar:/x", "--json")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == "probe: ocitar:/x: no transport is named ocitar; did you mean oci-archive:/x ?\n"


def test_a_bad_reference_is_told_before_anything_is_waited_for() -> None:
    with open("/dev/zero", "rb") as endless:
        assert probe("check", "ocitar:/x", "--stderr", "-", stdin=endless).status == 2


def test_healthy_is_0(archive: Path) -> None:
    assert probe("check", f"oci-archive:{archive}", *QUICK).status == 0


def test_a_fault_is_1(truncated: Path) -> None:
    assert probe("check", f"oci-archive:{truncated}", *QUICK).status == 1


def test_inconclusive_is_3(tmp_path: Path, call: Call) -> None:
    ran = call("check", f"oci-archive:{tmp_path}/nothing.tar", *QUICK)
    assert ran.status == 3
    assert ran.out.startswith("inconclusive")


def test_a_document_that_cannot_be_written_is_4(tmp_path: Path) -> None:
    ran = probe("check", tmp_path, *QUICK, "-o", tmp_path / "missing/verdict.json")
    assert ran.status == 4
    assert ran.err == f"probe: {tmp_path}/missing/verdict.json: cannot write the document: No such file or directory\n"
    assert ran.out.startswith("healthy"), "the verdict is told all the same"


def test_a_defect_is_4_in_one_sentence(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("first line\nsecond line \x1b[31m")

    monkeypatch.setattr("probe.classify.judge.notes_for", broken)
    ran = call("check", "/", *QUICK)
    assert ran.status == 4
    assert ran.err.startswith("probe: internal error: RuntimeError: first line second line ")
    assert ran.err.count("\n") == 1 and "\x1b" not in ran.err and "PROBE_TRACEBACK=1" in ran.err


def test_a_defect_shows_its_traceback_on_request(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_TRACEBACK", "1")
    monkeypatch.setattr("probe.classify.judge.notes_for", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call("check", "/", *QUICK)


@pytest.mark.parametrize("verb", ["check", "classify"])
def test_exit_zero_reports_without_failing(verb: str, truncated: Path, tmp_path: Path, call: Call) -> None:
    subject = f"oci-archive:{truncated}"
    if verb == "classify":
        subject = str(tmp_path / "report.json")
        assert call("collect", f"oci-archive:{truncated}", *QUICK, "-o", subject).status == 0
    options = QUICK if verb == "check" else ()
    assert call(verb, subject, *options).status == 1
    ran = call(verb, subject, *options, "--exit-zero")
    assert ran.status == 0
    assert ran.out.startswith("truncated")


def test_exit_zero_hides_no_usage_error(call: Call) -> None:
    assert call("check", "ocitar:/x", "--exit-zero").status == 2


def test_collect_is_0_whatever_there_is(truncated: Path, tmp_path: Path, call: Call) -> None:
    assert call("collect", f"oci-archive:{truncated}", *QUICK).status == 0
    assert call("collect", f"oci-archive:{tmp_path}/nothing.tar", *QUICK).status == 0


@pytest.mark.parametrize(("identity", "status"), [("54321:54321", 1), ("0:0 --caps all", 0)])
def test_explain_says_denied_or_granted(identity: str, status: int, tmp_path: Path, call: Call) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    call("collect", secret, *QUICK, "-o", tmp_path / "report.json")
    assert call("explain", tmp_path / "report.json", "--as", *identity.split()).status == status


@pytest.mark.parametrize("cause", Cause)
def test_only_healthy_and_inconclusive_are_no_faults(cause: Cause) -> None:
    verdict = Verdict(family=cause.family, cause=cause, status=Status.LIKELY, statement="")
    expected = {Cause.HEALTHY: ExitStatus.HEALTHY, Cause.INCONCLUSIVE: ExitStatus.INCONCLUSIVE}
    assert status_of(verdict) is expected.get(cause, ExitStatus.FAULT)
