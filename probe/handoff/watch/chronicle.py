"""From notices to moments: what a watch writes down, line by line, and what it comes to at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from probe import __version__
from probe.collect.context import read_context, read_place
from probe.collect.deadline import Bounds, run_child
from probe.collect.frames import Place, receive, send
from probe.collect.identity import read_identity
from probe.collect.journal import Journal
from probe.collect.mountinfo import MountTable, read_mount_table
from probe.evidence.base import clip
from probe.evidence.context import Context
from probe.evidence.identity import Identity
from probe.evidence.image import ImageFacts
from probe.evidence.path import Inode
from probe.evidence.report import Reference, Tool
from probe.evidence.seal import Seal
from probe.evidence.watch import MAX_MOMENTS, Change, Met, Moment, Summary, Timeline, Watch
from probe.evidence.writer import OpenDescriptor
from probe.handoff.observe.glance import contents_of
from probe.handoff.observe.observer import Kind, Notice, Noticed
from probe.handoff.observe.snapshot import Snapshot
from probe.handoff.seal.reading import matches
from probe.handoff.watch.differences import (
    CONTENT,
    Difference,
    Hints,
    absence,
    describe,
    differences,
    refusal,
    refused,
    together,
    tried_errno,
)

FIRST_GAP, LAST_GAP, GAP_FACTOR = 1.0, 30.0, 1.5
"""Seconds between two lines that say that a target grew: more and more while it goes on."""
_PLACE_SECONDS = 2.0
_NO_ROOM = "no room is left: from here on changes are only counted"
_MAX_WAY = 512
_CLOSED, _COMPLETE = "closed", "complete"
_LAST_WORDS = frozenset({Change.LEFT_OUT, Change.ENDED})


def begin_watches(references: Iterable[Reference], facts: Mapping[str, str]) -> list[Watch]:
    """The headers: who watches what, where, from now on."""
    try:
        table = read_mount_table()
    except OSError:
        table = MountTable()
    context, identity = read_context(table, _place(table), facts), read_identity()
    return [_begin(reference, context, identity) for reference in references]


def _begin(reference: Reference, context: Context, identity: Identity) -> Watch:
    import secrets

    return Watch(
        id=secrets.token_hex(8),
        tool=Tool(version=__version__),
        started=time.time_ns(),
        started_monotonic=time.monotonic(),
        context=context,
        reference=reference,
        identity=identity,
    )


def _place(table: MountTable) -> Place:
    """What files of the pod say: read by a child, as one of these may lie on a mount that hangs."""
    try:
        journal = Journal(1 << 16)
    except OSError:
        return Place()
    try:
        run_child(lambda shared: send(shared, "place", read_place(table)), journal, Bounds(_PLACE_SECONDS))
        return receive(journal).place
    finally:
        journal.close()


def timeline_of(watch: Watch, notices: Iterable[Notice]) -> Timeline:
    """The moments that these notices about one target come to, as one document."""
    moments: list[Moment] = []

    def keep(moment: Moment) -> bool:
        if len(moments) >= MAX_MOMENTS - 2 and moment.change not in _LAST_WORDS:
            return False
        moments.append(moment)
        return True

    chronicle = Chronicle(watch, keep)
    for notice in notices:
        chronicle.tick(notice.monotonic)
        chronicle.take(notice)
    chronicle.end()
    return Timeline(watch=watch, moments=tuple(moments))


class _Pace:
    """How often lines of one kind are written: at once, then once a second, more and more rarely while it goes on."""

    def __init__(self) -> None:
        self._told = self._seen = float("-inf")
        self._gap = FIRST_GAP

    def heed(self, now: float) -> bool:
        """There is something to tell; whether that may be done at once."""
        if now - self._seen > LAST_GAP:
            self._gap = FIRST_GAP
        self._seen = now
        return now >= self._told + self._gap

    @property
    def due(self) -> float:
        """When it may be told, or has rested for so long that it is to be."""
        return min(self._told + self._gap, self._seen + max(FIRST_GAP, self._gap / 2))

    def tell(self, at: float) -> None:
        """It is told."""
        if self._told > float("-inf"):
            self._gap = min(LAST_GAP, self._gap * GAP_FACTOR)
        self._told = at


@dataclass(frozen=True)
class _Held:
    """A line that is held back: what was noticed then, and how to tell it."""

    monotonic: float
    tell: Callable[[], None]
    found: Difference | None = None
    """Of writing: from the state in the last line to the present one."""


class Chronicle:
    """The account of one target. `keep` gets each moment, and says whether there was room for it.

    There must always be room for `LEFT_OUT` and `ENDED`. Growth is told at once, then at most once a second, more
    rarely as it goes on, and always before another change: call `tick` when `due` has come.
    """

    def __init__(self, watch: Watch, keep: Callable[[Moment], bool]) -> None:
        self._watch, self._keep = watch, keep
        self._target = watch.reference.path
        self._state: Snapshot | None = None
        self._inode: Inode | None = None
        """The target, as it was last seen; None once it was seen to be gone."""
        self._renamed = False
        """Whether the next state came about by a rename into place."""
        self._put_there = False
        """Whether the last one did: then there was no writer who closed it here."""
        self._held: dict[str, _Held] = {}
        self._paces: dict[str, _Pace] = {}
        """By path what is written to it, and by other words what else may come again and again."""
        self._facts: tuple[tuple[object, ...], ImageFacts] | None = None
        self._complete: tuple[bool, tuple[object, ...]] | None = None
        """As last told."""
        self._seal: Seal | None = None
        self._seal_told = False
        self._moments = self._left_out = self._written = self._replaced = 0

    # -- what is noticed

    def take(self, notice: Notice) -> None:
        """One notice about this target."""
        if notice.kind is Kind.STATE and notice.snapshot is not None:
            self._take_state(notice, notice.snapshot)
        elif notice.kind is Kind.RENAMED:
            self._renamed = True
        elif notice.kind is Kind.CLOSED:
            self._take_closed(notice)
        elif notice.kind is Kind.FACTS and notice.snapshot is not None and notice.facts is not None:
            self._take_facts(notice, notice.snapshot, notice.facts)
        elif notice.kind is Kind.OPENED and notice.holder is not None:
            self._take_holder(notice, notice.holder)
        elif notice.kind is Kind.SEAL:
            self._seal, self._seal_told = notice.seal, False
            self._check_seal(notice)
        elif notice.kind is Kind.STUCK:
            self._flush()
            self._say(notice, Change.STUCK, clip(f"no answer: {notice.call}", 1024))
        elif notice.kind is Kind.ANSWERED:
            self._say(notice, Change.ANSWERED, "the file system answers again")

    def _take_state(self, notice: Notice, state: Snapshot) -> None:
        before, self._state = self._state, state
        hints = Hints(notice.fresh, self._renamed)
        self._put_there, self._renamed = self._renamed, False
        if before is None:
            self._begin(notice, state)
        else:
            for found in differences(self._target, before, state, self._inode, hints):
                self._count(found)
                self._tell(notice, found)
        if state.inode is not None:
            self._inode = state.inode
        elif not refused(state.sample.open_errno):
            self._inode = self._complete = None
        self._check_seal(notice)

    def _begin(self, notice: Notice, state: Snapshot) -> None:
        if refused(state.sample.open_errno):
            sentence = refusal(state)
            if state.inode is not None:
                sentence = f"{describe(state.inode)}; {sentence}"
        elif state.inode is None:
            sentence = f"not there: {absence(state)}"
        else:
            sentence = describe(state.inode)
        way = tuple(Met(path=step.path, inode=step.inode) for step in state.steps if step.inode is not None)
        self._say(notice, Change.STARTED, sentence, after=state.inode, way=way[:_MAX_WAY])

    def _count(self, found: Difference) -> None:
        if found.path != self._target:
            return
        if found.change in (Change.REPLACED, Change.RENAMED) and found.before is not None:
            self._replaced += 1
        if found.after is not None and found.after.type == "regular":
            old = found.before.size if found.before is not None and found.change is Change.GREW else 0
            if found.change in (Change.GREW, Change.APPEARED, Change.REPLACED, Change.RENAMED):
                self._written += found.after.size - old

    def _take_closed(self, notice: Notice) -> None:
        if self._put_there:
            self._put_there = False
            return
        inode = notice.snapshot.inode if notice.snapshot is not None else None
        size = f" at {inode.size} bytes" if inode is not None and inode.type == "regular" else ""
        tell = partial(self._say, notice, Change.CLOSED, f"a writer closed it{size}", after=inode)
        self._hold(_CLOSED, _Held(notice.monotonic, tell))

    def _take_facts(self, notice: Notice, state: Snapshot, facts: ImageFacts) -> None:
        self._facts = state.fingerprint, facts
        contents = contents_of(state)
        told, self._complete = self._complete, (facts.complete, contents)
        change = Change.COMPLETE if facts.complete else Change.UNFINISHED
        tell = partial(self._say, notice, change, _in_words(facts), after=state.inode)
        if told is None or told[0] != facts.complete:
            self._flush()
            tell()
        elif facts.complete and told[1] != contents:
            self._hold(_COMPLETE, _Held(notice.monotonic, tell))
        self._check_seal(notice)

    def _take_holder(self, notice: Notice, holder: OpenDescriptor) -> None:
        sentence = f"open for writing by process {holder.pid} of user {holder.uid}"
        self._say(notice, Change.OPENED, sentence, after=self._inode, holder=holder)

    def _check_seal(self, notice: Notice) -> None:
        state, seal = self._state, self._seal
        if state is None or state.inode is None or seal is None:
            return
        facts = self._facts[1] if self._facts is not None and self._facts[0] == state.fingerprint else None
        selected = facts.selected if facts is not None else None
        fits, sentence = matches(seal, state.inode, selected.manifest_digest if selected is not None else None)
        if fits and not self._seal_told:
            self._flush()
            self._say(notice, Change.SEALED, f"sealed: {sentence}", after=state.inode)
        self._seal_told = fits

    # -- what is told now, and what later

    @property
    def begun(self) -> bool:
        """Whether there was a first look, or it is known why not."""
        return self._moments > 0 or self._left_out > 0

    @property
    def due(self) -> float | None:
        """When something that was held back is to be told (CLOCK_MONOTONIC)."""
        return min((self._paces[key].due for key in self._held), default=None)

    def tick(self, now: float) -> None:
        """Tell what is due, and with it all that is held back: lines come in the order of what they tell."""
        if (due := self.due) is not None and now >= due:
            self._flush()

    def _tell(self, notice: Notice, found: Difference) -> None:
        if found.change not in CONTENT:
            self._flush()
            self._paces.clear()
            self._say(notice, found.change, found.sentence, found.path, before=found.before, after=found.after)
            return
        held = self._held.get(found.path)
        if held is not None and held.found is not None:
            found = together(held.found, found)
        tell = partial(
            self._say, notice, found.change, found.sentence, found.path, before=found.before, after=found.after
        )
        self._hold(found.path, _Held(notice.monotonic, tell, found))

    def _hold(self, key: str, held: _Held) -> None:
        """Tell it now, where its pace allows that, or later; in place of what was held back for the same reason."""
        self._held[key] = held
        if self._paces.setdefault(key, _Pace()).heed(held.monotonic):
            self._flush()

    def _flush(self) -> None:
        """What was held back comes before what is told now."""
        held, self._held = self._held, {}
        for key, one in sorted(held.items(), key=lambda item: item[1].monotonic):
            self._paces[key].tell(one.monotonic)
            one.tell()

    # -- lines

    def end(self, *, at: int | None = None, monotonic: float | None = None) -> None:
        """The last line."""
        self._flush()
        state, now = self._state, time.monotonic() if monotonic is None else monotonic
        current = self._facts is not None and state is not None and self._facts[0] == state.fingerprint
        tried, errno = tried_errno(state) if state is not None else (False, None)
        summary = Summary(
            seconds=round(max(0.0, now - self._watch.started_monotonic), 3),
            moments=self._moments,
            left_out=self._left_out,
            written_bytes=max(0, self._written),
            replaced=self._replaced,
            complete=self._facts[1].complete if current and self._facts is not None else None,
            errno=errno,
        )
        self._put(
            Change.ENDED,
            self._target,
            _last_sentence(summary),
            time.time_ns() if at is None else at,
            now,
            "look",
            (tried, errno),
            after=state.inode if state is not None else None,
            summary=summary,
        )

    def _say(
        self,
        notice: Notice,
        change: Change,
        sentence: str,
        path: str | None = None,
        *,
        before: Inode | None = None,
        after: Inode | None = None,
        holder: OpenDescriptor | None = None,
        way: tuple[Met, ...] = (),
    ) -> None:
        snapshot = notice.snapshot if notice.kind in (Kind.STATE, Kind.CLOSED, Kind.FACTS) else None
        self._put(
            change,
            path or self._target,
            sentence,
            notice.at,
            notice.monotonic,
            notice.noticed,
            tried_errno(snapshot) if snapshot is not None else (False, None),
            before=before,
            after=after,
            holder=holder,
            way=way,
        )

    def _put(
        self,
        change: Change,
        path: str,
        sentence: str,
        at: int,
        monotonic: float,
        noticed: Noticed,
        tried: tuple[bool, str | None],
        *,
        before: Inode | None = None,
        after: Inode | None = None,
        holder: OpenDescriptor | None = None,
        way: tuple[Met, ...] = (),
        summary: Summary | None = None,
    ) -> None:
        if self._left_out and change is not Change.ENDED:
            self._left_out += 1
            return
        moment = Moment(
            watch=self._watch.id,
            number=self._moments,
            at=at,
            monotonic=monotonic,
            change=change,
            path=clip(path),
            sentence=clip(sentence),
            noticed=noticed,
            before=before,
            after=after,
            way=way,
            tried=tried[0],
            errno=tried[1],
            holder=holder,
            summary=summary,
        )
        if self._keep(moment):
            self._moments += 1
            return
        self._left_out = 1
        last = {"change": Change.LEFT_OUT, "path": clip(self._target), "sentence": _NO_ROOM}
        if self._keep(moment.model_copy(update={**last, "before": None, "after": None, "way": (), "holder": None})):
            self._moments += 1


def _in_words(facts: ImageFacts) -> str:
    if facts.complete:
        digest = facts.selected.manifest_digest if facts.selected is not None else None
        return f"complete: {facts.found}, manifest {digest or 'not named'}"
    if facts.problems:
        first = facts.problems[0]
        return clip(f"not finished: {facts.found}, {first.kind} {first.subject}", 1024)
    return f"not finished: {facts.found}"


def _last_sentence(summary: Summary) -> str:
    words = [f"watched for {summary.seconds:.1f} s, {summary.moments} moments"]
    if summary.left_out:
        words.append(f"{summary.left_out} left out")
    if summary.written_bytes:
        words.append(f"{summary.written_bytes} bytes written")
    if summary.replaced:
        words.append(f"replaced {summary.replaced} times")
    if summary.complete is not None:
        words.append("complete at the end" if summary.complete else "not finished at the end")
    if summary.errno is not None:
        words.append(f"an open fails with {summary.errno} at the end")
    return ", ".join(words)
