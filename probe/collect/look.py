"""The child's work: everything that touches the inspected file system, in the order of what matters most.

Each step puts what it saw into the journal before the next one begins, so a step that hangs costs itself and what
follows, never what was seen.
"""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from probe.collect.attempt import MARKERS, Attempts
from probe.collect.clock import missing, observe
from probe.collect.compare import compare_chains
from probe.collect.contents import look_into, open_contents
from probe.collect.context import read_place
from probe.collect.deadline import STALL_SECONDS, keep_alive
from probe.collect.frames import OBSERVATIONS, Note, send, send_observation
from probe.collect.hop import Hop, Questions
from probe.collect.journal import Journal, Phase
from probe.collect.listing import list_directory
from probe.collect.mountinfo import MountTable
from probe.collect.path import Walk, Walked
from probe.collect.plan import Plan
from probe.collect.sampling import Sampler
from probe.collect.space import space_at, writable
from probe.collect.writers import ask_lease, find_holders
from probe.evidence.base import clip, path_bytes, path_text
from probe.evidence.image import ImageFacts
from probe.evidence.mount import Mount
from probe.evidence.observation import NotSeen, Observation, Reason, Seen
from probe.evidence.path import Chain, Component, Want
from probe.evidence.report import Reference
from probe.image.cursor import LimitError
from probe.image.limits import Limits

SMALL_IMAGE = 16 << 20
"""Bytes of blobs up to which an image is verified although a deep check was not asked for."""
_SMALL_UNPACKED = 4 * SMALL_IMAGE
"""Bytes that one layer of it may unpack to."""
RECENT_SECONDS = 60
"""A target that was modified later than this long ago gets one more sample."""
_INSPECTION_SHARE = 0.6
"""Of the time that is left, what reading a compressed archive may take."""
_COPIES_UP = ("overlay", "aufs")
"""On these an open for writing copies the whole file to the upper layer: a change."""


@dataclass(frozen=True)
class Assignment:
    """What the child is told. `until` is the deadline by CLOCK_MONOTONIC, `parent` who waits for it."""

    reference: Reference
    plan: Plan
    table: MountTable
    parent: int
    until: float


