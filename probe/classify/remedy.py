"""Remedies: the smallest change for a denied component, and the structural cures that several causes share."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence

from probe.access.quote import quote_path
from probe.classify.case import Reading
from probe.classify.verdict import Fix, Remedy

RUN_AFTER = Fix(
    sentence="Order the tasks: the push may start only when the build has ended.",
    yaml="- name: push\n  runAfter: [build]",
)

UMASK = Fix(
    sentence=(
        "Set the umask in the producer before it writes, so that the shared group may search and read what it makes."
    ),
    command="umask 0007",
)


def reference_words(transport: str, path: str, name: str | None = None) -> str:
    """A reference as sh(1) takes it: what a volume's files are called is not for the shell to act on."""
    return f"{transport}:{quote_path(path)}" + (f":{shlex.quote(name)}" if name else "")


def one_sentence(changes: Sequence[str]) -> str:
    """Several changes as one sentence, one after the other."""
    first, *more = (change.removesuffix(".") for change in changes)
    return "; then ".join((first, *(change[:1].lower() + change[1:] for change in more))) + "."


def made_for_group(path: str) -> Fix:
    """The structural cure for a directory that its maker left closed."""
    return Fix(
        sentence=(
            "Set it in the task that creates the directory, not in the reader: with the group bits that the readers "
            "need, and setgid, so that the shared group is handed on."
        ),
        command=f"install -d -m 2770 {quote_path(path)}",
    )


def publish(path: str) -> Fix:
    """The structural cure for everything that comes from reading while somebody writes."""
    directory, name = posixpath.split(path)
    partial, final = quote_path(f"{directory}/.{name}.partial"), quote_path(path)
    return Fix(
        sentence=(
            "Let the producer write under a temporary name, sync, then rename into place, and hand the digest to the "
            "readers as a task result: a reader then sees the whole archive or none."
        ),
        command=f"skopeo copy SOURCE oci-archive:{partial} && sync {partial} && mv {partial} {final}",
    )


def access_remedy(reading: Reading, structural: Fix | None = None) -> Remedy | None:
    """The smallest set of changes that turns a refusal, by the access model; None when it knows none."""
    from probe.access.change import minimal_changes

    chain, judgement = reading.judged_chain, reading.judgement
    if chain is None or judgement is None:
        return None
    changes = minimal_changes(
        reading.credentials,
        chain,
        reading.report.want,
        judgement,
        mount=reading.mount,
        protected_symlinks=reading.protects_symlinks,
    )
    if not changes:
        return None
    commands = [change.command for change in changes if change.command]
    return Remedy(
        smallest=Fix(
            sentence=one_sentence([change.sentence for change in changes]),
            command="\n".join(commands) if len(commands) == len(changes) else None,
        ),
        structural=structural,
    )


def group_remedy(gid: int, structural: Fix | None = None) -> Remedy:
    """Run the reader's pod with the group that the inode has."""
    return Remedy(
        smallest=Fix(
            sentence=f"Give the reader's pod group {gid}: as fsGroup, or as a supplementary group.",
            yaml=(
                "# PipelineRun: applies to the pods of every task\n"
                "spec:\n  taskRunTemplate:\n    podTemplate:\n      securityContext:\n"
                f"        supplementalGroups: [{gid}]"
            ),
        ),
        structural=structural,
    )


def one_fs_group(reading: Reading) -> Remedy:
    """What keeps pods with different fsGroups from taking a volume away from each other."""
    told, groups = reading.fs_group, sorted(reading.credentials.groups)
    group = told if told is not None else groups[-1] if groups else reading.credentials.gid
    return Remedy(
        smallest=Fix(
            sentence="Give all pods that mount this claim one fsGroup (one namespace, one SCC range), or let the other "
            "pod ask for none: any group given here is taken away again by its next start.",
            yaml=f"securityContext:\n  fsGroup: {group}",
        )
    )
