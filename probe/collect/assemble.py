"""From what arrived to the report's parts: what did not arrive becomes a `NotSeen` that names the call which hung."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from probe.collect.clock import missing, observe
from probe.collect.compare import MAX_CHANGES, compare_samples
from probe.collect.deadline import Ending
from probe.collect.frames import Received
from probe.collect.hop import unobserved
from probe.collect.journal import Crumb
from probe.collect.mountinfo import MountTable
from probe.collect.path import below
from probe.collect.plan import Plan
from probe.evidence.base import clip, path_bytes, path_text
from probe.evidence.mount import MAX_MOUNTS, Mount, Mounts
from probe.evidence.observation import NotSeen, Observation, Reason, Seen
from probe.evidence.path import MAX_COMPONENTS, Attempt, Chain, Component
from probe.evidence.report import Reference
from probe.evidence.writer import MAX_SAMPLES, Writers

MAX_ATTEMPTS = 32
_NOT_ASKED = {
    "listing": "no directory on the path could be reached",
    "nearby": "nothing was looked for",
    "space": "no file system on the path could be reached",
    "temp_space": "the temp directory was not looked at",
    "temp_writable": "the temp directory was not looked at",
    "image": "the target was not looked into",
    "lease": "a lease is asked for only on request, and only of a regular file",
    "holders": "there is no regular file to be held",
}


@dataclass(frozen=True)
class Parts:
    """What a child left behind, and what the parent knows without it."""

    reference: Reference
    plan: Plan
    received: Received
    ending: Ending
    crumb: Crumb | None
    """The call that the child was in; of no meaning when it finished."""
    table: MountTable
    table_missing: NotSeen | None

    @property
    def lost(self) -> NotSeen | None:
        """Why something that should have come did not; None when the child finished."""
        if self.ending.how == "finished":
            return None
        call = str(self.crumb) if self.crumb is not None else "the first call"
        if self.ending.how == "timeout":
            sentence = f"{call} did not return: {self.ending.sentence}"
            return missing(Reason.TIMEOUT, clip(sentence, 1024), took_ms=round(self.ending.seconds * 1000, 3))
        return missing(Reason.FAILED, clip(f"{self.ending.sentence}, at {call}", 1024))

    @property
    def trouble(self) -> str | None:
        """Why it is no use to let another program read the target now."""
        if self.ending.how != "finished":
            return "the look at the target did not finish"
        if self.unstable() and self.plan.skopeo != "always":
            return "the target changed while it was looked at"
        return None

    def observation(self, name: str) -> Any:
        """The observation of this name, or why there is none."""
        found = self.received.observed.get(name)
        return found if found is not None else self.lost or missing(Reason.SKIPPED, _NOT_ASKED[name])

    @property
    def _failures(self) -> str:
        return clip("; ".join(self.received.failures), 1024)

    # -- the chain

    def chain(self) -> Observation[Chain]:
        """The walk, as far as it got."""
        components = tuple(self.received.components[i] for i in sorted(self.received.components))
        chain, lost = self.received.chain, self.lost
        if chain is None:
            if lost is None:
                return missing(Reason.FAILED, self._failures or "the walk left no trace")
            if not components and self.crumb is None:
                return lost
            components = self._with_stuck(components, lost)
            chain = Chain(
                requested=self.reference.path,
                working_directory=None if self.reference.path.startswith("/") else _working_directory(),
                components=(),
                stopped=lost,
                truncated=len(components) >= MAX_COMPONENTS,
            )
        value = chain.model_copy(update={"components": components[:MAX_COMPONENTS]})
        first = components[0].inode if components else chain.stopped
        took = sum(component.inode.took_ms for component in components)
        return Seen[Chain](value=value, at=first.at if first is not None else 0, took_ms=round(took, 3))

    def _with_stuck(self, components: tuple[Component, ...], lost: NotSeen) -> tuple[Component, ...]:
        """The components, the one whose call did not return, and the names that were to come after it."""
        crumb = self.crumb
        if crumb is None:
            return components
        last = components[-1] if components else None
        if last is None or (last.path, last.name) != (crumb.path, crumb.name):
            last = unobserved(path_bytes(crumb.path), path_bytes(crumb.name), lost)
            components = (*components, last)
        names = tuple(path_bytes(name) for name in crumb.rest)
        return (*components, *below(last, lost, names, MAX_COMPONENTS - len(components)))

    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts, the last ones when there are too many."""
        return tuple(self.received.attempts[-MAX_ATTEMPTS:])

    # -- mounts

    def mounts(self, chain: Observation[Chain]) -> Mounts:
        """The mounts of the path, by mount ids where the walk has them, otherwise by the path's text."""
        carrying = self._carrying(chain)
        crossed = self._crossed(chain)
        if isinstance(carrying, Seen) and carrying.value not in crossed:
            crossed = (*crossed, carrying.value)
        return Mounts(
            carrying=carrying,
            crossed=crossed[:MAX_MOUNTS],
            space=self.observation("space"),
            temp_space=self.observation("temp_space"),
            temp_writable=self.observation("temp_writable"),
            stuck=self._stuck(),
        )

    def _carrying(self, chain: Observation[Chain]) -> Observation[Mount]:
        if self.table_missing is not None:
            return self.table_missing
        path = _absolute(self.reference.path)
        if isinstance(chain, Seen) and chain.value.components:
            last = chain.value.components[-1]
            path = last.path
            if chain.value.stopped is None and isinstance(last.mount_id, Seen):
                number = last.mount_id.value
                return self._mount_or_not(self.table.by_id(number), f"mount {number} of {path} is in another namespace")
        mount = self.table.covering(path) if path.startswith("/") else None
        return self._mount_or_not(mount, f"no mount is known to carry {path}")

    def _mount_or_not(self, mount: Mount | None, sentence: str) -> Observation[Mount]:
        if mount is None:
            return missing(Reason.ABSENT, clip(sentence))
        return observe(Seen[Mount], "mountinfo", lambda: mount)

    def _crossed(self, chain: Observation[Chain]) -> tuple[Mount, ...]:
        if isinstance(chain, NotSeen):
            return ()
        ids = [one.mount_id.value for one in chain.value.components if isinstance(one.mount_id, Seen)]
        mounts = (self.table.by_id(number) for number in dict.fromkeys(ids))
        return tuple(mount for mount in mounts if mount is not None)

    def _stuck(self) -> tuple[str, ...]:
        if self.ending.how != "timeout" or self.crumb is None or not self.crumb.path:
            return ()
        mount = self.table.covering(_absolute(self.crumb.path))
        return (mount.mount_point,) if mount is not None else (self.crumb.path,)

    # -- writers and changes

    def writers(self) -> Observation[Writers]:
        """The samples, the lease, the holders."""
        samples = tuple(self.received.samples[:MAX_SAMPLES])
        if not samples:
            return self.lost or missing(Reason.FAILED, self._failures or "no sample was taken")
        writers = Writers(
            samples=samples,
            gap_seconds=self.plan.gap,
            lease=self.observation("lease"),
            holders=self.observation("holders"),
        )
        took = (samples[-1].monotonic - samples[0].monotonic) * 1000
        return Seen[Writers](value=writers, at=samples[0].at, took_ms=round(took, 3))

    def unstable(self) -> tuple[str, ...]:
        """What changed while it was looked at."""
        told = (*compare_samples(self.reference.path, self.received.samples), *self.received.changes)
        return tuple(clip(text) for text in dict.fromkeys(told))[:MAX_CHANGES]

    def unfinished(self) -> tuple[str, ...]:
        """What was given up."""
        lost = (self.lost.message,) if self.lost is not None else ()
        return (*lost, *self.received.failures)[:MAX_CHANGES]


def _working_directory() -> Observation[str]:
    """Of a relative path. getcwd(2) reads the kernel's own tree of names: it asks no file system."""
    return observe(Seen[str], "getcwd", lambda: path_text(os.getcwdb()))


def _absolute(path: str) -> str:
    """A path's text, from the root where the working directory is known."""
    if path.startswith("/"):
        return path
    cwd = _working_directory()
    return f"{cwd.value.rstrip('/')}/{path}" if isinstance(cwd, Seen) else path
