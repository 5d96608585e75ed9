"""Notes: what a reader should know that is not a fault of its own."""

from __future__ import annotations

from probe.access.walk import Purpose
from probe.classify.case import REFUSALS, Case, Reading
from probe.evidence.observation import Seen

_MOST_CHANGES = 2


def notes_for(case: Case) -> tuple[str, ...]:
    """The notes of every report, then those about the case."""
    notes: list[str] = []
    for reading in case:
        notes += [note for note in _reading_notes(reading) if note not in notes]
    return (*notes, *_case_notes(case), *_watch_notes(case))


def _watch_notes(case: Case) -> list[str]:
    """What a watch did not tell: lines that were lost, changes that were only counted."""
    notes: list[str] = []
    for number, timeline in enumerate(case.timelines):
        numbers = [moment.number for moment in timeline.moments]
        lost = numbers[-1] + 1 - len(numbers) if numbers else 0
        if lost > 0:
            said = f"{lost} of {numbers[-1] + 1} lines are lost"
            notes.append(f"watch {number + 1} of {timeline.watch.reference.path}: {said}; changes may be missing")
        if timeline.moments and timeline.moments[-1].change != "ended":
            notes.append(f"watch {number + 1} of {timeline.watch.reference.path} was cut off: it has no last line")
    return notes


def _reading_notes(reading: Reading) -> list[str]:
    notes: list[str] = []
    report, judgement, truth = reading.report, reading.judgement, reading.truth
    if truth is not None and truth.granted and judgement is not None and judgement.granted is False:
        denied = judgement.denial.decision.sentence if judgement.denial is not None else judgement.errno
        notes.append(
            f"prediction and truth differ: the recorded bits deny ({denied}), and the kernel granted {truth.operation}"
        )
    notes += [f"{mount}: a call on this mount did not return in time" for mount in report.mounts.stuck]
    notes += [f"changed while it was looked at: {what}" for what in report.unstable[:_MOST_CHANGES]]
    if len(report.unstable) > _MOST_CHANGES:
        notes.append(f"and {len(report.unstable) - _MOST_CHANGES} more changes ({reading.at('unstable')})")
    notes += [f"given up: {what}" for what in report.unfinished]
    notes += _temp_note(reading)
    if isinstance(report.skopeo, Seen) and report.skopeo.value.agrees is False:
        notes.append(
            f"skopeo reports {report.skopeo.value.manifest_digest}, the probe computed "
            f"{_digest(reading)}: one of them read something else"
        )
    listing = report.listing
    searching = reading.denial is not None and reading.denial.purpose is Purpose.SEARCH
    if searching and isinstance(listing, Seen) and truth is not None and truth.errno in REFUSALS:
        notes.append(f"ls shows the names in {listing.value.path}; that needs r, opening needs x: it refutes nothing")
    return notes


def _temp_note(reading: Reading) -> list[str]:
    temp, image = reading.report.mounts.temp_space, reading.image
    if reading.report.reference.transport != "oci-archive" or image is None or image.archive is None:
        return []
    writable = reading.report.mounts.temp_writable
    if isinstance(writable, Seen) and not writable.value and not reading.predicted:
        return [
            "skopeo unpacks an oci-archive into its temp directory, which this identity cannot write: give it --tmpdir"
        ]
    if isinstance(temp, Seen) and temp.value.available_bytes < image.archive.size:
        left, needed = temp.value.available_bytes, image.archive.size
        return [
            f"skopeo unpacks an oci-archive: {temp.value.path} has {left} bytes left for {needed}; give it --tmpdir"
        ]
    return []


def _digest(reading: Reading) -> str | None:
    image = reading.image.selected if reading.image is not None else None
    return image.manifest_digest if image is not None else None


def _case_notes(case: Case) -> list[str]:
    """What several looks at images tell together."""
    if not case.several:
        return []
    from probe.classify.encodings import encodings

    notes = list(encodings(case))
    if len(case.history.all) > 1:
        from probe.classify.joins.different_volume import copies

        notes += copies(case)
    return notes
