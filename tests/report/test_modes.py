"""Mode letters against `ls -l`, for every type and every special bit, on real inodes."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from probe.evidence.path import FileType, Inode
from probe.report.modes import mode_letters

_TYPES = {
    stat.S_IFDIR: FileType.DIRECTORY,
    stat.S_IFREG: FileType.REGULAR,
    stat.S_IFLNK: FileType.SYMLINK,
    stat.S_IFIFO: FileType.FIFO,
    stat.S_IFSOCK: FileType.SOCKET,
    stat.S_IFBLK: FileType.BLOCK_DEVICE,
    stat.S_IFCHR: FileType.CHARACTER_DEVICE,
}


def inode_of(status: os.stat_result) -> Inode:
    return Inode(
        type=_TYPES[stat.S_IFMT(status.st_mode)],
        mode=stat.S_IMODE(status.st_mode),
        uid=0,
        gid=0,
        device="0:0",
        inode=1,
        links=1,
        size=0,
        blocks=0,
        modified=0,
        changed=0,
    )


def as_ls_shows(path: Path) -> str:
    ran = subprocess.run(["ls", "-ld", "--", path], capture_output=True, text=True, check=True, env={"LC_ALL": "C"})
    return ran.stdout[:10]


def test_every_mode(tmp_path: Path) -> None:
    """All 4096, against the standard library's reading of a real inode."""
    for make in (os.mkdir, lambda path: os.close(os.open(path, os.O_CREAT))):
        path = tmp_path / f"{make}"[1:5]
        make(path)
        for mode in range(0o10000):
            os.chmod(path, mode)
            status = os.lstat(path)
            assert mode_letters(inode_of(status)) == stat.filemode(status.st_mode), oct(mode)


@pytest.mark.parametrize("mode", [0o000, 0o644, 0o755, 0o4755, 0o4644, 0o2775, 0o2760, 0o1777, 0o1776, 0o7777, 0o7000])
def test_as_ls_shows_it(mode: int, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    for name in ("file", "directory"):
        os.chmod(tmp_path / name, mode)
        assert mode_letters(inode_of(os.lstat(tmp_path / name))) == as_ls_shows(tmp_path / name)


def test_every_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    for name, letter in (("link", "l"), ("fifo", "p"), ("socket", "s")):
        letters = mode_letters(inode_of(os.lstat(tmp_path / name)))
        assert letters == as_ls_shows(tmp_path / name)
        assert letters[0] == letter
    assert mode_letters(inode_of(os.lstat("/dev/null"))) == as_ls_shows(Path("/dev/null"))


@pytest.mark.root
def test_a_block_device(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "disk", stat.S_IFBLK | 0o660, os.makedev(7, 0))
    except PermissionError:
        pytest.skip("this root may not make device files")
    assert mode_letters(inode_of(os.lstat(tmp_path / "disk"))) == as_ls_shows(tmp_path / "disk")


def test_what_the_system_has_no_letter_for() -> None:
    inode = inode_of(os.lstat("/")).model_copy(update={"type": FileType.UNKNOWN, "mode": 0o640})
    assert mode_letters(inode) == "?rw-r-----"
