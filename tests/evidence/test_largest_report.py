"""How large a report can be: one is built with every list at its bound and every text at its longest."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from annotated_types import Le, MaxLen
from pydantic import BaseModel, StringConstraints

from probe.evidence.report import Report

DOCUMENTED = Path(__file__).parents[2] / "docs/evidence.md"
BY_THE_COLLECTORS = {
    "effective": 64,
    "permitted": 64,
    "inheritable": 64,
    "bounding": 64,
    "ambient": 64,
    "uid_map": 340,
    "gid_map": 340,
    "options": 64,
    "super_options": 64,
    "stuck": 1,
    "flags": 2,
    "holders": 32,
    "names": 64,
    "unstable": 32,
    "unfinished": 32,
}
"""Bounds of lists that the models leave open, by field: those of the code that fills them."""
_SCALARS = {int: 2**63, float: 12345678.123456, bool: False}


@pytest.mark.slow
def test_the_documented_size_is_that_of_the_largest_report() -> None:
    size = len(largest(Report).model_dump_json(by_alias=True, warnings=False))
    told = re.search(r"has \*\*(\d+) MB\*\* without white space", DOCUMENTED.read_text())
    assert told is not None and int(told[1]) == round(size / 1e6), f"it has {size} bytes"


def largest(kind: Any, bounds: tuple[Any, ...] = (), field: str = "") -> Any:
    """The value of this type whose JSON is longest."""
    origin = get_origin(kind)
    if origin is Annotated:
        return largest(get_args(kind)[0], (*get_args(kind)[1:], *bounds), field)
    if origin is Literal:
        return get_args(kind)[0]
    if origin in (Union, types.UnionType):
        choices = (largest(one, (), field) for one in get_args(kind) if one is not type(None))
        return max(choices, key=lambda value: len(_json(value)))
    if origin is tuple:
        length = _longest(bounds) or BY_THE_COLLECTORS[field]
        return (largest(get_args(kind)[0], (), field),) * length
    if issubclass(kind, BaseModel):
        return _filled(kind, field)
    if issubclass(kind, Enum):
        return max(kind, key=lambda member: len(member.value))
    if kind is str:
        return "x" * (_longest(bounds) or 0)
    most = [bound.le for bound in _flat(bounds) if isinstance(bound, Le)]
    return most[0] if most else _SCALARS[kind]


_made: dict[tuple[Any, str], BaseModel] = {}


def _filled(model: Any, field: str) -> BaseModel:
    """Each model once: equal parts are shared, as memory is not what is measured."""
    key = (model, field if "value" in model.model_fields else "")
    if key not in _made:
        values = {
            name: largest(info.annotation, tuple(info.metadata), field if name == "value" else name)
            for name, info in model.model_fields.items()
        }
        _made[key] = model.model_construct(**values)
    return _made[key]


def _longest(bounds: tuple[Any, ...]) -> int | None:
    lengths = [
        bound.max_length
        for bound in _flat(bounds)
        if isinstance(bound, MaxLen | StringConstraints) and bound.max_length is not None
    ]
    return min(lengths, default=None)


def _flat(bounds: tuple[Any, ...]) -> Iterator[Any]:
    for bound in bounds:
        yield from getattr(bound, "metadata", ()) or (bound,)


def _json(value: Any) -> str:
    if isinstance(value, BaseModel):
        return value.model_dump_json(by_alias=True, warnings=False)
    if isinstance(value, tuple):
        return _json(value[0]) * len(value) if value else ""
    return str(value)
