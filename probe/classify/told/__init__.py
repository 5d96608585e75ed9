"""What logs and objects tell, cause by cause. It is hearsay beside a look of one's own: never more than `likely`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from probe.classify.case import Case
from probe.classify.told import prediction, specs
from probe.classify.told.logs import LOGS
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Cause, Status

Rule = Callable[[Story], Iterator[Assessment]]
"""What the story tells of one cause, or of a few that belong together."""

RULES: tuple[Rule, ...] = (
    *LOGS,
    specs.rule,
    prediction.rule,
)


def told(case: Case) -> Mapping[Cause, Sequence[Assessment]]:
    """What the transcripts and the objects of a case say of each cause that they say something of."""
    story = Story(case)
    found: defaultdict[Cause, list[Assessment]] = defaultdict(list)
    for rule in RULES:
        for assessment in rule(story):
            found[assessment.cause].append(_heard(assessment))
    return found


def _heard(assessment: Assessment) -> Assessment:
    """Nobody can tell whose text a log is, or what an object left out: at most `likely`."""
    if assessment.status is not Status.CONFIRMED:
        return assessment
    return assessment.model_copy(update={"status": Status.LIKELY})
