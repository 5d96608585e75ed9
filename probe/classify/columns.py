"""Columns of the table from what was looked at: reports, watches, seals, registries."""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator, Sequence

from probe.classify import contents
from probe.classify.case import Case, Reading
from probe.classify.contents import Contents
from probe.classify.facts import MODE, Fact, Facts, Told
from probe.classify.joined import MAX_COLUMNS
from probe.classify.roles import cast
from probe.classify.volumes import met_at, volume_of
from probe.classify.witness import Witness
from probe.evidence.base import format_timestamp
from probe.evidence.path import FileType, Inode

_MOST_MODES = 12
_PLAIN = "path"


def several_tasks(case: Case) -> bool:
    """Whether more than one task told of what it met: several references of one look are one task's."""
    told = [one for one in (*case.history.reports, *case.history.seals) if not one.predicted]
    return any(not told[0].same_container(one) or _named_apart(told[0], one) for one in told[1:])


def of_witnesses(case: Case) -> Iterator[Facts]:
    """A column for each task and path; who looked several times fills one."""
    known = [witness for witness in case.history.all if not witness.predicted]
    known.sort(key=lambda one: one.kind != "seal" and not one.is_producer)  # of too many, whom all are held against
    runs = {one.context.pipeline_run for one in known if one.context.pipeline_run is not None}
    bases = [root.path for one in known if (root := volume_of(one)) is not None]
    names: set[str] = set()
    for group in _grouped(known):
        name = _free_name(_name(group, several_runs=len(runs) > 1), names)
        yield from (_facts(case, witness, name, bases) for witness in group)


def of_registries(case: Case) -> Iterator[Facts]:
    """A column for each image in a registry."""
    for reading in case.arrived:
        rows: dict[str, Told] = {Fact.LOOKED: (format_timestamp(reading.report.started), reading.at("started"))}
        held = contents.of_reading(reading)
        rows.update(_of_contents(held) if held is not None else {})
        name = reading.report.reference.text
        yield Facts(name=name, pointers=(reading.at(),), rows=rows, at=reading.report.started)


# -- who is one task


def _grouped(witnesses: Sequence[Witness]) -> list[list[Witness]]:
    groups: list[list[Witness]] = []
    for witness in witnesses:
        for group in groups:
            if _one_task(group[0], witness):
                group.append(witness)
                break
        else:
            if len(groups) < MAX_COLUMNS:
                groups.append([witness])
    return groups


def _one_task(a: Witness, b: Witness) -> bool:
    """Whether both are one pod's account of one path."""
    if posixpath.normpath(a.reference.path) != posixpath.normpath(b.reference.path) or _named_apart(a, b):
        return False
    known = _both_named(a, b)
    if "task_run" in known or "pod" in known:
        return True
    if "task" in known:
        return a.clock.shares(b.clock) and a.context.hostname == b.context.hostname
    return a.same_container(b)


_NAMES = ("pipeline_run", "task_run", "pod", "task")


def _both_named(a: Witness, b: Witness) -> dict[str, tuple[str, str]]:
    """What both are called."""
    pairs = {name: (getattr(a.context, name), getattr(b.context, name)) for name in _NAMES}
    return {name: pair for name, pair in pairs.items() if None not in pair}


def _named_apart(a: Witness, b: Witness) -> bool:
    """Whether their names say that they are two."""
    return any(mine != other for mine, other in _both_named(a, b).values())


def _name(group: Sequence[Witness], *, several_runs: bool) -> str:
    told = [one.context for one in group]
    task = next((one.task for one in told if one.task), None) or next((one.pod for one in told if one.pod), None)
    run = next((one.pipeline_run for one in told if one.pipeline_run), None)
    name = task or f"{group[0].kind} {group[0].number + 1}"
    return f"{run}/{name}" if several_runs and run else name


def _free_name(name: str, taken: set[str]) -> str:
    numbered = itertools.chain([name], (f"{name} ({number})" for number in itertools.count(2)))
    free = next(one for one in numbered if one not in taken)
    taken.add(free)
    return free


# -- what it shows


def _facts(case: Case, witness: Witness, name: str, bases: Sequence[str]) -> Facts:
    header = f"{witness.at}/watch" if witness.kind == "watch" else witness.at
    rows: dict[str, Told] = {Fact.PATH: (witness.reference.path, f"{header}/reference/path")}
    if witness.reference.transport != _PLAIN:
        rows[Fact.TRANSPORT] = witness.reference.transport, f"{header}/reference/transport"
    rows.update(_of_identity(witness, header))
    marked: set[str] = set()
    base = _base(witness, bases)
    if witness.reading is not None:
        rows.update(_of_report(witness.reading))
        rows.update(_modes(witness.reading, base))
        marked = _denied(witness.reading, base)
    else:
        rows.update(_met(witness, base))
    root = volume_of(witness) or met_at(witness, base)
    if root is not None and root.path != "/":
        rows[Fact.ROOT_INODE] = str(root.inode.inode), root.pointer
    seen = next((look for look in reversed(witness.looks) if look.inode is not None), None)
    if seen is not None and seen.inode is not None:
        rows.update(_of_inode(seen.inode, seen.pointer))
    if witness.looks:
        last = witness.looks[-1]
        rows[Fact.LOOKED] = format_timestamp(last.at), last.pointer
    held = contents.of_witness(case, witness)
    if held is not None:
        rows.update(_of_contents(held))
    return Facts(
        name=name,
        role=cast(case, witness).role,
        pointers=(witness.at,),
        rows=rows,
        node=witness.context.boot_id or witness.context.node,
        at=witness.looks[-1].at if witness.looks else witness.context.probe_started,
        marked=frozenset(marked),
    )


