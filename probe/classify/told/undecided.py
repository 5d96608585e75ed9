"""Where logs and objects decide nothing: what can be said all the same, and what to look at next."""

from __future__ import annotations

from probe.classify.case import Case
from probe.classify.told.logs import left_open
from probe.classify.told.specs.scene import Scene
from probe.classify.told.specs.undecided import next_observations
from probe.classify.told.story import Story
from probe.classify.verdict import Claim


def next_step(case: Case) -> tuple[str, tuple[Claim, ...]]:
    """How it stands, in one sentence without its full stop, and every observation that would decide, the best first.

    What a message of a log left open goes before what the objects leave open.
    """
    story = Story(case)
    what, missing = next_observations(Scene(story))
    said = left_open(story)
    if said is None:
        return what, missing
    asked = {claim.sentence for claim in said.missing}
    return said.statement, (*said.missing, *(claim for claim in missing if claim.sentence not in asked))
