"""The gate of `probe wait`: when may a reader begin? Decided from what was noticed, without hands and without clock.

The seed of all this was a loop that asked `[ -f F ] && [ -r F ]`: it opens on the first byte. Here a target is open
when it is finished by its own structure *and* rests, or when it is the very file that its producer sealed. A seal that
fits by its digest alone is no word on this file, so that has to rest too.

Why structure alone is not enough: an archive may be written over in place (every member there, half of the bytes old),
filled from the end, or chmodded and chowned right after. Why rest alone is not enough: a writer may pause for as long
as it likes. So both are asked for, and how long the rest has to be depends on what is known of the writer:

- It was seen to close the file, or to rename it into place, and nothing changed since: 10 ms, which is one tick of the
  coarsest kernel clock that stamps inodes (HZ=100). A later write within the same tick may leave the same times, so a
  look within the tick proves nothing (git calls such an entry racily clean).
- Otherwise on a file system of this node 1 s, counted from the last change that was seen, or from the later one of
  mtime and ctime where that lies in the past: a file at rest opens at once. ctime counts, as a chmod or chown that is
  still going on is a producer that is still going on. An inode that was stamped in the future (a clock that was set)
  tells nothing, and only what was seen counts.
- On a remote file system 3 s, by what was seen alone: its times are stamped by another clock, and attributes are
  cached there, at first for 3 s (nfs(5), acregmin).

A rest that was asked for (`--settle`) holds in place of these, also after a close. And in each case a look must be
made *after* the rest and find the same: between two looks of a poll nothing is known.
What this cannot exclude: a writer that fills holes in a structure that is whole, and pauses for longer. A seal can.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from probe.evidence.image import Container, Ending, ImageFacts
from probe.evidence.observation import NotSeen
from probe.evidence.path import FileType, Inode
from probe.evidence.report import Reference
from probe.evidence.seal import Seal
from probe.handoff.observe.snapshot import Snapshot
from probe.handoff.seal.reading import matches

AFTER_CLOSE = 0.010
LOCAL_REST = 1.0
REMOTE_REST = 3.0
ARRIVING_SECONDS = 10.0
"""Bytes that came within so many seconds: somebody is still writing."""

_PLAIN = "path"
_PROCESS = "the looking process"
_ABSENT = frozenset({"ENOENT", "ENOTDIR"})
_MARKED = frozenset({"oci", "dir"})
_DIRECTORIES = frozenset({Container.OCI, Container.DIR, Container.DIRECTORY})
_WORDS = {
    Container.TAR: "a tar archive that is no image",
    Container.DIRECTORY: "a directory that is no image",
    Container.FILE: "a file that is no archive",
}
_ENDINGS = {
    Ending.ZEROS: "all zeros so far",
    Ending.IN_MEMBER: "ends inside a member",
    Ending.IN_HEADER: "ends inside a header",
    Ending.MEMBER_BOUNDARY: "no end blocks",
    Ending.HALF_END: "half of its end blocks",
}


class Until(StrEnum):
    """What the gate waits for."""

    READABLE = "readable"
    COMPLETE = "complete"
    SEALED = "sealed"


class State(StrEnum):
    """How a target stands, in the words of the log."""

    UNSEEN = "not looked at yet"
    ABSENT = "absent"
    REFUSED = "refused"
    EMPTY = "empty"
    GROWING = "growing"
    UNFINISHED = "unfinished"
    WRONG_KIND = "of another kind"
    OTHER_IMAGE = "another image"
    SETTLING = "settling"
    UNSEALED = "unsealed"
    SEAL_DIFFERS = "not as sealed"
    OPEN = "open"
    STUCK = "stuck"


@dataclass(frozen=True)
class Rules:
    """What was asked for."""

    until: Until = Until.COMPLETE
    settle: float | None = None
    """Seconds of rest; None: as long as what is known of the writer asks for."""
    digest: str | None = None
    """The manifest digest that the image must have."""


@dataclass(frozen=True)
class Standing:
    """How a target stands at one moment. Equal `state` and `detail`: nothing new to tell."""

    state: State
    detail: str = ""
    ready: float | None = None
    """Since when (CLOCK_MONOTONIC) it is ready, or from when on it will be if nothing changes: a look that is made then
    decides. None: only a change can open it."""
    again: float | None = None
    """When time alone changes the state although nothing was noticed."""


class Target:
    """What is known of one target. Moments are seconds of CLOCK_MONOTONIC."""

    def __init__(self, reference: Reference, rules: Rules) -> None:
        self.reference, self._rules = reference, rules
        self.snapshot: Snapshot | None = None
        self.arrived: float | None = None
        """When bytes were last seen to arrive."""
        self._within: tuple[int, int, int] | None = None
        self._looked = self._changed = 0.0
        self._closed: float | None = None
        self._facts: tuple[tuple[object, ...], ImageFacts | None] | None = None
        self._seal: Seal | None = None
        self._seal_read: float | None = None
        self._no_seal = ""
        self._stuck: str | None = None

    # -- what is noticed

    def saw(self, snapshot: Snapshot, *, closed: bool = False) -> None:
        """A look. `closed`: since its last modification a writer closed it, or it was renamed into place."""
        before, at = self.snapshot, snapshot.sample.monotonic
        self._stuck = None
        if before is None or at >= self._looked:
            same = before is not None and _contents(before) == _contents(snapshot)
            if before is None or before.fingerprint != snapshot.fingerprint or before.readable != snapshot.readable:
                self._changed = at
            if not same:
                self._closed = None
            # What could not be reached before may have been there all the time.
            reached = before is not None and (before.inode is not None or before.sample.open_errno in _ABSENT)
            if reached and not same and snapshot.inode is not None:
                self.arrived = at
            self.snapshot, self._looked = snapshot, at
        elif _contents(before) != _contents(snapshot):
            return  # overtaken by a look that found something else
        if closed and self._closed is None:
            self._closed = at

    def learned(self, facts: ImageFacts | None, fingerprint: tuple[object, ...]) -> None:
        """What it holds while it has this fingerprint; None: that could not be read."""
        self._facts = fingerprint, facts

    def listed(self, within: tuple[int, int, int], at: float) -> None:
        """What lies in it, for an image directory: files, bytes, and the last time of one.

        A blob that grows shows in no inode that is looked at.
        """
        if self._within is not None and self._within != within:
            self.arrived = at
        self._within = within

    def sealed(self, seal: Seal, at: float) -> None:
        """Its producer's seal, as it was read at that moment."""
        self._seal, self._seal_read = seal, at

    def unsealed(self, why: str) -> None:
        """There is no seal, or none that can be read."""
        self._seal, self._no_seal = None, why

    def stuck(self, call: str) -> None:
        """A call on its mount does not return, or who should make it is gone."""
        self._stuck = call if call.startswith(_PROCESS) else f"{call or 'a call'} does not return"

    def answered(self) -> None:
        """It did, in the end."""
        self._stuck = None

    # -- what it comes to

    @property
    def looked(self) -> float:
        """When it was last looked at."""
        return self._looked

    @property
    def inode(self) -> Inode | None:
        """What lies there."""
        return self.snapshot.inode if self.snapshot is not None else None

    @property
    def facts(self) -> ImageFacts | None:
        """What it holds, as far as that is known of what lies there now."""
        if self._facts is None or self.snapshot is None or self._facts[0] != self.snapshot.fingerprint:
            return None
        return self._facts[1]

    @property
    def seal(self) -> Seal | None:
        """Its producer's word, where that was asked for and stands there."""
        return self._seal

    @property
    def known(self) -> bool:
        """Whether all was looked at that can be: the target, what is in it, its seal."""
        snapshot = self.snapshot
        if snapshot is None:
            return False
        if self._rules.until is Until.READABLE or snapshot.inode is None or not snapshot.readable:
            return True
        if self._rules.until is Until.SEALED and self._seal is None and not self._no_seal:
            return False
        if not self.is_image or self.arrived is not None:  # what is being written is not looked into before it rests
            return True
        return self._facts is not None and self._facts[0] == snapshot.fingerprint

    @property
    def manifest_digest(self) -> str | None:
        """Of the image that the reference names."""
        selected = self.facts.selected if self.facts is not None else None
        return selected.manifest_digest if selected is not None else None

    @property
    def is_image(self) -> bool:
        """Whether the reference names an image; a plain path names any file or directory."""
        return self.reference.transport != _PLAIN

    def standing(self, now: float) -> Standing:
        """How it stands."""
        if self._stuck is not None:
            return Standing(State.STUCK, self._stuck)
        if self.snapshot is None:
            return Standing(State.UNSEEN)
        shut = self._unreachable(self.snapshot, now)
        if shut is None and self._rules.until is not Until.READABLE:
            shut = self._unfinished(now) or self._another_image()
        if shut is not None:
            return shut
        if self._rules.until is Until.READABLE:
            return self._open(self._looked, "")
        return self._by_seal(now) if self._rules.until is Until.SEALED else self._open(self._rested(), "")

    # -- can it be reached and opened

    def _unreachable(self, snapshot: Snapshot, now: float) -> Standing | None:
        if snapshot.inode is None:
            return self._not_there(snapshot)
        if snapshot.inode.type not in (FileType.REGULAR, FileType.DIRECTORY):
            return Standing(State.WRONG_KIND, f"a {snapshot.inode.type} lies there")
        errno = snapshot.sample.open_errno
        if errno is None:
            return None
        if errno in _ABSENT:
            if self.reference.transport in _MARKED and snapshot.inode.type is FileType.DIRECTORY:
                return self._still("its index is not there yet", now)
            return Standing(State.ABSENT)
        return Standing(State.REFUSED, f"{errno}: open for reading")

    def _not_there(self, snapshot: Snapshot) -> Standing:
        last = snapshot.steps[-1] if snapshot.steps else None
        seen = snapshot.sample.inode
        errno = (last.errno if last is not None else None) or (seen.errno if isinstance(seen, NotSeen) else None)
        if errno in _ABSENT or errno is None:
            where = last.path if last is not None and last.path != self.reference.path else ""
            said = "is no directory" if errno == "ENOTDIR" else "does not exist"
            return Standing(State.ABSENT, f"{where} {said}" if where else "")
        directory = next((step.path for step in reversed(snapshot.steps) if step.inode is not None), "")
        if errno in ("EACCES", "EPERM") and directory:
            return Standing(State.REFUSED, f"{errno}: {directory} cannot be searched")
        return Standing(State.REFUSED, f"{errno}: {last.path if last is not None else self.reference.path}")

    # -- is it finished

    def _unfinished(self, now: float) -> Standing | None:
        assert self.snapshot is not None
        inode = self.snapshot.inode
        assert inode is not None
        if inode.type is FileType.REGULAR and inode.size == 0:
            return Standing(State.EMPTY)
        if not self.is_image:
            return None
        facts = self.facts
        if facts is None:
            read = self._facts is not None and self._facts[0] == self.snapshot.fingerprint
            if read or self._writing(now):
                return self._still("it cannot be read", now)
            return Standing(State.UNSEEN, "what it holds")
        lies = self._what_else(facts)
        if lies and not self._writing(now):
            return Standing(State.WRONG_KIND, f"{lies} lies there, not {self.reference.transport}")
        return None if facts.complete and facts.readable_as_asked else self._still(_why(facts), now)

    def _what_else(self, facts: ImageFacts) -> str:
        """What lies there for good in place of what the reference names; empty when it may still become that."""
        if facts.readable_as_asked:
            return ""
        word = _WORDS.get(facts.found, str(facts.found))
        wants_directory = self.reference.transport in _MARKED
        if wants_directory != (facts.found in _DIRECTORIES) or facts.complete:
            return word
        ending = facts.archive.ending if facts.archive is not None else None
        return word if ending in (Ending.END_BLOCKS, Ending.BAD_HEADER) else ""

    def _writing(self, now: float) -> bool:
        """Whether it was seen to change a short while ago, and nobody closed it since."""
        return self.arrived is not None and self._closed is None and now - self.arrived < ARRIVING_SECONDS

    def _still(self, why: str, now: float) -> Standing:
        if not self._writing(now):
            return Standing(State.UNFINISHED, why)
        assert self.arrived is not None
        return Standing(State.GROWING, again=self.arrived + ARRIVING_SECONDS)

    def _another_image(self) -> Standing | None:
        wanted = self._rules.digest
        if wanted is None or not self.is_image:
            return None
        selected = self.facts.selected if self.facts is not None else None
        here = [] if selected is None else [selected.manifest_digest, selected.index and selected.index.digest]
        if wanted in here:
            return None
        return Standing(State.OTHER_IMAGE, f"its manifest is {self.manifest_digest or 'not named'}, not {wanted}")

    # -- does it rest

    def _rested(self) -> float:
        """From when on it has rested for long enough."""
        assert self.snapshot is not None
        remote = self.snapshot.remote
        settle = self._rules.settle
        if settle is None and self._closed is not None:
            return max(self._closed, self._changed) + AFTER_CLOSE
        if settle is None:
            settle = REMOTE_REST if remote else LOCAL_REST
        since = self._changed
        if not remote:
            age = (self.snapshot.sample.at - _stamped(self.snapshot)) / 1e9
            if age >= 0:
                since = min(since, self._looked - age)
        return since + settle

    def _open(self, ready: float, detail: str) -> Standing:
        """Open when it was found unchanged by a look that was made when it was ready."""
        if self._looked >= ready:
            return Standing(State.OPEN, detail, ready)
        return Standing(State.SETTLING, "", ready)

    # -- does its seal fit

    def _by_seal(self, now: float) -> Standing:
        if self._seal is None or self._seal_read is None:
            return Standing(State.UNSEALED, self._no_seal) if self._no_seal else Standing(State.UNSEEN, "its seal")
        fits, sentence = self._match(self._seal)
        if fits:
            ready = self._seal_read if self._is_as_sealed(self._seal) else max(self._seal_read, self._rested())
            return self._open(ready, sentence)
        return self._still("", now) if self._writing(now) else Standing(State.SEAL_DIFFERS, sentence)

    def _is_as_sealed(self, seal: Seal) -> bool:
        """Whether it is the very file that was sealed, not written since.

        Of anything else a digest tells what it is to become: the manifest may be there, and each blob with its size,
        while what is in them still arrives.
        """
        inode = self.inode
        assert inode is not None
        same = (inode.inode, inode.modified) == (seal.inode.inode, seal.inode.modified)
        return same and inode.type is FileType.REGULAR

    def _match(self, seal: Seal) -> tuple[bool, str]:
        assert self.inode is not None
        return matches(seal, self.inode, self.manifest_digest)


