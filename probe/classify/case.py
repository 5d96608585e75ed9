"""The case: reports joined for judgement, with what every hypothesis asks of them worked out once."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from probe.access.credentials import Credentials
from probe.access.walk import Judgement, Step, judge
from probe.classify.paths import inside
from probe.evidence.image import ImageFacts
from probe.evidence.mount import Mount
from probe.evidence.observation import NotSeen, Reason, Seen
from probe.evidence.path import Acl, Attempt, Chain, Component, Inode, Want
from probe.evidence.report import Report
from probe.evidence.writer import Sample

if TYPE_CHECKING:
    from probe.classify.beside import Beside
    from probe.classify.history import History
    from probe.classify.messages import Messages
    from probe.evidence.cluster import Cluster
    from probe.evidence.seal import Seal
    from probe.evidence.transcript import Transcript
    from probe.evidence.watch import Timeline

REFUSALS = frozenset({"EACCES", "EPERM"})


@dataclass(frozen=True)
class Reading:
    """One report, with the access model's answer beside the kernel's."""

    index: int
    report: Report
    beside: Beside | None = None
    """The pod that it was made in, where an object tells of it."""

    def at(self, *parts: str | int) -> str:
        """The JSON pointer of a field of this report inside the verdict document."""
        return "/".join(("/evidence", str(self.index), *map(str, parts)))

    # -- the path

    @property
    def chain(self) -> Chain | None:
        """The walk, unless nothing of it came back; the later one when access was lost between the two."""
        if self.lost is not None:
            return self.lost
        chain = self.report.chain
        return chain.value if isinstance(chain, Seen) else None

    @property
    def lost(self) -> Chain | None:
        """The walk after the change, when access was granted at first and refused later."""
        attempts = self.truths
        if not attempts or not attempts[0][1].granted or attempts[-1][1].errno not in REFUSALS:
            return None
        return self.report.chain_after

    @property
    def chain_at(self) -> str:
        """The pointer of the walk."""
        return self.at("chain_after" if self.lost is not None else "chain")

    @cached_property
    def judged_chain(self) -> Chain | None:
        """The walk with the file that the transport opens first in an image directory: the attempt is about that."""
        chain = self.chain
        if chain is None or chain.target is None or self.report.want is not Want.READ:
            return chain
        marker = self.report.marker or self._hidden_marker()
        if marker is None:
            return chain
        stopped = marker.inode if isinstance(marker.inode, NotSeen) else None
        return chain.model_copy(update={"components": (*chain.components, marker), "stopped": stopped})

    def _hidden_marker(self) -> Component | None:
        """The marker file where only the refused attempt names it: its directory does not let it be looked up."""
        truth = self.truth
        if truth is None or truth.errno not in REFUSALS or not inside(truth.path, self.report.reference.path):
            return None
        unseen = NotSeen(reason=Reason.DENIED, errno=truth.errno, message=f"{truth.path}: {truth.errno}", at=truth.at)
        name = posixpath.basename(truth.path)
        return Component(path=truth.path, name=name, inode=unseen, acl=unseen, label=unseen, mount_id=unseen)

    @property
    def components(self) -> tuple[Component, ...]:
        """The hops of the walk, the marker file included; empty when there was none."""
        return self.judged_chain.components if self.judged_chain is not None else ()

    def inode(self, index: int) -> Inode | None:
        """The inode of a hop that could be observed."""
        observed = self.components[index].inode
        return observed.value if isinstance(observed, Seen) else None

    def acl(self, index: int) -> Acl | None:
        """The access ACL of a hop; None when there is none or it could not be read."""
        observed = self.components[index].acl
        return observed.value if isinstance(observed, Seen) and observed.value.entries else None

    def component_at(self, index: int, *parts: str) -> str:
        """The pointer of one hop, or of a field of its inode."""
        walked = len(self.chain.components) if self.chain is not None else 0
        start = ("chain_after",) if self.lost is not None else ("chain", "value")
        where: tuple[str | int, ...] = (*start, "components", index) if index < walked else ("marker",)
        return self.at(*where, "inode", "value", *parts) if parts else self.at(*where)

    def path_of(self, index: int) -> str:
        """The path of one hop."""
        return self.components[index].path

    @property
    def target(self) -> Inode | None:
        """The inode at the path, when the walk arrived."""
        if self.chain is None or self.chain.target is None:
            return None
        return self.inode(len(self.chain.components) - 1)

    @property
    def stopped(self) -> NotSeen | None:
        """What ended the walk before the target."""
        return self.chain.stopped if self.chain is not None else None

    @property
    def stopped_at(self) -> str:
        """The pointer of what ended the walk."""
        return self.chain_at + ("/stopped" if self.lost is not None else "/value/stopped")

    @property
    def absent(self) -> bool:
        """Nothing has the name: the walk or the open says ENOENT."""
        if self.stopped is not None:
            return self.stopped.errno == "ENOENT"
        return self.target is None and self.truth is not None and self.truth.errno == "ENOENT"

    @cached_property
    def observed(self) -> tuple[int, ...]:
        """Indexes of the hops whose inode was seen."""
        return tuple(i for i in range(len(self.components)) if self.inode(i) is not None)

    # -- access: the model and the truth

    @property
    def predicted(self) -> bool:
        """Whether the question is about another identity than the one that looked."""
        return self.report.predict_for is not None

    @cached_property
    def credentials(self) -> Credentials:
        """Whose access is judged."""
        return Credentials.from_identity(self.report.predict_for or self.report.identity)

    @property
    def is_producer(self) -> bool:
        """Whether it was told that this is the writing side."""
        return self.report.context.role == "producer"

    @property
    def identity_at(self) -> str:
        """The pointer of the identity that is judged."""
        return self.at("predict_for" if self.predicted else "identity")

    @cached_property
    def judgement(self) -> Judgement | None:
        """The access model's answer for this identity on the recorded inodes."""
        if self.judged_chain is None or not self.components:
            return None
        return judge(
            self.credentials,
            self.judged_chain,
            self.report.want,
            mount=self.mount,
            protected_symlinks=self.protects_symlinks,
            protected_regular=self.report.context.protected_regular or 0,
        )

    @property
    def protects_symlinks(self) -> bool:
        """Whether the kernel guards links in sticky directories; every distribution switches it on."""
        return self.report.context.protected_symlinks is not False

    @property
    def truths(self) -> tuple[tuple[int, Attempt], ...]:
        """The attempts that answer the question, with their places; empty for a prediction.

        The decisive ones, or the cross-checks where a want cannot be tried without changing something.
        """
        if self.predicted:
            return ()
        numbered = tuple(enumerate(self.report.attempts))
        decisive = tuple(pair for pair in numbered if pair[1].decisive)
        return decisive or numbered

    @property
    def _decider(self) -> tuple[int, Attempt] | None:
        """The first attempt that was refused, or else the first one."""
        refused = (pair for pair in self.truths if pair[1].errno in REFUSALS)
        return next(refused, self.truths[0] if self.truths else None)

    @property
    def truth(self) -> Attempt | None:
        """The real attempt that counts: the first refusal, or else the first attempt."""
        return self._decider[1] if self._decider is not None else None

    @property
    def truth_at(self) -> str:
        """The pointer of that attempt."""
        return self.at("attempts", self._decider[0]) if self._decider is not None else self.at("attempts")

    @property
    def last_truth(self) -> Attempt | None:
        """The last real attempt."""
        return self.truths[-1][1] if self.truths else None

    @property
    def granted(self) -> bool | None:
        """Whether the wanted access is granted: by the last real attempt, else by the model; None when unknown."""
        if self.last_truth is not None:
            modelled = self.judgement.granted if self.judgement is not None else None
            return self.last_truth.granted and (self.last_truth.decisive or modelled is not False)
        return self.judgement.granted if self.judgement is not None else None

    @property
    def refused(self) -> bool:
        """Whether permission is what is missing: the kernel refused (EACCES, EPERM), or the model says it would."""
        if self.truth is not None:
            return self.truth.errno in REFUSALS
        judgement = self.judgement
        return judgement is not None and judgement.granted is False and judgement.errno in REFUSALS

    @property
    def denial(self) -> Step | None:
        """The step that explains a refusal: the model's denial, if the kernel refused too."""
        if not self.refused or self.judgement is None:
            return None
        denial = self.judgement.denial
        return denial if denial is not None and self.judgement.errno in REFUSALS else None

    @property
    def unexplained(self) -> bool:
        """The kernel refused although the recorded mode bits, ACLs and capabilities allow it, as far as it looked."""
        if self.truth is None or not self.refused or self.judgement is None:
            return False
        return self.judgement.granted is True or self.judgement.unexplained is not None

    @property
    def fs_group(self) -> int | None:
        """The fsGroup that the pod asks for: as told with the report, else as its object says."""
        told = self.report.context.fs_group
        return told if told is not None or self.beside is None else self.beside.fs_group

    @property
    def fs_group_at(self) -> str:
        """Where that stands, or would."""
        if self.report.context.fs_group is None and self.beside is not None:
            return self.beside.fs_group_at
        return self.at("context", "fs_group")

    # -- where it lies

    @property
    def mount(self) -> Mount | None:
        """The mount that carries the target."""
        carrying = self.report.mounts.carrying
        return carrying.value if isinstance(carrying, Seen) else None

    @cached_property
    def volume_root(self) -> int | None:
        """The index of the hop that is the root of the carrying mount, when the walk crossed onto it."""
        mount = self.mount
        if mount is None or mount.mount_point == "/":
            return None
        for index in self.observed:
            mount_id = self.components[index].mount_id
            if isinstance(mount_id, Seen) and mount_id.value == mount.mount_id:
                return index if self.path_of(index) == mount.mount_point else None
        return None

    # -- the image

    @property
    def image(self) -> ImageFacts | None:
        """The image facts, for a reference that names an image transport."""
        facts = self.report.image
        return facts.value if isinstance(facts, Seen) and self.names_image else None

    @property
    def in_registry(self) -> bool:
        """Whether the reference names a registry, and not a path."""
        return self.report.reference.transport == "docker"

    @property
    def names_image(self) -> bool:
        """Whether the reference has a transport; a plain path asks for access and race only."""
        return self.report.reference.transport != "path"

    def image_at(self, *parts: str | int) -> str:
        """The pointer of a field of the image facts."""
        return self.at("image", "value", *parts)

    # -- time

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The moments at which the target was looked at again."""
        writers = self.report.writers
        return writers.value.samples if isinstance(writers, Seen) else ()

    @property
    def container_started(self) -> int | None:
        """Start of the reader's container, nanoseconds since the epoch, when it runs in one and that was seen."""
        if self.predicted:
            return None  # that of another pod, which nobody saw
        started = self.report.context.container_started
        return started.value if self.report.context.in_container and isinstance(started, Seen) else None

    # -- paths

    @property
    def chain_end(self) -> str:
        """The resolved target, or the path as given."""
        chain = self.chain
        return posixpath.normpath((chain.resolved if chain else None) or self.report.reference.path)

    def concerns_target(self, path: str) -> bool:
        """Whether a path that a message names is the target, one of its ancestors or links, or lies inside it."""
        path = posixpath.normpath(path)
        ours = {posixpath.normpath(self.report.reference.path)}
        ours.update(component.path for component in self.components)
        if self.chain is not None and self.chain.resolved:
            ours.add(self.chain.resolved)
        return any(path == mine or inside(mine, path) for mine in ours) or any(
            inside(path, mine) for mine in (posixpath.normpath(self.report.reference.path), self.chain_end)
        )

    # -- the failing command

    @cached_property
    def messages(self) -> Messages:
        """What the command said, and what that is about."""
        from probe.classify.messages import Messages

        return Messages(self)


