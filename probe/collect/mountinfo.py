r"""The mount table, /proc/self/mountinfo (proc_pid_mountinfo(5)): no I/O on any of the mounts it lists.

Mount points, roots and sources are octal-escaped by the kernel (`\040` for a space). What a daemon or an administrator
may have put into options and sources can be a secret: options are allow-listed, sources lose their userinfo.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from probe.evidence.base import clip, path_text
from probe.evidence.mount import Mount

MAX_LINES = 20_000
"""The kernel's own default bound is 100,000 mounts (fs.mount-max); a pod has some dozens."""
MAX_OPTIONS = 64

_ESCAPE = re.compile(rb"\\([0-7]{3})")
_OPTION = re.compile(r'(?:[^,"]|"[^"]*")+')
_FLAG = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,39}")
_USERINFO = re.compile(r"(//|^)[^/@\s]+@")
_PAIR = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=[^,;:&/\s]+")

_OPEN_VALUES = frozenset(
    re.findall(
        r"\w+",
        """
    access acdirmax acdirmin acregmax acregmin actimeo addr blksize cache clientaddr commit context data defcontext
    dir_mode dmask errors file_mode fmask fscontext gid group_id hidepid huge inode_readahead_blks lookupcache
    local_lock logbsize logbufs max_read minproto mode mountaddr mountport mountproto mountvers mpol msize
    namlen nconnect nfsvers nr_blocks nr_inodes port proto resgid resuid retrans rootcontext rootmode rsize sec size
    space_cache stripe subvolid sunit swidth timeo trans uid umask user_id vers version wsize
    """,
    )
)
"""Options whose value is a number, a mode, an address or a label.

`username`, `password`, `domain`, keys of an object store and whatever a daemon invents are not among them.
"""


@dataclass(frozen=True)
class MountTable:
    """The mounts of this mount namespace in the kernel's order, and how many lines could not be read."""

    mounts: tuple[Mount, ...] = ()
    skipped: int = 0

    @cached_property
    def _by_id(self) -> dict[int, Mount]:
        return {mount.mount_id: mount for mount in self.mounts}

    @cached_property
    def points(self) -> frozenset[str]:
        """All mount points, as `path_text`."""
        return frozenset(mount.mount_point for mount in self.mounts)

    def by_id(self, mount_id: int) -> Mount | None:
        """The mount with this id (`mnt_id` of fdinfo)."""
        return self._by_id.get(mount_id)

    def covering(self, path: str) -> Mount | None:
        """The mount on which an absolute path (as `path_text`) lies by its text alone.

        The longest mount point that is a prefix, the latest of several on one point. Symbolic links are not followed,
        nothing is touched.
        """
        best: Mount | None = None
        for mount in self.mounts:
            point = mount.mount_point
            if (path == point or path.startswith(point.rstrip("/") + "/")) and (
                best is None or len(point) >= len(best.mount_point)
            ):
                best = mount
        return best


def read_mount_table(path: str = "/proc/self/mountinfo") -> MountTable:
    """The mount table of this process. Raises OSError when /proc is not there."""
    with open(path, "rb", buffering=1 << 16) as file:
        return parse_mountinfo(file)


def parse_mountinfo(lines: Iterable[bytes]) -> MountTable:
    """Read mountinfo lines; one that is not in the format is skipped and counted, as are those beyond a bound."""
    mounts: list[Mount] = []
    skipped = 0
    for line in lines:
        mount = parse_line(line) if len(mounts) < MAX_LINES else None
        if mount is None:
            skipped += 1
        else:
            mounts.append(mount)
    return MountTable(tuple(mounts), skipped)


def parse_line(line: bytes) -> Mount | None:
    """One line, or None if it is not in the format: `36 35 98:0 /root /point rw,noatime [opt...] - ext4 /dev/x rw`."""
    head, dash, tail = line.rstrip(b"\n").partition(b" - ")
    fields, last = head.split(b" "), tail.split(b" ")
    if not dash or len(fields) < 6 or len(last) < 2:
        return None
    numbers = (*fields[:2], *fields[2].split(b":"))
    if len(numbers) != 4 or not all(number.isdigit() and len(number) < 20 for number in numbers):
        return None
    try:
        return Mount(
            mount_id=int(numbers[0]),
            parent_id=int(numbers[1]),
            device=f"{int(numbers[2])}:{int(numbers[3])}",
            root=path_text(_unescape(fields[3])),
            mount_point=path_text(_unescape(fields[4])),
            options=_options(fields[5]),
            filesystem=clip(path_text(_unescape(last[0])), 256),
            source=mask_source(path_text(_unescape(last[1]))),
            super_options=_options(last[2]) if len(last) > 2 else (),
        )
    except ValueError:
        return None


def mask_source(source: str) -> str:
    """A mount's source without what may be a secret.

    `//user:pw@host/share` becomes `//...@host/share`, `key=value` becomes `key=...`, what follows a `?` is left out.
    """
    source, question, _ = source.partition("?")
    source = _USERINFO.sub(r"\1...@", _PAIR.sub(r"\1=...", source))
    return clip(source + ("?..." if question else ""))


def _options(field: bytes) -> tuple[str, ...]:
    text = _unescape(field).decode("utf-8", "backslashreplace")
    return tuple(_option(option) for option in _OPTION.findall(text)[:MAX_OPTIONS])


def _option(option: str) -> str:
    key, equals, _ = option.partition("=")
    if not equals:
        return option if _FLAG.fullmatch(option) else "..."
    if not _KEY.fullmatch(key):
        return "..."
    return option if key in _OPEN_VALUES and len(option) <= 256 else f"{key}=..."


def _unescape(field: bytes) -> bytes:
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), field)
