"""User namespaces (user_namespaces(7)): other identities for an ordinary user, as far as id maps allow them.

With delegated ids (/etc/subuid and newuidmap(1), or capabilities in one's own namespace) the whole cast is mapped.
Without, a namespace can name one kernel user and one group: other names for the same rights.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from probe.demo import kernel
from probe.demo.cast import GIDS, UIDS

_LENT = ("/etc/subuid", "/etc/subgid")

Map = tuple[tuple[int, int], ...]
"""Pairs (id inside, id outside), one id each."""


class NoNamespace(Exception):  # noqa: N818 - what is missing, not a fault of the program
    """Why no such namespace can be had, in a sentence."""


def ids_mapped(name: str, wanted: Iterable[int]) -> bool:
    """Whether every id has a meaning in this process's namespace; `name` is `uid` or `gid`."""
    extents = _extents(name)
    return all(any(start <= number < start + count for start, count in extents) for number in wanted)


def whole_cast_maps(capable: bool) -> tuple[Map, Map]:
    """Maps that give every id of the cast a kernel id of its own. Raises NoNamespace.

    `capable`: this process may map any id that it has (CAP_SETUID and CAP_SETGID), else /etc/subuid must lend them.
    """
    if not capable and not (shutil.which("newuidmap") and shutil.which("newgidmap")):
        raise NoNamespace("newuidmap and newgidmap are not installed (package uidmap)")
    return (
        _spread(UIDS, os.geteuid(), _own_ids("uid") if capable else _lent_ids(_LENT[0])),
        _spread(GIDS, os.getegid(), _own_ids("gid") if capable else _lent_ids(_LENT[1])),
    )


def enter_whole_cast(maps: tuple[Map, Map], capable: bool) -> None:
    """Move this process into new user and mount namespaces as their root. Raises NoNamespace.

    Maps of several ids must be written from outside: by a helper that stays behind.
    """
    own = os.getpid()
    go_reader, go_writer = os.pipe()
    answer_reader, answer_writer = os.pipe()
    helper = os.fork()
    if helper == 0:
        os.close(go_writer)
        _help(own, maps, capable, go_reader, answer_writer)
    os.close(go_reader)
    os.close(answer_writer)
    try:
        kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS)
        os.write(go_writer, b"g")
        answer = _read_all(answer_reader)
    except OSError as error:
        raise NoNamespace(f"no user namespace: {error.strerror}") from None
    finally:
        os.close(go_writer)
        os.close(answer_reader)
        os.waitpid(helper, 0)
    if answer != b"done":
        raise NoNamespace(answer.decode("utf-8", "replace") or "the id maps were not written")
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def enter_one_id(uid: int, gid: int, *, mounts: bool) -> None:
    """Move this process into a user namespace in which its own ids have these names. Raises OSError."""
    outside_uid, outside_gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | (kernel.CLONE_NEWNS if mounts else 0))
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {outside_uid} 1")
    _write("/proc/self/gid_map", f"{gid} {outside_gid} 1")


def _help(pid: int, maps: tuple[Map, Map], capable: bool, go: int, answer: int) -> None:
    """(Helper.) Wait for the namespace, write its maps, say how it went."""
    said = b"done"
    try:
        if os.read(go, 1):
            for name, wanted in zip(("uid", "gid"), maps, strict=True):
                _write_map(pid, name, wanted, capable)
    except Exception as error:
        said = str(error).encode("utf-8", "replace")[:512]
    finally:
        os.write(answer, said)
        os._exit(0)


def _write_map(pid: int, name: str, wanted: Map, capable: bool) -> None:
    if capable:
        _write(f"/proc/{pid}/{name}_map", "".join(f"{inside} {outside} 1\n" for inside, outside in wanted))
        return
    import subprocess

    command = [f"new{name}map", str(pid)]
    for inside, outside in wanted:
        command += [str(inside), str(outside), "1"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise NoNamespace(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{command[0]} failed")


def _spread(wanted: Sequence[int], own: int, lent: Iterable[int]) -> Map:
    others = list(islice((number for number in lent if number != own), len(wanted) - 1))
    if len(others) < len(wanted) - 1:
        raise NoNamespace(f"{len(others)} more ids are lent to this user, the cast needs {len(wanted) - 1}")
    return tuple(zip(wanted, (own, *others), strict=True))


def _own_ids(name: str) -> Iterator[int]:
    for start, count in _extents(name):
        yield from range(start, start + count)


def _lent_ids(path: str) -> Iterator[int]:
    """The ids that a line `user:first:count` lends (subuid(5)); a user may stand there by name or by number."""
    import pwd

    names = {str(os.geteuid())}
    with contextlib.suppress(KeyError):
        names.add(pwd.getpwuid(os.geteuid()).pw_name)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read(1 << 20).splitlines()
    except OSError:
        return
    for line in lines:
        user, _, rest = line.partition(":")
        first, _, count = rest.partition(":")
        if user in names and first.isdigit() and count.isdigit():
            yield from range(int(first), int(first) + int(count))


def _extents(name: str) -> list[tuple[int, int]]:
    with open(f"/proc/self/{name}_map", encoding="ascii") as file:
        return [(int(line.split()[0]), int(line.split()[2])) for line in file]


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode("ascii"))
    finally:
        os.close(descriptor)


def _read_all(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 4096):
        parts.append(part)
    return b"".join(parts)
