"""Digests that tasks hand on as results."""

from __future__ import annotations

from probe.classify.told.account import Account, Told
from probe.classify.told.planned import DIGEST


def digest_of(account: Account) -> Told[str] | None:
    """The digest of the image that its TaskRun made or pushed: the result that is one, if there is but one."""
    if account.task_run is None:
        return None
    found = [
        Told(match[0], f"{account.task_run_at}/results/{index}/value")
        for index, result in enumerate(account.task_run.results)
        if (match := DIGEST.search(result.value)) is not None
    ]
    return found[0] if len({one.value for one in found}) == 1 else None


def shows_success(account: Account) -> bool:
    """Whether more than its exit status shows that its command succeeded: a log that tells of no failure, or a digest.

    A script ends with status 0 after `... | tee log`, `|| true` or `exit 0` too.
    """
    if account.transcript is not None:
        return True
    results = account.task_run.results if account.task_run is not None else ()
    return any(DIGEST.search(one.value) for one in results)
