"""skopeo that hangs, floods, lacks room or runs as nobody in particular."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from skopeo.asking import archive_facts, ask, not_seen, script, seen
from support.images import Built, ImageFactory, Layout, layer_tar, pack

from probe.evidence.observation import Reason
from probe.image.inspect import inspect_image
from probe.image.reference import parse_reference
from probe.skopeo.program import MAX_STDOUT
from probe.skopeo.workspace import MARGIN

ROOT = Path(__file__).parents[2]


@pytest.mark.skopeo
def test_hanging_skopeo_is_killed_and_leaves_nothing(temp: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.tar"
    os.mkfifo(fifo)
    answer = not_seen(ask(f"oci-archive:{fifo}", temp, deadline=1.5))
    assert answer.reason is Reason.TIMEOUT
    assert not processes_naming(str(fifo))


def test_killed_while_it_unpacks_leaves_nothing(temp: Path, tmp_path: Path) -> None:
    """What a real skopeo leaves in its temp directory when it is killed goes with the directory."""
    note = tmp_path / "note"
    program = script(
        tmp_path,
        f"""
        [ "$1" = --version ] && exit 0
        mkdir "$2/oci1234567890" && head -c 1000000 /dev/zero > "$2/oci1234567890/blob" && echo "$2" > {note}
        exec sleep 1000
        """,
    )
    answer = not_seen(ask("oci-archive:/w/i.tar", temp, archive_facts(), deadline=2.0, binary=program))
    assert answer.reason is Reason.TIMEOUT
    directory = Path(note.read_text().strip())
    assert directory.parent == temp and not directory.exists()


def processes_naming(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_flood_is_cut(temp: Path, tmp_path: Path) -> None:
    program = script(
        tmp_path, '[ "$1" = --version ] && exit 0\n[ "$1" = --tmpdir ] && shift 2\nhead -c 1000000000 /dev/zero'
    )
    for text, facts in ((f"oci:{tmp_path}", None), ("oci-archive:/w/i.tar", archive_facts())):
        answer = not_seen(ask(text, temp, facts, binary=program))
        assert answer.reason is Reason.FAILED and str(MAX_STDOUT) in answer.message


def test_environment_holds_nothing_of_ours(temp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    note = tmp_path / "env"
    ask("oci-archive:/w/i.tar", temp, archive_facts(), binary=script(tmp_path, f"/usr/bin/env > {note}"))
    names = {line.partition("=")[0] for line in note.read_text().splitlines()}
    assert names <= {"PATH", "HOME", "TMPDIR", "LC_ALL", "PWD", "SHLVL", "_", "OLDPWD"}
    home = next(line for line in note.read_text().splitlines() if line.startswith("HOME="))
    assert home.startswith(f"HOME={temp}/pod-probe-skopeo-")


@pytest.mark.root
@pytest.mark.skopeo
@pytest.mark.parametrize("mode", ["auto", "always"])
def test_small_temp_file_system_is_seen_before(tmp_path: Path, mode: str) -> None:
    built = pack_large(tmp_path)
    small = tmp_path / "small"
    small.mkdir()
    done = subprocess.run(
        [
            "unshare",
            "-m",
            "sh",
            "-c",
            'mount -t tmpfs -o size=200k none "$1" && shift && exec "$@"',
            "sh",
            str(small),
            sys.executable,
            "-B",
            "-c",
            HELPER,
            str(ROOT),
            built.reference,
            str(small),
            mode,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    size = built.path.stat().st_size
    assert (answer["status"], answer["reason"]) == ("not-seen", "skipped")
    assert str(size + MARGIN) in answer["message"] and "204800" in answer["message"]


def pack_large(tmp_path: Path) -> Built:
    layout = Layout(tmp_path / "layout")
    directory = layout.write(("a", layout.image([layer_tar(1, 300_000)])))
    return Built("oci-archive", pack(directory, tmp_path / "image.tar"), "a")


HELPER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from probe.evidence.base import path_bytes
from probe.image.inspect import inspect_image
from probe.image.reference import parse_reference
from probe.skopeo.inspect import inspect_with_skopeo
reference = parse_reference(sys.argv[2])
facts = inspect_image(os.open(path_bytes(reference.path), os.O_RDONLY), reference)
answer = inspect_with_skopeo(reference, facts, mode=sys.argv[4], temp_directory=sys.argv[3])
assert os.listdir(sys.argv[3]) == []
print(answer.model_dump_json())
"""


