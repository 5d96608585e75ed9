"""Images near a path that holds none: a bounded look around, on the same mount, through no symbolic link."""

from __future__ import annotations

import os
import re
import stat
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator

from probe.collect.clock import since_ms
from probe.collect.hop import mount_id_of
from probe.evidence.base import path_text
from probe.evidence.observation import Observation, Seen
from probe.evidence.path import MAX_CANDIDATES, Candidate
from probe.image.header import BLOCK, HeaderError, parse_header

MAX_DEPTH = 3
MAX_ENTRIES = 2000
MAX_OPENED = 200
SECONDS = 3.0
_HEADERS = 64
_UNPACKED = 64 * BLOCK
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DOCKER_MEMBER = re.compile(rb"[0-9a-f]{64}(\.tar|\.json|/.*)|repositories")


class Search:
    """One look around; `points` are the mount points, as `path_text`, that are not entered."""

    def __init__(self, points: frozenset[str]) -> None:
        self._points = points
        self._entries, self._opened = MAX_ENTRIES, MAX_OPENED
        self._until = time.monotonic() + SECONDS
        self._visited: set[tuple[int, int]] = set()
        self._found: list[Candidate] = []

    def run(self, directory: bytes) -> Observation[tuple[Candidate, ...]]:
        """Look below `directory`, then below its parents on the same mount (never the root), until images are found."""
        at, began = time.time_ns(), time.perf_counter()
        for level in _same_mount(directory):
            self._look_below(level)
            if self._found or self._spent:
                break
        found = tuple(self._found[:MAX_CANDIDATES])
        return Seen[tuple[Candidate, ...]](value=found, at=at, took_ms=since_ms(began))

    @property
    def _spent(self) -> bool:
        return self._entries <= 0 or len(self._found) >= MAX_CANDIDATES or time.monotonic() > self._until

    def _look_below(self, top: bytes) -> None:
        waiting = deque([(top, 0)])
        while waiting and not self._spent:
            path, depth = waiting.popleft()
            try:
                number = os.open(path, _DIRECTORY)
            except OSError:
                continue
            try:
                inner = self._look_in(number, path)
            finally:
                os.close(number)
            if depth < MAX_DEPTH:
                waiting.extend((inside, depth + 1) for inside in inner)

    def _look_in(self, number: int, path: bytes) -> list[bytes]:
        """Note what lies in one directory; the directories in it."""
        status = os.fstat(number)
        if (status.st_dev, status.st_ino) in self._visited:
            return []
        self._visited.add((status.st_dev, status.st_ino))
        directories = []
        names = self._names(number)
        kind = _directory_kind(names)
        if kind is not None:
            self._found.append(Candidate(path=path_text(path), kind=kind, size=0))
            return []  # its blobs are no images of their own
        for name in names:
            inside = os.path.join(path, name)
            if path_text(inside) in self._points:  # another mount may hang at the first question
                continue
            try:
                entry = os.stat(name, dir_fd=number, follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(entry.st_mode):
                directories.append(inside)
            elif stat.S_ISREG(entry.st_mode) and entry.st_size >= BLOCK and self._opened > 0:
                self._opened -= 1
                if (kind := archive_kind(name, number)) is not None:
                    self._found.append(Candidate(path=path_text(inside), kind=kind, size=entry.st_size))
        return directories

    def _names(self, number: int) -> list[bytes]:
        names: list[bytes] = []
        try:
            with os.scandir(number) as entries:
                for entry in entries:
                    if self._entries <= 0:
                        break
                    self._entries -= 1
                    names.append(os.fsencode(entry.name))
        except OSError:  # a directory that breaks off: what was read of it counts
            pass
        return sorted(names)


def archive_kind(name: bytes, directory: int) -> str | None:
    """`oci-archive` or `docker-archive` by the first members of a tar, gzipped or not; None for anything else."""
    try:
        number = os.open(name, _FILE, dir_fd=directory)
    except OSError:
        return None
    try:
        start = os.pread(number, 2 * BLOCK, 0)
        if start[:2] == b"\x1f\x8b":
            return _kind_of(_members_in(_gunzip(os.pread(number, _UNPACKED, 0))))
        return _kind_of(_members(number))
    except OSError:
        return None
    finally:
        os.close(number)


def _gunzip(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(data, _UNPACKED)
    except zlib.error:
        return b""


def _members(number: int) -> Iterator[bytes]:
    offset = 0
    for _ in range(_HEADERS):
        header = _header(os.pread(number, BLOCK, offset))
        if header is None:
            return
        yield header[0]
        offset += header[1]


def _members_in(data: bytes) -> Iterator[bytes]:
    offset = 0
    while (header := _header(data[offset : offset + BLOCK])) is not None:
        yield header[0]
        offset += header[1]


def _header(block: bytes) -> tuple[bytes, int] | None:
    """The name in a header block, and the distance to the next one; None where there is no header."""
    if len(block) < BLOCK:
        return None
    try:
        header = parse_header(block)
    except HeaderError:
        return None
    return header.name.removeprefix(b"./"), BLOCK + header.size + -header.size % BLOCK


def _kind_of(members: Iterable[bytes]) -> str | None:
    guess = None
    for name in members:
        if name in (b"index.json", b"oci-layout"):
            return "oci-archive"
        if name == b"manifest.json":
            return "docker-archive"
        if name.startswith(b"blobs/sha256"):  # an archive still being written has nothing else
            guess = "oci-archive"
        elif _DOCKER_MEMBER.fullmatch(name):
            guess = guess or "docker-archive"
    return guess


def _directory_kind(names: list[bytes]) -> str | None:
    present = {b"index.json", b"oci-layout", b"manifest.json", b"version"}.intersection(names)
    if {b"index.json", b"oci-layout"} <= present:
        return "oci"
    return "dir" if {b"manifest.json", b"version"} <= present else None


def _same_mount(directory: bytes) -> Iterator[bytes]:
    """A directory and its parents on the same mount, except the root."""
    first: int | None = None
    while directory not in (b"/", b"", b"."):
        try:
            number = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            mount_id = mount_id_of(number)
        except OSError:
            return
        finally:
            os.close(number)
        if first is None:
            first = mount_id
        elif mount_id != first:
            return
        yield directory
        directory = os.path.dirname(directory)
