"""The smallest change for a refusal that a log tells of, by the access model on what it shows."""

from __future__ import annotations

from probe.access.change import minimal_changes
from probe.access.quote import quote_path
from probe.classify.remedy import UMASK, made_for_group
from probe.classify.told.logs.refusal import Refusal
from probe.classify.verdict import Fix, Remedy

LOOK_AGAIN = Fix(
    sentence="Let the reader's own step say what denies it, in that very moment.",
    command="probe exec -- skopeo copy ...",
)


def opened(refusal: Refusal, structural: Fix | None = None) -> Remedy | None:
    """What lets this reader pass; None where the model knows no change."""
    if refusal.shown is None:
        return None
    shown = refusal.shown
    changes = minimal_changes(shown.credentials, shown.chain, shown.want, shown.judgement)
    if not changes:
        return None
    commands = [change.command for change in changes if change.command]
    return Remedy(
        smallest=Fix(
            sentence="; then ".join(change.sentence for change in changes),
            command="\n".join(commands) if len(commands) == len(changes) else None,
        ),
        structural=structural or _cure(refusal),
    )


def _cure(refusal: Refusal) -> Fix:
    return made_for_group(refusal.component or refusal.path) if refusal.searching else UMASK


def with_capability(refusal: Refusal) -> Remedy | None:
    """Root without capabilities is an ordinary user: it needs the bits, like any other."""
    path = quote_path(refusal.component or refusal.path)
    if refusal.inode is None or refusal.step is None or refusal.shown is None:
        return None
    letters = refusal.step.decision.right.letters
    if refusal.shown.credentials.in_group(refusal.inode.gid):
        return opened(refusal)
    return Remedy(
        smallest=Fix(
            sentence=f"Give the group of {refusal.component} the right, and the reader's pod that group "
            f"({refusal.inode.gid}): being uid 0 does not help without a capability.",
            command=f"chmod g+{letters} {path}",
        ),
        structural=_cure(refusal),
    )
