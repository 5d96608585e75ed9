"""SELinux labels: `user:role:type:level`, where the level ends in a set of categories (selinux(8), MCS)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CATEGORY = re.compile(r"c(\d{1,4})(?:\.c(\d{1,4}))?")


@dataclass(frozen=True)
class Label:
    """A parsed label; `categories` of the high level, ranges expanded."""

    text: str
    type: str
    level: str
    categories: frozenset[int]


def parse_label(text: str) -> Label | None:
    """The parts of a label, or None when it is not one (AppArmor's `unconfined`, an empty answer)."""
    parts = text.strip().strip("\0").split(":", 3)
    if len(parts) < 3 or not parts[2].endswith("_t"):
        return None
    level = parts[3] if len(parts) == 4 else ""
    high = level.rsplit("-", 1)[-1]
    categories: set[int] = set()
    for first, last in _CATEGORY.findall(high.partition(":")[2]):
        categories.update(range(int(first), min(int(last or first), 1023) + 1))
    return Label(text, parts[2], level, frozenset(categories))
