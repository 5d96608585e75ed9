"""Where symbolic links lead, by what a log shows of them."""

from __future__ import annotations

import posixpath

from probe.classify.told.account import Account
from probe.classify.told.logs.reader import related
from probe.classify.told.logs.shown import ancestors
from probe.evidence.transcript import InodeStated

_MOST_LINKS = 40
"""As path_resolution(7) has it."""


def leads_to(account: Account, path: str, named: str | None) -> bool:
    """Whether a path that a message names is where a link shown in the same log leads from what was to be read."""
    if named is None or not named.startswith("/") or not path.startswith("/"):
        return False
    end = resolved(account, path)
    return end != path and related(named, end)


def resolved(account: Account, path: str) -> str:
    """The path with every link followed that the log shows; itself where it shows none, or a ring of them."""
    now = posixpath.normpath(path)
    for _ in range(_MOST_LINKS):
        link = next((one for part in ancestors(now) if (one := _link(account, part)) is not None), None)
        if link is None:
            return now
        target = posixpath.join(posixpath.dirname(link.path), link.link_target or "")
        now = posixpath.normpath(target + now[len(link.path) :])
    return path


def _link(account: Account, path: str) -> InodeStated | None:
    """The last that is printed of it, by its whole path; none where that is no link."""
    found = [one.value for one in account.inodes(path) if one.value.path == path]
    return found[-1] if found and found[-1].link_target else None
