"""Recorded documents moved to another node, another time, another kind of mount: data, as others would have it."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel

from probe.evidence.base import format_timestamp, parse_timestamp
from probe.evidence.report import Report

M = TypeVar("M", bound=BaseModel)
_INODE_TIMES = ("modified", "changed", "born")


def on_another_node(document: M, seconds: float, boot: str = "0" * 8) -> M:
    """The same, seen `seconds` later by the wall clock of a node of another boot."""
    moved = shifted(document, seconds).model_dump(mode="json", by_alias=True)
    moved["context"].update(boot_id=boot, hostname="another-node")
    for key in ("started_monotonic", "monotonic"):
        if key in moved:
            moved[key] += 5000.0
    return type(document).model_validate(moved)


def shifted(document: M, seconds: float) -> M:
    """The same with its wall clock set otherwise; what inodes show, which others see too, stays."""
    tree = json.loads(document.model_dump_json(by_alias=True))
    return type(document).model_validate(_shift(tree, round(seconds * 1e9)))


def _shift(tree: Any, ns: int, key: str = "") -> Any:
    if isinstance(tree, dict):
        return {name: _shift(value, ns, name) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_shift(one, ns, key) for one in tree]
    if isinstance(tree, str) and key in ("at", "started", "ended", "probe_started", "value") and tree.endswith("Z"):
        return format_timestamp(parse_timestamp(tree) + ns)
    return tree


def as_if_remote(report: Report, filesystem: str = "nfs4") -> Report:
    """The same on a file system that a server keeps."""
    tree = report.model_dump(mode="json", by_alias=True)
    tree["mounts"]["carrying"]["value"]["filesystem"] = filesystem
    return Report.model_validate(tree)
