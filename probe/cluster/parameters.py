"""Values for what Tekton replaces in a script: `$(params.x)`, `$(workspaces.source.path)`, `$(tasks.T.results.R)`.

Where a value is not known the text stays as it is: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from probe.cluster.raw import mapping, objects, text

MAX_TEXT = 1 << 20
_MOST_VALUES = 4_096
_REPLACED = re.compile(r"\$\(([A-Za-z][^()\s$]{0,300})\)")
_BRACKETS = re.compile(r"\[(?:\"([^\"]*)\"|'([^']*)')\]")
_LEGACY = ("inputs.", "outputs.")

Values = Mapping[str, Any]
"""Names as between the parentheses, without quotation marks: strings, arrays and objects."""


def replaced(template: str, values: Values) -> str:
    """`template` with everything replaced whose value is a known text."""
    if "$(" not in template or len(template) > MAX_TEXT:
        return template[:MAX_TEXT]
    size = 0

    def value(match: re.Match[str]) -> str:
        nonlocal size
        found = _looked_up(match[1], values)
        size += len(found) if isinstance(found, str) else 0
        return found if isinstance(found, str) and size <= MAX_TEXT else match[0]

    return _REPLACED.sub(value, template)


def replaced_all(templates: Iterable[Any], values: Values) -> list[str]:
    """An argument list; `$(params.list[*])` alone in an element becomes as many as it holds."""
    found: list[str] = []
    for template in templates:
        if not isinstance(template, str) or len(found) > _MOST_VALUES:
            continue
        match = _REPLACED.fullmatch(template)
        items = _looked_up(match[1].removesuffix("[*]"), values) if match and match[1].endswith("[*]") else None
        if isinstance(items, list):
            found += [replaced(item, values) for item in items[:_MOST_VALUES] if isinstance(item, str)]
        else:
            found.append(replaced(template, values))
    return found


def parameters(declared: Any, given: Any, around: Values) -> dict[str, Any]:
    """`params.NAME` for each parameter: what is given, with `around` put in, or its default."""
    values: dict[str, Any] = {}
    for declaration in objects(declared, _MOST_VALUES):
        if "default" in declaration:
            values[f"params.{text(declaration.get('name'))}"] = _deep(declaration["default"], around)
    for parameter in objects(given, _MOST_VALUES):
        values[f"params.{text(parameter.get('name'))}"] = _deep(parameter.get("value"), around)
    return values


def workspace_paths(declared: Any, bound: Iterable[str]) -> dict[str, Any]:
    """`workspaces.NAME.path` for each declared workspace: its mount path, by default /workspace/NAME."""
    names = set(bound)
    values: dict[str, Any] = {}
    for declaration in objects(declared, _MOST_VALUES):
        name = text(declaration.get("name"))
        if not name:
            continue
        there = name in names or declaration.get("optional") is not True
        values[f"workspaces.{name}.path"] = (
            (text(declaration.get("mountPath"), 4096) or f"/workspace/{name}") if there else ""
        )
        values[f"workspaces.{name}.bound"] = "true" if there else "false"
    return values


def context(**names: str) -> dict[str, Any]:
    """`context.taskRun.name` and its kin: keywords with underlines for the points; empty ones are not known."""
    return {f"context.{key.replace('_', '.')}": value for key, value in names.items() if value}


def declared_results(declared: Any) -> dict[str, Any]:
    """`results.NAME.path` for each declared result."""
    names = (text(result.get("name")) for result in objects(declared, _MOST_VALUES))
    return {f"results.{name}.path": f"/tekton/results/{name}" for name in names if name}


def _deep(value: Any, around: Values) -> Any:
    """A value of a parameter: a text, an array of texts or an object of texts."""
    if isinstance(value, str):
        return replaced(value, around)
    if isinstance(value, list):
        return replaced_all(value[:_MOST_VALUES], around)
    if isinstance(value, dict):
        pairs = list(mapping(value).items())[:_MOST_VALUES]
        return {key: replaced(item, around) for key, item in pairs if isinstance(item, str)}
    return None


def _looked_up(name: str, values: Values) -> Any:
    """The value of what stands between the parentheses; None where it is not known."""
    name = _BRACKETS.sub(lambda match: f".{match[1] or match[2] or ''}", name)
    for prefix in _LEGACY:
        if name.startswith(f"{prefix}params."):
            name = name.removeprefix(prefix)
    if name in values:
        return values[name]
    index = re.fullmatch(r"(.+)\[(\d{1,4})\]", name)
    if index and isinstance(items := values.get(index[1]), list):
        return items[int(index[2])] if int(index[2]) < len(items) else None
    base, _, key = name.rpartition(".")
    if isinstance(fields := values.get(base), dict):
        return fields.get(key)
    return None
