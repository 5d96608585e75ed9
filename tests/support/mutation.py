"""Reports turned into other ones at random, as losses, old versions and hostile hands would."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

_REASONS = ("denied", "absent", "timeout", "unsupported", "skipped", "failed")
_ERRNOS = ("EACCES", "EPERM", "ENOENT", "ENOTDIR", "ELOOP", "ESTALE", "EROFS", "EIO", "ENOTSUP", "E\x1b[31m", None)
_NUMBERS = (0, 1, -1, 2, 0o777, 65534, 2**31, 2**32 - 1, 2**63, -(2**63), 10**40, 10**400)
_FLOATS = (1e308, -1e308, 5e-324, 0.5)
_TEXTS = ("", "/", ".", "..", "a" * 250, "\x1b[2J\u202e\n", "%s{0}", "\\xff", "//x/../y")
_LONG = ("/" + "d" * 255) * 15
_TIMES = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "1970-01-01T00:00:00Z")


class Mutator:
    """Changes trees of JSON, with values of the same field in any of the reports it was given."""

    def __init__(self, reports: list[dict[str, Any]]) -> None:
        self._reports = reports
        self._pool: dict[str, list[Any]] = defaultdict(list)
        for report in reports:
            self._learn(report)

    def report(self, seed: int) -> dict[str, Any]:
        """One report with one to twelve changes."""
        random = Random(seed)
        tree = copy.deepcopy(random.choice(self._reports))
        for _ in range(random.randint(1, 12)):
            places = list(_places(tree))
            container, key = random.choice(places)
            container[key] = self._change(random, str(key), container[key])
            if isinstance(container, list) and random.random() < 0.3:
                del container[key]
        return tree

    def _learn(self, tree: Any) -> None:
        for container, key in _places(tree):
            if isinstance(key, str):
                self._pool[key].append(container[key])

    def _change(self, random: Random, key: str, value: Any) -> Any:
        if random.random() < 0.3 and self._pool[key]:
            return copy.deepcopy(random.choice(self._pool[key]))
        if isinstance(value, dict):
            return _not_seen(random) if "status" in value else None if random.random() < 0.5 else value
        if isinstance(value, list):
            turned = random.sample(value, random.randint(0, len(value)))
            return turned * random.choice((1, 1, 1, 1, 2, 2, 40))
        if isinstance(value, bool):
            return not value
        if isinstance(value, (int, float)):
            return random.choice((*_NUMBERS, *_FLOATS, value + 1, value - 1))
        if key == "mode":
            return f"{random.randrange(0o10000):04o}"
        if key in ("errno", "open_errno"):
            return random.choice(_ERRNOS)
        if isinstance(value, str) and value.endswith("Z"):
            return random.choice((*_TIMES, *self._pool["started"]))
        if isinstance(value, str):
            return random.choice((*_TEXTS, value + "x", value[:-1], _LONG, None))
        return random.choice((None, 0, "", "EACCES", False, 10**30))


def _not_seen(random: Random) -> dict[str, Any]:
    return {
        "status": "not-seen",
        "reason": random.choice(_REASONS),
        "errno": random.choice(_ERRNOS),
        "message": random.choice(("getxattr: EPERM (not now)", "", _LONG)),
        "at": random.choice(_TIMES),
        "took_ms": 0.0,
    }


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    if isinstance(tree, dict):
        items = list(tree.items())
    elif isinstance(tree, list):
        items = list(enumerate(tree))
    else:
        return
    for key, value in items:
        yield tree, key
        yield from _places(value)
