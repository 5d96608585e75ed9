"""Verdict documents of real situations, each made once in a session: real inodes, identities, archives and writers."""

from __future__ import annotations

import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support.stage import BARE_ROOT, FS_GROUP, PUSHER, ROOT, STRANGER, Stage, volume

from probe.access.credentials import parse_identity
from probe.classify.verdict import VerdictDocument

AUTH_FILE = "/etc/containers/auth.json"
_AUTH = (
    f'time="2025-10-27T18:34:11Z" level=fatal msg="Error loading trust policy: open {AUTH_FILE}: permission denied"\n'
)
_ABSENT = (
    'time="2025-10-27T18:34:11Z" level=fatal msg="Error parsing image name: open {path}: no such file or directory"'
)


@dataclass(frozen=True)
class Situation:
    """One verdict document, as the program wrote it, and what it says."""

    name: str
    text: str

    @property
    def document(self) -> VerdictDocument:
        """The document, read back."""
        return VerdictDocument.model_validate_json(self.text)


def play_all(archive: Path) -> dict[str, Situation]:
    """Every situation, by name. Needs root."""
    found = {}
    for name, play in _PLAYS.items():
        with tempfile.TemporaryDirectory(prefix="probe-situation-") as folder:
            os.chmod(folder, 0o755)
            document = play(Stage(Path(folder), archive))
        found[name] = Situation(name, document.model_dump_json(by_alias=True, indent=2))
    return found


def _healthy(stage: Stage) -> VerdictDocument:
    return stage.check(f"oci-archive:{stage.workspace()}/oci/image.tar", deep=True)


def _plain_path(stage: Stage) -> VerdictDocument:
    return stage.check(stage.workspace() / "oci")


