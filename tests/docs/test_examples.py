"""The examples of the documentation print what is shown.

PROBE_DOCS_REFRESH=1 writes what they print now where it no longer fits, PROBE_DOCS_REFRESH=all everywhere.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Any

import pytest
import typer
from docs.examples import BLOCKS, PAGES, ROOT, Block
from docs.playing import Played

from docs import examples, stages
from probe.cli.app import VERBS, build

PLAYED = [block for block in BLOCKS if block.kind == "stage"]
EXCERPTS = [block for block in BLOCKS if block.language == "json" and block.kind]
SKOPEO = "1.9"
REFRESH = os.environ.get("PROBE_DOCS_REFRESH", "")
_OPERATORS = {"|", "||", "&&", ";", ">", "2>", "2>&1", "<"}
_CALL = re.compile(rf"(?:^|[\s`|;(])(probe (?:{'|'.join(VERBS)})\b[^`\n]*)")


@pytest.fixture(scope="module", autouse=True)
def refreshed(request: pytest.FixtureRequest) -> None:
    """Write the blocks anew first, when that is asked for."""
    if not REFRESH:
        return
    played: Played = request.getfixturevalue("played")
    for page, blocks in groupby(BLOCKS, key=lambda block: block.page):
        written = {block.line: _anew(block, played) for block in blocks if block.kind}
        examples.rewrite(page, {line: lines for line, lines in written.items() if lines is not None})


@pytest.mark.root
@pytest.mark.parametrize("block", PLAYED, ids=lambda block: block.name)
def test_the_example_prints_what_is_shown(block: Block, played: Played) -> None:
    assert block.stage in stages.SETTINGS, f"{block.name}: there is no stage {block.stage}"
    if any(command.startswith("skopeo ") for command, _ in block.commands) and not skopeo_as_shown():
        pytest.skip(f"shows messages of skopeo {SKOPEO}, which is not installed")
    printed = played[block.name]
    assert isinstance(printed, list), f"{block.name}: {printed}"
    for (command, shown), said in zip(_now(block).commands, printed, strict=True):
        assert examples.matches(shown, said), f"{block.name}: {command}\nshown:\n{_text(shown)}\nprinted:\n{said}"


def test_every_stage_is_played() -> None:
    assert {block.stage for block in BLOCKS if block.kind in ("stage", "report", "verdict")} == set(stages.SETTINGS)


@pytest.mark.root
@pytest.mark.parametrize("block", EXCERPTS, ids=lambda block: block.name)
def test_the_excerpt_is_what_a_report_holds(block: Block, played: Played) -> None:
    real = _real(block, played)
    shown = json.loads(_text(_now(block).lines))
    assert examples.json_matches(shown, real), f"{block.name}\nreal:\n{_text(examples.json_lines(real))}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_line_of_the_probe_exists(page: Any) -> None:
    for call in _calls(page.read_text()):
        verb, *words = call
        parameters = _command(verb).params
        options = {option for parameter in parameters for option in (*parameter.opts, *parameter.secondary_opts)}
        for word in words[: words.index("--")] if "--" in words else words:
            if word.startswith("-") and word != "-":
                assert word.partition("=")[0] in {*options, "-h", "--help"}, f"{page.name}: probe {' '.join(call)}"


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "console"], ids=lambda block: block.name)
def test_every_shown_command_line_parses(block: Block) -> None:
    for command, _ in block.commands:
        for verb, *words in _calls(command.replace("\\\n", " ")):
            if "..." not in words:
                _command(verb).make_context(verb, words)


@cache
def skopeo_as_shown() -> bool:
    """Whether skopeo words its messages as the documentation shows them."""
    if shutil.which("skopeo") is None:
        return False
    said = subprocess.run(["skopeo", "--version"], capture_output=True, text=True, check=False).stdout
    return said.startswith(f"skopeo version {SKOPEO}.")


def _anew(block: Block, played: Played) -> list[str] | None:
    if block.language == "json":
        shown = json.loads(_text(block.lines) or "{}")
        real = _real(block, played)
        return None if examples.json_matches(shown, real) else examples.json_lines(examples.merged(shown, real))
    printed = played[block.name]
    if not isinstance(printed, list):
        return None
    return examples.console_lines(block, printed, everything=REFRESH == "all" and block.page != ROOT / "README.md")


def _real(block: Block, played: Played) -> Any:
    if block.kind == "kept":
        return examples.follow(json.loads((stages.DATA / f"report-v1-{block.stage}.json").read_text()), block.rest)
    printed = played[f"{block.kind} {block.stage}"]
    assert isinstance(printed, list), f"{block.name}: {printed}"
    return examples.follow(json.loads(printed[0]), block.rest)


def _now(block: Block) -> Block:
    """The block as it stands in the page now."""
    if not REFRESH:
        return block
    number = [b.name for b in BLOCKS if b.page == block.page].index(block.name)
    return list(examples.blocks_of(block.page))[number]


def _text(lines: Any) -> str:
    return "\n".join(lines)


def _calls(text: str) -> Iterator[list[str]]:
    """Verb, options and arguments of every command line of the probe in a text."""
    for found in _CALL.findall(text):
        words = shlex.split(found.rstrip("\\ "), comments=True)[1:]
        stop = next((number for number, word in enumerate(words) if word in _OPERATORS), len(words))
        yield words[:stop]


def _command(verb: str) -> Any:
    group: Any = typer.main.get_command(build([verb]))
    return group.commands[verb]
