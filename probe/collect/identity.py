"""Who looks: the credentials of this process, or of another one, from /proc/PID/status (proc_pid_status(5))."""

from __future__ import annotations

import os

from probe.access.capability import capability_names
from probe.collect.clock import missing, observe
from probe.evidence.identity import Capabilities, Identity, IdRange, Ids
from probe.evidence.observation import Observation, Reason, Seen

INITIAL_USER_NAMESPACE = "user:[4026531837]"
"""PROC_USER_INIT_INO of include/linux/proc_ns.h: fixed on every kernel."""
_SECCOMP = ("disabled", "strict", "filter")
_MAX_RANGES = 340
"""Lines that the kernel takes in one id map."""
_MAX_FILE = 1 << 20
"""65536 groups of ten digits fit."""


def read_identity(pid: int | None = None) -> Identity:
    """The credentials of this process, or of process `pid`.

    Raises OSError when there is no such process (for another one also without /proc), ValueError when its status
    cannot be read.
    """
    base = "/proc/self" if pid is None else f"/proc/{pid}"
    try:
        fields = _status_fields(_read(f"{base}/status"))
    except FileNotFoundError:
        if pid is not None:
            raise
        return _without_proc()
    try:
        return Identity(
            source="process" if pid is None else f"pid:{pid}",
            uid=_ids(fields["Uid"]),
            gid=_ids(fields["Gid"]),
            groups=tuple(map(int, fields.get("Groups", "").split())),
            capabilities=_capabilities(fields),
            no_new_privs=fields["NoNewPrivs"] == "1" if "NoNewPrivs" in fields else None,
            seccomp=_seccomp(fields.get("Seccomp")),
            umask=int(fields["Umask"], 8) if "Umask" in fields else None,
            uid_map=_id_map(f"{base}/uid_map"),
            gid_map=_id_map(f"{base}/gid_map"),
            overflow_uid=_overflow("overflowuid"),
            overflow_gid=_overflow("overflowgid"),
            initial_user_namespace=_initial_user_namespace(base),
            label=_label(base),
        )
    except KeyError as error:
        raise ValueError(f"{base}/status has no {error.args[0]} line") from None


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read(_MAX_FILE).decode("utf-8", "backslashreplace")


def _status_fields(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {key: value.strip() for key, colon, value in pairs if colon}


def _ids(line: str) -> Ids:
    real, effective, saved, filesystem = map(int, line.split())
    return Ids(real=real, effective=effective, saved=saved, filesystem=filesystem)


def _capabilities(fields: dict[str, str]) -> Capabilities:
    effective, permitted, inheritable, bounding, ambient = (
        capability_names(int(fields.get(f"Cap{short}", "0"), 16)) for short in ("Eff", "Prm", "Inh", "Bnd", "Amb")
    )
    return Capabilities(
        effective=effective, permitted=permitted, inheritable=inheritable, bounding=bounding, ambient=ambient
    )


def _seccomp(value: str | None) -> str | None:
    if value is None or not value.isdigit():
        return None
    return _SECCOMP[int(value)] if int(value) < len(_SECCOMP) else value[:20]


def _id_map(path: str) -> tuple[IdRange, ...]:
    try:
        lines = _read(path).splitlines()[:_MAX_RANGES]
    except OSError:
        return ()
    triples = (tuple(map(int, line.split())) for line in lines)
    return tuple(IdRange(inside=t[0], outside=t[1], count=t[2]) for t in triples if len(t) == 3)


def _overflow(name: str) -> int:
    try:
        return int(_read(f"/proc/sys/kernel/{name}"))
    except (OSError, ValueError):
        return 65534  # DEFAULT_OVERFLOWUID; a container may mask /proc/sys


def _initial_user_namespace(base: str) -> bool | None:
    try:
        return os.readlink(f"{base}/ns/user") == INITIAL_USER_NAMESPACE
    except OSError:
        return None


def _label(base: str) -> Observation[str]:
    label = observe(Seen[str], f"read {base}/attr/current", lambda: _read(f"{base}/attr/current").strip("\0\n")[:256])
    if isinstance(label, Seen) and not label.value:
        return missing(Reason.UNSUPPORTED, f"{base}/attr/current is empty: no security module labels processes")
    return label


def _without_proc() -> Identity:
    """What system calls say, without /proc. fsuid and fsgid have no getter: they follow the effective ids."""
    from probe.collect.libc import capability_masks

    effective, permitted, inheritable = map(capability_names, capability_masks())
    uid, gid = os.getresuid(), os.getresgid()
    return Identity(
        uid=Ids(real=uid[0], effective=uid[1], saved=uid[2], filesystem=uid[1]),
        gid=Ids(real=gid[0], effective=gid[1], saved=gid[2], filesystem=gid[1]),
        groups=tuple(os.getgroups()),
        capabilities=Capabilities(effective=effective, permitted=permitted, inheritable=inheritable),
        label=missing(Reason.UNSUPPORTED, "/proc is not mounted"),
    )
