"""The stages on which the examples of the documentation are played: a pod's view of a shared volume, made real.

Each stage is a mount namespace with a tmpfs at /workspace (Tekton's own emptyDir there) and another one, the claim, at
/workspace/source: its root as kubelet's fsGroup sweep leaves it, a whole OCI archive in `oci/`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import http.server
import json
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support import landlock
from support.fuse import mirror
from support.stage import BARE_ROOT, FS_GROUP, PUSHER, ROOT, STRANGER, Person

from probe.collect.gather import Plan, gather
from probe.demo import kernel, namespace
from probe.demo.image import build_image
from probe.evidence.report import Report
from probe.handoff.seal.sealing import Wish, seal
from probe.image.reference import parse_reference

SOURCE = Path("/workspace/source")
OCI = SOURCE / "oci"
ARCHIVE = OCI / "image.tar"
REFERENCE = f"oci-archive:{ARCHIVE}"
DEBUG = Path("/workspace/debug")
"""Where the commands run: anybody may write there."""
DATA = Path(__file__).parents[1] / "evidence/data"
OTHER_GROUP = 1000660000
TICKS_SECONDS = 0.1
"""Between what is built and the pod's start, which counts in clock ticks."""
REGISTRY = "registry.example.com"
_HOUR = 3600.0


class MappedRoot(Person):
    """Root of a user namespace in which only its own ids have a meaning."""

    def become(self) -> None:
        """An ordinary user first, then the namespace, with all its capabilities."""
        os.setgroups([])
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)
        kernel.become_ordinary()
        namespace.enter_one_id(0, 0, mounts=False)


@dataclass(frozen=True)
class Setting:
    """What makes a stage. `build` runs before the pod starts and `during` in the running pod, both as root."""

    build: Callable[[], None] = lambda: None
    during: Callable[[], None] = lambda: None
    later: Callable[[], None] | None = None
    """Happens, as root, after the first command of the probe has begun: shortly, or `patience` seconds after."""
    patience: float = 0.25
    before: Callable[[], None] = lambda: None
    """As the identity of the pod, just before the commands."""
    by: Person = PUSHER
    volume: bool = True
    container: bool = True
    """In a PID namespace of its own, so that there is a container start; False: as from a shell on the node."""
    pod: bool = True
    """With a /workspace of its own; False: on this machine as it is."""


def set_up(volume: bool) -> None:
    """Mount and fill /workspace in this mount namespace."""
    kernel.mount_tmpfs("/workspace", "64m")
    os.chmod("/workspace", 0o777)
    SOURCE.mkdir()
    DEBUG.mkdir()
    os.chmod(DEBUG, 0o777)
    if volume:
        kernel.mount_tmpfs(str(SOURCE), "64m")
        publish()
        for path, mode in ((SOURCE, 0o2775), (OCI, 0o2775), (ARCHIVE, 0o664)):
            os.chown(path, 0, FS_GROUP)
            os.chmod(path, mode)


def publish(at: Path = ARCHIVE, data: bytes | None = None, age: float = _HOUR) -> None:
    """Lay down a whole archive, last written an hour ago."""
    at.parent.mkdir(exist_ok=True)
    at.write_bytes(data if data is not None else image())
    os.utime(at, (time.time() - age, time.time() - age))


@cache
def image() -> bytes:
    """The archive's bytes, the same on every run."""
    return build_image().archive


def mode(path: Path, bits: int) -> Callable[[], None]:
    """A chmod to come."""
    return lambda: os.chmod(path, bits)


def _closed_by_acl() -> None:
    subprocess.run(["setfacl", "-m", f"u:{PUSHER.uid}:r", OCI], check=True)


def _owned_by_1001() -> None:
    os.chown(OCI, 1001, -1)
    os.chmod(OCI, 0o2700)


def _unswept() -> None:
    os.chown(SOURCE, 0, 0)
    os.chmod(SOURCE, 0o755)
    os.chown(OCI, 0, 0)
    os.chmod(OCI, 0o700)


def _made_late() -> None:
    time.sleep(0.1)
    os.umask(0o077)
    publish(SOURCE / "late/image.tar", age=0)


