"""One container's account: what its log says, what its objects say, or both, with the pointer of each."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from probe.classify.told.planned import exit_of, runs_planned
from probe.classify.told.said import Told
from probe.classify.told.tried import Tried, runs_shown
from probe.evidence.cluster import Container, ContainerKind, Outcome, Pod, PodVolume, Step, TaskRun, VolumeMount
from probe.evidence.command import Failure
from probe.evidence.invocation import Invocation
from probe.evidence.transcript import (
    CapabilitiesStated,
    DigestStated,
    ExitStated,
    FailureStated,
    IdentityStated,
    IdsStated,
    InodeStated,
    Stated,
    Transcript,
)

__all__ = ["LOCAL", "Account", "Told", "Tried", "Who"]

S = TypeVar("S", bound=Stated)
LOCAL = frozenset({"oci-archive", "oci", "dir", "docker-archive"})
"""Transports that read a path."""
PUSHES = frozenset({"copy", "push", "sync"})
"""Verbs that hand an image on."""


@dataclass(frozen=True)
class Who:
    """Whose access it was, as far as the log or the pod's spec says. None: not told."""

    uid: int | None
    gid: int | None
    groups: frozenset[int]
    """Supplementary groups, and the primary one."""
    capabilities: frozenset[str] | None
    """Effective ones, `CAP_...`; None where nobody says: then even uid 0 is not known to get past mode bits."""
    pointer: str


