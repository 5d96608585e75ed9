"""Paths by their text: what lies in what."""

from __future__ import annotations

import posixpath


def inside(path: str, ancestor: str) -> bool:
    """Whether `path` lies strictly below `ancestor`."""
    return path.startswith(ancestor.rstrip("/") + "/")


def near(a: str, b: str) -> bool:
    """Whether two paths may name one hand-over: the same, one inside the other, or side by side."""
    if a == b or posixpath.dirname(a) == posixpath.dirname(b):
        return True
    return (inside(a, b) and b != "/") or (inside(b, a) and a != "/")
