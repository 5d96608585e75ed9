"""Several runs, asked for again and again, and the board of what is known."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probe.cluster.client import Api
    from probe.evidence.board import Board
    from probe.evidence.cluster import Cluster, TaskRun

_LOG_LINES = 20
_LOG_BYTES = 4 << 20
"""Of the end of a failed step's log, where a probe leaves its verdict."""


class Desk:
    """Looks at several runs, and remembers what does not change any more."""

    def __init__(self, api: Api, reach: Callable[[], Api], names: list[str]) -> None:
        self._api, self._reach, self._names = api, reach, names
        self._clusters: dict[str, Cluster] = {}
        self._ended: set[str] = set()
        self._heard: dict[str, str] = {}
        self._silent = False
        """Whether logs may not be read: asked once."""
        self.taken = time.time_ns()

    def look(self) -> None:
        """Ask the API about all runs that have not ended. Raises ApiError, or NoRunError for a run never seen."""
        from probe.cluster.fetch import NoRunError
        from probe.cluster.poll import look
        from probe.report.board import ENDED

        self._api.renew()
        for name in self._names:
            if name in self._ended:
                continue
            try:
                cluster = look(self._api, name)
            except NoRunError as error:
                if name not in self._clusters:
                    raise
                self._forget(name, str(error))
                continue
            self._clusters[name] = cluster
            self._listen(cluster)
            if cluster.runs and all(run.outcome in ENDED for run in cluster.runs):
                self._ended.add(name)
        self.taken = time.time_ns()

    def again(self) -> None:
        """Read the kubeconfig anew: somebody may have logged in again since."""
        from probe.cluster.kubeconfig import NoAccessError

        with contextlib.suppress(NoAccessError):  # it is just being written
            self._api = self._reach()

    def board(self, now: int | None = None) -> Board:
        """What is known, with durations up to `now`."""
        from probe import __version__
        from probe.evidence.board import Board, BoardRun
        from probe.evidence.cluster import Outcome
        from probe.evidence.report import Tool
        from probe.report.board import board_run

        moment = now or self.taken
        runs, problems = [], {}
        for name in self._names:
            cluster = self._clusters.get(name)
            found = board_run(cluster, name, moment, self._heard) if cluster is not None else None
            runs.append(found or BoardRun(name=name, namespace=self._api.namespace, state=Outcome.UNKNOWN))
            problems.update(dict.fromkeys(cluster.problems if cluster is not None else ()))
        return Board(tool=Tool(version=__version__), taken=moment, runs=tuple(runs), problems=tuple(problems)[:256])

    @property
    def done(self) -> bool:
        """Whether no run will change any more."""
        return self._ended.issuperset(self._names)

    def _forget(self, name: str, why: str) -> None:
        """It was there, and is no more."""
        from probe.evidence.cluster import Outcome

        known = self._clusters[name]
        runs = tuple(run.model_copy(update={"outcome": Outcome.UNKNOWN, "message": why}) for run in known.runs)
        self._clusters[name] = known.model_copy(update={"runs": runs})
        self._ended.add(name)

    def _listen(self, cluster: Cluster) -> None:
        """What a probe said in the log of a step that failed: read once."""
        from probe.evidence.cluster import Outcome

        for task_run in cluster.tasks:
            if task_run.outcome is Outcome.FAILED and task_run.key.name not in self._heard and not self._silent:
                self._heard[task_run.key.name] = self._last_word(task_run)

    def _last_word(self, task_run: TaskRun) -> str:
        from probe.cli.embedded import Damaged, embedded_documents
        from probe.cluster.failures import ApiError, Failure

        found = ""
        for step in task_run.steps:
            if not step.exit_status or not step.container or not task_run.pod:
                continue
            try:
                text = self._api.log(task_run.pod, step.container, _LOG_BYTES, tail=_LOG_LINES).text
            except ApiError as error:
                self._silent = error.failure is Failure.FORBIDDEN
                continue
            for document in embedded_documents(text):
                verdict = None if isinstance(document, Damaged) else document.get("verdict")
                if isinstance(verdict, dict) and isinstance(verdict.get("cause"), str):
                    found = f"{verdict['cause']} {verdict.get('status', '')}".strip()[:128]
        return found