def _of_identity(witness: Witness, header: str) -> dict[str, Told]:
    identity = witness.identity
    groups = sorted({identity.gid.filesystem, *identity.groups})
    rows: dict[str, Told] = {
        Fact.IDENTITY: (f"uid {identity.uid.filesystem}", f"{header}/identity/uid"),
        Fact.GROUPS: (" ".join(map(str, groups)), f"{header}/identity/groups"),
    }
    if witness.context.fs_group is not None:
        rows[Fact.FS_GROUP] = str(witness.context.fs_group), f"{header}/context/fs_group"
    return rows


def _of_report(reading: Reading) -> dict[str, Told]:
    rows: dict[str, Told] = {}
    truth, mount = reading.truth, reading.mount
    if truth is not None:
        rows[Fact.ACCESS] = truth.errno or "granted", reading.truth_at
    elif reading.absent:
        rows[Fact.ACCESS] = "ENOENT", reading.stopped_at
    if mount is not None:
        at = reading.at("mounts", "carrying", "value")
        rows[Fact.MOUNT_POINT] = mount.mount_point, f"{at}/mount_point"
        rows[Fact.SOURCE] = f"{mount.filesystem} {mount.source}", f"{at}/source"
        rows[Fact.ROOT] = mount.root, f"{at}/root"
        rows[Fact.DEVICE] = mount.device, f"{at}/device"
    return rows


def _of_inode(inode: Inode, pointer: str) -> dict[str, Told]:
    rows: dict[str, Told] = {
        Fact.DEVICE: (inode.device, pointer),
        Fact.INODE: (str(inode.inode), pointer),
        Fact.MODIFIED: (format_timestamp(inode.modified), pointer),
        Fact.CHANGED: (format_timestamp(inode.changed), pointer),
    }
    if inode.type is not FileType.DIRECTORY:
        rows[Fact.SIZE] = str(inode.size), pointer
    return rows


def _of_contents(held: Contents) -> dict[str, Told]:
    rows: dict[str, Told] = {}
    if held.manifests:
        rows[Fact.MANIFEST] = held.manifests[0], held.pointer
    if held.config is not None:
        rows[Fact.CONFIG] = held.config, held.pointer
    if held.diff_ids:
        rows[Fact.DIFF_IDS] = " ".join(held.diff_ids), held.pointer
    return rows


# -- modes, from the root of the volume down


def _base(witness: Witness, bases: Sequence[str]) -> str:
    """Where paths are told from: the root of the volume, as this witness or another one knows it."""
    own = volume_of(witness)
    if own is not None:
        return own.path
    path = witness.reference.path
    return next((base for base in bases if path.startswith(base.rstrip("/") + "/")), "/")


def _modes(reading: Reading, base: str) -> dict[str, Told]:
    found: dict[str, Told] = {}
    for index in reading.observed:
        inode, name = reading.inode(index), _below(reading.path_of(index), base)
        if inode is not None and name is not None and inode.type is not FileType.SYMLINK:
            mark = "+" if reading.acl(index) is not None else ""
            found[name] = _mode(inode) + mark, reading.component_at(index, "mode")
    return _last_of(found)


def _met(witness: Witness, base: str) -> dict[str, Told]:
    found: dict[str, Told] = {}
    for anchor in sorted(witness.anchors, key=lambda anchor: anchor.at):
        name = _below(posixpath.normpath(anchor.path), base)
        if name is not None:
            found[name] = _mode(anchor.inode), f"{anchor.pointer}/mode"
    return _last_of(dict(sorted(found.items(), key=lambda item: item[0].count("/"))))


def _denied(reading: Reading, base: str) -> set[str]:
    """The rows that a refusal rests on: the mode that denies, and the groups without the one that it wants."""
    denial = reading.denial
    inode = reading.inode(denial.index) if denial is not None else None
    if denial is None or inode is None:
        return set()
    name = _below(reading.path_of(denial.index), base)
    marked = {name} if name is not None else set()
    return marked if reading.credentials.in_group(inode.gid) else {*marked, Fact.GROUPS}


def _below(path: str, base: str) -> str | None:
    """The name of a row: a path from the base on."""
    if path == base:
        return f"{MODE}."
    start = base.rstrip("/") + "/"
    return f"{MODE}{path[len(start) :]}" if path.startswith(start) else None


def _mode(inode: Inode) -> str:
    return f"{inode.mode:04o} {inode.uid}:{inode.gid}"


def _last_of(found: dict[str, Told]) -> dict[str, Told]:
    """The deepest ones: what lies above the volume is seldom the fault."""
    return dict(list(found.items())[-_MOST_MODES:])
