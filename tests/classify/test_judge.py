"""From assessments to the verdict: who leads, what follows from it, what is said when nothing holds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from support.situations import Situation

from probe.classify.case import Case, Reading
from probe.classify.hypotheses import HYPOTHESES
from probe.classify.hypothesis import Hypothesis, ReadingHypothesis, Scale, strongest
from probe.classify.judge import RANKS, judge_case
from probe.classify.verdict import STRENGTH, Assessment, Cause, Claim, Family, Status, VerdictDocument
from probe.evidence.report import Report

pytestmark = pytest.mark.root


@pytest.fixture
def report(situations: dict[str, Situation]) -> Report:
    return situations["healthy"].document.evidence[0]


class Says(Hypothesis):
    """A hypothesis that always says the same."""

    def __init__(
        self,
        cause: Cause,
        status: Status,
        *,
        rank: int = 50,
        refines: tuple[Cause, ...] = (),
        component: str | None = None,
        missing: tuple[str, ...] = (),
    ) -> None:
        self.cause, self.rank, self.refines = cause, rank, refines  # type: ignore[misc]
        self._assessment = Assessment(
            cause=cause,
            family=cause.family,
            status=status,
            statement=f"{cause} it is",
            component=component,
            missing=tuple(Claim(pointer="/evidence/0/want", sentence=sentence) for sentence in missing),
        )

    def assess(self, case: Case) -> Assessment:
        return self._assessment


def judged(report: Report, *said: Says) -> VerdictDocument:
    """Judge by these alone, whatever order they are asked in: the order must not matter."""
    documents = [judge_case([report], hypotheses=order) for order in itertools.permutations(said)]
    leads = {document.verdict.cause for document in documents}
    assert len(leads) == 1
    return documents[0]


def test_a_confirmed_cause_leads_before_a_likely_one_of_lower_rank(report: Report) -> None:
    document = judged(
        report,
        Says(Cause.OTHER_PATH_FAILED, Status.LIKELY),
        Says(Cause.CORRUPT, Status.CONFIRMED),
        Says(Cause.HEALTHY, Status.REFUTED),
    )
    assert (document.verdict.cause, document.verdict.status) == (Cause.CORRUPT, Status.CONFIRMED)
    assert [found.cause for found in document.assessments][:2] == [Cause.CORRUPT, Cause.OTHER_PATH_FAILED]


def test_among_equals_the_one_that_stopped_the_reader_first_leads(report: Report) -> None:
    assert RANKS[Cause.DIR_SEARCH_DENIED] < RANKS[Cause.TRUNCATED]
    document = judged(report, Says(Cause.TRUNCATED, Status.CONFIRMED), Says(Cause.DIR_SEARCH_DENIED, Status.CONFIRMED))
    assert document.verdict.cause is Cause.DIR_SEARCH_DENIED


def test_a_possible_cause_never_leads(report: Report) -> None:
    document = judged(report, Says(Cause.CORRUPT, Status.POSSIBLE), Says(Cause.HEALTHY, Status.LIKELY))
    assert document.verdict.cause is Cause.HEALTHY


def test_a_fault_goes_before_health(report: Report) -> None:
    document = judged(report, Says(Cause.HEALTHY, Status.CONFIRMED), Says(Cause.READ_ONLY, Status.LIKELY))
    assert document.verdict.cause is Cause.READ_ONLY


GENERAL, SPECIFIC = Cause.DIR_SEARCH_DENIED, Cause.GROUP_NOT_HELD


@pytest.mark.parametrize(
    ("specific", "general", "implied"),
    [
        (Status.CONFIRMED, Status.CONFIRMED, True),
        (Status.CONFIRMED, Status.LIKELY, True),
        (Status.LIKELY, Status.LIKELY, True),
        (Status.LIKELY, Status.CONFIRMED, False),
        (Status.POSSIBLE, Status.LIKELY, False),
        (Status.REFUTED, Status.CONFIRMED, False),
    ],
)
def test_a_general_cause_follows_from_a_specific_one_that_is_as_strong(
    specific: Status, general: Status, implied: bool, report: Report
) -> None:
    document = judged(
        report,
        Says(SPECIFIC, specific, rank=48, refines=(GENERAL,), component="/a"),
        Says(GENERAL, general, rank=50, component="/a"),
    )
    found = {one.cause: one for one in document.assessments}
    assert found[GENERAL].implied_by == (SPECIFIC if implied else None)
    assert found[SPECIFIC].implied_by is None
    assert document.verdict.cause is (SPECIFIC if implied else GENERAL)


def test_permissions_of_another_component_imply_nothing(report: Report) -> None:
    document = judged(
        report,
        Says(SPECIFIC, Status.CONFIRMED, rank=48, refines=(GENERAL,), component="/a"),
        Says(GENERAL, Status.CONFIRMED, rank=50, component="/a/b"),
    )
    assert all(found.implied_by is None for found in document.assessments)


def test_a_cause_that_is_not_refined_stands_beside(report: Report) -> None:
    document = judged(
        report,
        Says(SPECIFIC, Status.CONFIRMED, rank=48, refines=(GENERAL,), component="/a"),
        Says(Cause.TRUNCATED, Status.CONFIRMED, rank=80, component="/a"),
    )
    assert [found.implied_by for found in document.assessments] == [None, None]


def test_the_first_of_several_specific_causes_implies(report: Report) -> None:
    document = judged(
        report,
        Says(Cause.ACL_DENIED, Status.CONFIRMED, rank=47, refines=(GENERAL,), component="/a"),
        Says(SPECIFIC, Status.CONFIRMED, rank=48, refines=(GENERAL,), component="/a"),
        Says(GENERAL, Status.CONFIRMED, rank=50, component="/a"),
    )
    assert {found.cause: found.implied_by for found in document.assessments}[GENERAL] is Cause.ACL_DENIED


def test_nothing_holds_is_inconclusive_and_names_what_would_decide(report: Report) -> None:
    document = judged(
        report,
        Says(Cause.CORRUPT, Status.POSSIBLE, missing=("the hashes", "a longer look")),
        Says(Cause.WRONG_PATH, Status.NOT_ASSESSABLE, missing=("the hashes", "a listing")),
        Says(Cause.READ_ONLY, Status.REFUTED, missing=("nothing that anybody needs",)),
        Says(Cause.HEALTHY, Status.POSSIBLE),
    )
    assert (document.verdict.cause, document.verdict.family) == (Cause.INCONCLUSIVE, Family.NONE)
    assert document.verdict.statement == "what was seen decides nothing: corrupt it is; needed: the hashes"
    lead = document.assessments[0]
    assert lead.cause is Cause.INCONCLUSIVE
    assert [claim.sentence for claim in lead.missing] == ["the hashes", "a longer look", "a listing"]


def test_every_assessment_is_listed_once_leader_first_then_by_strength(situations: dict[str, Situation]) -> None:
    for name, situation in situations.items():
        document = situation.document
        causes = [found.cause for found in document.assessments]
        expected = {hypothesis.cause for hypothesis in HYPOTHESES}
        if document.verdict.cause is Cause.INCONCLUSIVE:
            expected.add(Cause.INCONCLUSIVE)
        assert set(causes) == expected and len(causes) == len(expected), name
        assert causes[0] is document.verdict.cause
        strengths = [STRENGTH[found.status] for found in document.assessments[1:]]
        assert strengths == sorted(strengths), name


def test_the_leader_and_the_verdict_say_the_same(situations: dict[str, Situation]) -> None:
    for situation in situations.values():
        document = situation.document
        lead, verdict = document.assessments[0], document.verdict
        for field in ("cause", "family", "status", "statement", "component"):
            assert getattr(lead, field) == getattr(verdict, field)
        assert lead.implied_by is None


def test_the_registry(report: Report) -> None:
    causes = [hypothesis.cause for hypothesis in HYPOTHESES]
    assert len(set(causes)) == len(causes)
    for hypothesis in HYPOTHESES:
        assert hypothesis.cause not in hypothesis.refines
        for general in hypothesis.refines:
            assert RANKS[hypothesis.cause] < RANKS[general], "what is more specific goes first"
    assert RANKS[Cause.HEALTHY] == max(RANKS.values())


def test_every_cause_has_a_family() -> None:
    assert {cause.family for cause in Cause} == set(Family)
    assert [cause for cause in Cause if cause.family is Family.NONE] == [Cause.HEALTHY, Cause.INCONCLUSIVE]


# -- one hypothesis


def _assessed(status: Status, statement: str = "") -> Assessment:
    return Assessment(cause=Cause.CORRUPT, family=Family.OTHER, status=status, statement=statement)


def test_strongest_takes_the_first_among_equals() -> None:
    found = [_assessed(status, str(number)) for number, status in enumerate([*reversed(Status), *Status])]
    assert strongest(found).statement == str(len(Status) - 1)
    assert [STRENGTH[status] for status in Status] == list(range(5))
    assert [status for status in Status if status.holds] == [Status.CONFIRMED, Status.LIKELY]


class Sure(ReadingHypothesis):
    """Always sure."""

    cause = Cause.CORRUPT
    rank = 1

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        for number in range(100):
            scale.support(reading.at("want"), f"s{number}")
            scale.miss(reading.at("want"), f"m{number}")
        return scale.confirmed("x" * 5000, component="/" + "y" * 5000)


def test_a_prediction_is_never_more_than_likely(report: Report) -> None:
    document = judge_case([report.model_copy(update={"predict_for": report.identity})], hypotheses=[Sure()])
    (found,) = document.assessments
    assert found.status is document.verdict.status is Status.LIKELY
    assert len(found.missing) == 64
    assert found.missing[-1].pointer == "/evidence/0/predict_for"
    assert VerdictDocument.model_validate_json(document.model_dump_json(by_alias=True)) == document


def test_no_cause_is_confirmed_for_an_identity_that_did_not_look(situations: dict[str, Situation]) -> None:
    for name, situation in situations.items():
        reports = [report.model_copy(update={"predict_for": report.identity}) for report in situation.document.evidence]
        document = judge_case(reports)
        assert not [found.cause for found in document.assessments if found.status is Status.CONFIRMED], name


def test_claims_and_texts_are_bounded(report: Report) -> None:
    (found,) = judge_case([report], hypotheses=[Sure()]).assessments
    assert len(found.supports) == len(found.missing) == 64
    assert len(found.statement) == 4096 and found.statement.endswith("... (5000 characters)")


def test_the_strongest_report_counts_and_points_into_its_own_evidence(situations: dict[str, Situation]) -> None:
    evidence = [situations[name].document.evidence[0] for name in ("healthy", "truncated", "traversal")]

    def pointers(document: VerdictDocument, cause: Cause) -> Iterator[str]:
        found = next(one for one in document.assessments if one.cause is cause)
        return (claim.pointer.split("/")[2] for claim in found.supports)

    document = judge_case(evidence)
    assert document.verdict.cause is Cause.DIR_SEARCH_DENIED
    assert set(pointers(document, Cause.DIR_SEARCH_DENIED)) == {"2"}
    assert set(pointers(document, Cause.TRUNCATED)) == {"1"}
