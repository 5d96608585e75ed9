"""`probe seal` as a shell sees it: the digest and nothing else, a reason, an exit status."""

from __future__ import annotations

import json
import os
import pty
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from support.program import COMMAND, ROOT, environment, probe
from support.stage import FS_GROUP

from probe.cli.schemas import schema_text
from probe.demo.image import DemoImage, build_image
from probe.evidence.seal import Seal, seal_path
from probe.handoff.seal.reading import read_seal

HANGING_FS = ROOT / "tests/collect/hanging_fs.py"


def test_the_digest_and_nothing_else(archive: Path, demo_image: DemoImage) -> None:
    ran = probe("seal", f"oci-archive:{archive}")
    made = read_seal(seal_path(str(archive)))
    assert (ran.status, ran.out) == (0, demo_image.manifest_digest + "\n")
    assert ran.err == (
        f"probe: sealed by {archive}.seal.json: oci-archive, inode {made.inode.inode}, {made.inode.size} bytes, "
        "every blob hashed\n"
    )


def test_the_seal_itself(archive: Path) -> None:
    ran = probe("seal", f"oci-archive:{archive}", "--json", "--context", "task=build")
    assert ran.status == 0
    assert Seal.model_validate(ran.document) == read_seal(seal_path(str(archive)))
    assert ran.document["context"]["task"] == "build"
    schema = json.loads(schema_text("seal"))
    jsonschema.Draft202012Validator(schema).validate(ran.document)
    for broken in ({**ran.document, "schema": "x"}, {**ran.document, "inode": {}}):
        assert not jsonschema.Draft202012Validator(schema).is_valid(broken)


@pytest.mark.parametrize("old", [None, b"an older and much longer digest than the new one" * 4])
def test_a_digest_for_a_tekton_result(old: bytes | None, archive: Path, place: Path, demo_image: DemoImage) -> None:
    result = place / "digest"
    if old is not None:
        result.write_bytes(old)
    ran = probe("seal", f"oci-archive:{archive}", "--digest-file", result, before=lambda: os.umask(0o077) and None)
    assert ran.status == 0
    assert result.read_text() == demo_image.manifest_digest
    assert stat.S_IMODE(result.stat().st_mode) == 0o644
    assert sorted(os.listdir(place)) == ["digest", "oci"]


def test_a_digest_file_that_cannot_be_written(archive: Path, place: Path, demo_image: DemoImage) -> None:
    ran = probe("seal", f"oci-archive:{archive}", "--digest-file", place / "absent/digest")
    assert (ran.status, ran.out) == (4, "")
    assert "sealed, but" in ran.err and demo_image.manifest_digest in ran.err


@pytest.mark.parametrize("name", ["tmp", "oci-archive:tmp", "oci-archive:tmp:localhost/app:1"])
def test_publish(name: str, archive: Path, demo_image: DemoImage) -> None:
    os.rename(archive, archive.with_name("tmp"))
    tag = ":localhost/app:1" if name.count(":") > 1 else ""
    ran = probe("seal", "--publish", name, f"oci-archive:image.tar{tag}", cwd=archive.parent)
    if tag:  # the demo's image has no name
        assert (ran.status, "wrong-path: unknown-reference" in ran.err) == (1, True)
        return
    assert (ran.status, ran.out) == (0, demo_image.manifest_digest + "\n")
    assert ran.err.startswith("probe: published tmp as image.tar\nprobe: sealed by image.tar.seal.json: ")
    assert sorted(os.listdir(archive.parent)) == ["image.tar", "image.tar.seal.json"]


def test_publish_under_a_plain_name(archive: Path) -> None:
    os.rename(archive, archive.with_name("tmp"))
    ran = probe("seal", "--publish", f"oci-archive:{archive}".replace("image.tar", "tmp"), archive, "--json")
    assert (ran.status, ran.document["reference"]["transport"]) == (0, "oci-archive")


@pytest.mark.root
def test_share(archive: Path) -> None:
    os.chown(archive.parent, 0, FS_GROUP)
    archive.parent.chmod(0o2700)
    ran = probe("seal", f"oci-archive:{archive}", "--share-with", str(FS_GROUP))
    assert ran.status == 0
    assert ran.err.splitlines()[0] == f"probe: mode 2700 -> 2710 on {archive.parent}"
    again = probe("seal", f"oci-archive:{archive}", "--share-with", str(FS_GROUP))
    assert f"group {FS_GROUP} can read {archive}: nothing was changed for it" in again.err


def test_a_file_that_is_no_image(place: Path) -> None:
    (place / "notes").write_text("hello")
    ran = probe("seal", place / "notes")
    assert (ran.status, ran.out) == (0, "")
    assert "no image, so by its inode and size alone" in ran.err and "no digest to print" in ran.err


