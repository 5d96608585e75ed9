"""Every list and text of a report has a bound, and a model refuses what is over it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError
from support.situations import Situation

from probe.evidence.command import MAX_FAILURES
from probe.evidence.image import MAX_IMAGES, MAX_LAYERS, MAX_PROBLEMS
from probe.evidence.mount import MAX_MOUNTS
from probe.evidence.path import MAX_CANDIDATES, MAX_COMPONENTS, MAX_LISTED
from probe.evidence.report import MAX_EVENTS, Bundle, Report
from probe.evidence.writer import MAX_SAMPLES

pytestmark = pytest.mark.root
BOUNDS: dict[str, tuple[str, int]] = {
    "/chain/value/components": ("healthy", MAX_COMPONENTS),
    "/attempts": ("healthy", 32),
    "/timeline": ("healthy", MAX_EVENTS),
    "/listing/value/entries": ("healthy", MAX_LISTED),
    "/nearby/value": ("absent", MAX_CANDIDATES),
    "/mounts/crossed": ("healthy", MAX_MOUNTS),
    "/image/value/images": ("healthy", MAX_IMAGES),
    "/image/value/images/0/layers": ("healthy", MAX_LAYERS),
    "/image/value/images/0/diff_ids": ("healthy", MAX_LAYERS),
    "/image/value/problems": ("truncated", MAX_PROBLEMS),
    "/writers/value/samples": ("healthy", MAX_SAMPLES),
    "/command/failures": ("other path", MAX_FAILURES),
    "/identity/groups": ("healthy", 65536),
    "/chain/value/components/4/acl/value/entries": ("acl", 1024),
}


def at(tree: Any, pointer: str) -> tuple[Any, Any]:
    """The container and the key that a pointer ends at."""
    *way, last = pointer.split("/")[1:]
    for part in way:
        tree = tree[int(part)] if isinstance(tree, list) else tree[part]
    return tree, last


@pytest.mark.parametrize("pointer", BOUNDS)
def test_a_list_at_its_bound_and_one_over(pointer: str, situations: dict[str, Situation]) -> None:
    name, bound = BOUNDS[pointer]
    tree = json.loads(situations[name].text)["evidence"][0]
    container, key = at(tree, pointer)
    (item, *_) = container[key]
    container[key] = [item] * bound
    Report.model_validate(tree)
    container[key] = [item] * (bound + 1)
    with pytest.raises(ValidationError, match=f"at most {bound} items"):
        Report.model_validate(tree)


def test_a_bundle_has_a_bound(situations: dict[str, Situation]) -> None:
    (report,) = situations["plain path"].document.evidence
    with pytest.raises(ValidationError, match="at most 1024 items"):
        Bundle.model_validate({"tool": {"version": "1"}, "evidence": (report,) * 1025})


def _texts(tree: Any, pointer: str = "") -> list[str]:
    if isinstance(tree, str):
        return [pointer]
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [found for key, value in items for found in _texts(value, f"{pointer}/{key}")]


@pytest.mark.parametrize("name", ["healthy", "acl", "other path", "truncated", "in a pod"])
def test_no_text_is_without_a_bound(name: str, situations: dict[str, Situation]) -> None:
    tree = json.loads(situations[name].text)["evidence"][0]
    pointers = _texts(tree)
    assert len(pointers) > 100
    for pointer in pointers:
        container, key = at(tree, pointer)
        key = int(key) if isinstance(container, list) else key
        before, container[key] = container[key], "x" * 5000
        with pytest.raises(ValidationError):
            Report.model_validate(tree)
        container[key] = before


def test_a_report_is_no_place_for_contents(situations: dict[str, Situation]) -> None:
    """Typed fields only: what a later or a forged version adds is not carried on."""
    tree = json.loads(situations["healthy"].text)["evidence"][0]
    tree["environment"] = {"TOKEN": "secret"}
    tree["identity"]["password"] = "secret"
    tree["chain"]["value"]["components"][0]["contents"] = "secret"
    assert "secret" not in Report.model_validate(tree).model_dump_json(by_alias=True)
