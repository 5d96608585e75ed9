"""The tasks of one hand-over name different paths or transports, whether or not each can be read."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from probe.classify.case import Case, Reading
from probe.classify.hypothesis import Hypothesis, Scale
from probe.classify.paths import near
from probe.classify.verdict import Assessment, Cause, Fix, Remedy, Status
from probe.evidence.path import Want

_USES = frozenset({Want.READ, Want.LIST})
"""Wants that name what a producer has made. Where a command writes to is another place, and rightly so."""
_MOST_PAIRS = 2_048
"""Compared of a large case: enough for 64 references that all differ."""


class DifferentReference(Hypothesis):
    """Two references of one case (of one `check`, of several tasks, or of a command and its message) are compared."""

    cause = Cause.DIFFERENT_REFERENCE
    rank = 60
    refines = (Cause.WRONG_TRANSPORT, Cause.WRONG_PATH)

    def assess(self, case: Case) -> Assessment:
        """Every pair of references, then each reference against what the failing command named."""
        scale = Scale(self.cause)
        for reading in case:
            if reading.report.want not in _USES:
                continue
            told = self._against_command(reading, scale)
            if told is not None:
                return told
        uses = [reading for reading in case if reading.report.want in _USES]
        placed = [(reading, _place(reading)) for reading in uses if reading.names_image]
        differing = ((a, b) for (a, here), (b, there) in itertools.combinations(placed, 2) if here != there)
        pairs = list(itertools.islice(differing, _MOST_PAIRS))
        if not pairs:
            return self._single(uses, scale)
        related = [pair for pair in pairs if _related(*pair)]
        if not related:
            a, b = pairs[0]
            self._name_both(scale, a, b)
            return scale.possible("the references name unrelated paths: one hand-over, or two images?")
        assessments = [self._compare(a, b) for a, b in related]
        return min(assessments, key=lambda found: list(Status).index(found.status))

    def _single(self, uses: Sequence[Reading], scale: Scale) -> Assessment:
        if not uses:
            return scale.not_assessable("there is no report of a reader")
        if len(uses) > 1:
            scale.contradict(uses[0].at("reference"), "every report names the same transport and path")
            return scale.refuted("all references agree")
        scale.miss(uses[0].at("reference"), "the reference of the other tasks of this hand-over")
        return scale.not_assessable("only one reference is known")

    def _compare(self, a: Reading, b: Reading) -> Assessment:
        scale = Scale(self.cause)
        self._name_both(scale, a, b)
        first, second = a.report.reference.text, b.report.reference.text
        statement = f"the references differ: {first} and {second}"
        good = [reading for reading in (a, b) if _reads(reading)]
        if len(good) == 2:
            return self._both_read(scale, a, b, statement)
        for reading in (a, b):
            image = reading.image
            if image is not None:
                verb = "can" if image.readable_as_asked else "cannot"
                scale.support(
                    reading.image_at("readable_as_asked"),
                    f"{reading.report.reference.text}: {image.found} lies there, which {verb} be read as asked",
                )
            elif reading.absent:
                scale.support(reading.truth_at, f"{reading.report.reference.text}: nothing is there")
        remedy = _remedy(good[0] if good else None)
        if a.predicted or b.predicted or not good:
            scale.miss(a.at("image"), "the container itself, opened by the reader")
            return scale.likely(statement, component=b.report.reference.path, remedy=remedy)
        return scale.confirmed(statement, component=b.report.reference.path, remedy=remedy)

    def _both_read(self, scale: Scale, a: Reading, b: Reading, statement: str) -> Assessment:
        ours, theirs = _diff_ids(a), _diff_ids(b)
        if ours and ours == theirs:
            scale.contradict(a.image_at("images"), "both hold the same image: their diff_ids are equal")
            if _same_task(a, b):
                return scale.refuted("the references differ, and hold the same image")
            return scale.likely(statement, component=b.report.reference.path, remedy=_remedy(a))
        if ours and theirs:
            scale.support(a.image_at("images"), f"diff_ids begin {ours[0][:19]} here")
            scale.support(b.image_at("images"), f"diff_ids begin {theirs[0][:19]} there")
            return _graded(scale, a, b)(
                f"{statement}, and hold different images", component=b.report.reference.path, remedy=_remedy(a)
            )
        return scale.likely(statement, component=b.report.reference.path, remedy=_remedy(a))

    def _against_command(self, reading: Reading, scale: Scale) -> Assessment | None:
        """The reference in the command's own message, when it is another than the one that was asked about."""
        ours = reading.report.reference
        for number, failure in reading.messages.failures:
            named = reading.messages.other_reference(failure)
            if named is None:
                continue
            transport, path = named
            scale.support(reading.messages.place_of(number), f"the command read {transport}:{path}: {failure.text}")
            scale.support(reading.at("reference"), f"the reference under test is {ours.text}")
            return _graded(scale, reading)(
                f"the failing command read {transport}:{path}, not {ours.transport}:{ours.path}",
                component=path,
                remedy=_remedy(reading if _reads(reading) else None),
            )
        return None

    def _name_both(self, scale: Scale, a: Reading, b: Reading) -> None:
        for reading in (a, b):
            who = reading.report.context.task
            scale.support(reading.at("reference"), f"{who or 'one task'} names {reading.report.reference.text}")


def _graded(scale: Scale, *readings: Reading) -> Callable[..., Assessment]:
    """How the scale ends: a prediction for somebody else is never more than likely."""
    predicted = next((reading for reading in readings if reading.predicted), None)
    if predicted is None:
        return scale.confirmed
    scale.miss(predicted.identity_at, "an observation made with that identity itself")
    return scale.likely


def _place(reading: Reading) -> tuple[str, str, str | None]:
    return reading.report.reference.transport, reading.chain_end, reading.report.reference.tag


def _related(a: Reading, b: Reading) -> bool:
    return near(a.chain_end, b.chain_end)


def _reads(reading: Reading) -> bool:
    image = reading.image
    return image is not None and image.readable_as_asked and bool(reading.granted)


def _diff_ids(reading: Reading) -> tuple[str, ...]:
    image = reading.image.selected if reading.image is not None else None
    return image.diff_ids if image is not None else ()


def _same_task(a: Reading, b: Reading) -> bool:
    return a.report.context.task == b.report.context.task


def _remedy(good: Reading | None) -> Remedy:
    what = good.report.reference.text if good is not None else "the one that the build wrote"
    return Remedy(
        smallest=Fix(sentence=f"Use one reference in every task: {what}."),
        structural=Fix(
            sentence="Write the whole reference, transport included, once: as a pipeline parameter, or as a result of "
            "the build that every push takes."
        ),
    )
