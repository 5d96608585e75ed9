"""The documentation is complete and agrees with the code: pages of causes, order, bounds, schemas, links."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from pathlib import Path

import pytest
from docs.examples import PAGES, ROOT

import probe.evidence
from probe.classify.hypotheses import HYPOTHESES
from probe.classify.judge import RANKS
from probe.classify.verdict import Cause, Family
from probe.cli.schemas import SCHEMAS, schema_text

DOCS = ROOT / "docs"
CAUSES = DOCS / "causes"
HEADINGS = [
    "What it is",
    "How it looks",
    "What confirms it",
    "What refutes it",
    "Often mistaken for",
    "Fix",
    "How far one report goes",
]
FAMILIES = {
    Family.A: "A (permissions)",
    Family.B: "B (path or transport)",
    Family.RACE: "race",
    Family.OTHER: "other",
    Family.NONE: "none",
}
_SECTIONS = {"A: permissions": Family.A, "B: path or transport": Family.B, "Race": Family.RACE, "Other": Family.OTHER}
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
ASSESSED = {hypothesis.cause for hypothesis in HYPOTHESES} | {Cause.INCONCLUSIVE}
PAGE_PATHS = [CAUSES / f"{cause}.md" for cause in sorted(ASSESSED)]


def test_every_code_is_assessed() -> None:
    assert set(Cause) == ASSESSED


def test_every_assessed_cause_has_a_page_and_nothing_else_has() -> None:
    assert {path.stem for path in CAUSES.glob("*.md")} - {"README"} == {str(cause) for cause in ASSESSED}


@pytest.mark.parametrize("path", PAGE_PATHS, ids=lambda path: path.stem)
def test_a_page_has_the_agreed_form(path: Path) -> None:
    text = _CODE_BLOCK.sub("", path.read_text())
    assert text.startswith(f"# {path.stem}\n\nFamily: {FAMILIES[Cause(path.stem).family]}. ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert "<!-- stage: " in text.partition("## How it looks")[2].partition("## ")[0], "a real run belongs there"


def test_the_index_lists_every_code_once_in_its_family() -> None:
    listed: dict[str, str] = {}
    section = ""
    for line in (CAUSES / "README.md").read_text().splitlines():
        if line.startswith("## "):
            section = line[3:]
        row = re.match(r"\| (?:\[([a-z-]+)\]\(([a-z-]+)\.md\)|`([a-z-]+)`) \| (.+) \|$", line)
        if row is not None:
            assert row[1] == row[2]
            code = row[1] or row[3]
            assert code not in listed
            listed[code] = section
    assert {Cause(code) for code in listed} == ASSESSED
    for code, where in listed.items():
        assert _SECTIONS.get(where, Family.NONE) is Cause(code).family, code


def test_the_order_of_causes_is_the_one_in_the_code() -> None:
    text = (DOCS / "verdict.md").read_text().partition("<!-- order -->")[2].partition("\n\n")[0]
    told = [Cause(code) for code in re.findall(r"\[([a-z-]+)\]", text)]
    assert set(told) == set(RANKS)
    assert [RANKS[cause] for cause in told] == sorted(RANKS.values())


def test_the_bounds_are_those_of_the_models() -> None:
    told = dict(re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", (DOCS / "evidence.md").read_text(), re.MULTILINE))
    real = {
        name: str(value)
        for found in pkgutil.iter_modules(probe.evidence.__path__, "probe.evidence.")
        for name, value in vars(importlib.import_module(found.name)).items()
        if name == "TEXT_LIMIT" or name.startswith("MAX_")
    }
    assert told == real


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_committed_schema_is_that_of_the_models(name: str) -> None:
    path = DOCS / "schema" / f"{name}.json"
    assert path.is_file() and path.read_text() == schema_text(name) + "\n", "run make schema"
    assert json.loads(path.read_text())["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(_CODE_BLOCK.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.relative_to(ROOT)}: {target}"
        assert not anchor or anchor in _anchors(path), f"{page.relative_to(ROOT)}: {target}"


def test_every_page_is_reached_from_the_index() -> None:
    reached, waiting = set(), [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = _LINK.findall(_CODE_BLOCK.sub("", page.read_text()))
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links if "://" not in link]
    assert {page for page in PAGES if page.is_relative_to(DOCS)} <= reached


def _anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", _CODE_BLOCK.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
