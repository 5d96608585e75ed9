"""Columns of the side-by-side table from logs and objects: one for each container that reads or makes the image."""

from __future__ import annotations

from collections.abc import Iterator

from probe.classify.case import Case
from probe.classify.facts import MODE, Fact, Facts
from probe.classify.facts import Told as Text
from probe.classify.roles import Role
from probe.classify.told.account import LOCAL, Account, Told
from probe.classify.told.logs.mounts import mount_of
from probe.classify.told.logs.reader import Reader
from probe.classify.told.story import Story
from probe.evidence.base import format_timestamp
from probe.evidence.path import FileType
from probe.evidence.transcript import DigestLevel, DigestStated, InodeStated, MountStated

_MOST_COLUMNS = 128
_LEVELS = {DigestLevel.MANIFEST: Fact.MANIFEST, DigestLevel.CONFIG: Fact.CONFIG}


def of_accounts(case: Case) -> Iterator[Facts]:
    """A column for each reader and each maker of an image; who is told of twice fills one."""
    story = Story(case)
    readers = {id(reader.account): reader for reader in story.reading if reader.path}
    runs = {account.run for account in story.accounts if account.run}
    for account in story.accounts[:_MOST_COLUMNS]:
        reader = readers.get(id(account))
        path, transport, pointer = _target(account, reader)
        if path:
            name = f"{account.run}/{account.name}" if len(runs) > 1 and account.run else account.name
            yield _facts(account, reader, name, path, {} if not transport else {Fact.TRANSPORT: (transport, pointer)})


def _target(account: Account, reader: Reader | None) -> tuple[str, str, str]:
    """Path, transport and pointer of what it reads, or else of what it makes."""
    if reader is not None:
        return reader.path, reader.transport, reader.first.pointer
    for told in account.makes:
        for number, made in enumerate(told.value.makes):
            if made.transport in LOCAL or made.transport == "path":
                return made.path, made.transport.replace("path", ""), f"{told.pointer}/makes/{number}"
    return "", "", ""


def _facts(account: Account, reader: Reader | None, name: str, path: str, rows: dict[str, Text]) -> Facts:
    rows[Fact.PATH] = path, _target(account, reader)[2]
    rows.update(_access(reader))
    rows.update(_identity(account))
    base = _mount(account, path, rows)
    rows.update(_modes(account, path, base))
    rows.update(_target_inode(account, path))
    rows.update(_digests(account))
    began = account.began
    return Facts(
        name=name,
        role=Role.CONSUMER if reader is not None else Role.PRODUCER,
        pointers=tuple(at for at in (account.transcript_at, account.container_at, account.task_run_at) if at),
        rows=rows,
        node=account.pod.node if account.pod is not None and account.pod.node else None,
        at=began.value if began is not None else 0,
    )


def _access(reader: Reader | None) -> Iterator[tuple[str, Text]]:
    met = reader.final if reader is not None else None
    if met is None or met.failed is None:
        return
    errno = next((one for one in met.failures if one.value.errno and met.concerns(one.value)), None)
    if errno is not None and met.failed:
        yield Fact.ACCESS, (errno.value.errno or "", errno.sub("errno"))
    else:
        yield Fact.ACCESS, ("failed" if met.failed else "granted", met.pointer)


def _identity(account: Account) -> Iterator[tuple[str, Text]]:
    who = account.who
    if who is not None and who.uid is not None:
        yield Fact.IDENTITY, (f"uid {who.uid}", who.pointer)
    if who is not None and who.groups:
        yield Fact.GROUPS, (" ".join(map(str, sorted(who.groups))), who.pointer)
    if account.pod is not None and account.pod.security.fs_group is not None:
        yield Fact.FS_GROUP, (str(account.pod.security.fs_group), f"{account.pod_at}/security/fs_group")


def _mount(account: Account, path: str, rows: dict[str, Text]) -> str:
    """Fills in the mount that carries the path, and gives where it begins."""
    base = "/"
    shown = mount_of(account, path)
    if shown is not None:
        base = shown.mount_point
        rows[Fact.MOUNT_POINT] = shown.mount_point, shown.pointer
        for told in account.stated(MountStated):
            if told.value.mount_point == base:
                rows[Fact.SOURCE] = f"{told.value.filesystem} {told.value.source}", f"{told.pointer}/source"
    placed = account.mounted(path)
    if placed is not None and placed[1].claim:
        sub_path = f"/{placed[0].sub_path}" if placed[0].sub_path else ""
        rows[Fact.CLAIM] = f"{placed[1].claim}{sub_path}", f"{account.pod_at}/volumes"
    return base


def _modes(account: Account, path: str, base: str) -> Iterator[tuple[str, Text]]:
    """The last that was printed of each directory from the volume's root down, and of the target."""
    last: dict[str, Told[InodeStated]] = {}
    for told in account.every_inode:
        last[told.value.path] = told
    for known, told in sorted(last.items(), key=lambda item: item[0].count("/")):
        if told.value.type is not FileType.SYMLINK and (known == path or path.startswith(known.rstrip("/") + "/")):
            name = _below(known, base)
            if name is not None:
                yield name, (_mode(told.value), f"{told.pointer}/mode")


def _below(path: str, base: str) -> str | None:
    if path == base:
        return f"{MODE}."
    start = base.rstrip("/") + "/"
    return f"{MODE}{path[len(start) :]}" if path.startswith(start) else None


def _mode(stated: InodeStated) -> str:
    owner = stated.owner if stated.uid is None else stated.uid
    group = stated.group if stated.gid is None else stated.gid
    owner = 0 if owner == "root" else owner
    return f"{stated.mode:04o} {owner}:{group}{'+' if '+' in stated.mark else ''}"


def _target_inode(account: Account, path: str) -> Iterator[tuple[str, Text]]:
    """The newest of each number; `ls` gives fewer of them than `stat`."""
    for told in account.inodes(path):
        stated, at = told.value, told.pointer
        numbers = ((Fact.DEVICE, stated.device), (Fact.INODE, stated.inode), (Fact.SIZE, stated.size))
        yield from ((row, (str(number), at)) for row, number in numbers if number is not None)
        if stated.modified is not None and not stated.modified_within:
            yield Fact.MODIFIED, (format_timestamp(stated.modified), at)
        if stated.changed is not None:
            yield Fact.CHANGED, (format_timestamp(stated.changed), at)
        if told.at is not None:
            yield Fact.LOOKED, (format_timestamp(told.at), at)


def _digests(account: Account) -> Iterator[tuple[str, Text]]:
    diff_ids: list[Told[DigestStated]] = []
    for told in account.stated(DigestStated):
        row = _LEVELS.get(told.value.level)
        if row is not None:
            yield row, (told.value.digest, told.pointer)
        elif told.value.level is DigestLevel.DIFF_ID:
            diff_ids.append(told)
    if diff_ids:
        yield Fact.DIFF_IDS, (" ".join(told.value.digest for told in diff_ids[-64:]), diff_ids[0].pointer)
