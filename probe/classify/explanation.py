"""Who could do this? The access decision component by component, for any identity, and the change that turns it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import ConfigDict, Field

from probe import __version__
from probe.access.change import Change, minimal_changes, single_changes
from probe.classify.case import Reading
from probe.classify.verdict import Paste, Sentence
from probe.evidence.base import Frozen, ShortText, Text
from probe.evidence.identity import Identity
from probe.evidence.observation import Seen
from probe.evidence.path import Want
from probe.evidence.report import Report, Tool


class ExplainedStep(Frozen):
    """One component: what was needed there, and the rule that decided."""

    path: Text
    purpose: ShortText
    granted: bool
    rule: ShortText
    sentence: Sentence


class ExplainedChange(Frozen):
    """One change that alone turns the answer."""

    kind: ShortText
    sentence: Sentence
    command: Paste = None


class Explained(Frozen):
    """The decision for one recorded path."""

    reference: Text
    want: Want
    granted: bool | None
    """None: not decidable from what was recorded; `missing` says why."""
    errno: ShortText | None = None
    steps: tuple[ExplainedStep, ...]
    changes: tuple[ExplainedChange, ...] = ()
    """Each of these alone turns the answer, least privilege first."""
    together: tuple[ExplainedChange, ...] = ()
    """Where more than one component denies: the smallest set that turns it, in this order."""
    missing: tuple[Sentence, ...] = ()


class Explanation(Frozen):
    """The document that `probe explain` prints."""

    schema_id: Literal["pod-probe/explanation/v1"] = Field("pod-probe/explanation/v1", alias="schema")
    tool: Tool
    identity: Identity
    explanations: tuple[Explained, ...]

    model_config = ConfigDict(populate_by_name=True)


def explain(reports: Sequence[Report], identity: Identity | None, want: Want | None = None) -> Explanation:
    """Judge each recorded path for `identity` (default: the one that looked). `reports` holds at least one."""
    return Explanation(
        tool=Tool(version=__version__),
        identity=identity or reports[0].identity,
        explanations=tuple(_explain(report, identity or report.identity, want or report.want) for report in reports),
    )


def _explain(report: Report, identity: Identity, want: Want) -> Explained:
    if not isinstance(report.chain, Seen) or not report.chain.value.components:
        reason = "no component was seen" if isinstance(report.chain, Seen) else report.chain.message
        return Explained(
            reference=report.reference.text,
            want=want,
            granted=None,
            steps=(),
            missing=(f"the path was not walked: {reason}",),
        )
    reading = Reading(0, report.model_copy(update={"predict_for": identity, "want": want}))
    chain, judgement = reading.judged_chain, reading.judgement
    assert chain is not None
    assert judgement is not None
    asked = (reading.credentials, chain, want, judgement)
    guarded = reading.protects_symlinks
    singles = single_changes(*asked, mount=reading.mount, protected_symlinks=guarded)
    together = minimal_changes(*asked, mount=reading.mount, protected_symlinks=guarded)
    return Explained(
        reference=report.reference.text,
        want=want,
        granted=judgement.granted,
        errno=judgement.errno,
        steps=tuple(
            ExplainedStep(
                path=chain.components[step.index].path,
                purpose=step.purpose,
                granted=step.decision.granted,
                rule=str(step.decision.rule),
                sentence=step.decision.sentence,
            )
            for step in judgement.steps
        ),
        changes=_told(singles),
        together=_told(together) if len(together) > 1 else (),
        missing=judgement.missing,
    )


def _told(changes: Sequence[Change]) -> tuple[ExplainedChange, ...]:
    return tuple(
        ExplainedChange(kind=change.kind, sentence=change.sentence, command=change.command) for change in changes
    )
