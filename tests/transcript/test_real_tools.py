"""What this machine's own tools print of real files, read back and compared with what the kernel says."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from transcript.conftest import output, stated, transcript
from transcript.trees import NAMES, disagreements, grow

from probe.evidence.base import path_bytes
from probe.evidence.path import FileType
from probe.evidence.transcript import AclStated, InodeStated, ListingStated

pytestmark = pytest.mark.root

_ONE_LINE = tuple(name for name in NAMES if "\n" not in name)


@pytest.fixture(scope="module", params=[1, 2, 3])
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of many kinds of files."""
    folder = tmp_path_factory.mktemp("tree")
    grow(folder, request.param)
    return folder


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def stamped(text: str) -> str:
    """The text as `kubectl logs --timestamps` has it."""
    return "".join(f"{now()} {line}\n" for line in text.splitlines())


def real(path: str) -> Path:
    return Path(os.fsdecode(path_bytes(path)))


def agree(inodes: list[InodeStated], *, ids: bool = True) -> None:
    wrong = [problem for one in inodes for problem in disagreements(one, real(one.path), ids=ids)]
    assert wrong == []


@pytest.mark.parametrize(
    "options",
    [
        "-la",
        "-lan",
        "-lai",
        "-laZ",
        "-las",
        "-lais",
        "-la --time-style=long-iso",
        "-la --full-time",
        "-la --time-style=iso",
    ],
)
def test_a_listing_of_gnu_ls(options: str, tree: Path) -> None:
    said = f"{now()} + ls {options} {tree}\n" + stamped(output("ls", *options.split(), str(tree)))
    inodes = stated(said, InodeStated)
    assert {real(one.path) for one in inodes} == {tree, tree.parent, *(tree / name for name in NAMES)}
    agree(inodes)
    assert all(one.size is not None for one in inodes)
    assert [one.inode is not None for one in inodes] == ["i" in options.split()[0]] * len(inodes)
    if "n" in options.split()[0]:
        assert all(one.uid is not None and one.gid is not None for one in inodes)
    (listing,) = stated(said, ListingStated)
    assert listing.whole
    assert set(listing.names) == {".", "..", *NAMES}


def test_an_hour_is_never_printed_for_a_year(tree: Path) -> None:
    said = f"{now()} + ls -la {tree}\n" + stamped(output("ls", "-la", str(tree)))
    assert any(one.modified is not None and one.modified_within == 86400 for one in stated(said, InodeStated))
    assert any(one.modified is not None and one.modified_within == 60 for one in stated(said, InodeStated))


def test_a_terminal_shows_names_quoted_and_in_colour(tree: Path) -> None:
    said = output("script", "-qc", f"ls -la --color=always '{tree}'", "/dev/null")
    inodes = stated(f"$ ls -la {tree}\r\n{said}", InodeStated)
    assert {real(one.path) for one in inodes} == {tree, tree.parent, *(tree / name for name in NAMES)}
    agree(inodes)


def test_sizes_for_people_are_no_sizes(tree: Path) -> None:
    inodes = stated(output("ls", "-lah", str(tree)), InodeStated)
    assert len(inodes) == len(NAMES) + 2
    large = [one for one in inodes if one.type is FileType.REGULAR and one.size is None]
    assert large
    assert (
        stated(f"+ ls -l --block-size=1K {tree}\n" + output("ls", "-l", "--block-size=1K", str(tree)), InodeStated)[
            0
        ].size
        is None
    )


@pytest.mark.parametrize("options", ["-la", "-lan", "-lai", "-la --full-time"])
def test_a_listing_of_busybox(options: str, tree: Path) -> None:
    text = output("busybox", "ls", *options.split(), str(tree))
    said = f"{now()} + ls {options} {tree}\n" + stamped(text)
    inodes = stated(said, InodeStated)
    names = {name for name in NAMES if name.isascii()}
    assert {real(one.path).name for one in inodes} >= names
    agree([one for one in inodes if real(one.path).name in names])


def test_busybox_cuts_large_ids_and_no_number_is_made_of_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch()
    os.chown(path, 1000970000, 1000970000)
    text = output("busybox", "ls", "-l", str(path))
    assert " 10009700 " in text
    (one,) = stated(text, InodeStated)
    assert (one.owner, one.uid, one.gid) == ("10009700", None, None)
    (one,) = stated(output("ls", "-l", str(path)), InodeStated)
    assert (one.uid, one.gid) == (1000970000, 1000970000)


def test_paths_that_ls_was_given(tree: Path) -> None:
    paths = [str(tree / name) for name in NAMES]
    inodes = stated("===== ls -ld (each of them) =====\n" + output("ls", "-ld", *paths), InodeStated)
    assert sorted(real(one.path) for one in inodes) == sorted(Path(path) for path in paths)
    agree(inodes)