def _swept_by_another() -> None:
    time.sleep(0.1)
    for path in (ARCHIVE, OCI, SOURCE):
        os.chown(path, -1, OTHER_GROUP)
        os.chmod(path, os.stat(path).st_mode & 0o7777 | (0o2770 if path.is_dir() else 0o660))


def _writing() -> None:
    """Another process of the pod's node writes the archive, slowly, under its final name."""
    if os.fork() == 0:
        data, done = image(), 1_200_000
        with open(ARCHIVE, "r+b", buffering=0) as stream:
            stream.truncate(0)
            stream.write(data[:done])
            while done < len(data):
                time.sleep(0.05)
                done += stream.write(data[done : done + 20_000])
        os._exit(0)
    while os.stat(ARCHIVE).st_size not in range(1_200_000, 2_000_000):
        time.sleep(0.01)


def _began() -> None:
    """A producer has opened the final name and written nothing yet, as skopeo does."""
    publish(data=b"", age=0)


def _cut() -> None:
    publish(data=image()[: len(image()) // 2])


def _damaged() -> None:
    publish(data=build_image().damaged())


def _arrives() -> None:
    partial = OCI / ".image.tar.partial"
    publish(partial, age=0)
    os.chmod(partial, 0o664)
    os.rename(partial, ARCHIVE)


def _secret() -> None:
    secret = Path("/workspace/dockerconfig/config.json")
    secret.parent.mkdir()
    secret.write_text("{}")
    os.chmod(secret, 0o600)


def _small_temp() -> None:
    kernel.mount_tmpfs("/var/tmp", "1m")


def _read_only() -> None:
    subprocess.run(["mount", "-o", "remount,bind,ro", SOURCE], check=True)


_KEPT = contextlib.ExitStack()
"""What must live as long as the pod."""


def _served(answers: dict[tuple[str, str], int], *, allow_other: bool = True) -> Callable[[], None]:
    """The claim comes from a file server (FUSE), which answers some calls by rules of its own."""

    def serve() -> None:
        away = Path("/workspace/.server")
        shutil.copytree(SOURCE, away)
        for path in (away, away / "oci", away / "oci/image.tar"):
            os.chown(path, 0, FS_GROUP)
            os.chmod(path, 0o2775 if path.is_dir() else 0o664)
        subprocess.run(["umount", SOURCE], check=True)
        _KEPT.enter_context(mirror(away, SOURCE, answers, allow_other=allow_other))

    return serve


class _Refusing(http.server.BaseHTTPRequestHandler):
    """A registry that knows the client and lets it push nothing (distribution-spec, error codes)."""

    def do_GET(self) -> None:
        self._answer(200)

    def do_HEAD(self) -> None:
        self._answer(404)

    def do_POST(self) -> None:
        self._answer(403)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self, status: int) -> None:
        error = {"code": "DENIED", "message": "requested access to the resource is denied"}
        body = b"{}" if status == 200 else json.dumps({"errors": [error]}).encode()
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _registry() -> None:
    """The refusing registry in a network namespace of its own, by name."""
    kernel.unshare(0x40000000)  # CLONE_NEWNET
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
    hosts = DEBUG / ".hosts"
    hosts.write_text(f"127.0.0.1 localhost {REGISTRY}\n")
    os.chmod(hosts, 0o644)
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    server = http.server.HTTPServer(("127.0.0.1", 80), _Refusing)
    if os.fork() == 0:
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
        os._exit(0)


def _as_recorded() -> None:
    os.chmod(ARCHIVE, 0o644)
    (DEBUG / "err.txt").write_text('level=fatal msg="permission denied"\n')
    os.chmod(DEBUG / "err.txt", 0o644)


def _documents() -> None:
    for path in DATA.glob("report-v1-*.json"):
        copy = DEBUG / path.name.removeprefix("report-v1-")
        shutil.copyfile(path, copy)
        os.chmod(copy, 0o644)


CAPTURES = Path(__file__).parents[1] / "captures"


def _captured(name: str) -> Callable[[], None]:
    """What somebody saved of a real PipelineRun, as `incident`; the log of one push as `push.log`."""

    def save() -> None:
        saved = DEBUG / "incident"
        _open_copy(CAPTURES / name, saved)
        (saved / "objects").mkdir()
        os.chmod(saved / "objects", 0o755)
        for file in saved.glob("*.json"):
            file.rename(saved / "objects" / file.name)
        (log,) = saved.glob("logs/*push-to-internal*.step-push.log")
        shutil.copyfile(log, DEBUG / "push.log")
        os.chmod(DEBUG / "push.log", 0o644)

    return save


def _open_copy(source: Path, copy: Path) -> None:
    shutil.copytree(source, copy, copy_function=shutil.copyfile)
    for folder, _, files in os.walk(copy):
        os.chmod(folder, 0o755)
        for file in files:
            os.chmod(os.path.join(folder, file), 0o644)


def _another_claim() -> None:
    """The build looks at what it made; then the pod starts with another claim, in which an old image lies."""
    facts = {"task": "build", "role": "producer"}
    _told(DEBUG / "build.json", gather(parse_reference(REFERENCE), Plan(gap=0.02, skopeo="never", facts=facts)))
    kernel.mount_tmpfs(str(SOURCE), "64m")
    publish(data=build_image(300_000).archive, age=3 * 24 * _HOUR)
    for path, bits in ((SOURCE, 0o2775), (OCI, 0o2775), (ARCHIVE, 0o664)):
        os.chown(path, 0, FS_GROUP)
        os.chmod(path, bits)


def _overwritten() -> None:
    """The build seals its image; then somebody writes another one over it."""
    seal(parse_reference(REFERENCE), Wish(facts={"task": "build", "pipeline-run": "release-7"}))
    ARCHIVE.write_bytes(build_image(300_000).archive)


def _told(path: Path, document: Report) -> None:
    path.write_text(document.model_dump_json(by_alias=True))
    os.chmod(path, 0o644)


SETTINGS = {
    "healthy": Setting(),
    "traversal": Setting(mode(OCI, 0o2700)),
    "as-root": Setting(mode(OCI, 0o2700), by=ROOT, container=False),
    "as-producer": Setting(by=ROOT, container=False),
    "stranger": Setting(mode(OCI, 0o2770), by=STRANGER),
    "file": Setting(mode(ARCHIVE, 0o600)),
    "write": Setting(mode(ARCHIVE, 0o644)),
    "acl": Setting(_closed_by_acl),
    "bare-root": Setting(_owned_by_1001, by=BARE_ROOT),
    "unswept": Setting(_unswept),
    "late": Setting(during=_made_late),
    "other-sweep": Setting(mode(OCI, 0o2750), _swept_by_another),
    "writing": Setting(during=_writing),
    "began": Setting(_began),
    "absent": Setting(ARCHIVE.unlink),
    "arrives": Setting(ARCHIVE.unlink, later=_arrives),
    "heals": Setting(mode(ARCHIVE, 0o600), later=mode(ARCHIVE, 0o664)),
    "heals-late": Setting(mode(ARCHIVE, 0o600), later=mode(ARCHIVE, 0o664), patience=2.0),
    "truncated": Setting(_cut),
    "truncated-as-owner": Setting(_cut, by=ROOT),
    "corrupt": Setting(_damaged),
    "authfile": Setting(_secret),
    "registry": Setting(during=_registry),
    "small-temp": Setting(during=_small_temp),
    "read-only": Setting(during=_read_only),
    "server": Setting(during=_served({("open", "/oci/image.tar"): errno.EACCES})),
    "server-private": Setting(during=_served({}, allow_other=False)),
    "stale-handle": Setting(during=_served({("open", "/oci/image.tar"): errno.ESTALE})),
    "user-namespace": Setting(mode(OCI, 0o700), by=MappedRoot(12345, 12345)),
    "landlock": Setting(before=landlock.deny_reading_files),
    "unmounted": Setting(volume=False),
    "root-as-owner": Setting(mode(OCI, 0o2700), by=Person(0, 0, (0, FS_GROUP))),
    "as-recorded": Setting(_as_recorded, by=Person(0, 0, (0, FS_GROUP))),
    "documents": Setting(_documents),
    "captured-late": Setting(_captured("14-late-creation-umask077")),
    "captured-volumes": Setting(_captured("20-two-pvcs")),
    "another-claim": Setting(_another_claim),
    "overwritten": Setting(_overwritten),
    "machine": Setting(by=ROOT, pod=False),
}
"""By the name in the comment before an example."""
