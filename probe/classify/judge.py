"""From assessments to one verdict: which cause leads, which follow from it, and what to say when none holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from probe import __version__
from probe.classify.case import Case, Reading
from probe.classify.hypotheses import HYPOTHESES
from probe.classify.hypothesis import Hypothesis, strongest
from probe.classify.notes import notes_for
from probe.classify.verdict import (
    MAX_CLAIMS,
    STRENGTH,
    Assessment,
    Cause,
    Claim,
    Family,
    Status,
    Verdict,
    VerdictDocument,
)
from probe.evidence.base import format_timestamp
from probe.evidence.observation import NotSeen
from probe.evidence.report import Report, Tool

if TYPE_CHECKING:
    from probe.classify.joined import Prediction, Table
    from probe.evidence.cluster import Cluster
    from probe.evidence.seal import Seal
    from probe.evidence.transcript import Transcript
    from probe.evidence.watch import Timeline

MAX_CLOCKS = 64
MAX_POSSIBLE = 4
"""Causes that are named although nothing decides for one of them."""
RANKS = {hypothesis.cause: hypothesis.rank for hypothesis in HYPOTHESES}


def judge_case(
    reports: Sequence[Report],
    timelines: Sequence[Timeline] = (),
    seals: Sequence[Seal] = (),
    transcripts: Sequence[Transcript] = (),
    clusters: Sequence[Cluster] = (),
    *,
    hypotheses: Sequence[Hypothesis] = HYPOTHESES,
) -> VerdictDocument:
    """Assess every cause over the evidence and name the one that leads.

    Among causes that hold, a confirmed one goes before a likely one; among equals the one that stopped the reader
    first. A general cause that a more specific one explains is kept, marked `implied_by`.
    """
    case = Case(tuple(reports), tuple(timelines), tuple(seals), tuple(transcripts), tuple(clusters))
    assessments = _mark_implied(_assess(case, hypotheses), hypotheses)
    verdict = _verdict(case, assessments)
    if verdict.family is not Family.NONE:
        assessments = [_not_beside(found, verdict) for found in assessments]
    if verdict.cause is Cause.INCONCLUSIVE:
        assessments.append(_inconclusive(case, verdict, assessments))
    assessments.sort(key=lambda found: (found.cause is not verdict.cause, *_order(found)))
    fields: dict[str, Any] = {
        "tool": Tool(version=__version__),
        "verdict": verdict,
        "assessments": tuple(assessments),
        "notes": notes_for(case),
        "evidence": case.reports,
    }
    if case.several or verdict.family is Family.RACE:
        from probe.classify.chronicle import chronicle
        from probe.classify.clocks import clocks

        fields.update(timeline=chronicle(case), clocks=clocks(case))
    if case.clusters:
        from probe.classify.told.specs.remarks import of_objects

        notes, times = of_objects(case)
        fields.update(notes=(*fields["notes"], *notes), clocks=(*fields.get("clocks", ()), *times)[:MAX_CLOCKS])
    table = _table(case)
    if table is None and not case.timelines and not case.seals and not case.told:
        return VerdictDocument(**fields)
    from probe.classify.joined import JoinedVerdict

    return JoinedVerdict(
        **fields,
        timelines=case.timelines,
        seals=case.seals,
        transcripts=case.transcripts,
        clusters=case.clusters,
        table=table,
        predictions=_predictions(case),
    )


def _predictions(case: Case) -> tuple[Prediction, ...]:
    """What those will meet who have not run yet, where objects tell of them, and a report of the path."""
    if not case.clusters or not case.readings:
        return ()
    from probe.classify.told.prediction import predictions

    return predictions(case)


def _table(case: Case) -> Table | None:
    """The tasks side by side, where there can be several."""
    if not case.several and not case.told:
        return None
    from probe.classify.table import table_of

    return table_of(case)


def _assess(case: Case, hypotheses: Sequence[Hypothesis]) -> list[Assessment]:
    """Every cause, by what was seen and by what logs and objects tell: what was seen goes first among equals."""
    seen = [hypothesis.assess(case) for hypothesis in hypotheses]
    if not case.told:
        return seen
    from probe.classify.told import told

    heard = told(case)
    return [strongest((found, *heard.get(found.cause, ()))) for found in seen]


def _not_beside(found: Assessment, verdict: Verdict) -> Assessment:
    """Nothing is healthy beside a fault."""
    if found.cause is not Cause.HEALTHY or not found.status.holds:
        return found
    return found.model_copy(update={"status": Status.REFUTED, "statement": f"not while {verdict.cause} holds"})


def _order(assessment: Assessment) -> tuple[int, bool, int]:
    return STRENGTH[assessment.status], assessment.implied_by is not None, RANKS.get(assessment.cause, 999)


def _mark_implied(assessments: list[Assessment], hypotheses: Sequence[Hypothesis]) -> list[Assessment]:
    """Mark what a more specific cause, at least as strong and about the same component, already says."""
    refiners = sorted((h for h in hypotheses if h.refines), key=lambda hypothesis: hypothesis.rank)
    by_cause = {assessment.cause: assessment for assessment in assessments}

    def implied_by(general: Assessment) -> Cause | None:
        for refiner in refiners:
            specific = by_cause.get(refiner.cause)
            if (
                specific is not None
                and general.cause in refiner.refines
                and specific.status.holds
                and STRENGTH[specific.status] <= STRENGTH[general.status]
                and (general.component is None or _same_place(specific, general))
            ):
                return specific.cause
        return None

    return [
        assessment.model_copy(update={"implied_by": implied_by(assessment)}) if assessment.status.holds else assessment
        for assessment in assessments
    ]


def _same_place(specific: Assessment, general: Assessment) -> bool:
    """Permission causes name the component; the others are about the reference as a whole."""
    return specific.family is not Family.A or specific.component == general.component


def _verdict(case: Case, assessments: Sequence[Assessment]) -> Verdict:
    faults = [
        found
        for found in assessments
        if found.status.holds and found.family is not Family.NONE and found.implied_by is None
    ]
    if faults:
        lead = min(faults, key=_order)
    else:
        healthy = next((found for found in assessments if found.cause is Cause.HEALTHY), None)
        if healthy is None or not healthy.status.holds:
            return Verdict(
                family=Family.NONE,
                cause=Cause.INCONCLUSIVE,
                status=Status.NOT_ASSESSABLE,
                statement=_undecided(case, assessments),
            )
        lead = healthy
    return Verdict(
        family=lead.family,
        cause=lead.cause,
        status=lead.status,
        statement=lead.statement,
        component=lead.component,
    )


def _undecided(case: Case, assessments: Sequence[Assessment]) -> str:
    """Why nothing could be decided, and the one observation to make next."""
    if not case.readings:
        return _only_told(case, assessments) if case.told else _nobody_read(case, assessments)
    for reading in case:
        stuck = reading.report.mounts.stuck
        if stuck:
            return f"the mount at {stuck[0]} did not answer within {reading.report.deadline_seconds:g} s"
    for reading in case:
        problem = _reading_trouble(reading)
        if problem is not None:
            return problem
    if case.arrived:
        from probe.classify.arrived import not_seen

        unseen = next((why for reading in case.arrived if (why := not_seen(reading)) is not None), None)
        if unseen is not None:
            return unseen
    possible = sorted((found for found in assessments if found.status is Status.POSSIBLE), key=_order)
    if possible:
        wanted = next((claim.sentence for found in possible for claim in found.missing), None)
        what = f"what was seen decides nothing: {possible[0].statement}"
        return f"{what}; needed: {wanted}" if wanted else what
    for reading in case:
        if isinstance(reading.report.chain, NotSeen):
            return f"the path was not seen: {reading.report.chain.message}"
        outcome = _outcome(reading)
        if outcome is not None:
            return outcome
    return "what was seen decides nothing"


def _only_told(case: Case, assessments: Sequence[Assessment]) -> str:
    """What logs and objects tell without any report, and what to look at next."""
    from probe.classify.told.undecided import next_step

    what, missing = next_step(case)
    possible = [str(found.cause) for found in sorted(assessments, key=_order) if found.status is Status.POSSIBLE]
    if possible:
        what += f"; possible: {', '.join(possible[:MAX_POSSIBLE])}"
    return f"{what}; needed: {missing[0].sentence}" if missing else what


def _nobody_read(case: Case, assessments: Sequence[Assessment]) -> str:
    """What watches and seals tell without any reader's report."""
    possible = next(
        (found.statement for found in sorted(assessments, key=_order) if found.status is Status.POSSIBLE), None
    )
    what = possible or _last_words(case)
    return f"no report of a reader: {what}; needed: what the reader met, and when (probe exec, probe check)"


