"""The rules of the house, held by reading the code: which layer may know which, and what a verb may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.classify.hypotheses import HYPOTHESES
from probe.classify.verdict import Cause, Family

ROOT = Path(__file__).resolve().parents[1]
LAYERS = (
    {"evidence"},
    {"image", "access", "skopeo"},
    {"collect", "cluster", "transcript"},
    {"classify"},
    {"report", "handoff"},
    {"demo"},
    {"cli"},
)
"""From the bottom up. Those of one row do not know each other."""
OVER_TIME = {
    "probe.evidence.watch",
    "probe.evidence.seal",
    "probe.classify.history",
    "probe.classify.joined",
    "probe.classify.table",
    "probe.skopeo.registry",
}
"""What only a case of several sources needs."""
_RESERVED = {Cause.INCONCLUSIVE}
"""What is left when nothing holds."""


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / "probe").rglob("*.py")):
        yield path, ast.parse(path.read_text())


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def row(layer: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if layer in names)


def test_arrows_only_point_down() -> None:
    wrong = []
    for path, tree in modules():
        layer = path.relative_to(ROOT / "probe").parts[0]
        if layer.endswith(".py"):
            continue
        for name in imported(tree):
            other = name.split(".")[1] if name.startswith("probe.") else layer
            if other != layer and row(other) >= row(layer):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_the_judge_has_no_hands() -> None:
    """classify never touches the file system, the network or the clock."""
    forbidden = {"os", "io", "pathlib", "socket", "subprocess", "time", "shutil", "tempfile", "urllib", "ctypes"}
    for path, tree in modules():
        if "classify" in path.parts or "evidence" in path.parts:
            used = {name.split(".")[0] for name in imported(tree)} & forbidden
            if path.name == "observation.py":
                used -= {"os"}  # os.strerror: a table
            assert not used, f"{path.name} imports {used}"
            calls = {
                node.func.id
                for node in ast.walk(tree)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            assert not calls & {"open", "print", "input", "exec", "eval"}, path.name


def test_every_cause_has_its_hypothesis_its_test_and_its_page() -> None:
    assessed = {hypothesis.cause for hypothesis in HYPOTHESES}
    assert assessed == set(Cause) - _RESERVED
    assert len(HYPOTHESES) == len(assessed)
    for cause in assessed:
        assert (ROOT / "tests/causes" / f"test_{cause.replace('-', '_')}.py").is_file(), cause
        assert (ROOT / "docs/causes" / f"{cause}.md").is_file(), cause


def test_every_cause_has_a_family() -> None:
    assert {cause.family for cause in Cause} == set(Family)


@pytest.mark.parametrize(
    ("verb", "unwanted"),
    [
        (["check", "/", "--json", "--gap", "0s"], {"rich.console", "psutil", "asyncio", "tarfile", *OVER_TIME}),
        (["check", "/", "--gap", "0s"], {"rich.console", "psutil", "asyncio", "tarfile", *OVER_TIME}),
        (["schema"], {"rich.console", "psutil", "probe.collect.gather", "probe.image.inspect"}),
        (["classify", "/dev/null"], {"rich.console", "psutil", "probe.collect.gather", "probe.image.inspect"}),
    ],
)
def test_a_verb_loads_only_what_it_needs(verb: list[str], unwanted: set[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "probe", *verb],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    loaded = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines() if line.startswith("import time:")}
    assert "probe.evidence.report" in loaded
    assert sorted(loaded & unwanted) == []