WRONG = {
    "absent": (["oci-archive:absent.tar"], 1, "ENOENT"),
    "cut": (["oci-archive:cut.tar"], 1, "not sealed: truncated: the archive ends inside a member"),
    "another kind": (["dir:image.tar"], 1, "wrong-transport"),
    "nothing to publish": (["--publish", "absent", "oci-archive:image.tar"], 1, "nothing to publish: ENOENT"),
    "no digest for the file": (["cut.txt", "--digest-file", "digest"], 1, "its manifest digest is to be written"),
    "no reference": ([], 2, "Missing argument 'REF'"),
    "two references": (["a", "b"], 2, "unexpected extra argument"),
    "a bad reference": (["oci-arhcive:x"], 2, "no transport is named oci-arhcive"),
    "a registry": (["docker://example.com/x"], 2, "reads a registry"),
    "itself": (["--publish", "image.tar", "oci-archive:image.tar"], 2, "this is the final name itself"),
    "two transports": (["--publish", "dir:x", "oci-archive:image.tar"], 2, "a rename makes nothing else of it"),
    "two tags": (["--publish", "oci-archive:x:a:1", "oci-archive:image.tar:b:1"], 2, "a rename changes no tag"),
    "no group": (["--share-with", "wheel", "image.tar"], 2, "'--share-with'"),
    "a negative group": (["--share-with=-1", "image.tar"], 2, "'--share-with'"),
    "too large a group": (["--share-with", "4294967295", "image.tar"], 2, "no group id"),
    "a bad fact": (["--context", "colour=red", "image.tar"], 2, "no context is called 'colour'"),
    "a fact that is none": (["--context", "task", "image.tar"], 2, "write KEY=VALUE"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(name: str, archive: Path, demo_image: DemoImage) -> None:
    arguments, status, words = WRONG[name]
    (archive.parent / "cut.tar").write_bytes(demo_image.archive[:100_000])
    (archive.parent / "cut.txt").write_text("hello")
    ran = probe("seal", *arguments, cwd=archive.parent)
    assert (ran.status, ran.out) == (status, "")
    assert words in " ".join(ran.err.split())
    assert "Traceback" not in ran.err
    assert sorted(os.listdir(archive.parent)) == ["cut.tar", "cut.txt", "image.tar"]


@pytest.mark.root
def test_what_cannot_be_written_is_4(archive: Path) -> None:
    folder = archive.parent
    script = f'mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} || exit 99; exec "$@"'
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *COMMAND, "seal", f"oci-archive:{archive}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment(),
    )
    assert (ran.returncode, ran.stdout) == (4, "")
    assert ran.stderr.count("\n") == 1 and "cannot write the seal: EROFS" in ran.stderr


def test_a_hostile_name_stays_on_its_line(place: Path, demo_image: DemoImage) -> None:
    name = "a\n\x1b[2Jprobe: sealed.tar"
    (place / name).write_bytes(demo_image.archive)
    ran = probe("seal", f"{place}/{name}")
    assert (ran.status, ran.err.count("\n"), "\x1b" in ran.err) == (0, 1, False)
    cut = place / (name + "2")
    cut.write_bytes(demo_image.archive[:5000])
    ran = probe("seal", cut)
    assert (ran.status, ran.err.count("\n"), "\x1b" in ran.err) == (1, 1, False)


def test_a_deep_check_shows_how_far_it_is_on_a_terminal(place: Path) -> None:
    (place / "image.tar").write_bytes(build_image().archive)
    leader, follower = pty.openpty()
    ran = subprocess.run(
        [*COMMAND, "seal", "--deep", f"oci-archive:{place}/image.tar"],
        stdout=subprocess.PIPE,
        stderr=follower,
        check=False,
        cwd=ROOT,
        env=environment(),
    )
    os.close(follower)
    shown = os.read(leader, 65536)
    os.close(leader)
    assert ran.returncode == 0 and ran.stdout.startswith(b"sha256:")
    assert b"\rhashing " in shown and b"(100 %" in shown


@pytest.mark.root
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("call", ["open", "read"])
def test_a_mount_that_hangs_does_not_keep_it_from_being_ended(
    call: str, number: signal.Signals, archive: Path, place: Path
) -> None:
    if not os.path.exists("/dev/fuse"):
        pytest.skip("needs /dev/fuse")
    mount = place / "mnt"
    mount.mkdir()
    answer = f"{call}=/image.tar=hang"
    server = subprocess.Popen(
        [sys.executable, str(HANGING_FS), str(archive.parent), str(mount), answer], stderr=subprocess.DEVNULL
    )
    sealing = None
    try:
        _wait_for(lambda: str(mount) in Path("/proc/self/mountinfo").read_text())
        sealing = subprocess.Popen(
            [*COMMAND, "seal", f"oci-archive:{mount}/image.tar"], cwd=ROOT, env=environment(), stderr=subprocess.PIPE
        )
        _wait_for(lambda: any(_hangs(child) for child in _children(sealing.pid)))
        sealing.send_signal(number)
        said = sealing.communicate(timeout=20)[1]  # to its end: nobody holds the pipe open
        assert (sealing.returncode, b"Traceback" in said) == (130 if number is signal.SIGINT else -number, False)
    finally:
        server.kill()
        server.wait(10)
        subprocess.run(["umount", "-l", str(mount)], check=False, capture_output=True)
        if sealing is not None:
            sealing.kill()
            sealing.communicate()


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _hangs(pid: int) -> bool:
    """In a call that the FUSE server does not answer."""
    try:
        where = Path(f"/proc/{pid}/stack").read_text()
    except OSError:
        return False
    return "fuse" in where or "folio_wait" in where


def _wait_for(what: object) -> None:
    until = time.monotonic() + 20
    while not what():  # type: ignore[operator]
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.01)


def test_it_loads_no_more_than_it_needs(archive: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "probe", "seal", f"oci-archive:{archive}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines() if line.startswith("import time:")}
    assert "probe.handoff.seal.sealing" in loaded
    assert not loaded & {"rich.console", "psutil", "asyncio", "tarfile", "probe.classify.judge", "probe.demo"}


def test_the_seal_is_one_line_of_what_it_prints(archive: Path) -> None:
    """As a script uses it."""
    done = subprocess.run(
        ["sh", "-c", 'digest=$("$@" 2>/dev/null) && printf "%s" "$digest"', "sh", *COMMAND, "seal", archive],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment(),
    )
    assert done.stdout.startswith("sha256:") and len(done.stdout) == 71
