"""Moments that objects and logs tell, and how far two of them can be put in order."""

from __future__ import annotations

from probe.classify.told.account import Account, Told
from probe.classify.witness import SECOND, UNKNOWN_SKEW
from probe.evidence.base import format_timestamp


def clock_time(at: int) -> str:
    """A moment for a sentence: as exact as it was told."""
    text = format_timestamp(at)
    return text[:19] + "Z" if at % SECOND == 0 else f"{text[:23]}Z"


def _exactness(at: int) -> int:
    """The API tells whole seconds: the moment lies somewhere in the second that it names."""
    return SECOND if at % SECOND == 0 else 0


def surely_before(early: int, late: int, *, nodes: tuple[str, str] = ("", "")) -> bool:
    """Whether one moment is shown to come before another: seconds are whole, and two nodes' clocks may be askew."""
    skew = UNKNOWN_SKEW if nodes[0] and nodes[1] and nodes[0] != nodes[1] else 0
    return early + _exactness(early) + skew <= late


def nodes_of(a: Account, b: Account) -> tuple[str, str]:
    """The nodes of two accounts, empty where not known."""
    return a.pod.node if a.pod is not None else "", b.pod.node if b.pod is not None else ""


def ended(account: Account) -> Told[int] | None:
    """When it ended, the latest that is told: a sidecar's container may be replaced while the TaskRun knows its end."""
    known = [
        Told(source.ended, f"{at}/ended", source.ended)
        for source, at in ((account.step, account.step_at), (account.container, account.container_at))
        if source is not None and source.ended is not None
    ]
    return max(known, key=lambda one: one.value) if known and account.is_sidecar else account.ended


def began(account: Account) -> Told[int] | None:
    """When it began: a step's container starts seconds before Tekton lets the step itself begin."""
    if account.container is not None and account.container.began is not None:
        return Told(account.container.began, f"{account.container_at}/began", account.container.began)
    known = [
        Told(source.started, f"{at}/started", source.started)
        for source, at in ((account.step, account.step_at), (account.container, account.container_at))
        if source is not None and source.started is not None
    ]
    if account.is_sidecar and known:
        return min(known, key=lambda one: one.value)
    return account.began


def overlap(a: Account, b: Account) -> bool:
    """Whether two are shown to have run at one time."""
    first, second = began(a), began(b)
    if first is None or second is None:
        return False
    nodes = nodes_of(a, b)
    for one, start in ((a, second.value), (b, first.value)):
        end = ended(one)
        if end is not None and not surely_before(start, end.value, nodes=nodes):
            return False
    return True