@dataclass(frozen=True)
class Account:
    """What is known of one container that ran, or was to run."""

    name: str
    """How to call it: the pipeline's task, with the step where it has several; else pod and container, else a file."""
    run: str = ""
    """The PipelineRun, where told."""
    transcript: Transcript | None = None
    transcript_at: str = ""
    pod: Pod | None = None
    pod_at: str = ""
    container: Container | None = None
    container_at: str = ""
    task_run: TaskRun | None = None
    task_run_at: str = ""
    step: Step | None = None
    step_at: str = ""

    def cite(self, told: Told[object]) -> str:
        """Where something stands, for a sentence: `line 27 of logs/push.log`; or who it is told of."""
        if told.line is None or self.transcript is None:
            return self.name
        return f"line {told.line} of {posixpath.basename(self.transcript.source.file)}"

    # -- what the log states

    def stated(self, kind: type[S]) -> Iterator[Told[S]]:
        """The statements of one kind, in the order of the log."""
        for told in self._by_kind.get(kind, ()):
            if isinstance(told.value, kind):
                yield Told(told.value, told.pointer, told.at, told.line)

    @cached_property
    def _by_kind(self) -> dict[type[Stated], list[Told[Stated]]]:
        found: dict[type[Stated], list[Told[Stated]]] = {}
        for number, one in enumerate(self.transcript.statements if self.transcript is not None else ()):
            told = Told[Stated](one, f"{self.transcript_at}/statements/{number}", one.at, one.line)
            found.setdefault(type(one), []).append(told)
        return found

    def inodes(self, path: str) -> tuple[Told[InodeStated], ...]:
        """What was printed of one path, in order; also by the end of it, where that can only be this one."""
        found = list(self._printed.get(path, ()))
        parts = path.split("/")
        for start in range(1, len(parts)):
            tail = "/".join(parts[start:])
            if tail in self._printed and self._tails.get(tail, {path}) == {path}:
                found += self._printed[tail]
        return tuple(sorted(found, key=lambda one: one.line or 0))

    @cached_property
    def _printed(self) -> dict[str, list[Told[InodeStated]]]:
        """By the path as it was printed."""
        found: dict[str, list[Told[InodeStated]]] = {}
        for one in self.every_inode:
            found.setdefault(one.value.path, []).append(one)
        return found

    @cached_property
    def _tails(self) -> dict[str, set[str]]:
        """For each name that was printed without its directories: the whole paths that end so."""
        names = {path for path in self._printed if not path.startswith("/")}
        found: dict[str, set[str]] = {}
        for path in self._printed:
            parts = path.split("/") if path.startswith("/") else []
            for start in range(1, len(parts)):
                tail = "/".join(parts[start:])
                if tail in names:
                    found.setdefault(tail, set()).add(path)
        return found

    @cached_property
    def every_inode(self) -> tuple[Told[InodeStated], ...]:
        """All files and directories that the log shows, in order."""
        return tuple(self.stated(InodeStated))

    @cached_property
    def failures(self) -> tuple[Told[Failure], ...]:
        """Error messages of the log, whoever said them."""
        return tuple(
            Told(one.value.failure, one.sub("failure"), one.at, one.line) for one in self.stated(FailureStated)
        )

    @cached_property
    def tries(self) -> tuple[Tried, ...]:
        """Commands on images in order: as the log shows them run, or else as the script names them."""
        shown = tuple(self._shown())
        if shown:
            return shown
        planned = self._planned
        if len(planned) != 1:
            return tuple(Tried(one) for one in planned)
        results = self.task_run.results if self.task_run is not None else ()
        status = exit_of(tuple(self.stated(ExitStated)), self._ran)
        return tuple(runs_planned(planned[0], self.failures, status, tuple(self.stated(DigestStated)), results))

    @property
    def _planned(self) -> tuple[Told[Invocation], ...]:
        for source, at in ((self.step, self.step_at), (self.container, self.container_at)):
            if source is not None and source.invocations:
                return tuple(Told(one, f"{at}/invocations/{i}") for i, one in enumerate(source.invocations))
        return ()

    @property
    def _ran(self) -> Told[int] | None:
        """The status that the container ended with."""
        for source, at in ((self.step, self.step_at), (self.container, self.container_at)):
            if source is not None and source.exit_status is not None:
                return Told(source.exit_status, f"{at}/exit_status", source.ended)
        return None

    @property
    def mixed(self) -> bool:
        """Whether its log holds lines of several containers that cannot be told apart."""
        return self.transcript is not None and self.transcript.source.mixed

    def _shown(self) -> Iterator[Tried]:
        return runs_shown(self.transcript, self.transcript_at) if self.transcript is not None else iter(())

    # -- who

    @cached_property
    def who(self) -> Who | None:
        """By `id` and /proc in the log; what they leave out, by the pod's spec."""
        spec = self._who_by_spec()
        identity = next(self.stated(IdentityStated), None)
        if identity is not None:
            groups = frozenset((identity.value.gid, *identity.value.groups))
            return Who(identity.value.uid, identity.value.gid, groups, self._capabilities(), identity.pointer)
        status = {one.value.name: one for one in self.stated(IdsStated)}
        if "Uid" in status and "Gid" in status:
            uids, gids = status["Uid"].value.numbers, status["Gid"].value.numbers
            if uids and gids:
                held = frozenset((gids[-1], *(status["Groups"].value.numbers if "Groups" in status else ())))
                return Who(uids[-1], gids[-1], held, self._capabilities(), status["Uid"].pointer)
        return spec

    @property
    def user(self) -> str | None:
        """The name of the user who printed the log; empty if `id` knew none, None if nothing tells."""
        identity = next(self.stated(IdentityStated), None)
        return identity.value.user if identity is not None else None

    @property
    def effective(self) -> Told[CapabilitiesStated] | None:
        """`CapEff` of the log."""
        return next((one for one in self.stated(CapabilitiesStated) if one.value.set == "effective"), None)

    def _capabilities(self) -> frozenset[str] | None:
        stated = self.effective
        if stated is not None:
            return frozenset(stated.value.names)
        spec = self._who_by_spec()
        return spec.capabilities if spec is not None else None

    def _who_by_spec(self) -> Who | None:
        """runAsUser, fsGroup and supplementalGroups; the image decides what they leave open."""
        if self.pod is None or self.container is None:
            return None
        pod, own = self.pod.security, self.container.security
        uid = own.run_as_user if own.run_as_user is not None else pod.run_as_user
        gid = own.run_as_group if own.run_as_group is not None else pod.run_as_group
        groups = {*(pod.supplemental_groups or ()), *(one for one in (pod.fs_group, gid) if one is not None)}
        capabilities: frozenset[str] | None = None
        if "ALL" in own.dropped and uid == 0 and not own.privileged:
            capabilities = frozenset(f"CAP_{name.removeprefix('CAP_')}" for name in own.added)
        elif "ALL" in own.dropped and not own.added and not own.privileged:
            capabilities = frozenset()
        elif uid not in (None, 0) and not own.privileged and not own.added:
            capabilities = frozenset()  # execve(2) as another uid than 0 leaves no effective ones but ambient
        return Who(uid, gid, frozenset(groups), capabilities, f"{self.container_at}/security")

    # -- how it went, and when

    @property
    def outcome(self) -> Outcome:
        """By its exit status where told, else by what its log says last of a command on images.

        A script may end with status 0 although the log shows that its image could not be read.
        """
        known = [tried for tried in self.tries if tried.failed is not None]
        if self._ran is not None:
            reading = [tried for tried in known if any(one.transport in LOCAL for one in tried.invocation.value.reads)]
            pushes = [tried for tried in reading if tried.invocation.value.verb in PUSHES]
            missed = any(tried.failed for tried in (pushes or reading)[-1:])
            return Outcome.FAILED if self._ran.value != 0 or missed else Outcome.SUCCEEDED
        if not known:
            return Outcome.UNKNOWN
        missed = any(tried.failed for tried in known) if self.mixed else known[-1].failed is True
        return Outcome.FAILED if missed else Outcome.SUCCEEDED

    @property
    def began(self) -> Told[int] | None:
        """When it ran at the latest: its first line, else the step's, else the container's start."""
        if self.transcript is not None and self.transcript.first is not None:
            return Told(self.transcript.first, f"{self.transcript_at}/first", self.transcript.first)
        for source, at in ((self.step, self.step_at), (self.container, self.container_at)):
            if source is not None and source.started is not None:
                return Told(source.started, f"{at}/started", source.started)
        return None

    @property
    def ended(self) -> Told[int] | None:
        """When it ended: by the API (whole seconds), else its last line."""
        for source, at in ((self.step, self.step_at), (self.container, self.container_at)):
            if source is not None and source.ended is not None:
                return Told(source.ended, f"{at}/ended", source.ended)
        if self.transcript is not None and self.transcript.last is not None:
            return Told(self.transcript.last, f"{self.transcript_at}/last", self.transcript.last)
        return None

    # -- what it does with images

    @property
    def reads(self) -> tuple[Told[Invocation], ...]:
        """Commands that read an image from a path."""
        return tuple(
            tried.invocation
            for tried in self.tries
            if any(reference.transport in LOCAL for reference in tried.invocation.value.reads)
        )

    @property
    def makes(self) -> tuple[Told[Invocation], ...]:
        """Commands that make something at a path."""
        return tuple(
            tried.invocation
            for tried in self.tries
            if any(reference.transport != "docker" for reference in tried.invocation.value.makes)
        )

    @property
    def is_sidecar(self) -> bool:
        """Whether it may outlive the steps beside it."""
        return (self.step is not None and self.step.sidecar) or (
            self.container is not None and self.container.kind is ContainerKind.SIDECAR
        )

    # -- where its paths lie

    def mounted(self, path: str) -> tuple[VolumeMount, PodVolume, str] | None:
        """The mount that carries a path by the pod's spec, its volume, and the path inside the volume."""
        if self.container is None or self.pod is None:
            return None
        carrying = None
        for mount in self.container.mounts:
            point = mount.path.rstrip("/")
            inside = path == point or path.startswith(point + "/")
            if inside and (carrying is None or len(point) > len(carrying.path.rstrip("/"))):
                carrying = mount
        volume = next((one for one in self.pod.volumes if carrying is not None and one.name == carrying.volume), None)
        if carrying is None or volume is None:
            return None
        rest = path[len(carrying.path.rstrip("/")) :].strip("/")
        sub_path = carrying.sub_path.strip("/")
        return carrying, volume, "/".join(part for part in (sub_path, rest) if part)
