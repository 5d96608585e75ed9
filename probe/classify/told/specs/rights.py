"""What two containers may do with files, side by side, as far as their specs say."""

from __future__ import annotations

from probe.classify.told.account import Account
from probe.evidence.cluster import SecurityContext

_PASSING = frozenset({"ALL", "DAC_OVERRIDE", "DAC_READ_SEARCH"})
_NOTHING = SecurityContext()


def of_pod(account: Account) -> SecurityContext:
    """The security context of its pod, or what its TaskRun asks for the pod."""
    if account.pod is not None:
        return account.pod.security
    return account.task_run.security if account.task_run is not None else _NOTHING


def of_container(account: Account) -> SecurityContext:
    """The security context of its container, or of its step."""
    if account.container is not None:
        return account.container.security
    return account.step.security if account.step is not None else _NOTHING


def security_at(account: Account) -> str:
    """Where its own security context stands."""
    return f"{account.container_at or account.step_at or account.transcript_at}"


def pod_security_at(account: Account) -> str:
    """Where that of its pod stands."""
    return f"{account.pod_at or account.task_run_at}" or security_at(account)


def uid(account: Account) -> int | None:
    """The user that it runs as; None where the image decides."""
    if account.who is not None:
        return account.who.uid
    own = of_container(account).run_as_user
    return own if own is not None else of_pod(account).run_as_user


def groups(account: Account) -> frozenset[int]:
    """The groups that its log or its specs show; the image may add others."""
    if account.who is not None:
        return account.who.groups
    pod = of_pod(account)
    return frozenset(one for one in (pod.fs_group, *(pod.supplemental_groups or ())) if one is not None)


def bare_root(account: Account) -> bool:
    """Whether it is uid 0 without the capabilities that let root pass mode bits."""
    if uid(account) != 0:
        return False
    if account.who is not None and account.who.capabilities is not None:
        return not account.who.capabilities & {f"CAP_{name}" for name in _PASSING}
    own = of_container(account)
    added, dropped = _names(own.added), _names(own.dropped)
    return not own.privileged and not added & _PASSING and bool(dropped & {"ALL", "DAC_OVERRIDE"})


def passes_bits(account: Account) -> bool:
    """Whether it is root with the capabilities of root: no mode bits stop it."""
    return uid(account) == 0 and not bare_root(account)


def same_rights(a: Account, b: Account) -> bool:
    """Whether what lets the one read lets the other: the same user and groups, and as root the same capabilities."""
    return uid(a) == uid(b) and groups(a) == groups(b) and bare_root(a) == bare_root(b)


def owns(reader: Account, maker: Account) -> bool:
    """Whether the reader runs as the user who made what it reads."""
    mine, theirs = uid(reader), uid(maker)
    return mine is not None and mine == theirs


def _names(capabilities: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.upper().removeprefix("CAP_") for name in capabilities)
