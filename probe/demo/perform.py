"""A performance: scenes in order, on one stage, before an audience; and the document of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from probe import __version__
from probe.demo.document import Checked, DemoDocument, Player, SceneResult, Spoken
from probe.demo.image import DemoImage, build_image
from probe.demo.play import Audience, Play
from probe.demo.preload import preload
from probe.demo.scenes import Scene
from probe.demo.stage import Stage, remove_tree
from probe.evidence.report import Tool


class House(Audience, Protocol):
    """Watches a whole performance."""

    def opens(self, stage: Stage) -> None:
        """The stage is ready."""

    def begins(self, scene: Scene, number: int, count: int, directory: str) -> None:
        """A scene begins; its files lie below `directory`."""

    def skips(self, scene: Scene, number: int, count: int, why: str) -> None:
        """A scene cannot be played on this stage."""

    def closes(self, document: DemoDocument) -> None:
        """All is played."""


class Silence:
    """An audience that only wants the document."""

    def opens(self, stage: Stage) -> None:
        """Nothing."""

    def begins(self, scene: Scene, number: int, count: int, directory: str) -> None:
        """Nothing."""

    def skips(self, scene: Scene, number: int, count: int, why: str) -> None:
        """Nothing."""

    def enters(self, players: tuple[Player, ...]) -> None:
        """Nothing."""

    def aside(self, text: str) -> None:
        """Nothing."""

    def speaks(self, spoken: Spoken) -> None:
        """Nothing."""

    def judges(self, checked: Checked, *, leading: bool) -> None:
        """Nothing."""

    def closes(self, document: DemoDocument) -> None:
        """Nothing."""


def perform(scenes: Sequence[Scene], house: House, *, keep: bool = False) -> DemoDocument:
    """Play the scenes. Raises NoStage where nothing can be played, ActorFailed when a process broke off."""
    preload()
    image = build_image()
    with Stage(keep=keep) as stage:
        house.opens(stage)
        results = tuple(
            _play(stage, scene, image, house, number, len(scenes), keep) for number, scene in enumerate(scenes, 1)
        )
    document = DemoDocument(tool=Tool(version=__version__), stage=stage.kind, reason=stage.reason, scenes=results)
    house.closes(document)
    return document


def _play(
    stage: Stage, scene: Scene, image: DemoImage, house: House, number: int, count: int, keep: bool
) -> SceneResult:
    why = stage.lacks(scene.needs)
    if why is not None:
        house.skips(scene, number, count, why)
        return SceneResult(name=scene.name, story=scene.story, played=False, skipped=why, expected=scene.expected)
    play = Play(stage, scene.name, image, house)
    house.begins(scene, number, count, play.directory)
    scene.script(play)
    if not keep:
        remove_tree(play.directory)
    assert play.leading is not None
    verdict = play.leading.document.verdict
    return SceneResult(
        name=scene.name,
        story=scene.story,
        directory=play.directory,
        played=True,
        expected=scene.expected,
        cause=verdict.cause,
        status=verdict.status,
        agrees=all(checked.agrees for checked in play.checks),
        cast=play.cast,
        asides=tuple(play.asides),
        shell=tuple(play.shells),
        checks=tuple(play.checks),
    )
