"""Looks at which a path was not there, of tools and of a script's own words."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from probe.classify.told.account import Account, Told
from probe.classify.told.logs.refusal import Refusal
from probe.classify.told.logs.shown import ancestors
from probe.classify.told.said import before
from probe.evidence.transcript import Claimed, RemarkStated


def absences(account: Account, path: str) -> Iterator[Told[str]]:
    """Lines that say that a path, or a directory on the way to it, was not there; the value is that path."""
    on_the_way = set(ancestors(path))
    for remark in account.stated(RemarkStated):
        named = posixpath.normpath(remark.value.path) if remark.value.path else ""
        if remark.value.claimed is Claimed.ABSENT and named in on_the_way:
            yield Told(named, remark.pointer, remark.at, remark.line)
    for failure in account.failures:
        named = posixpath.normpath(failure.value.path) if failure.value.path else ""
        if failure.value.errno == "ENOENT" and named in on_the_way:
            yield Told(named, failure.pointer, failure.at, failure.line)


def absent_before(refusal: Refusal) -> Told[str] | None:
    """The last line of the reader's log, before its refusal, at which what denies was not there.

    Only of a path whose directories let this reader look: a `test -e` that is refused says absent, too.
    """
    component, shown = refusal.component, refusal.shown
    if component is None or shown is None or refusal.account.mixed:
        return None
    found = None
    for one in absences(refusal.account, component):
        if before(one, refusal.failure) and (found is None or before(found, one)):
            found = one
    return found
