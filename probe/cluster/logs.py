"""The logs of a run's pods: every step and sidecar that has begun, with times, bounded, several at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from probe.cluster.client import Api, Log
from probe.cluster.failures import ApiError, Failure

MAX_CONTAINERS = 512
MAX_LOG = 8 << 20
"""Bytes of one container's log."""
MAX_LOGS = 64 << 20
"""Bytes of all of them: with many containers each gets less than MAX_LOG."""
_TAILS = (2000, 50)
"""Lines of its end, for a log that is longer; fewer where the lines are long."""


@dataclass(frozen=True)
class Source:
    """One container whose log is wanted."""

    pod: str
    container: str

    @property
    def name(self) -> str:
        """As a file of it would be called."""
        return f"{self.pod}.{self.container}.log"


def log_sources(pods: Sequence[dict[str, Any]]) -> list[Source]:
    """The steps and sidecars that have begun; Tekton's own init containers print nothing that bears on a hand-over."""
    found = []
    for pod in pods:
        name = _field(pod, "metadata", "name")
        for field in ("initContainerStatuses", "containerStatuses"):
            statuses = _field(pod, "status", field)
            for status in statuses if isinstance(statuses, list) else ():
                container = _field(status, "name")
                if not isinstance(name, str) or not isinstance(container, str) or not _begun(status):
                    continue
                if field == "containerStatuses" or container.startswith("sidecar-"):
                    found.append(Source(name, container))
    return found


def fetch_logs(api: Api, sources: Sequence[Source], pool: Executor) -> tuple[list[tuple[str, str]], list[str]]:
    """Names and texts in the order of `sources`, and a sentence for each that could not be had whole."""
    taken = sources[:MAX_CONTAINERS]
    most = min(MAX_LOG, MAX_LOGS // max(1, len(taken)))
    logs: list[tuple[str, str]] = []
    problems: list[str] = []
    forbidden: list[str] = []
    for source, answer in zip(taken, pool.map(lambda one: _fetch(api, one, most), taken), strict=True):
        if isinstance(answer, ApiError):
            if answer.failure is Failure.FORBIDDEN:
                forbidden.append(source.container)
            else:
                problems.append(f"the log of {source.pod}, {source.container}, is not to be had: {answer}")
            continue
        logs.append((source.name, answer.text))
        if answer.cut:
            problems.append(
                f"the log of {source.pod}, {source.container}, is longer than {most >> 10} KiB: its beginning and its "
                "end are read, and lines are counted without what lies between"
            )
    if forbidden:
        problems.insert(
            0,
            f"may not get pods/log in {api.namespace} (403): without the logs of {len(forbidden)} "
            f"container{'' if len(forbidden) == 1 else 's'} nothing that a step printed is seen; "
            "the Role in container/rbac/role.yaml grants it",
        )
    if len(sources) > len(taken):
        problems.append(f"{len(sources)} containers: the logs of the first {len(taken)} are read")
    return logs, problems


def _fetch(api: Api, source: Source, most: int) -> Log | ApiError:
    try:
        head = api.log(source.pod, source.container, most)
        if not head.cut:
            return head
        for lines in _TAILS:
            tail = api.log(source.pod, source.container, most, tail=lines)
            if not tail.cut:
                return _joined(head.text, tail.text)
    except ApiError as error:
        return error
    return Log(head.text, cut=True)


def _joined(head: str, tail: str) -> Log:
    """Beginning and end of one log. An empty line keeps apart what was not printed together."""
    begun = head[: head.rfind("\n") + 1]
    last = begun.splitlines()[-1:] or [""]
    lines = tail.splitlines()
    if last[0] and last[0] in lines:
        rest = lines[len(lines) - lines[::-1].index(last[0]) :]
        return Log(begun + "".join(f"{line}\n" for line in rest), cut=False)
    return Log(f"{begun}\n{tail}", cut=True)


def _begun(status: Any) -> bool:
    states = (_field(status, state) for state in ("state", "lastState"))
    return any(isinstance(state, dict) and ("running" in state or "terminated" in state) for state in states)


def _field(document: Any, *names: str) -> Any:
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document
