"""What logs tell of the readers' failures: a module for each group of causes that belong together."""

from __future__ import annotations

from probe.classify.told.logs import (
    denial,
    elsewhere,
    healed,
    ownership,
    presence,
    progress,
    replaced,
    rewritten,
    transport,
    unexplained,
    well,
)
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment, Status

LOGS = (
    denial.rule,
    ownership.rule,
    rewritten.rule,
    healed.rule,
    unexplained.rule,
    elsewhere.rule,
    presence.rule,
    progress.rule,
    transport.rule,
    replaced.rule,
    well.rule,
)
"""Rules on what readers met, in no order: the judge ranks causes."""


def left_open(story: Story) -> Assessment | None:
    """What a message of a log makes possible, and what is missing to decide it; the first that asks for something."""
    for rule in LOGS:
        for found in rule(story):
            said = any(claim.pointer.endswith("/failure") for claim in found.supports)
            if found.status is Status.POSSIBLE and said and found.missing:
                return found
    return None
