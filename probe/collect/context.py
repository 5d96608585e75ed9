"""Where and when: names from files of the pod and from the command line, starts from /proc.

Nothing comes from the environment.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping

from probe.collect.clock import missing, since_ms
from probe.collect.frames import Place
from probe.collect.mountinfo import MountTable
from probe.evidence.base import clip
from probe.evidence.context import Context
from probe.evidence.observation import Observation, Reason, Seen, not_seen_from

FACTS = (
    "pod", "namespace", "node", "pipeline-run", "task-run", "task", "step", "role", "fs-group", "workspace"
)  # fmt: skip
"""What `--context KEY=VALUE` may tell."""
ROLES = ("producer", "consumer")
NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
STEPS_DIRECTORY = "/tekton/steps"
INITIAL_PID_NAMESPACE = "pid:[4026531836]"
INITIAL_UTS_NAMESPACE = "uts:[4026531838]"
"""Inode numbers of the first namespaces (include/linux/proc_ns.h): the same on every kernel."""

_POD_VOLUME = re.compile(r"/pods/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/")
_RUN_MOUNT = re.compile(r"/tekton/run/(\d{1,4})")
_NAME_LIMIT = 253
"""Of a Kubernetes object's name (DNS subdomain)."""


def check_facts(facts: Mapping[str, str]) -> None:
    """Raise ValueError, with what would be right, for facts that are not among `FACTS` or have no such value."""
    for key, value in facts.items():
        if key not in FACTS:
            raise ValueError(f"no context is called {key[:40]!r}: known are {', '.join(FACTS)}")
        if not 0 < len(value) <= _NAME_LIMIT:
            raise ValueError(f"context {key} has {len(value)} characters: needs 1 to {_NAME_LIMIT}")
        if key == "role" and value not in ROLES:
            raise ValueError(f"context role is {value[:40]!r}: known are {', '.join(ROLES)}")
        if key == "fs-group" and not (value.isascii() and value.isdigit() and len(value) < 11):
            raise ValueError(f"context fs-group is {value[:40]!r}: needs a group id")


def read_place(table: MountTable) -> Place:
    """Namespace and Tekton step of this pod, as far as files show them."""
    namespace = None
    try:
        with open(NAMESPACE_FILE, "rb") as file:
            namespace = file.read(_NAME_LIMIT + 1).decode("ascii", "replace").strip() or None
    except OSError:
        pass
    return Place(namespace=clip(namespace, _NAME_LIMIT) if namespace else None, step=_step(table))


def _step(table: MountTable) -> str | None:
    """The Tekton step.

    Each step has its own /tekton/run/N, writable for itself alone, and /tekton/steps/NAME is a link to
    /tekton/run/N/status (tektoncd/pipeline, pkg/pod).
    """
    own = {
        match[1] for mount in table.mounts if (match := _RUN_MOUNT.fullmatch(mount.mount_point)) and not mount.read_only
    }
    if len(own) != 1:
        return None
    wanted = f"/tekton/run/{own.pop()}/status"
    try:
        for name in sorted(os.listdir(STEPS_DIRECTORY)):
            if not name.isdigit() and os.readlink(os.path.join(STEPS_DIRECTORY, name)) == wanted:
                return clip(name.removeprefix("step-"), _NAME_LIMIT)
    except OSError:
        pass
    return None


def read_context(table: MountTable, place: Place, facts: Mapping[str, str]) -> Context:
    """The context of a report. What the command line says goes before what was found."""
    hostname = clip(os.uname().nodename, 256)
    in_pod = place.namespace is not None or any(_POD_VOLUME.search(mount.root) for mount in table.mounts)
    # With hostNetwork the pod shares the node's UTS namespace: its host name is the node's.
    pod = hostname if in_pod and _link("uts") not in (None, INITIAL_UTS_NAMESPACE) else None
    pid_namespace = _link("pid")
    started = _start_of("self")
    protected_symlinks = _sysctl("fs/protected_symlinks")
    return Context(
        hostname=hostname,
        boot_id=_boot_id(),
        pod=facts.get("pod", pod),
        namespace=facts.get("namespace", place.namespace),
        node=facts.get("node"),
        pipeline_run=facts.get("pipeline-run"),
        task_run=facts.get("task-run"),
        task=facts.get("task"),
        step=facts.get("step", place.step),
        role=facts.get("role"),
        fs_group=int(facts["fs-group"]) if "fs-group" in facts else None,
        workspace=facts.get("workspace"),
        in_container=None if pid_namespace is None else pid_namespace != INITIAL_PID_NAMESPACE,
        container_started=_start_of("1"),
        probe_started=started.value if isinstance(started, Seen) else time.time_ns(),
        protected_symlinks=None if protected_symlinks is None else protected_symlinks != 0,
        protected_regular=_sysctl("fs/protected_regular"),
        clock_ticks_error_ms=1000 / os.sysconf("SC_CLK_TCK"),
    )


def _link(name: str) -> str | None:
    try:
        return os.readlink(f"/proc/self/ns/{name}")
    except OSError:
        return None


def _boot_id() -> str | None:
    """Of this boot; None in a time namespace with an offset: its CLOCK_MONOTONIC is not that of the node."""
    if _shifted():
        return None
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            return file.read(64).decode("ascii", "replace").strip() or None
    except OSError:
        return None


def _shifted() -> bool:
    """Whether a time namespace moves CLOCK_MONOTONIC (time_namespaces(7)): lines of clock, seconds, nanoseconds."""
    try:
        with open("/proc/self/timens_offsets", "rb") as file:
            lines = [line.split() for line in file.read(256).splitlines()]
    except OSError:  # a kernel without them
        return False
    return any(line[0] == b"monotonic" and any(map(int, line[1:])) for line in lines if line)


def _sysctl(name: str) -> int | None:
    try:
        with open(f"/proc/sys/{name}", "rb") as file:
            return int(file.read(20))
    except (OSError, ValueError):  # a container may mask /proc/sys
        return None


def _start_of(pid: str) -> Observation[int]:
    """When a process began: field 22 of /proc/PID/stat, clock ticks since boot (proc_pid_stat(5)), as wall time."""
    at, began = time.time_ns(), time.perf_counter()
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read(4096)
        ticks = int(text.rpartition(b")")[2].split()[19])
    except OSError as error:
        return not_seen_from(error, f"read /proc/{pid}/stat", at, since_ms(began))
    except (ValueError, IndexError):
        return missing(Reason.FAILED, f"/proc/{pid}/stat is not in the known format")
    since_boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    boot = time.time_ns() - since_boot
    start = boot + ticks * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))
    return Seen[int](value=start, at=at, took_ms=since_ms(began))
