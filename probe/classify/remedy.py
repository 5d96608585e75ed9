"""Remedies: the smallest change for a denied component, and the structural cures that several causes share."""

from __future__ import annotations

import posixpath
import shlex

from probe.access.change import single_changes
from probe.classify.case import Reading
from probe.classify.verdict import Fix, Remedy

PUBLISH = Fix(
    sentence=(
        "Let the producer write under a temporary name, fsync, then rename into place, and hand the digest to the "
        "readers as a task result: a reader then sees the whole archive or none."
    ),
    command=(
        "skopeo copy SOURCE oci-archive:DIR/.image.tar.partial && sync DIR/.image.tar.partial "
        "&& mv DIR/.image.tar.partial DIR/image.tar"
    ),
)
"""Structural cure for everything that comes from reading while somebody writes."""

RUN_AFTER = Fix(
    sentence="Order the tasks: the push may start only when the build has ended.",
    yaml="- name: push\n  runAfter: [build]",
)

UMASK = Fix(
    sentence=(
        "Let the producer create directories for the shared group: set the umask before the build writes, so that "
        "what it makes later is searchable and readable by the group."
    ),
    command="umask 0007",
)

PRODUCER_MODE = Fix(
    sentence=(
        "Set it in the task that creates the directory, not in the reader: under the shared group, with the group "
        "bits that the readers need."
    ),
    command="install -d -m 2770 DIR",
)


def publish(path: str) -> Fix:
    """The publish cure written out for one path."""
    directory, name = posixpath.split(path)
    partial, final = shlex.quote(f"{directory}/.{name}.partial"), shlex.quote(path)
    return Fix(
        sentence=PUBLISH.sentence,
        command=f"skopeo copy SOURCE oci-archive:{partial} && sync {partial} && mv {partial} {final}",
    )


def access_remedy(reading: Reading, structural: Fix | None = None) -> Remedy | None:
    """The smallest single change that turns a refusal, by the access model; None when no single one does."""
    chain, judgement = reading.chain, reading.judgement
    if chain is None or judgement is None:
        return None
    changes = single_changes(reading.credentials, chain, reading.report.want, judgement)
    if not changes:
        return None
    first = changes[0]
    return Remedy(smallest=Fix(sentence=first.sentence, command=first.command), structural=structural)


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
