"""A command that fails leaves evidence of that very moment, seen with its own identity."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.execution import (
    Done,
    children,
    end,
    execute,
    left_in,
    looked_first,
    name_of,
    on_stderr,
    start,
    state,
    until,
)
from support.execution import nothing_left as nothing_left
from support.stage import PUSHER, assert_sound, assessment

from probe.classify.verdict import VerdictDocument
from probe.demo.image import DemoImage
from probe.evidence.path import Want

SKOPEO = ("skopeo", "--insecure-policy")
QUICK = ("--gap", "20ms")
pytestmark = [pytest.mark.skopeo]


def judged(done: Done, evidence: Path) -> VerdictDocument:
    """The one document that a failure left, sound and spoken of."""
    (document,) = left_in(evidence)
    assert_sound(document)
    assert document.verdict.cause.value in done.err.decode()
    assert any("evidence: " in line for line in done.said)
    return document


@pytest.mark.root
def test_a_closed_directory_is_seen_with_the_commands_identity(archive: Path, place: Path) -> None:
    archive.parent.chmod(0o700)
    evidence = place / "evidence"
    evidence.mkdir(mode=0o777)
    evidence.chmod(0o777)
    done = execute(
        *SKOPEO, "inspect", f"oci-archive:{archive}",
        options=(*QUICK, "--evidence-dir", evidence, "--context", "task=push"), before=PUSHER.become,
    )  # fmt: skip
    assert done.status == 1
    document = judged(done, evidence)
    assert (document.verdict.cause.value, document.verdict.status.value) == ("dir-search-denied", "confirmed")
    report = document.evidence[-1]
    assert (report.identity.uid.effective, report.context.task) == (PUSHER.uid, "push")
    command = report.command
    assert command is not None and command.ended is not None and command.started is not None
    assert (command.program, command.run, command.exit_status, command.signal) == ("skopeo", 1, 1, None)
    assert command.started < command.ended <= report.started, "the look began after the end, and not before"
    assert [failure.errno for failure in command.failures] == ["EACCES"]
    assert (stat.S_IMODE(next(evidence.iterdir()).stat().st_mode)) == 0o644


def test_another_kind_of_container(archive: Path, place: Path) -> None:
    done = execute(
        *SKOPEO, "copy", f"oci:{archive}", f"dir:{place}/out", options=(*QUICK, "--evidence-dir", place / "evidence")
    )
    document = judged(done, place / "evidence")
    assert (done.status, document.verdict.cause.value) == (1, "wrong-transport")
    assert document.verdict.status.value == "confirmed"
    wants = {report.reference.transport: report.want for report in document.evidence}
    assert wants == {"oci": Want.READ, "path": Want.WRITE}, "skopeo has made the directory, and would write there"
    assert assessment(document, "different-reference").status.value != "confirmed"


@pytest.mark.root
def test_what_cannot_be_written_is_seen_as_such(archive: Path, place: Path) -> None:
    (place / "closed").mkdir()
    done = execute(
        *SKOPEO, "copy", f"oci-archive:{archive}", f"oci:{place}/closed/out", options=QUICK, before=PUSHER.become
    )
    (document,) = on_stderr(done)
    assert done.status == 1
    assert assessment(document, "write-denied").status.value == "confirmed"
    source = next(report for report in document.evidence if report.reference.transport == "oci-archive")
    assert source.command is not None and source.command.failures == (), "said of the destination, it stands there"


def test_the_first_look_shows_what_was_absent_when_it_began(place: Path, demo_image: DemoImage) -> None:
    late, gate = place / "late.tar", place / "gate"
    os.mkfifo(gate)
    script = f"read x < {gate}; skopeo inspect oci-archive:{late}; s=$?; echo failed; read x < {gate}; exit $s"
    process = start("sh", "-c", script, options=(*QUICK, "--evidence-dir", place / "evidence"))
    until(lambda: looked_first(process))
    gate.write_text("go\n")
    assert process.stdout is not None and process.stdout.readline() == b"failed\n"
    late.write_bytes(demo_image.archive)
    gate.write_text("go\n")
    done = end(process)
    document = judged(done, place / "evidence")
    assert done.status == 1
    assert document.verdict.cause.value == "absent-then-present"
    assert len(document.evidence) == 2
    assert [report.command is not None for report in document.evidence] == [False, True]


def test_an_archive_that_is_still_being_written(place: Path, demo_image: DemoImage) -> None:
    path, stop = place / "image.tar", threading.Event()

    def write() -> None:
        with open(path, "wb", buffering=0) as stream:
            for offset in range(0, len(demo_image.archive) - 100_000, 100):
                stream.write(demo_image.archive[offset : offset + 100])
                if stop.wait(0.01):
                    return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: path.exists() and path.stat().st_size > 1000)
        done = execute(*SKOPEO, "inspect", f"oci-archive:{path}", options=("--evidence-dir", place / "evidence"))
    finally:
        stop.set()
        writer.join()
    document = judged(done, place / "evidence")
    assert (done.status, document.verdict.cause.value) == (1, "archive-in-progress")
    assert document.verdict.status.value == "confirmed"


class _Refusing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/v2/" else 403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        body = b'{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    """host:port of a registry that takes nothing."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_registry_that_refuses_and_secrets_that_stay_secret(archive: Path, place: Path, registry: str) -> None:
    evidence = place / "evidence"
    done = execute(
        *SKOPEO, "copy", "--dest-creds", "robot:hunter2", "--dest-tls-verify=false",
        f"oci-archive:{archive}", f"docker://{registry}/team/app:1",
        options=(*QUICK, "--evidence-dir", evidence, "--evidence-stderr"), env={"REGISTRY_TOKEN": "hunter3"},
    )  # fmt: skip
    assert done.status == 1
    document = judged(done, evidence)
    assert (document.verdict.cause.value, document.verdict.status.value) == ("registry-denied", "confirmed")
    for text in (next(evidence.iterdir()).read_text(), done.err.decode()):
        assert "hunter" not in text and "robot" not in text