def test_whole_trees(tmp_path: Path) -> None:
    (tmp_path / "a" / "b c").mkdir(parents=True)
    (tmp_path / "a" / "b c" / "image.tar").write_text("x")
    inodes = stated(output("ls", "-laR", str(tmp_path / "a")), InodeStated)
    agree(inodes)
    assert str(tmp_path / "a" / "b c" / "image.tar") in {one.path for one in inodes}
    relative = stated(output("ls", "-laR", cwd=str(tmp_path)), InodeStated)
    assert {one.path for one in relative} >= {".", "./a/b c/image.tar"}


@pytest.mark.parametrize("command", [("stat",), ("busybox", "stat")], ids=["gnu", "busybox"])
def test_stat(command: tuple[str, ...], tree: Path) -> None:
    inodes = stated(output(*command, *(str(tree / name) for name in NAMES)), InodeStated)
    assert [real(one.path).name for one in inodes] == list(NAMES)
    for one in inodes:
        assert list(disagreements(one, real(one.path))) == []
        assert None not in (one.uid, one.gid, one.size, one.blocks, one.inode, one.device, one.modified, one.changed)
        assert one.lines in (7, 8)


def test_stat_of_a_device() -> None:
    (one,) = stated(output("stat", "/dev/null"), InodeStated)
    assert list(disagreements(one, "/dev/null")) == []


def test_times_in_another_zone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch()
    zone = {"TZ": "Asia/Kolkata"}
    text = stamped(output("stat", str(path), environment=zone) + output("ls", "-l", str(path), environment=zone))
    by_stat, by_ls = stated(text, InodeStated)
    assert by_stat.modified == path.stat().st_mtime_ns
    assert by_ls.modified is None, "the text shows another zone, and ls does not say which is its own"


def test_find(tree: Path) -> None:
    inodes = stated(output("find", str(tree), "-ls"), InodeStated)
    assert {real(one.path) for one in inodes} == {tree, *(tree / name for name in NAMES)}
    assert {one.command for one in inodes} == {"find"}
    agree(inodes)


def test_namei(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "f").touch()
    (tmp_path / "a").chmod(0o2751)
    (tmp_path / "link").symlink_to("a/b")
    (tmp_path / "up").symlink_to(str(tmp_path / "a"))
    for path in ("link/f", "a/b/f", "up/b/f"):
        inodes = stated(output("namei", "-l", str(tmp_path / path)), InodeStated)
        agree(inodes)
        assert inodes[0].path == "/"
        assert inodes[-1].path == str(tmp_path / "a" / "b" / "f")
    failed = transcript(output("namei", "-l", str(tmp_path / "a" / "nope" / "x"), code=1))
    (failure,) = [one.failure for one in failed.statements if one.kind == "failure"]
    assert (failure.tool, failure.path, failure.errno) == ("namei", str(tmp_path / "a" / "nope"), "ENOENT")


def test_getfacl(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch(0o640)
    subprocess.run(["setfacl", "-m", "u:1000970000:rwx,g:5:r--,m::r-x", path], check=True)
    subprocess.run(["setfacl", "-d", "-m", "u:5:rwx", tmp_path], check=True)
    expected = (
        ("user::", 6),
        ("user:1000970000", 7),
        ("group::", 4),
        ("group:5", 4),
        ("mask::", 5),
        ("other::", 0),
    )
    for command, heading in (("getfacl -n", ""), ("getfacl -np", ""), ("getfacl -n", f"===== getfacl {path} =====\n")):
        (one,) = stated(heading + output(*command.split(), str(path)), AclStated)
        assert (one.path, one.entries, one.owner) == (str(path), expected, "0")
    (folder,) = stated(output("getfacl", "-p", str(tmp_path)), AclStated)
    assert [tag for tag, _ in folder.entries] == ["user::", "group::", "other::"], "default entries grant nothing here"
    (relative,) = stated(output("getfacl", "f", cwd=str(tmp_path)), AclStated)
    assert relative.path == "f"


def test_an_unreadable_directory_is_no_whole_listing(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir(mode=0o755)
    (folder / "f").touch()
    folder.chmod(0o744)
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:-2]:
        parent.chmod(0o755)
    ran = subprocess.run(
        ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups", "ls", "-la", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert "?" in ran.stdout
    text = f"+ ls -la {folder}\n{ran.stdout}"
    (listing,) = stated(text, ListingStated)
    assert "f" in listing.names
    assert not listing.whole
    assert str(folder / "f") not in {one.path for one in stated(text, InodeStated)}
