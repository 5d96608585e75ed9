"""Failures that are not about the image: another file, the registry, space, a read-only mount, a stale handle."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator

from probe.access.credentials import Credentials
from probe.access.decide import Right, decide
from probe.access.quote import quote_path
from probe.classify.case import REFUSALS
from probe.classify.hypothesis import Scale
from probe.classify.paths import inside
from probe.classify.told.account import Told
from probe.classify.told.logs.links import leads_to
from probe.classify.told.logs.mounts import mount_of
from probe.classify.told.logs.reader import ELSEWHERE, Met, Reader
from probe.classify.told.logs.refusal import Refusal, words
from probe.classify.told.logs.remedies import opened
from probe.classify.told.logs.shown import NOBODY, inode_of, nearest, shown
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.command import Failure, FailureKind
from probe.evidence.transcript import SpaceStated

_WHAT = {
    "auth-file": "the file with its credentials",
    "policy": "the trust policy",
    "destination": "the destination",
    "temp": "its temporary directory",
    "config": "a file of its configuration",
    "storage": "its image store",
}
_WRITTEN = frozenset({"--digestfile", "--iidfile"})
_REGISTRY = frozenset({FailureKind.REGISTRY_UNREACHABLE, FailureKind.REGISTRY_OTHER})


def rule(story: Story) -> Iterator[Assessment]:
    """By the first message of each reader's last attempt that says such a thing."""
    for reader in story.reading:
        final = reader.final
        for failure in reader.last_failures if final is not None else ():
            assert final is not None
            found = _weigh(story, reader, final, failure)
            if found is not None:
                yield found
                break


def _weigh(story: Story, reader: Reader, final: Met, failure: Told[Failure]) -> Assessment | None:
    said = failure.value
    if said.kind is FailureKind.NO_SPACE:
        return _no_space(reader, failure)
    if said.kind is FailureKind.REGISTRY_DENIED:
        return _registry(reader, failure)
    if said.errno == "ESTALE":
        return _stale_handle(reader, failure)
    if said.errno == "EROFS":
        return _read_only(reader, failure)
    if said.kind in _REGISTRY and said.registry:
        return _unreachable(reader, failure)
    if (
        final.concerns(said)
        or leads_to(reader.account, final.path, said.path)
        or not said.path
        or not said.path.startswith("/")
    ):
        return None
    if said.about in ELSEWHERE or final.path:
        return _other_path(story, reader, failure)
    return None


def _support(reader: Reader, failure: Told[Failure], cause: Cause) -> Scale:
    scale = Scale(cause)
    scale.support(failure.pointer, f"{reader.account.cite(failure)}: {failure.value.text}")
    return scale


def _other_path(story: Story, reader: Reader, failure: Told[Failure]) -> Assessment:
    said, path = failure.value, posixpath.normpath(failure.value.path or "")
    if said.about == "temp":
        path = _made_in(path)
    denied = _write_denied(reader, failure, path)
    if denied is not None:
        return denied
    scale = _support(reader, failure, Cause.OTHER_PATH_FAILED)
    what = _WHAT.get(said.about, "another path")
    image = f", not with {reader.path}" if reader.path else ""
    scale.support(failure.pointer, f"that is {what}{image}")
    remedy = Remedy(
        smallest=Fix(sentence=f"Look at {path}: {what} is what fails.", command=f"ls -ld {quote_path(path)}")
    )
    who = reader.account.who
    if said.errno in REFUSALS and who is not None and who.uid is not None:
        accounts = (reader.account, *story.beside(reader.account))
        refusal = Refusal(reader, None, failure, path, shown(accounts, who, path, failure))
        if refusal.hop is not None and refusal.hop.told is not None and refusal.step is not None:
            whose = refusal.hop.account or reader.account
            where = whose.cite(refusal.hop.told)
            scale.support(refusal.hop.pointer, f"{where}: {refusal.hop.path}: {refusal.sentence}")
            remedy = opened(refusal) or remedy
    text = f"{said.operation or 'an operation'} {path}".strip()
    statement = f"{reader.name} failed with {what}, {path} ({said.errno or text}){image}"
    return scale.likely(statement, component=path, remedy=remedy)


def _write_denied(reader: Reader, failure: Told[Failure], path: str) -> Assessment | None:
    """A file that an option lets the command write beside the image, in a directory that grants it no new name."""
    final, who, directory = reader.final, reader.account.who, posixpath.dirname(path)
    named = any(
        one.path == path and one.option in _WRITTEN
        for tried in reader.account.tries
        for one in tried.invocation.value.files
    )
    if final is None or failure.value.errno not in REFUSALS or not named or who is None or who.uid in (None, 0):
        return None
    told = nearest(reader.account, directory, failure)
    inode = inode_of(told.value) if told is not None else None
    if told is None or inode is None or told.value.mark == "+":
        return None
    uid, primary = who.uid if who.uid is not None else NOBODY, who.gid if who.gid is not None else NOBODY
    credentials = Credentials(uid, primary, who.groups, who.capabilities or frozenset())
    decision = decide(credentials, inode, None, Right.WRITE | Right.EXECUTE)
    if decision.granted or reader.account.inodes(path):
        return None
    scale = _support(reader, failure, Cause.WRITE_DENIED)
    scale.support(told.pointer, f"{reader.account.cite(told)}: {directory}: {decision.sentence}")
    scale.support(who.pointer, f"asked by {words(who)}")
    fix = Fix(sentence="Let the command write where the reader may: in a directory of its own, such as /tmp.")
    cure = Fix(sentence="Or open the directory to the shared group.", command=f"chmod g+rwx {quote_path(directory)}")
    statement = f"{reader.name} may make no name in {directory}, where it was to write {path}"
    return scale.likely(statement, component=directory, remedy=Remedy(smallest=fix, structural=cure))


