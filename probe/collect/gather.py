"""One report on one target: a child looks, this process waits no longer than it was told to, and puts it together."""

from __future__ import annotations

import os
import time

from probe import __version__
from probe.collect.assemble import Parts
from probe.collect.clock import missing
from probe.collect.context import read_context
from probe.collect.deadline import STALL_SECONDS, Bounds, Ending, run_child
from probe.collect.frames import Received, prepare, receive
from probe.collect.identity import read_identity
from probe.collect.journal import Journal
from probe.collect.look import Assignment, Look
from probe.collect.mountinfo import MountTable, read_mount_table
from probe.collect.plan import Plan
from probe.collect.timeline import timeline_of
from probe.evidence.image import ImageFacts, SkopeoFacts
from probe.evidence.observation import NotSeen, Observation, Reason, not_seen_from
from probe.evidence.report import Reference, Report, Tool
from probe.image.reference import PATH_TRANSPORT, REGISTRY_TRANSPORT

_SKOPEO_OVERRUN = 1.0
"""Seconds by which the look at skopeo may end after its own deadline, beyond what the report's may."""

__all__ = ["Plan", "gather"]


def gather(reference: Reference, plan: Plan = Plan()) -> Report:  # noqa: B008 - frozen
    """Look at one target.

    Whatever the target does, a report comes back: at the latest about a second after `plan.deadline`, not counting a
    deep check. KeyboardInterrupt passes and leaves no child behind. Raises OSError or ValueError only when the identity
    of `plan.pid` cannot be read.
    """
    if reference.transport == REGISTRY_TRANSPORT:
        from probe.collect.registry import look_into_registry

        return look_into_registry(reference, plan)
    started, monotonic = time.time_ns(), time.monotonic()
    until = monotonic + plan.deadline
    prepare()
    identity = read_identity()
    predict_for = plan.predict_for
    if predict_for is None and plan.pid is not None:
        predict_for = read_identity(plan.pid)
    table, table_missing = _mount_table()
    parts = _look(Assignment(reference, plan, table, os.getpid(), until), table_missing)
    chain = parts.chain()
    image: Observation[ImageFacts] = parts.observation("image")
    context = read_context(table, parts.received.place, plan.facts)
    report = Report(
        tool=Tool(version=__version__),
        started=started,
        started_monotonic=monotonic,
        duration_ms=0.0,
        deadline_seconds=plan.deadline,
        context=context,
        reference=reference,
        want=plan.want,
        identity=identity,
        predict_for=predict_for,
        chain=chain,
        chain_after=parts.received.chain_after,
        marker=parts.received.marker,
        attempts=parts.attempts(),
        listing=parts.observation("listing"),
        nearby=parts.observation("nearby"),
        mounts=parts.mounts(chain),
        image=image,
        skopeo=_ask_skopeo(reference, plan, image, parts.trouble, until),
        writers=parts.writers(),
        command=plan.command,
        unstable=parts.unstable(),
        unfinished=parts.unfinished(),
    )
    update = {"timeline": timeline_of(report), "duration_ms": round((time.monotonic() - monotonic) * 1000, 3)}
    return report.model_copy(update=update)


def _mount_table() -> tuple[MountTable, NotSeen | None]:
    try:
        return read_mount_table(), None
    except OSError as error:
        return MountTable(), not_seen_from(error, "read /proc/self/mountinfo", time.time_ns())


def _look(assignment: Assignment, table_missing: NotSeen | None) -> Parts:
    plan = assignment.plan
    try:
        journal = Journal()
    except OSError as error:
        ending = Ending("crashed", 0.0, f"no memory to share with a child: {error.strerror}")
        return Parts(assignment.reference, plan, Received(), ending, None, assignment.table, table_missing)
    try:
        ending = run_child(
            lambda shared: Look(assignment, shared).run(),
            journal,
            Bounds(max(0.0, assignment.until - time.monotonic()), plan.deep_deadline, STALL_SECONDS),
            plan.progress if plan.deep else None,
        )
        received, crumb = receive(journal), journal.last_crumb()
    finally:
        journal.close()
    return Parts(assignment.reference, plan, received, ending, crumb, assignment.table, table_missing)


def _ask_skopeo(
    reference: Reference, plan: Plan, image: Observation[ImageFacts], trouble: str | None, until: float
) -> Observation[SkopeoFacts]:
    """skopeo's word on the same reference, unless there is `trouble`; whether asking is cheap is decided there."""
    left = until - time.monotonic() - _SKOPEO_OVERRUN
    why = _why_not_skopeo(reference, plan, image) or trouble
    if why is None and left <= 0:
        why = "nothing is left of the deadline"
    if why is not None or isinstance(image, NotSeen):
        return missing(Reason.SKIPPED, f"skopeo was not asked: {why}")
    from probe.skopeo.inspect import inspect_with_skopeo

    return inspect_with_skopeo(
        reference, image.value, mode=plan.skopeo, temp_directory=plan.temp_directory, deadline=left
    )


def _why_not_skopeo(reference: Reference, plan: Plan, image: Observation[ImageFacts]) -> str | None:
    if plan.skopeo == "never":
        return "not wanted"
    if reference.transport == PATH_TRANSPORT:
        return "a plain path is no image reference"
    if isinstance(image, NotSeen):
        return "the target could not be read"
    if plan.skopeo == "auto" and not (image.value.readable_as_asked and image.value.whole):
        return "the image is damaged, or is not what the reference names"
    return None
