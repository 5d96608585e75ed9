"""Objects of the API, as JSON, put together to one `Cluster`."""

from __future__ import annotations

from typing import Any

from probe import __version__
from probe.evidence.cluster import Cluster
from probe.evidence.report import Tool


class Collector:
    """Takes objects one after the other; each object counts once, the last state of it that was taken."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        """A sentence for each thing that could not be used."""

    @property
    def empty(self) -> bool:
        """Whether no object was taken."""
        return True

    def take(self, document: Any, source: str) -> bool:  # noqa: ARG002
        """Take one object or List. False: it is none of the API, and nothing was taken. Never raises."""
        return False

    def take_description(self, text: str, source: str) -> bool:  # noqa: ARG002
        """Take what `kubectl describe` printed. False: it is something else. Never raises."""
        return False

    def cluster(self) -> Cluster:
        """All that was taken."""
        return Cluster(tool=Tool(version=__version__), problems=tuple(self.problems))