def _unreachable(reader: Reader, failure: Told[Failure]) -> Assessment:
    scale = _support(reader, failure, Cause.OTHER_PATH_FAILED)
    host = failure.value.registry or ""
    fix = Fix(sentence=f"Look at the way to {host}: name, route, certificate, proxy.")
    return scale.likely(f"{reader.name} failed with the registry {host}, not with a file", remedy=Remedy(smallest=fix))


def _registry(reader: Reader, failure: Told[Failure]) -> Assessment:
    scale = _support(reader, failure, Cause.REGISTRY_DENIED)
    host = failure.value.registry or "the registry"
    remedy = Remedy(
        smallest=Fix(
            sentence=f"Check the credentials for {host}: the right secret, linked to the service account, with the "
            "right to push there.",
            command=f"skopeo login --get-login {shlex.quote(failure.value.registry or 'REGISTRY')}",
        )
    )
    return scale.likely(f"{host} refused {reader.name}, not the file system", remedy=remedy)


def _no_space(reader: Reader, failure: Told[Failure]) -> Assessment:
    said, account = failure.value, reader.account
    scale = _support(reader, failure, Cause.NO_SPACE)
    path = said.path or ""
    space = _space(reader, path)
    if space is not None:
        one = space.value
        scale.support(
            space.pointer,
            f"{account.cite(space)}: {one.mount_point} has {one.total_bytes} bytes, {one.available_bytes} available",
        )
    mount = mount_of(account, path) if path.startswith("/") else None
    if mount is not None and mount.mount_point != "/":
        scale.support(mount.pointer, mount.sentence)
    size = next((one for one in account.inodes(reader.path) if one.value.size), None)
    if size is not None:
        scale.support(size.pointer, f"{account.cite(size)}: {reader.path} has {size.value.size} bytes")
    where = _made_in(path) if said.about == "temp" else posixpath.dirname(path) or path
    temporary = f", where {said.tool or 'it'} unpacks the archive" if said.about == "temp" else ""
    statement = f"{reader.name} ran out of space in {where or 'a place that it does not name'}{temporary}"
    room = quote_path(f"{posixpath.dirname(reader.path) or '/workspace'}/.tmp")
    remedy = Remedy(
        smallest=Fix(
            sentence="Let skopeo unpack where there is room: beside the archive, or in a larger emptyDir at /var/tmp.",
            command=f"mkdir -p {room} && skopeo --tmpdir {room} copy ...",
            yaml="volumes:\n- name: vartmp\n  emptyDir:\n    sizeLimit: 20Gi",
        ),
        structural=Fix(sentence="Hand over an oci: directory in place of an archive: it is read without unpacking."),
    )
    if said.about != "temp":
        fix = Fix(
            sentence="Make room there: remove what earlier runs left, or ask for a larger claim.",
            command=f"df -h {quote_path(where)}" if where.startswith("/") else None,
        )
        remedy = Remedy(smallest=fix)
    return scale.likely(statement, component=where or None, remedy=remedy)


def _made_in(path: str) -> str:
    """The temporary directory in which skopeo makes its own: the name that it makes up is of no use."""
    for part in ("/oci", "/container_images_oci", "/storage", "/docker-tar"):
        head, found, rest = path.partition(part)
        if found and rest[:1].isdigit():
            return head or "/"
    return posixpath.dirname(path)


def _space(reader: Reader, path: str) -> Told[SpaceStated] | None:
    """`df` of the file system that carries the path."""
    best = None
    for one in reader.account.stated(SpaceStated):
        point = one.value.mount_point.rstrip("/") or "/"
        if (point in ("/", path) or inside(path, point)) and (best is None or len(point) > len(best.value.mount_point)):
            best = one
    return best


def _stale_handle(reader: Reader, failure: Told[Failure]) -> Assessment:
    scale = _support(reader, failure, Cause.STALE_HANDLE)
    path = failure.value.path or reader.path
    return scale.likely(
        f"the handle of {path} is stale: its server no longer knows what was opened there",
        component=path,
        remedy=Remedy(smallest=Fix(sentence="Start the pod again, so that the volume is mounted anew.")),
    )


def _read_only(reader: Reader, failure: Told[Failure]) -> Assessment:
    scale = _support(reader, failure, Cause.READ_ONLY)
    path = failure.value.path or reader.path
    mount = mount_of(reader.account, path) if path.startswith("/") else None
    if mount is not None:
        scale.support(
            mount.pointer, f"{mount.sentence}, {'read-only' if 'ro' in mount.options else 'not shown read-only'}"
        )
    point = mount.mount_point if mount is not None else path
    fix = Fix(
        sentence=f"Let the command write elsewhere (--tmpdir, --digestfile), or mount {point} for writing.",
        yaml="volumeMounts:\n- name: source\n  readOnly: false",
    )
    return scale.likely(
        f"{reader.name} needed to write to {path}, which is mounted read-only",
        component=path,
        remedy=Remedy(smallest=fix),
    )
