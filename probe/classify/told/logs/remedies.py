"""The smallest change for a refusal that a log tells of, by the access model on what it shows."""

from __future__ import annotations

from probe.access.change import minimal_changes
from probe.access.quote import quote_path
from probe.classify.remedy import UMASK, made_for_group, one_sentence
from probe.classify.told.account import Account
from probe.classify.told.logs.refusal import Refusal
from probe.classify.told.logs.shown import MAYBE, NOBODY
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
    if refusal.group_would_do and refusal.inode is not None and refusal.inode.gid == 0:
        return _own_group(refusal, structural)
    changes = minimal_changes(shown.credentials, shown.chain, shown.want, shown.judgement)
    if not changes:
        return None
    sentences = [change.sentence.replace(f"for group {MAYBE} on", "for its group on") for change in changes]
    if any(str(unknown) in text for unknown in (MAYBE, NOBODY) for text in sentences):
        return None
    proviso = ""
    if refusal.inode is not None and refusal.inode.gid == MAYBE and any(change.kind == "bit" for change in changes):
        path = quote_path(refusal.component or refusal.path)
        proviso = f" It helps only if the reader holds that group: ls -ldn {path}"
    commands = [change.command for change in changes if change.command]
    return Remedy(
        smallest=Fix(
            sentence=one_sentence(sentences) + proviso,
            command="\n".join(commands) if len(commands) == len(changes) else None,
        ),
        structural=structural or _cure(refusal),
    )


def _own_group(refusal: Refusal, structural: Fix | None) -> Remedy | None:
    """What belongs to root's group goes to one that the reader holds: group 0 is nothing to give to a pod."""
    who = refusal.who
    held = sorted(who.groups - {0}) if who is not None else []
    if not held or refusal.step is None:
        return None
    letters, path = refusal.step.decision.right.letters, quote_path(refusal.component or refusal.path)
    return Remedy(
        smallest=Fix(
            sentence=f"Give {refusal.component} to group {held[-1]}, which the reader holds, with {letters}.",
            command=f"chgrp {held[-1]} {path} && chmod g+{letters} {path}",
        ),
        structural=structural or _cure(refusal),
    )


def for_one_task(refusal: Refusal, gid: int, other: Account) -> Remedy:
    """The group for the pod of one task, as the pod of another one has it."""
    account = refusal.account
    source = account.transcript.source if account.transcript is not None else None
    named = account.pod.pipeline_task if account.pod is not None else source.task if source is not None else ""
    by_sweep = other.pod is not None and other.pod.security.fs_group == gid
    asked = f"fsGroup: {gid}" if by_sweep else f"supplementalGroups: [{gid}]"
    return Remedy(
        smallest=Fix(
            sentence=f"Give the pod of {account.name} group {gid}, as that of {other.name} has it.",
            yaml=(
                "# PipelineRun: applies to the pod of that task alone\n"
                f"spec:\n  taskRunSpecs:\n  - pipelineTaskName: {named or 'TASK'}\n    podTemplate:\n"
                f"      securityContext:\n        {asked}"
            ),
        )
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
    number = f" ({refusal.inode.gid})" if refusal.group_known else ""
    return Remedy(
        smallest=Fix(
            sentence=f"Give the group of {refusal.component} the right, and the reader's pod that group"
            f"{number}: being uid 0 does not help without a capability.",
            command=f"chmod g+{letters} {path}",
        ),
        structural=_cure(refusal),
    )