def _traversal(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    return stage.check(f"oci-archive:{workspace}/oci/image.tar")


def _listable(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o744)
    return stage.check(f"oci-archive:{workspace}/oci/image.tar")


def _hidden_marker(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o744)
    return stage.check(f"dir:{workspace}/oci")


def _missing_group(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2770)
    return stage.check(f"oci-archive:{workspace}/oci/image.tar", by=STRANGER)


def _acl(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    subprocess.run(["setfacl", "-m", f"u:{PUSHER.uid}:---", workspace / "oci"], check=True)
    return stage.check(f"oci-archive:{workspace}/oci/image.tar")


def _file_denied(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    os.chmod(workspace / "oci/image.tar", 0o600)
    return stage.check(f"oci-archive:{workspace}/oci/image.tar")


def _bare_root(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    os.chown(workspace / "oci", FS_GROUP, FS_GROUP)
    os.chmod(workspace / "oci", 0o700)
    return stage.check(f"oci-archive:{workspace}/oci/image.tar", by=BARE_ROOT)


def _predicted(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o700)
    someone = parse_identity(f"{FS_GROUP}:0:{FS_GROUP}")
    return stage.check(f"oci-archive:{workspace}/oci/image.tar", by=ROOT, predict_for=someone)


def _absent(stage: Stage) -> VerdictDocument:
    return stage.check(f"oci-archive:{stage.workspace()}/image.tar")


def _two_names(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    return stage.check(f"oci-archive:{workspace}/oci/image.tar", f"dir:{workspace}/oci")


def _layout(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    with tarfile.open(workspace / "oci/image.tar") as archive:
        archive.extractall(workspace / "layout")
    stderr = _ABSENT.format(path=workspace / "layout/index.json")
    return stage.check(f"oci:{workspace}/layout", stderr=stderr)


def _truncated(stage: Stage) -> VerdictDocument:
    archive = stage.workspace() / "oci/image.tar"
    os.truncate(archive, 300_000)
    os.utime(archive, (time.time() - 7200,) * 2)
    return stage.check(f"oci-archive:{archive}")


def _corrupt(stage: Stage) -> VerdictDocument:
    archive = stage.workspace() / "oci/image.tar"
    with open(archive, "r+b") as stream:
        stream.seek(2_000_000)
        stream.write(b"turned")
    return stage.check(f"oci-archive:{archive}", deep=True)


def _growing(stage: Stage) -> VerdictDocument:
    archive = stage.workspace() / "oci/image.tar"
    os.truncate(archive, 300_000)
    pid = os.fork()
    if pid == 0:
        with open(archive, "ab", buffering=0) as stream:
            for _ in range(500):
                stream.write(b"\0" * 512)
                time.sleep(0.01)
        os._exit(0)
    try:
        return stage.check(f"oci-archive:{archive}", by=ROOT, lease=True)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def _changing(before: int, after: int) -> Callable[[Stage], VerdictDocument]:
    """The mode of a directory is changed while the probe looks."""

    def play(stage: Stage) -> VerdictDocument:
        workspace = stage.workspace()
        os.chmod(workspace / "oci", before)
        pid = os.fork()
        if pid == 0:
            time.sleep(0.3)
            os.chmod(workspace / "oci", after)
            os._exit(0)
        try:
            return stage.check(f"oci-archive:{workspace}/oci/image.tar", gap=0.6)
        finally:
            os.waitpid(pid, 0)

    return play


def _through_links(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    os.symlink("oci", workspace / "latest")
    os.symlink(workspace / "latest/image.tar", stage.root / "link")
    return stage.check(f"oci-archive:{stage.root}/link")


def _create_denied(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o755)
    return stage.check(workspace / "oci/new.tar", want="create")


def _read_only(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()

    def prepare() -> None:
        if os.system(f"mount --bind {workspace} {workspace} && mount -o remount,ro,bind {workspace}") != 0:
            raise OSError("mount failed")

    return stage.check(workspace / "oci/image.tar", want="write", prepare=prepare)


def _in_a_pod(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    os.chmod(workspace / "oci", 0o2700)
    time.sleep(0.2)
    facts = {"fs-group": str(FS_GROUP), "task": "push", "pod": "push-pod", "workspace": str(workspace)}
    return stage.check(f"oci-archive:{workspace}/oci/image.tar", facts=facts, **volume(workspace))


def _late(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()

    def make() -> None:
        time.sleep(0.1)
        os.mkdir(workspace / "late", 0o700)

    facts = {"fs-group": str(FS_GROUP)}
    return stage.check(f"oci-archive:{workspace}/late/image.tar", facts=facts, **volume(workspace, make))


def _other_path(stage: Stage) -> VerdictDocument:
    return stage.check(f"oci-archive:{stage.workspace()}/oci/image.tar", stderr=_AUTH)


def _unusual(stage: Stage) -> VerdictDocument:
    workspace = stage.workspace()
    for name in (b"\xff\xfe", b"esc\x1b[31m", "\u202egnp.rat".encode(), b"it's", b"n" * 255, b"new\nline"):
        (Path(os.fsdecode(os.fsencode(workspace / "oci") + b"/" + name))).write_bytes(b"")
    os.mkfifo(workspace / "oci/pipe")
    return stage.check(f"oci-archive:{workspace}/oci/image.tar:nowhere")


_PLAYS: dict[str, Callable[[Stage], VerdictDocument]] = {
    "healthy": _healthy,
    "plain path": _plain_path,
    "traversal": _traversal,
    "listable": _listable,
    "hidden marker": _hidden_marker,
    "missing group": _missing_group,
    "acl": _acl,
    "file denied": _file_denied,
    "bare root": _bare_root,
    "predicted": _predicted,
    "absent": _absent,
    "two names": _two_names,
    "layout": _layout,
    "truncated": _truncated,
    "corrupt": _corrupt,
    "growing": _growing,
    "healed": _changing(0o700, 0o755),
    "taken away": _changing(0o755, 0o700),
    "through links": _through_links,
    "create denied": _create_denied,
    "read-only": _read_only,
    "in a pod": _in_a_pod,
    "late": _late,
    "other path": _other_path,
    "unusual": _unusual,
}