def _last_words(case: Case) -> str:
    for timeline in case.timelines:
        if timeline.moments:
            return f"of {timeline.watch.reference.path} a watch said last: {timeline.moments[-1].sentence}"
        return f"a watch of {timeline.watch.reference.path} saw nothing"
    for seal in case.seals:
        return f"{seal.reference.path} was sealed {format_timestamp(seal.at)}"
    return "there is no evidence"


def _reading_trouble(reading: Reading) -> str | None:
    """A read error inside the container: the disk or the server, which no cause stands for."""
    for problem in reading.image.problems if reading.image is not None else ():
        if problem.kind == "unreadable":
            return f"reading {reading.report.reference.path} failed at {problem.subject}: {problem.found}"
    return None


def _outcome(reading: Reading) -> str | None:
    truth, judgement = reading.truth, reading.judgement
    if reading.granted is False and truth is not None and truth.granted and judgement is not None and judgement.denial:
        return f"{reading.report.want} would fail with {judgement.errno}: {judgement.denial.decision.sentence}"
    if truth is not None and truth.errno is not None:
        return f"{truth.operation} {truth.path} failed with {truth.errno}, which no cause explains"
    image = reading.report.image
    if isinstance(image, NotSeen) and reading.names_image:
        return f"the container could not be read: {image.message}"
    return None


def _inconclusive(case: Case, verdict: Verdict, assessments: Sequence[Assessment]) -> Assessment:
    """The assessment that carries every observation which would decide."""
    seen: set[str] = set()
    missing: list[Claim] = []
    if case.told and not case.readings:
        from probe.classify.told.undecided import next_step

        missing += next_step(case)[1]
        seen.update(claim.sentence for claim in missing)
    for found in sorted(assessments, key=_order):
        if found.status in (Status.POSSIBLE, Status.NOT_ASSESSABLE):
            missing += [claim for claim in found.missing if claim.sentence not in seen]
            seen.update(claim.sentence for claim in found.missing)
    for reading in case:
        if reading.report.mounts.stuck:
            sentence = f"an answer from the mount at {reading.report.mounts.stuck[0]}"
            missing.insert(0, Claim(pointer=reading.at("mounts", "stuck"), sentence=sentence))
    return Assessment(
        cause=Cause.INCONCLUSIVE,
        family=Family.NONE,
        status=Status.NOT_ASSESSABLE,
        statement=verdict.statement,
        missing=tuple(missing[:MAX_CLAIMS]),
    )
