"""Digests that tasks hand on as results."""

from __future__ import annotations

import re

from probe.classify.told.account import Account, Told

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(account: Account) -> Told[str] | None:
    """The digest of the image that its TaskRun made or pushed: the result that is one, if there is but one."""
    if account.task_run is None:
        return None
    found = [
        Told(match[0], f"{account.task_run_at}/results/{index}/value")
        for index, result in enumerate(account.task_run.results)
        if (match := _DIGEST.search(result.value)) is not None
    ]
    return found[0] if len({one.value for one in found}) == 1 else None
