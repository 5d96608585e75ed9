"""A command is run again when waiting has healed what was wrong, and for no other reason."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest
from support.execution import Done, end, execute, left_in, start
from support.execution import nothing_left as nothing_left
from support.stage import PUSHER, assert_sound

from probe import __version__
from probe.classify.verdict import Assessment, Cause, Status, Verdict, VerdictDocument
from probe.demo.image import DemoImage
from probe.evidence.report import Tool
from probe.handoff.execute.retry import HEALING, Step, decide

pytestmark = pytest.mark.slow  # most of their time is waiting

QUICK = ("--gap", "20ms", "--no-evidence-stderr")


def document(*found: tuple[str, str] | tuple[str, str, str]) -> VerdictDocument:
    """A verdict on which these assessments were made; the first one that holds leads."""
    assessments = tuple(
        Assessment(
            cause=Cause(cause),
            family=Cause(cause).family,
            status=Status(status),
            statement="",
            implied_by=Cause(implied[0]) if implied else None,
        )
        for cause, status, *implied in found
    )
    lead = next((one for one in assessments if one.status.holds), None)
    cause = lead.cause if lead is not None else Cause.INCONCLUSIVE
    status = lead.status if lead is not None else Status.NOT_ASSESSABLE
    return VerdictDocument(
        tool=Tool(version=__version__),
        verdict=Verdict(family=cause.family, cause=cause, status=status, statement=""),
        assessments=assessments,
        evidence=(),
    )


@pytest.mark.parametrize("status", ["confirmed", "likely"])
@pytest.mark.parametrize("cause", sorted(HEALING))
def test_a_race_that_heals_is_a_reason(cause: str, status: str) -> None:
    assert decide([document((cause, status))]).step is Step.AGAIN
    assert decide([document((cause, status), ("wrong-path", "likely"))]).step is Step.AGAIN
    assert decide([document((cause, status), ("truncated", "confirmed", "corrupt"))]).step is Step.AGAIN, "implied"


@pytest.mark.parametrize("waited", [False, True])
@pytest.mark.parametrize("cause", sorted(set(Cause) - HEALING - {Cause.HEALTHY, Cause.INCONCLUSIVE}))
def test_any_other_cause_is_a_reason_not_to(cause: str, waited: bool) -> None:
    for more in ((), (("absent-then-present", "possible"),), (("access-healed", "confirmed"),)):
        assert decide([document((cause, "confirmed"), *more)], waited=waited).step is Step.STOP
    if cause not in ("wrong-path", "truncated", "corrupt", "wrong-transport"):
        assert decide([document((cause, "likely"), ("archive-in-progress", "possible"))]).step is Step.STOP
        assert decide([document(("access-healed", "confirmed"), (cause, "likely"))]).step is Step.STOP


@pytest.mark.parametrize("cause", sorted(HEALING))
def test_a_possible_race_is_a_reason_to_wait_and_see(cause: str) -> None:
    possible = document((cause, "possible"))
    assert decide([possible]).step is Step.SEE
    assert decide([document(("wrong-path", "likely"), (cause, "possible"))]).step is Step.SEE
    assert decide([possible], waited=True).step is Step.STOP, "waiting has not shown it"
    assert decide([possible, document(("dir-search-denied", "confirmed"))]).step is Step.STOP


def test_without_a_race_nothing_is_waited_for() -> None:
    assert decide([document(("healthy", "confirmed"))]).step is Step.STOP
    assert decide([document()]).step is Step.STOP
    assert (
        decide([document(("created-after-sweep", "possible"), ("swept-by-another-pod", "possible"))]).step is Step.STOP
    )
    assert decide([]).step is Step.STOP


class Deed(threading.Thread):
    """Something done as soon as the probe says that it waits."""

    def __init__(self, process: subprocess.Popen[bytes], deed: object) -> None:
        super().__init__()
        self._process, self._deed = process, deed
        self.err = b""

    def run(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.err += line
            if b"; waiting up to" in line:
                self._deed()  # type: ignore[operator]


def run_while(process: subprocess.Popen[bytes], deed: object) -> Done:
    """The run, with this done when it waits."""
    thread = Deed(process, deed)
    thread.start()
    thread.join()
    process.stderr = None
    done = end(process)
    return Done(done.status, done.out, thread.err)


@pytest.mark.skopeo
def test_it_succeeds_after_the_image_has_come(place: Path, demo_image: DemoImage) -> None:
    path = place / "image.tar"
    process = start(
        "skopeo", "inspect", "--format", "{{.Digest}}", f"oci-archive:{path}",
        options=(*QUICK, "--retry", "2", "--evidence-dir", place / "evidence"),
    )  # fmt: skip
    done = run_while(process, lambda: path.write_bytes(demo_image.archive))
    assert (done.status, done.out.decode().strip()) == (0, demo_image.manifest_digest)
    first, second = left_in(place / "evidence")
    assert [report.command.run for report in first.evidence if report.command] == [1]
    assert (first.verdict.cause.value, second.verdict.cause.value) == ("inconclusive", "absent-then-present")
    assert second.verdict.status.value == "confirmed"
    assert_sound(second)
    assert any(line.startswith("probe: run again after") for line in done.said)


@pytest.mark.skopeo
def test_it_waits_for_an_archive_that_is_being_written(place: Path, demo_image: DemoImage) -> None:
    path, half = place / "image.tar", len(demo_image.archive) // 2
    stop = threading.Event()

    def grow() -> None:
        with open(path, "wb", buffering=0) as stream:
            for offset in range(0, half, 100):
                stream.write(demo_image.archive[offset : offset + 100])
                stop.wait(0.01)
                if stop.is_set():
                    break
            stream.write(demo_image.archive[stream.tell() :])

    writer = threading.Thread(target=grow)
    writer.start()
    while not path.exists():
        pass
    process = start(
        "skopeo", "inspect", "--format", "{{.Digest}}", f"oci-archive:{path}", options=(*QUICK, "--retry", "1")
    )
    done = run_while(process, stop.set)
    stop.set()
    writer.join()
    assert (done.status, done.out.decode().strip()) == (0, demo_image.manifest_digest)
    assert any("archive-in-progress (confirmed)" in line for line in done.said)


@pytest.mark.root
@pytest.mark.skopeo
def test_a_closed_directory_is_not_waited_for(archive: Path, place: Path) -> None:
    archive.parent.chmod(0o700)
    runs = place / "runs"
    runs.touch()
    runs.chmod(0o666)
    script = f"echo run >> {runs}; skopeo inspect oci-archive:{archive}"
    done = execute("sh", "-c", script, options=(*QUICK, "--retry", "5"), before=PUSHER.become)
    assert (done.status, runs.read_text()) == (1, "run\n")
    assert done.said[-1] == "probe: not run again: dir-search-denied does not heal by waiting"


@pytest.mark.skopeo
def test_what_never_comes_is_waited_for_once(place: Path) -> None:
    options = (*QUICK, "--retry", "5", "--retry-wait", "300ms")
    done = execute("skopeo", "inspect", f"oci-archive:{place}/none.tar", options=options)
    assert done.status == 1
    assert done.said[-1].startswith("probe: not run again: not finished after")


def test_each_run_has_its_own_evidence_and_the_last_status_counts(place: Path) -> None:
    """Every run makes the file vanish and come again: it looks like a race each time."""
    path, gate = place / "file", place / "gate"
    script = f"""
