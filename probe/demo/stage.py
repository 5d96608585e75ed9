"""The stage: which identities this machine lets us play, a directory that all of them reach, and how it is cleared."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from probe.access.capability import capability_names, parse_capabilities
from probe.demo import kernel, namespace
from probe.demo.cast import GIDS, UIDS, Actor
from probe.demo.process import SIGNALS, ActorFailed, Become, Processes


class Kind(StrEnum):
    """How far identities are real."""

    ROOT = "root"
    USER_NAMESPACE = "user-namespace"
    SINGLE_USER = "single-user"


class Need(StrEnum):
    """What a scene cannot do without."""

    OTHER_IDS = "other uids, gids and groups"
    ORDINARY_ID = "a process with another uid than 0"
    ROOT_ID = "a process with uid 0"
    MOUNTS = "a mount of its own"


class NoStage(Exception):  # noqa: N818 - what is missing, not a fault of the program
    """Why nothing can be played here, and what to do about it."""


_ALL_IDS = frozenset({Need.OTHER_IDS, Need.ORDINARY_ID, Need.ROOT_ID})


@dataclass(frozen=True)
class Setting:
    """Where a process of the play stands: environment, working directory, and a file system of its own."""

    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"
    tmpfs: tuple[str, str] | None = None
    """Mount point and size."""


_NEEDED = frozenset(parse_capabilities("chown,dac_override,fowner,fsetid,kill,setgid,setpcap,setuid"))


class Stage:
    """One directory, and a way to start processes as the actors. A context manager: nothing is left behind."""

    def __init__(self, *, keep: bool = False) -> None:
        """Find out what can be played, and enter a user namespace where that helps. Raises NoStage.

        This process stays in that namespace: make a stage in a process that has nothing else to do.
        """
        if shutil.which("skopeo") is None:
            raise NoStage(
                "skopeo is not installed, and every scene runs it: apt-get install skopeo, or dnf install skopeo"
            )
        kernel.prepare()
        self._processes = Processes()
        self._keep = keep
        self.kind, self.reason, self._one_id = Kind.SINGLE_USER, "", True
        self.offers: frozenset[Need] = frozenset()
        self.directory = ""
        self._choose()

    def __enter__(self) -> Stage:
        try:
            self.directory = tempfile.mkdtemp(prefix="probe-demo-", dir=_common_ground())
            os.chmod(self.directory, 0o755)
        except OSError as error:
            raise NoStage(f"no directory for the play: {error.strerror}: {error.filename}") from None
        return self

    def __exit__(self, *_: object) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # an impatient second Ctrl-C
        try:
            self._processes.close()
            if not self._keep:
                remove_tree(self.directory)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    @property
    def processes(self) -> Processes:
        """What starts them."""
        return self._processes

    @property
    def real_identities(self) -> bool:
        """Whether actors with different ids are different to the kernel."""
        return Need.OTHER_IDS in self.offers

    def lacks(self, needs: frozenset[Need]) -> str | None:
        """Why a scene with these needs cannot be played, or None."""
        missing = sorted(needs - self.offers)
        return f"needs {' and '.join(missing)}; {self.reason}" if missing else None

    def own(self, path: str, uid: int, gid: int, mode: int) -> None:
        """Set owner and mode of what this process made; the owner only where other ids exist."""
        if self.real_identities:
            os.chown(path, uid, gid)
        os.chmod(path, mode)

    def become(self, actor: Actor, setting: Setting) -> Become:
        """How a new process turns into the actor, as near as this stage comes."""

        def turn() -> None:
            os.umask(0o022)
            if self.kind is Kind.USER_NAMESPACE and self._one_id:
                namespace.enter_one_id(actor.uid, actor.gid, mounts=setting.tmpfs is not None)
            elif setting.tmpfs is not None:
                kernel.unshare(kernel.CLONE_NEWNS)
            if setting.tmpfs is not None:
                kernel.mount_tmpfs(*setting.tmpfs)
            if actor.no_new_privs:
                kernel.forbid_new_privileges()
            kernel.drop_from_bounding_set(actor.capabilities)
            if self.real_identities:
                os.setgroups(actor.groups)
                os.setresgid(actor.gid, actor.gid, actor.gid)
                os.setresuid(actor.uid, actor.uid, actor.uid)
            kernel.limit_capabilities(actor.capabilities)
            kernel.become_ordinary()
            os.environ.clear()
            os.environ.update(setting.environment)
            os.chdir(setting.directory)

        return turn

    # -- what can be played here

    def _choose(self) -> None:
        effective = _effective_capabilities()
        if effective >= _NEEDED and namespace.ids_mapped("uid", UIDS) and namespace.ids_mapped("gid", GIDS):
            self.kind, self._one_id = Kind.ROOT, False
            self.reason = "this process is root: every uid, gid, group and capability set is real"
            self.offers = _ALL_IDS | self._mounts("CAP_SYS_ADMIN" in effective)
            return
        capable = {"CAP_SETUID", "CAP_SETGID"} <= effective
        try:
            maps = namespace.whole_cast_maps(capable)
            self._rehearse(lambda: namespace.enter_whole_cast(maps, capable))
            namespace.enter_whole_cast(maps, capable)
        except (namespace.NoNamespace, ActorFailed) as error:
            self._choose_one_id(str(error))
            return
        self.kind, self._one_id = Kind.USER_NAMESPACE, False
        self.reason = "a user namespace with ids lent to this user: the kernel tells the identities apart"
        self.offers = _ALL_IDS | self._mounts(True)

    def _choose_one_id(self, why: str) -> None:
        try:
            self._rehearse(lambda: namespace.enter_one_id(0, 0, mounts=True))
        except ActorFailed as error:
            self.reason = f"no user namespace can be had ({error}): every process is this user, without capabilities"
            self.offers = frozenset({Need.ORDINARY_ID if os.geteuid() else Need.ROOT_ID})
            return
        self.kind = Kind.USER_NAMESPACE
        self.reason = (
            f"a user namespace with one id ({why}): uids have other names there, but all are the same kernel user"
        )
        self.offers = frozenset({Need.ORDINARY_ID, Need.ROOT_ID}) | self._mounts(True)

    def _mounts(self, worth_trying: bool) -> frozenset[Need]:
        """Whether an actor may mount a tmpfs: a container's seccomp filter or security module may forbid it."""

        def mount() -> None:
            if self._one_id:
                namespace.enter_one_id(0, 0, mounts=True)
            else:
                kernel.unshare(kernel.CLONE_NEWNS)
            kernel.mount_tmpfs("/tmp", "64k")

        try:
            if worth_trying:
                self._rehearse(mount)
                return frozenset({Need.MOUNTS})
        except ActorFailed:
            pass
        return frozenset()

    def _rehearse(self, attempt: Become) -> None:
        """Try it in a process that ends afterwards. Raises ActorFailed."""
        self._processes.call(attempt, lambda: b"")


def _effective_capabilities() -> frozenset[str]:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return frozenset(capability_names(int(line.split()[1], 16)))
    return frozenset()


def _common_ground() -> str:
    """A directory in which this process may write and through which everybody may pass. Raises NoStage."""
    candidates = list(dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")))
    for candidate in candidates:
        if os.access(candidate, os.W_OK | os.X_OK) and _open_to_all(candidate):
            return candidate
    raise NoStage(
        f"other identities must reach the play's directory, and none of {', '.join(candidates)} can be written by this "
        "process and entered by everybody: set TMPDIR to one that can"
    )


def _open_to_all(path: str) -> bool:
    path = os.path.realpath(path)
    while True:
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
        if path == "/":
            return True
        path = os.path.dirname(path)


def remove_tree(path: str) -> None:
    """Remove a directory with all in it, also what its owner may not enter."""
    for directory, _, _ in os.walk(path):  # top down: a directory is opened up before it is entered
        for entry in os.scandir(directory):
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, 0o700)
    shutil.rmtree(path, ignore_errors=True)
