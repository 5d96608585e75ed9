"""What logs and objects tell, cause by cause. It is hearsay beside a look of one's own: never more than `likely`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probe.classify.case import Case
from probe.classify.verdict import Assessment, Cause


def told(case: Case) -> Mapping[Cause, Sequence[Assessment]]:  # noqa: ARG001
    """What the transcripts and the objects of a case say of each cause that they say something of."""
    return {}