def test_secrets_that_the_command_itself_says_are_masked(archive: Path) -> None:
    said = 'level=fatal msg="Get https://robot:hunter2@quay.io/v2/?token=hunter3: denied"'
    done = execute(
        "sh", "-c", f"echo '{said}' >&2; exit 1 # hunter4", options=(*QUICK, "--ref", f"oci-archive:{archive}")
    )
    (document,) = on_stderr(done)
    assert document.evidence[-1].command is not None and document.evidence[-1].command.failures
    assert "hunter" not in document.model_dump_json()


def test_evidence_that_cannot_be_left_there_goes_to_standard_error(archive: Path, place: Path) -> None:
    (place / "file").touch()
    options = (
        *QUICK,
        "--ref",
        f"oci-archive:{archive}",
        "--no-evidence-stderr",
        "--evidence-dir",
        place / "file" / "x",
    )
    done = execute("sh", "-c", "exit 77", options=options)
    assert done.status == 77
    assert any("the evidence was not left there: ENOTDIR" in line for line in done.said)
    assert len(on_stderr(done)) == 1


def test_where_the_evidence_goes(archive: Path, place: Path) -> None:
    failing = ("sh", "-c", "exit 1")
    reference = (*QUICK, "--ref", f"oci-archive:{archive}")
    assert len(on_stderr(execute(*failing, options=reference))) == 1
    assert on_stderr(execute(*failing, options=(*reference, "--no-evidence-stderr"))) == []
    both = execute(*failing, options=(*reference, "--evidence-dir", place / "e", "--evidence-stderr"))
    assert on_stderr(both) == left_in(place / "e")


def test_references_of_one_script_are_not_names_of_one_hand_over(
    archive: Path, place: Path, demo_image: DemoImage
) -> None:
    other = place / "oci" / "other.tar"
    script = f"skopeo inspect oci-archive:{archive} > /dev/null; skopeo inspect oci-archive:{other}"
    found = execute("sh", "-c", script, options=QUICK)
    first, _ = on_stderr(found)
    assert first.evidence[-1].reference.path == str(other), "what is wrong comes first"
    for document in on_stderr(found):
        assert not assessment(document, "different-reference").status.holds
    named = (*QUICK, "--ref", f"oci-archive:{archive}", "--ref", f"dir:{archive.parent}")
    (document,) = on_stderr(execute("sh", "-c", script, options=named))
    assert document.verdict.cause.value == "different-reference", "those that are named together are"