n=$(cat {gate} 2>/dev/null || echo 0); echo $((n+1)) > {gate}
rm -f {path}
echo "cat: {path}: No such file or directory" >&2
exit $((40 + n))
"""
    options = (*QUICK, "--retry", "2", "--ref", path, "--evidence-dir", place / "evidence")
    process = start("sh", "-c", script, options=options)
    done = run_while(process, lambda: path.write_text("here"))
    assert done.status == 42, done.said
    runs = [
        report.command.run
        for found in left_in(place / "evidence")
        for report in found.evidence
        if report.command is not None
    ]
    assert runs == [1, 1, 2, 2, 3], "and what was seen while it was waited for"
    assert sum(line.startswith("probe: run again") for line in done.said) == 2
    assert "(run 3)" in "".join(done.said)


def test_input_and_descriptors_are_there_for_every_run(place: Path) -> None:
    path = place / "file"
    script = f"""
echo run >&7; read line; echo got $line
test $line = two && exit 0
echo "cat: {path}: No such file or directory" >&2; exit 1
"""
    with open(place / "log", "wb") as log:
        process = start(
            "sh", "-c", script, options=(*QUICK, "--retry", "2", "--ref", path), stdin=subprocess.PIPE,
            close_fds=False, preexec_fn=lambda: os.dup2(log.fileno(), 7),
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(b"one\ntwo\n")
        process.stdin.flush()
        done = run_while(process, lambda: path.write_text("here"))
    assert (done.status, done.out) == (0, b"got one\ngot two\n")
    assert (place / "log").read_bytes() == b"run\nrun\n"
