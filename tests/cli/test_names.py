"""File names are bytes: any of them can be named on the command line, shown, and pasted back from a remedy."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.program import ROOT, probe

from probe.evidence.base import path_bytes

QUICK = ("--gap", "0s", "--skopeo", "never")
NAMES = {
    "not UTF-8": b"\xff\xfe\xe9",
    "escape sequence": b"\x1b]0;owned\x07\x1b[2J",
    "newline": b"two\nlines\n",
    "right to left": "\u202egnp.rat".encode(),
    "quotes": b'it\'s "so" $(reboot) `id` \\ * ;|&',
    "longest": b"n" * 255,
    "wide": "档案".encode() * 40,
    "backslash x": b"\\xff",
    "spaces": b"  ",
    "nothing seen": "\u200b\ufeff\u2028".encode(),
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_of_any_bytes(name: bytes, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/" + name
    with open(path, "wb"):
        pass
    ran = probe("check", path, *QUICK, "--json")
    assert (ran.status, ran.err) == (0, "")
    (report,) = ran.document["evidence"]
    assert path_bytes(report["reference"]["path"]) == path
    assert path_bytes(report["chain"]["value"]["components"][-1]["name"]) == name
    page = probe("check", path, *QUICK)
    assert page.out.startswith("healthy  confirmed\n")
    assert all(line.isprintable() for line in page.out.split("\n"))


def test_every_place_for_a_name_takes_any_bytes(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)
    with open(folder + b"/err", "wb") as stream:
        stream.write(b"cat: /x: Permission denied\n")
    options = ("--stderr", folder + b"/err", "--tmpdir", folder, "-o", folder + b"/verdict.json")
    ran = probe("check", folder, *QUICK, "--json", *options)
    assert (ran.status in (0, 1, 3), ran.err) == (True, "")
    assert ran.document["evidence"][0]["command"]["source"].endswith("\\xff/err")
    assert probe("classify", folder, "--json").document["verdict"] == ran.document["verdict"]
    assert probe("explain", folder + b"/verdict.json").status == 0


def test_a_fact_must_be_text(tmp_path: Path) -> None:
    ran = probe("check", tmp_path, *QUICK, "--context", b"task=\xff")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("probe: --context task: ")


@pytest.mark.root
@pytest.mark.parametrize("name", [name for name in NAMES.values() if not name.startswith(b" ")])
def test_the_remedy_for_such_a_name_can_be_pasted(name: bytes, public: Path) -> None:
    path = os.fsencode(public) + b"/" + name
    os.mkdir(path)
    os.chmod(path, 0o700)
    inside = path + b"/image.tar"
    with open(inside, "wb"):
        pass
    document = probe("check", inside, *QUICK, "--json", "--as", "12345:0").document
    command = document["assessments"][0]["remedy"]["smallest"]["command"]
    assert command.isprintable() or "\n" in command
    subprocess.run(["sh", "-c", command], check=True, cwd="/")
    assert os.stat(path).st_mode & 0o777 == 0o710
    assert probe("check", inside, *QUICK, "--as", "12345:0").out.startswith("healthy  likely\n")


@pytest.mark.parametrize("name", ["$(touch owned)", "a;touch owned", "a b"])
def test_a_volume_cannot_put_commands_into_a_remedy(name: str, archive: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(archive.read_bytes())
    ran = probe("check", f"docker-archive:{tmp_path / name}", *QUICK, "--json")
    assert ran.document["verdict"]["cause"] == "wrong-transport"
    command = ran.document["assessments"][0]["remedy"]["smallest"]["command"]
    said = subprocess.run(
        ["sh", "-c", command.replace("skopeo inspect", "printf %s")], capture_output=True, cwd=tmp_path
    )
    assert said.stdout.decode() == f"oci-archive:{tmp_path / name}"
    assert not (tmp_path / "owned").exists()


def test_a_relative_name_and_one_that_looks_like_an_option(tmp_path: Path) -> None:
    (tmp_path / "-x").touch()
    ran = probe("check", *QUICK, "--json", "--", "-x", "./-x", cwd=tmp_path)
    assert ran.status == 0
    assert [report["reference"]["path"] for report in ran.document["evidence"]] == ["-x", "./-x"]


def test_the_longest_path_there_can_be(tmp_path: Path) -> None:
    """PATH_MAX is 4096 with the null: every sentence that names such a path would be longer than a text may be."""
    path = os.fsencode(tmp_path)
    while len(path) + 202 < 4094:
        path += b"/" + b"d" * 200
        os.mkdir(path)
    path += b"/" + b"f" * (4094 - len(path))
    with open(path, "wb"):
        pass
    assert len(path) == 4095
    ran = probe("check", b"oci-archive:" + path, *QUICK, "--json")
    assert (ran.status, ran.err) == (1, "")
    assert len(ran.document["verdict"]["statement"]) <= 4096
    assert all(len(line) <= 80 for line in probe("check", path, *QUICK).out.splitlines())
    too_long = probe("check", path + b"x", *QUICK)
    assert (too_long.status, too_long.out) == (2, "")
    assert "longer than the kernel takes" in too_long.err


def test_the_package_is_found_from_anywhere(tmp_path: Path) -> None:
    assert probe("--version", cwd=tmp_path).out == probe("--version", cwd=ROOT).out