@dataclass(frozen=True)
class Decision:
    """How the gate stands: of every target, and as a whole."""

    opened: bool
    standings: tuple[Standing, ...]
    look: tuple[int, ...] = ()
    """Targets at which a look, made now, would decide."""
    again: float | None = None
    """When to decide again, should nothing be noticed until then."""


class Gate:
    """Opens when all its targets are open in the same moment."""

    def __init__(self, references: Sequence[Reference], rules: Rules) -> None:
        self.targets = tuple(Target(reference, rules) for reference in references)

    def decide(self, now: float) -> Decision:
        """Whether it is open, and if not, what to do next."""
        standings = tuple(target.standing(now) for target in self.targets)
        ready = [one.ready for one in standings if one.ready is not None and one.ready <= now]
        if len(ready) == len(standings):
            # What was open long ago is looked at again, when the last of them becomes ready.
            stale = tuple(i for i, target in enumerate(self.targets) if target.looked < max(ready))
            return Decision(not stale, standings, look=stale)
        look = tuple(
            i
            for i, (one, target) in enumerate(zip(standings, self.targets, strict=True))
            if one.ready is not None and target.looked < one.ready <= now
        )
        moments = [m for one in standings for m in (one.ready, one.again) if m is not None and m > now]
        return Decision(False, standings, look=look, again=min(moments, default=None))

    @property
    def arrived(self) -> float | None:
        """When bytes were last seen to arrive at any target."""
        return max((one.arrived for one in self.targets if one.arrived is not None), default=None)


def _contents(snapshot: Snapshot) -> tuple[object, ...]:
    """The fingerprint without ctime: what a writer changes, and a chmod does not."""
    inodes = (snapshot.inode, *(part.inode for part in snapshot.parts))
    return tuple(None if one is None else (one.device, one.inode, one.size, one.modified) for one in inodes)


def _stamped(snapshot: Snapshot) -> int:
    """The latest time that stands on the target or its parts."""
    inodes = (snapshot.inode, *(part.inode for part in snapshot.parts))
    return max(itertools.chain.from_iterable((one.modified, one.changed) for one in inodes if one is not None))


def _why(facts: ImageFacts) -> str:
    """Why it is not finished, without figures: they would differ from look to look."""
    ending = facts.archive.ending if facts.archive is not None else None
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    if facts.problems:
        return facts.problems[0].kind
    return "no image in it" if facts.selected is None else ""
