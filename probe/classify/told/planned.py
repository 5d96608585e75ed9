"""The runs of a container's only command, where its log does not show it: by what the log says, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from probe.classify.told.said import Told
from probe.classify.told.tried import Tried, ends, said_by, surely_later
from probe.evidence.cluster import Result
from probe.evidence.command import Failure
from probe.evidence.invocation import Invocation
from probe.evidence.transcript import DigestLevel, DigestStated, ExitStated

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SHELLS = frozenset({"", "sh", "bash"})


def runs_planned(
    planned: Told[Invocation],
    failures: Sequence[Told[Failure]],
    status: Told[int] | None,
    digests: Sequence[Told[DigestStated]],
    results: Sequence[Result],
) -> Iterator[Tried]:
    """One run; two where it said why it failed, and something shows that a later try did not."""
    mine = tuple(one for one in failures if said_by(one.value, planned.value))
    whole = Tried(planned, mine, status)
    if status is None or status.value != 0 or status.line is not None or not ends(mine):
        yield whole
        return
    later = any(
        one.value.level is DigestLevel.CONFIG
        and surely_later(Told(one.value.digest, one.pointer, one.at, one.line), mine[-1])
        for one in digests
    )
    if later or any(DIGEST.search(one.value) for one in results):
        yield Tried(planned, mine)
        yield Tried(planned, (), status)
    else:
        yield whole


def exit_of(stated: Sequence[Told[ExitStated]], ran: Told[int] | None) -> Told[int] | None:
    """The status that the log states last of a program, else that of the container."""
    own = [one for one in stated if one.value.program not in _SHELLS]
    if not own:
        return ran
    return Told(own[-1].value.status, own[-1].sub("status"), own[-1].at, own[-1].line)
