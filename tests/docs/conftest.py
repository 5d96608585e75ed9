"""What the examples need: a /workspace to mount on, and all of them played once, side by side."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from docs import examples, playing

REFERENCE = "oci-archive:/workspace/source/oci/image.tar"
Played = Mapping[str, list[str] | str]


@pytest.fixture(scope="session")
def workspace() -> Iterator[None]:
    """A mount point that stays empty here: every example mounts its own in a namespace of its own."""
    path = Path("/workspace")
    made = not path.exists()
    path.mkdir(exist_ok=True)
    yield
    if made:
        path.rmdir()


@pytest.fixture(scope="session")
def played(workspace: None) -> Played:
    """What each example prints, by its name: one text a command, or what went wrong."""
    if os.geteuid() != 0:
        pytest.skip("needs root: other identities and mount namespaces")
    playing.warm_up()
    tasks = {}
    for block in examples.BLOCKS:
        if block.kind == "stage":
            commands = tuple(command for command, _ in block.commands)
            tasks[block.name] = _player(block.stage, commands)
        elif block.kind == "report":
            tasks[f"report {block.stage}"] = _player(block.stage, (f"probe collect {_reference(block.stage)}",))
    return playing.in_parallel(tasks)


def _player(stage: str, commands: tuple[str, ...]) -> playing.Task:
    return lambda: playing.play(stage, commands)


def _reference(stage: str) -> str:
    return REFERENCE