@pytest.mark.root
@pytest.mark.skopeo
@pytest.mark.parametrize("transport", ["oci", "dir", "oci-archive"])
def test_random_uid_without_home_on_a_read_only_root(image_factory: ImageFactory, place: Path, transport: str) -> None:
    built = image_factory(transport).copy_to(place)
    temp = place / "var-tmp"
    temp.mkdir()
    temp.chmod(0o777)
    done = subprocess.run(
        [
            "unshare",
            "-m",
            "sh",
            "-c",
            'mount --bind "$1" "$1" && mount -o remount,bind,ro / && shift && exec "$@"',
            "sh",
            str(temp),
            "env",
            "-i",
            "PATH=/usr/bin:/bin",
            "setpriv",
            "--reuid",
            "1000970000",
            "--regid",
            "0",
            "--groups",
            "0,1000970000",
            "--bounding-set",
            "-all",
            "--inh-caps",
            "-all",
            "--no-new-privs",
            sys.executable,
            "-B",
            "-c",
            HELPER,
            str(ROOT),
            built.reference,
            str(temp),
            "always",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert answer["status"] == "seen", answer
    assert (answer["value"]["exit_status"], answer["value"]["agrees"]) == (0, True), answer


@pytest.mark.root
@pytest.mark.skopeo
def test_unwritable_temp_directory_is_said(image_factory: ImageFactory, place: Path) -> None:
    built = image_factory("oci-archive").copy_to(place)
    temp = place / "var-tmp"
    temp.mkdir(mode=0o755)
    done = subprocess.run(
        [
            "setpriv",
            "--reuid",
            "1000970000",
            "--regid",
            "1000970000",
            "--clear-groups",
            sys.executable,
            "-B",
            "-c",
            HELPER,
            str(ROOT),
            built.reference,
            str(temp),
            "auto",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(done.stdout)
    assert (answer["status"], answer["reason"], answer["errno"]) == ("not-seen", "denied", "EACCES")
    assert str(temp) in answer["message"]


@pytest.mark.skopeo
def test_sparse_member_does_not_fill_the_temp_directory(temp: Path, tmp_path: Path) -> None:
    """A pax sparse member of a few bytes stands for a file of many: no file grows beyond what was looked for."""
    archive = tmp_path / "sparse.tar"
    archive.write_bytes(pax_sparse("blobs", 64 << 20) + bytes(1024))
    told = seen(ask(f"oci-archive:{archive}", temp, archive_facts(size=archive.stat().st_size)))
    assert told.exit_status != 0 and "file too large" in told.message


def test_many_sparse_members_are_counted_before_skopeo_is_asked(temp: Path, tmp_path: Path) -> None:
    """Each is small enough alone; together they would fill the disk."""
    archive = tmp_path / "sparse.tar"
    archive.write_bytes(b"".join(pax_sparse(f"member{number}", 60 << 20) for number in range(8)) + bytes(1024))
    with archive.open("rb") as stream:
        facts = inspect_image(stream.fileno(), parse_reference(f"oci-archive:{archive}"))
    assert facts.archive is not None and facts.archive.unpacked == 8 * (60 << 20) > archive.stat().st_size
    answer = not_seen(ask(f"oci-archive:{archive}", temp, facts, mode="auto"))
    assert answer.reason is Reason.SKIPPED and str(8 * (60 << 20)) in answer.message


def pax_sparse(name: str, size: int) -> bytes:
    def record(key: str, value: str) -> bytes:
        body = f" {key}={value}\n"
        length = len(body) + 1
        while len(f"{length}{body}") != length:
            length = len(f"{length}{body}")
        return f"{length}{body}".encode()

    records = b"".join(
        record(key, value)
        for key, value in (
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.name", name),
            ("GNU.sparse.realsize", str(size)),
        )
    )
    extended = tarfile.TarInfo("PaxHeaders/x")
    extended.type, extended.size = b"x", len(records)
    sparse_map = b"0\n".ljust(512, b"\0")
    member = tarfile.TarInfo(name)
    member.size = len(sparse_map)
    padded = records + bytes(-len(records) % 512)
    return extended.tobuf(tarfile.USTAR_FORMAT) + padded + member.tobuf(tarfile.USTAR_FORMAT) + sparse_map
