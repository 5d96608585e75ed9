"""The examples of docs/cluster.md print what is shown: `<!-- api: CAPTURE [at TIME] -->`, against the small server."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_live.conftest import Call, Serve
from support.kubeapi import world_of
from support.rewound import rewound

from docs import examples

PAGE = examples.ROOT / "docs/cluster.md"
_BLOCK = re.compile(r"<!-- api: (\S+)(?: at (\S+))? -->\n```console\n(.*?)```", re.DOTALL)


def blocks() -> Iterator[tuple[str, str, list[tuple[str, list[str]]]]]:
    """Capture, moment, and the commands with what is shown of each."""
    for capture, moment, text in _BLOCK.findall(PAGE.read_text()):
        commands: list[tuple[str, list[str]]] = []
        for line in text.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            else:
                commands[-1][1].append(line)
        yield capture, moment, commands


BLOCKS = list(blocks())


def test_there_are_examples() -> None:
    assert len(BLOCKS) == PAGE.read_text().count("```console") == 4


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block[2][0][0])
def test_the_example_prints_what_is_shown(
    block: tuple[str, str, list[tuple[str, list[str]]]],
    serving: Serve,
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    capture, moment, commands = block
    world = world_of(capture)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(serving(rewound(world, moment) if moment else world).kubeconfig()))
    status = 0
    for command, shown in commands:
        if command == "echo $?":
            assert shown == [str(status)]
            continue
        ran = call(*shlex.split(command)[1:])
        status = ran.status
        assert examples.matches(shown, ran.out), f"{command}\n{ran.out}"