LOCAL_TRANSPORTS = frozenset({"oci-archive", "oci", "dir", "docker-archive"})


@dataclass(frozen=True)
class Case:
    """Everything that is known, to be judged together."""

    reports: tuple[Report, ...]
    timelines: tuple[Timeline, ...] = ()
    seals: tuple[Seal, ...] = ()
    transcripts: tuple[Transcript, ...] = ()
    clusters: tuple[Cluster, ...] = ()

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """Each report with what was worked out from it."""
        if not self.clusters:
            return tuple(Reading(index, report) for index, report in enumerate(self.reports))
        from probe.classify.beside import pod_of

        return tuple(
            Reading(index, report, pod_of(report.context, self.clusters)) for index, report in enumerate(self.reports)
        )

    @property
    def several(self) -> bool:
        """Whether there is more than one report: something to join."""
        return len(self.reports) > 1 or bool(self.timelines) or bool(self.seals)

    @property
    def told(self) -> bool:
        """Whether logs or objects tell something beside the reports."""
        return bool(self.transcripts) or bool(self.clusters)

    @cached_property
    def history(self) -> History:
        """Who saw what in which order."""
        from probe.classify.history import History

        return History(self)

    @cached_property
    def arrived(self) -> tuple[Reading, ...]:
        """What registries hold: for comparison. Nothing of a path or of an access is in them."""
        return tuple(reading for reading in self.readings if reading.in_registry)

    def __iter__(self) -> Iterator[Reading]:
        """The looks at paths."""
        return (reading for reading in self.readings if not reading.in_registry)


WRITES = frozenset({Want.WRITE, Want.CREATE})
"""The wants that change something."""