def test_a_command_without_a_reference_is_told_so() -> None:
    done = execute("false")
    assert done.status == 1
    assert len(done.said) == 1 and "--ref REF names what it reads" in done.said[0]
    assert on_stderr(done) == []


def test_hostile_standard_error_is_bounded_and_harmless(archive: Path) -> None:
    script = """
import os, sys
for _ in range(1600):
    os.write(2, b"x" * 65536)
os.write(2, b"\\n\\xff\\xfe\\x1b]0;owned\\x07\\x00" + b'level=fatal msg="\\\\x1b[2J' * 2000)
sys.exit(9)
"""
    process = start(sys.executable, "-c", script, options=(*QUICK, "--ref", f"oci-archive:{archive}"))
    assert process.stderr is not None
    kept, size = b"", 0
    while piece := process.stderr.read(1 << 16):
        size += len(piece)
        kept = (kept + piece)[-1_000_000:]
    assert process.wait() == 9
    assert size > 1600 * 65536
    text = kept[kept.index(b"\nprobe: ") :].decode()
    document = json.loads(next(line for line in text.splitlines() if line.startswith("{")))
    command = document["evidence"][-1]["command"]
    assert command["truncated"] is True and len(json.dumps(command)) < 200_000
    assert not any(character in text for character in "\x1b\x07\x00")
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()


def test_the_death_of_those_who_look_is_one_sentence(archive: Path) -> None:
    options = ("--gap", "30s", "--ref", f"oci-archive:{archive}")
    process = start("sh", "-c", "echo before; exit 6", options=options)
    until(lambda: not any(name_of(pid) == "sh" for pid in children(process.pid)))
    (looking,) = until(lambda: [pid for pid in children(process.pid) if children(pid)])
    os.kill(looking, signal.SIGKILL)
    done = end(process)
    assert (done.status, done.out) == (6, b"before\n")
    assert done.err == b"probe: no evidence was collected: the looking process was ended by signal 9\n"


def test_a_first_look_does_not_outlive_the_command(place: Path) -> None:
    """It is thrown away with those who made it, whatever they were at."""
    for _ in range(3):
        process = start("sh", "-c", "sleep 0.2", options=("--ref", f"oci-archive:{place}/x.tar"))
        family = set(until(lambda: children(process.pid)))  # noqa: B023
        while process.poll() is None:
            family.update(child for pid in children(process.pid) for child in (pid, *children(pid)))
        assert end(process) == Done(0, b"", b"")
        until(lambda: not any(_runs(pid) for pid in family))  # noqa: B023


def _runs(pid: int) -> bool:
    try:
        return state(pid) != "Z"
    except OSError:
        return False


@pytest.mark.root
def test_a_mount_that_hangs_changes_neither_status_nor_output(place: Path) -> None:
    server = Path(__file__).parents[1] / "collect" / "hanging_fs.py"
    (place / "real").mkdir()
    (place / "mnt").mkdir()
    (place / "real" / "image.tar").write_bytes(b"x" * 4096)
    hanging = subprocess.Popen([sys.executable, server, place / "real", place / "mnt", "open=/image.tar=hang"])
    try:
        until(lambda: os.path.ismount(place / "mnt"))
        options = ("--ref", f"oci-archive:{place}/mnt/image.tar", "--deadline", "500ms")
        done = execute("sh", "-c", "echo out; exit 8", options=options)
        assert (done.status, done.out) == (8, b"out\n")
        (document,) = on_stderr(done)
        assert document.evidence[-1].mounts.stuck == (f"{place}/mnt",)
    finally:
        hanging.kill()
        subprocess.run(["umount", "-l", place / "mnt"], check=False)
        hanging.wait()


def test_time_from_the_end_to_the_look(archive: Path) -> None:
    """The report says it; what it comes to is measured elsewhere."""
    process = start("sh", "-c", "read x; exit 1", options=(*QUICK, "--ref", str(archive)), stdin=subprocess.PIPE)
    until(lambda: looked_first(process))
    before = time.time_ns()
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    (document,) = on_stderr(end(process))
    first, last = document.evidence
    assert last.command is not None and last.command.ended is not None
    assert first.started < before < last.command.ended <= last.started
