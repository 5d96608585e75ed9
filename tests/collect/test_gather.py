"""Whole reports: what they hold, what they never hold, and what making one touches."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.images import ImageFactory
from support.stage import PUSHER, Person

from probe.access.credentials import parse_identity
from probe.collect.gather import Plan, gather
from probe.evidence.command import CommandOutcome, Failure, FailureKind
from probe.evidence.image import Container
from probe.evidence.observation import NotSeen, Reason, Seen
from probe.evidence.path import Want
from probe.evidence.report import Report
from probe.image.reference import parse_reference

Look = Callable[..., Report]
ROOT_OF_PROJECT = str(Path(__file__).parents[2])


@pytest.mark.skopeo
@pytest.mark.parametrize(
    ("transport", "found"),
    [
        ("oci-archive", Container.OCI_ARCHIVE),
        ("docker-archive", Container.DOCKER_ARCHIVE),
        ("oci", Container.OCI),
        ("dir", Container.DIR),
    ],
)
def test_a_healthy_image(look: Look, image_factory: ImageFactory, transport: str, found: Container) -> None:
    built = image_factory(transport)
    report = look(built.reference, skopeo="auto", deadline=30)
    assert isinstance(report.image, Seen)
    facts = report.image.value
    assert (facts.found, facts.readable_as_asked, facts.whole, facts.complete) == (found, True, True, True)
    assert isinstance(report.skopeo, Seen)
    assert report.skopeo.value.agrees is True
    assert report.unfinished == () and report.unstable == () and report.mounts.stuck == ()
    assert all(attempt.granted for attempt in report.attempts)
    assert isinstance(report.mounts.space, Seen) and isinstance(report.mounts.temp_space, Seen)
    assert isinstance(report.mounts.temp_writable, Seen)
    assert (report.marker is not None) == (transport in ("oci", "dir"))


@pytest.mark.skopeo
def test_a_relative_reference(
    place: Path, look: Look, image_factory: ImageFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for transport in ("oci-archive", "oci"):
        built = image_factory(transport).copy_to(place)
        monkeypatch.chdir(place)
        report = look(f"{transport}:{built.path.name}:{built.tag}", skopeo="auto", deadline=30)
        assert isinstance(report.image, Seen) and report.image.value.complete
        assert isinstance(report.skopeo, Seen) and report.skopeo.value.agrees is True
        assert isinstance(report.chain, Seen) and report.chain.value.resolved == str(built.path)
        assert isinstance(report.mounts.carrying, Seen)


@pytest.mark.skopeo
def test_when_skopeo_is_not_asked(place: Path, look: Look, image_factory: ImageFactory) -> None:
    built = image_factory("oci-archive").copy_to(place)

    def why(reference: str, **plan: Any) -> str:
        observed = look(reference, **{"skopeo": "auto", **plan}).skopeo
        assert isinstance(observed, NotSeen) and observed.reason is Reason.SKIPPED
        return observed.message

    assert "not wanted" in why(built.reference, skopeo="never")
    assert "plain path" in why(str(built.path))
    assert "could not be read" in why(f"oci-archive:{place}/gone.tar")
    assert "not what the reference names" in why(f"docker-archive:{built.path}")
    with open(built.path, "r+b") as file:
        file.truncate(built.path.stat().st_size // 2)
    assert "damaged" in why(built.reference)
    asked = look(built.reference, skopeo="always", deadline=30).skopeo
    assert isinstance(asked, Seen) and asked.value.exit_status != 0


@pytest.mark.skopeo
def test_a_deep_check(look: Look, image_factory: ImageFactory) -> None:
    told: list[tuple[int, int]] = []
    built = image_factory("oci-archive", layers=3)
    report = look(built.reference, deep=True, progress=lambda done, total: told.append((done, total)))
    assert isinstance(report.image, Seen)
    verification = report.image.value.verification
    assert verification is not None and verification.agreed and verification.blobs >= 4
    assert told and told[-1][0] == told[-1][1] > 0


def test_a_small_image_is_verified_unasked(look: Look, image_factory: ImageFactory) -> None:
    report = look(image_factory("oci-archive", layers=3).reference)
    assert isinstance(report.image, Seen)
    assert report.image.value.verification is not None and report.image.value.verification.agreed


@pytest.mark.parametrize("bound", ["SMALL_IMAGE", "_SMALL_UNPACKED"])
def test_what_is_larger_is_only_looked_at(
    look: Look, image_factory: ImageFactory, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    """By its size, or by what a layer unpacks to: then the structure stands."""
    monkeypatch.setattr(f"probe.collect.look.{bound}", 100)
    report = look(image_factory("oci-archive", layers=2).reference)
    assert isinstance(report.image, Seen)
    assert report.image.value.verification is None and report.image.value.complete
    assert not report.image.value.problems


def test_plain_paths(place: Path, look: Look) -> None:
    for name, content, found in (
        ("empty", b"", Container.EMPTY),
        ("text", b"hello\n" * 100, Container.FILE),
    ):
        (place / name).write_bytes(content)
        image = look(place / name).image
        assert isinstance(image, Seen) and image.value.found is found
    image = look(place).image
    assert isinstance(image, Seen) and image.value.found is Container.DIRECTORY


def test_the_timeline_is_in_order_and_holds_every_kind_of_event(place: Path, look: Look) -> None:
    (place / "d").mkdir()
    (place / "l").symlink_to("d")
    (place / "d/f").write_bytes(b"x")
    failure = Failure(kind=FailureKind.FILE, line=1, text="open: denied", at=10**18)
    report = look(place / "l/f", command=CommandOutcome(failures=(failure,)))
    document = json.loads(report.model_dump_json(by_alias=True))
    assert document["timeline"] == sorted(document["timeline"], key=lambda event: event["at"])
    pointers = {event["pointer"] for event in document["timeline"]}
    assert {
        "/context/probe_started",
        "/attempts/0/at",
        "/writers/value/samples/0/at",
        "/command/failures/0/at",
    } <= pointers
    last = len(document["chain"]["value"]["components"]) - 1
    assert f"/chain/value/components/{last}/inode/value/changed" in pointers
    assert report.command is not None and report.command.failures == (failure,)


@pytest.mark.parametrize(
    "text",
    [
        "gone",
        "d/f/x",
        "loop",
        "l",
        "fifo",
        "d",
        "d/f",
        "bad\\name",
        "x" * 300,
        "d/" + "é" * 100,
        "d\udcff",
        "d/f/",
        ".",
    ],
)
@pytest.mark.parametrize("transport", ["", "oci-archive:", "dir:"])
def test_whatever_lies_there_a_report_comes_back(place: Path, look: Look, text: str, transport: str) -> None:
    (place / "d").mkdir()
    (place / "d/f").write_bytes(b"\0" * 1024)
    (place / "loop").symlink_to("loop")
    (place / "l").symlink_to("gone")
    os.mkfifo(place / "fifo")
    report = look(f"{transport}{place}/{text}", gap=0)
    assert report.unfinished == ()
    for want in (Want.WRITE, Want.CREATE, Want.LIST, Want.EXECUTE):
        assert look(f"{transport}{place}/{text}", gap=0, want=want).unfinished == ()
    assert sorted(os.listdir(place)) == ["d", "fifo", "l", "loop"]


def test_nothing_of_the_environment_or_the_contents(place: Path, monkeypatch: pytest.MonkeyPatch, look: Look) -> None:
    monkeypatch.setenv("CANARY_NAME", "canary-value-7f3a")
    monkeypatch.setenv("HOSTNAME", "canary-host-7f3a")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/canary-auth-7f3a")
    (place / "f").write_bytes(b"canary-content-7f3a" * 100)
    canary = subprocess.Popen(
        ["sh", "-c", f"exec 3>>{place}/f; sleep 60 & echo; wait", "canary-argument-7f3a"], stdout=subprocess.PIPE
    )
    try:
        assert canary.stdout is not None
        canary.stdout.readline()
        text = look(place / "f", lease=True).model_dump_json(by_alias=True)
    finally:
        os.system(f"pkill -P {canary.pid}")
        canary.kill()
        canary.wait()
        canary.stdout.close()  # type: ignore[union-attr]
    assert f'"pid":{canary.pid}' in text  # the writer was found, and no more is told of it
    assert "7f3a" not in text and "CANARY" not in text


@pytest.mark.root
def test_the_identity_of_another_process_is_a_prediction(place: Path, look: Look) -> None:
    (place / "f").write_bytes(b"x")
    process = subprocess.Popen(
        ["setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups", "sh", "-c", "echo; exec sleep 60"],
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        report = look(place / "f", pid=process.pid)
        assert report.identity.source == "process"
        assert report.predict_for is not None
        assert (report.predict_for.source, report.predict_for.uid.filesystem) == (f"pid:{process.pid}", 4242)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
    with pytest.raises(OSError, match=str(process.pid)):
        look(place / "f", pid=process.pid)
    told = parse_identity("4242:4242")
    assert look(place / "f", predict_for=told).predict_for == told


@pytest.mark.parametrize("plan", [{"deadline": -1}, {"gap": -0.1}, {"deadline": float("nan")}, {"want": "eat"}])
def test_plans_that_cannot_be(plan: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"eat|needs seconds"):
        Plan(**plan)


def test_a_deadline_of_nothing(place: Path, look: Look) -> None:
    (place / "f").write_bytes(b"x")
    began = time.monotonic()
    report = look(place / "f", deadline=0)
    assert time.monotonic() - began < 1
    assert report.deadline_seconds == 0
    assert isinstance(report.mounts.carrying, Seen) and report.mounts.carrying.value.mount_point


@pytest.mark.parametrize(
    ("where", "lost"),
    [
        ("probe.collect.look.list_directory", "listing"),
        ("probe.collect.look.find_holders", "holders"),
        ("probe.collect.contents.inspect_image", "image"),
        ("probe.collect.look.space_at", "space"),
        ("probe.collect.look.read_place", "place"),
    ],
)
def test_a_defect_in_one_step_costs_that_step(
    place: Path, look: Look, monkeypatch: pytest.MonkeyPatch, where: str, lost: str
) -> None:
    def defect(*_: object, **__: object) -> None:
        raise IndexError("a defect\nof two lines")

    monkeypatch.setattr(where, defect)
    (place / "f").write_bytes(b"x")
    report = look(place / "f")
    assert any(sentence.startswith(f"{lost}: IndexError") for sentence in report.unfinished)
    assert "Traceback" not in report.model_dump_json()
    observed = {
        "listing": report.listing,
        "image": report.image,
        "space": report.mounts.space,
        "holders": report.writers.value.holders if isinstance(report.writers, Seen) else None,
    }
    for name, observation in observed.items():
        assert isinstance(observation, NotSeen if name == lost else Seen), name
        assert isinstance(observation, Seen) or observation.reason is Reason.FAILED


@pytest.mark.parametrize("how", ["exit", "kill", "memory"])
def test_a_child_that_dies_leaves_what_it_saw(
    place: Path, look: Look, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def die(*_: object, **__: object) -> None:
        if how == "exit":
            os._exit(9)
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise MemoryError

    monkeypatch.setattr("probe.collect.contents.inspect_image", die)
    (place / "f").write_bytes(b"x")
    report = look(place / "f")
    assert isinstance(report.chain, Seen) and report.chain.value.stopped is None
    assert isinstance(report.writers, Seen)
    assert isinstance(report.image, NotSeen) and report.image.reason is Reason.FAILED
    assert report.unfinished and "Traceback" not in report.unfinished[0]
    assert report.mounts.stuck == ()


def test_without_memory_to_share(place: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("probe.collect.gather.Journal", refuse)
    report = look(place)
    assert isinstance(report.chain, NotSeen) and "Cannot allocate memory" in report.chain.message
    assert isinstance(report.mounts.carrying, Seen)


def test_interrupted_from_the_keyboard(place: Path) -> None:
    (place / "f").write_bytes(b"x")
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        gather(parse_reference(str(place / "f")), Plan(gap=30, deadline=60, skopeo="never"))
    timer.join()
    assert Path(f"/proc/self/task/{os.getpid()}/children").read_text().split() == []


CHANGING = re.compile(
    r"^(creat|truncate|ftruncate|unlink|unlinkat|rename\w*|mkdir\w*|rmdir|mknod\w*|symlink\w*|link|linkat|chmod|fchmod\w*|"
    r"chown|fchown\w*|lchown|utime\w*|setxattr|fsetxattr|lsetxattr|removexattr|fallocate|write|pwrite\w*|mount)\("
)


@pytest.mark.skopeo
@pytest.mark.parametrize("want", ["read", "write", "create", "list", "execute"])
def test_the_calls_that_are_made(place: Path, image_factory: ImageFactory, want: str) -> None:
    """By strace: nothing below the inspected path is changed, and the waiting process never touches it."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    inspected = place / "inspected"
    (inspected / "oci").mkdir(parents=True)
    shutil.copy(image_factory("oci-archive").path, inspected / "oci/image.tar")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from probe.collect.gather import Plan, gather\n"
        "from probe.image.reference import parse_reference\n"
        "path = bytes.fromhex(sys.argv[2]).decode()\n"
        "for name in ('oci/image.tar', 'oci', 'oci/absent'):\n"
        "    plan = Plan(want=sys.argv[3], gap=0.01, skopeo='never')\n"
        "    gather(parse_reference('oci-archive:' + path + '/' + name), plan)\n"
    )
    trace = place / "trace"
    done = subprocess.run(
        ["strace", "-f", "-y", "-qq", "-s", "300", "-o", str(trace), sys.executable, "-c", code, ROOT_OF_PROJECT,
         str(inspected).encode().hex(), want],
        capture_output=True, text=True,
    )  # fmt: skip
    if "ptrace" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip(f"no ptrace here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=1) for line in trace.read_text().splitlines()]
    first = lines[0][0]
    touching = [(pid, call) for pid, call in lines if str(inspected) in call]
    assert len(touching) > 30
    assert {pid for pid, _ in touching} - {first}
    assert [call for pid, call in touching if pid == first] == []
    assert [call for _, call in touching if CHANGING.match(call)] == []
    assert not [call for _, call in touching if "F_SETLEASE" in call]
    opened = [call for _, call in touching if re.match(r"open(at2?)?\(", call)]
    assert not [call for call in opened if re.search(r"O_CREAT|O_TRUNC|O_RDWR|O_TMPFILE|O_APPEND", call)]
    writing = [call for call in opened if "O_WRONLY" in call]
    assert bool(writing) == (want == "write")


@pytest.mark.root
def test_by_a_restricted_identity_in_a_container(place: Path, look_as: Look) -> None:
    """As OpenShift's restricted-v2 runs a step: everything that needs no right is seen all the same."""
    volume = place / "source"
    (volume / "oci").mkdir(parents=True)
    (volume / "oci/image.tar").write_bytes(b"\0" * 10240)
    os.chown(volume, 0, PUSHER.uid)
    volume.chmod(0o2770)
    (volume / "oci").chmod(0o700)
    report = look_as(
        PUSHER,
        f"oci-archive:{volume}/oci/image.tar",
        prepare=lambda: os.system(f"mount --bind {volume} {volume}"),
        container=True,
    )
    assert report.context.in_container and isinstance(report.context.container_started, Seen)
    assert isinstance(report.chain, Seen)
    components = report.chain.value.components
    assert [component.path for component in components[-3:]] == [
        str(volume),
        f"{volume}/oci",
        f"{volume}/oci/image.tar",
    ]
    assert all(isinstance(component.inode, Seen) for component in components[:-1])
    oci = components[-2].inode
    assert isinstance(oci, Seen) and oci.value.born is not None
    assert isinstance(report.mounts.carrying, Seen) and report.mounts.carrying.value.mount_point == str(volume)
    assert isinstance(report.image, NotSeen) and report.image.errno == "EACCES"
    assert isinstance(report.listing, NotSeen) and report.listing.errno == "EACCES"


@pytest.mark.root
def test_the_model_and_the_truth_see_the_same(place: Path, look_as: Look) -> None:
    """The walk that is recorded here is what the access model judges: they agree with the kernel."""
    from probe.access.credentials import Credentials
    from probe.access.walk import judge

    (place / "d/e").mkdir(parents=True)
    (place / "d/e/f").write_bytes(b"x")
    (place / "l").symlink_to("d/./e")
    people = (PUSHER, Person(uid=4242, gid=4242, groups=()), Person(uid=4242, gid=7, groups=(7, 9)))
    for directory, file in ((0o755, 0o644), (0o750, 0o644), (0o711, 0o640), (0o070, 0o604), (0o755, 0o040)):
        os.chown(place / "d", 4242, 9)
        os.chown(place / "d/e/f", 0, 9)
        (place / "d").chmod(directory)
        (place / "d/e/f").chmod(file)
        for person in people:
            report = look_as(person, place / "l/f", gap=0)
            assert isinstance(report.chain, Seen)
            judgement = judge(Credentials.from_identity(report.identity), report.chain.value, Want.READ)
            assert judgement.granted is report.attempts[0].granted, (oct(directory), oct(file), person)
