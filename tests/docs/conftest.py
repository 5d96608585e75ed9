"""What the examples need: all of them played once, side by side."""

from __future__ import annotations

import os

import pytest
from support.workspace import workspace_to_mount_on

from docs import examples, playing

REFERENCE = "oci-archive:/workspace/source/oci/image.tar"
DOCUMENTS = {"report": f"probe collect {REFERENCE}", "verdict": f"probe check --json {REFERENCE}"}
"""What an excerpt is taken from."""


@pytest.fixture(scope="session")
def played() -> playing.Played:
    """What each example prints, by its name: one text a command, or what went wrong."""
    if os.geteuid() != 0:
        pytest.skip("needs root: other identities and mount namespaces")
    playing.warm_up()
    tasks = {}
    for block in examples.BLOCKS:
        if block.kind == "stage":
            commands = tuple(command for command, _ in block.commands)
            tasks[block.name] = _player(block.stage, commands)
        elif block.kind in DOCUMENTS:
            tasks[f"{block.kind} {block.stage}"] = _player(block.stage, (DOCUMENTS[block.kind],))
    with workspace_to_mount_on():  # every example mounts its own in a namespace of its own
        return playing.in_parallel(tasks)


def _player(stage: str, commands: tuple[str, ...]) -> playing.Task:
    return lambda: playing.play(stage, commands)
