"""What to look at, how long, and what is told beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from probe.collect.context import check_facts
from probe.evidence.command import CommandOutcome
from probe.evidence.identity import Identity
from probe.evidence.path import Want


@dataclass(frozen=True)
class Plan:
    """How one target is looked at. Raises ValueError for facts that cannot be (`probe.collect.context.FACTS`)."""

    want: Want = Want.READ
    deadline: float = 20.0
    """Seconds for one target, the deep check excluded."""
    gap: float = 0.5
    """Seconds between two samples of the target."""
    deep: bool = False
    deep_deadline: float | None = None
    """Seconds for the deep check; None: as long as it makes progress."""
    workers: int | None = None
    lease: bool = False
    skopeo: Literal["auto", "always", "never"] = "auto"
    temp_directory: str = "/var/tmp"
    tls_verify: bool = True
    """Of a registry: whether its certificate must be good, or there need be none."""
    pid: int | None = None
    """Judge by the identity of this process instead of one's own; the looking is still one's own."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Context from the command line, by the keys of `FACTS`."""
    predict_for: Identity | None = None
    command: CommandOutcome | None = None
    progress: Callable[[int, int], None] | None = None
    """Gets (bytes done, bytes in all) during the deep check."""

    def __post_init__(self) -> None:
        check_facts(self.facts)
        object.__setattr__(self, "want", Want(self.want))  # a word is as good as the member
        for name in ("deadline", "gap"):
            if not 0 <= getattr(self, name) < 1e7:
                raise ValueError(f"{name} is {getattr(self, name)}: needs seconds, 0 or more")
