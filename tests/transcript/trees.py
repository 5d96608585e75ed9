"""Files of every kind, mode and owner, to be printed by real tools and compared with what the kernel says."""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterator
from pathlib import Path

from probe.evidence.path import FileType
from probe.evidence.transcript import InodeStated

NAMES = (
    "image.tar",
    "with space",
    " lead",
    "trail-",
    "it's",
    'say "x"',
    "back\\slash",
    "üñï",
    "a -> b",
    "-rw-r--r--",
    "total 4",
    "x:",
    "'quoted'",
    "$HOME",
    "a=b",
    "#1",
    "1,2",
    "~",
    "Nov 21 17:35",
    "{",
)
IDS = (0, 1, 1000, 1001, 65534, 1000970000, 4294967294)
TYPES = {
    stat.S_IFREG: FileType.REGULAR,
    stat.S_IFDIR: FileType.DIRECTORY,
    stat.S_IFLNK: FileType.SYMLINK,
    stat.S_IFIFO: FileType.FIFO,
    stat.S_IFSOCK: FileType.SOCKET,
    stat.S_IFCHR: FileType.CHARACTER_DEVICE,
    stat.S_IFBLK: FileType.BLOCK_DEVICE,
}


def grow(folder: Path, seed: int, names: tuple[str, ...] = NAMES) -> None:
    """Make a file, a directory, a fifo or a link of each name; modes, owners and times differ. Needs root."""
    chance = random.Random(seed)
    for name in names:
        path = folder / name
        kind = chance.choice("ffffddlp")
        if kind == "l":
            path.symlink_to(chance.choice(["image.tar", "../x y", "/a -> /b"]))
            os.lchown(path, chance.choice(IDS), chance.choice(IDS))
            continue
        if kind == "d":
            path.mkdir()
        elif kind == "p":
            os.mkfifo(path)
        else:
            path.write_bytes(b"x" * chance.choice([0, 3, 1023, 70_000]))
        os.chown(path, chance.choice(IDS), chance.choice(IDS))
        path.chmod(chance.randrange(0o10000))
        when = chance.choice([1_763_000_000, 1_600_000_000, 1_700_000_000.25])
        os.utime(path, (when, when))


def disagreements(one: InodeStated, path: Path | str, *, ids: bool = True) -> Iterator[str]:
    """Where what was read differs from what the kernel says of the file now."""
    found = os.lstat(path)
    mode = stat.S_IMODE(found.st_mode)
    expected: dict[str, object] = {"type": TYPES[stat.S_IFMT(found.st_mode)], "mode": mode}
    optional: dict[str, object] = {
        "links": found.st_nlink,
        "size": found.st_size,
        "inode": found.st_ino,
        "device": f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}",
        "blocks": found.st_blocks,
        "changed": found.st_ctime_ns,
    }
    if ids:
        optional |= {"uid": found.st_uid, "gid": found.st_gid}
    for field, value in expected.items():
        if getattr(one, field) != value:
            yield f"{path}: {field} is {value!r}, read as {getattr(one, field)!r}"
    for field, value in optional.items():
        if getattr(one, field) not in (None, value):
            yield f"{path}: {field} is {value!r}, read as {getattr(one, field)!r}"
    if one.modified is not None and not 0 <= found.st_mtime_ns - one.modified <= one.modified_within * 1e9:
        yield f"{path}: modified at {found.st_mtime_ns}, read as {one.modified} within {one.modified_within}"
    if one.link_target is not None and one.link_target != os.readlink(path):
        yield f"{path}: leads to {os.readlink(path)}, read as {one.link_target}"