class Look:
    """One look at one target."""

    def __init__(self, assignment: Assignment, journal: Journal) -> None:
        self._assignment, self._journal = assignment, journal
        self._plan, self._table, self._reference = assignment.plan, assignment.table, assignment.reference
        self._path = path_bytes(self._reference.path)
        self._questions = Questions(flags=self._plan.want in (Want.WRITE, Want.CREATE))
        self._target: os.stat_result | None = None
        self._facts: ImageFacts | None = None

    def run(self) -> None:
        """All of it."""
        self._step("place", lambda: send(self._journal, "place", read_place(self._table)))
        walked = Walk(self._table, self._questions, self._journal.crumb, self._send_component).run(self._path)
        send(self._journal, "chain", walked.chain.model_copy(update={"components": ()}))
        sampler = self._sampler(walked.chain)
        try:
            self._look_from(walked, sampler)
        finally:
            walked.close()
        if self._plan.deep and self._facts is not None:
            self._step("deep check", self._look_deep)
            self._step("sample", sampler.sample)
            self._step("second walk", lambda: self._walk_again(walked.chain))

    def _sampler(self, chain: Chain) -> Sampler:
        plan = self._plan
        copies_up = self._lies_on(chain, _COPIES_UP)
        attempts = Attempts(self._path, self._reference.transport, plan.want, copies_up=copies_up)
        return Sampler(self._path, plan.want, attempts, self._journal, self._assignment.until)

    def _look_from(self, walked: Walked, sampler: Sampler) -> None:
        """Everything after the walk, but for the deep check."""
        chain = walked.chain
        self._step("sample", sampler.sample)
        absent = chain.stopped is not None  # what made it later is told from another volume by the directory's birth
        if sampler.refused or absent or self._plan.predict_for is not None or self._plan.pid is not None:
            self._step("birth times", lambda: self._ask_births(chain))
        self._step("target", lambda: self._look_at_target(walked))
        self._step("sample", lambda: sampler.wait_and_sample(self._gap))
        self._step("image", self._look_inside)
        if not self._plan.deep and self._is_small():
            self._step("image", self._verify_small)
        if self._deserves_another_sample():
            self._step("sample", lambda: sampler.wait_and_sample(self._gap))
        if walked.directory is not None:
            self._observe("listing", "opendir", walked.directory_path, lambda: self._list(walked))
        self._observe("nearby", "search", walked.directory_path, lambda: self._nearby(chain, walked.directory_path))
        self._step("second walk", lambda: self._walk_again(chain))
        self._look_at_temp()

    # -- the path

    def _send_component(self, index: int, component: Component) -> None:
        send(self._journal, "component", component, index)

    def _look_at_target(self, walked: Walked) -> None:
        """What is asked through the descriptors of the walk."""
        place = walked.target if walked.target is not None else walked.directory
        if place is not None:
            path = path_bytes(walked.chain.resolved) if walked.chain.resolved else walked.directory_path
            self._observe("space", "statvfs", path, lambda: space_at(place, path))
        if walked.target is None:
            return
        target = self._target = os.fstat(walked.target)
        if stat.S_ISDIR(target.st_mode):
            self._step("marker", lambda: self._look_at_marker(walked.target))
        if stat.S_ISREG(target.st_mode):
            if self._plan.lease:
                self._observe("lease", "fcntl F_SETLEASE", self._path, lambda: self._ask_lease(walked.chain))
            self._observe("holders", "read /proc/PID/fdinfo", b"", lambda: find_holders(target))

    def _mount_of(self, chain: Chain) -> Mount | None:
        target = chain.target
        if target is None or isinstance(target.mount_id, NotSeen):
            return None
        return self._table.by_id(target.mount_id.value)

    def _lies_on(self, chain: Chain, filesystems: tuple[str, ...]) -> bool:
        mount = self._mount_of(chain)
        return mount is not None and mount.filesystem in filesystems

    def _ask_births(self, chain: Chain) -> None:
        """When each inode on the way was made: a mode that denies may be as old as the inode, or younger."""
        from probe.collect.libc import birth

        for index, component in enumerate(chain.components):
            if isinstance(component.inode, NotSeen):
                break
            inode = component.inode.value
            self._journal.crumb("statx", component.path)
            try:
                born = birth(path_bytes(component.path), inode.inode)
            except OSError:  # gone meanwhile, or only reached through a descriptor
                continue
            seen = component.inode.model_copy(update={"value": inode.model_copy(update={"born": born})})
            self._send_component(index, component.model_copy(update={"inode": seen}))

    def _list(self, walked: Walked) -> Observation[Any]:
        assert walked.directory is not None
        wanted = path_bytes(walked.chain.components[-1].name)
        return list_directory(walked.directory, walked.directory_path, self._journal.crumb, wanted, self._table.points)

    def _look_at_marker(self, directory: int | None) -> None:
        name = MARKERS.get(self._reference.transport)
        if name is None:
            return
        path = os.path.join(self._path, name)
        text = path_text(path)
        self._journal.crumb("openat", text)
        flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
        opened = observe(Seen[int], f"openat {text}", lambda: os.open(name, flags, dir_fd=directory))
        if isinstance(opened, Seen):
            try:
                hop = Hop(opened.value, path, name)
                marker = self._questions.ask(hop, lambda call: self._journal.crumb(call, text), lambda _: None)
            finally:
                os.close(opened.value)
            send(self._journal, "marker", marker)

    def _walk_again(self, before: Chain) -> None:
        walked = Walk(self._table, self._questions, self._journal.crumb, lambda *_: None).run(self._path)
        walked.close()
        changes = compare_chains(before, walked.chain)
        if changes:
            send(self._journal, "chain_after", walked.chain)
        for change in changes:
            send(self._journal, "change", Note(text=change))

    # -- over time

    @property
    def _gap(self) -> float:
        """A plain directory has no growth to wait for."""
        is_directory = self._target is not None and stat.S_ISDIR(self._target.st_mode)
        return 0.0 if is_directory and self._reference.transport == "path" else self._plan.gap

    def _deserves_another_sample(self) -> bool:
        if self._facts is not None and self._reference.transport != "path" and not self._facts.complete:
            return True
        target = self._target
        return target is not None and stat.S_ISREG(target.st_mode) and time.time() - target.st_mtime < RECENT_SECONDS

    def _ask_lease(self, chain: Chain) -> Observation[bool]:
        mount = self._mount_of(chain)
        if mount is not None and mount.remote:
            # An NFS or CIFS client also answers EAGAIN where the server has delegated nothing to it.
            return missing(Reason.UNSUPPORTED, f"a lease on {mount.filesystem} tells nothing of who writes")
        descriptor = open_contents(self._path)
        if isinstance(descriptor, NotSeen):
            return descriptor
        try:
            return ask_lease(descriptor, path_text(self._path))
        finally:
            os.close(descriptor)

    # -- the contents

    def _look_inside(self) -> None:
        left = self._assignment.until - time.monotonic()
        stop_at = time.monotonic() + left * _INSPECTION_SHARE

        def hurry(_done: int, _total: int) -> None:
            if time.monotonic() > stop_at:  # only a compressed archive takes that long: what was seen of it is kept
                raise LimitError(f"{self._plan.deadline:g} s for the whole look")

        contents = look_into(self._path, self._reference, trace=self._journal.crumb, progress=hurry)
        if isinstance(contents.facts, Seen):
            self._facts = contents.facts.value
        send_observation(self._journal, "image", contents.facts)
        self._tell_change(contents.change)

    def _is_small(self) -> bool:
        facts = self._facts
        if facts is None or not facts.whole or self._reference.transport == "path":
            return False
        return sum(blob.found_size or 0 for image in facts.images for blob in image.blobs) <= SMALL_IMAGE

    def _verify_small(self) -> None:
        """A small image is verified unasked: that costs milliseconds, and makes the verdict firm."""
        contents = look_into(
            self._path,
            self._reference,
            trace=self._journal.crumb,
            deep=True,
            workers=1,
            limits=Limits(deep_decompressed_bytes=_SMALL_UNPACKED),
        )
        facts = contents.facts
        if isinstance(facts, Seen) and all(problem.kind != "too-large" for problem in facts.value.problems):
            self._facts = facts.value
            send_observation(self._journal, "image", facts)
        self._tell_change(contents.change)

    def _look_deep(self) -> None:
        self._journal.enter(Phase.DEEP)
        keep_alive(STALL_SECONDS)
        try:
            contents = look_into(
                self._path,
                self._reference,
                trace=self._journal.crumb,
                deep=True,
                workers=self._plan.workers,
                progress=self._progress,
            )
        finally:
            self._journal.enter(Phase.AFTER)
            keep_alive(self._plan.deadline)
        if isinstance(contents.facts, Seen):
            send_observation(self._journal, "image", contents.facts)
        else:
            send(self._journal, "failure", Note(text=f"deep check: {contents.facts.message}"))
        self._tell_change(contents.change)

    def _progress(self, done: int, total: int) -> None:
        if os.getppid() != self._assignment.parent:
            os.kill(os.getpid(), signal.SIGKILL)  # nobody waits for the result any more
        self._journal.progress(done, total)
        keep_alive(STALL_SECONDS)

    def _tell_change(self, change: str | None) -> None:
        if change is not None:
            send(self._journal, "change", Note(text=change))

    # -- around it

    def _nearby(self, chain: Chain, directory: bytes) -> Observation[Any]:
        from probe.collect.nearby import Search

        if chain.stopped is not None and chain.stopped.errno not in ("ENOENT", "ENOTDIR"):
            return missing(Reason.SKIPPED, f"the walk did not get there: {chain.stopped.message}")
        if chain.stopped is None and (self._facts is None or self._facts.readable_as_asked):
            return missing(Reason.SKIPPED, "what was asked for lies at the path, so nothing else was looked for")
        if chain.stopped is None and self._reference.transport == "path":
            return missing(Reason.SKIPPED, "a plain path asks for no image")
        if not directory.startswith(b"/"):
            return missing(Reason.SKIPPED, "no directory of the path is there to look in")
        return Search(self._table.points).run(directory)

    def _look_at_temp(self) -> None:
        directory = os.fsencode(self._plan.temp_directory)
        self._observe("temp_space", "statvfs", directory, lambda: space_at(directory, directory))
        self._observe("temp_writable", "access", directory, lambda: writable(directory))

    # -- how a step is made

    def _observe(self, name: str, call: str, path: bytes, ask: Callable[[], Observation[Any]]) -> None:
        self._journal.crumb(call, path_text(path))
        self._step(name, lambda: send_observation(self._journal, name, ask()))

    def _step(self, name: str, work: Callable[[], object]) -> None:
        """One step; its failure is noted, and is not the others' failure."""
        try:
            work()
        except Exception as error:  # hostile data or a defect: the rest of the report is still worth having
            words = f"{name}: {type(error).__name__} at {self._journal.last_crumb()}: {error}".split()
            text = clip(" ".join(words), 512)
            send(self._journal, "failure", Note(text=text))
            if name in OBSERVATIONS:
                send_observation(self._journal, name, missing(Reason.FAILED, text))
