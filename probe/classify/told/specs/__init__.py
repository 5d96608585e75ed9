"""What the objects of the API tell by themselves: who ran when, with which rights, on which volume, by which reference.

Objects say what was asked for and how it ended, never why: whatever they point to is at most `likely`, and only where
one thing alone sets a reader that failed apart from those that succeeded, or the specs contradict each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from probe.classify.told.specs.aids import by_aids
from probe.classify.told.specs.events import evicted
from probe.classify.told.specs.order import archive_in_progress
from probe.classify.told.specs.outcome import healthy
from probe.classify.told.specs.references import different_reference
from probe.classify.told.specs.scene import HandOver, Scene
from probe.classify.told.specs.security import by_rights
from probe.classify.told.specs.sweeps import by_sweeps
from probe.classify.told.specs.volumes import different_volume, not_mounted, read_only
from probe.classify.told.story import Story
from probe.classify.verdict import Assessment

_RULES: tuple[Callable[[Scene], Iterator[Assessment]], ...] = (
    archive_in_progress,
    different_reference,
    different_volume,
    not_mounted,
    read_only,
    by_rights,
    by_sweeps,
    by_aids,
    evicted,
)


def rule(story: Story) -> Iterator[Assessment]:
    """Every rule on the scene that the objects show; nothing where there are none."""
    if not story.case.clusters:
        return
    scene = Scene(story)
    several = sum(bool(one.run) for one in scene.hand_overs) > 1
    for hand_over in scene.hand_overs:
        alone = scene.narrowed(hand_over)
        for each in _RULES:
            for found in each(alone):
                yield found if not several else _of(hand_over, found)
    yield from healthy(scene)


def _of(hand_over: HandOver, found: Assessment) -> Assessment:
    """With the run in its statement, where evidence of several was given."""
    return found.model_copy(update={"statement": f"{hand_over.named}: {found.statement}"}) if hand_over.run else found
