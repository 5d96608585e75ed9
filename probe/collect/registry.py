"""One report on an image in a registry: no path, no mount, no access; its digests, or why they are not known."""

from __future__ import annotations

import time

from probe import __version__
from probe.collect.clock import missing, since_ms
from probe.collect.context import read_context, read_place
from probe.collect.identity import read_identity
from probe.collect.mountinfo import MountTable, read_mount_table
from probe.collect.plan import Plan
from probe.evidence.base import clip
from probe.evidence.command import CommandOutcome
from probe.evidence.image import Image, ImageFacts, SkopeoFacts
from probe.evidence.mount import Mounts
from probe.evidence.observation import NotSeen, Observation, Reason, Seen, not_seen_from
from probe.evidence.report import Reference, Report, Tool
from probe.image.remote import inspect_remote
from probe.skopeo.program import NoAnswer
from probe.skopeo.registry import RefusedError, Registry


def look_into_registry(reference: Reference, plan: Plan) -> Report:
    """Fetch manifest and config, and nothing else. Ends within `plan.deadline`; never raises."""
    started, monotonic = time.time_ns(), time.monotonic()
    registry = Registry(reference.path, reference.tag, monotonic + plan.deadline, plan.tls_verify)
    image, said, refused = _ask(registry, reference)
    nothing = missing(Reason.SKIPPED, f"{clip(reference.text, 2048)} names an image in a registry, and no path")
    try:
        table = read_mount_table()
    except OSError:
        table = MountTable()
    return Report(
        tool=Tool(version=__version__),
        started=started,
        started_monotonic=monotonic,
        duration_ms=round((time.monotonic() - monotonic) * 1000, 3),
        deadline_seconds=plan.deadline,
        context=read_context(table, read_place(table), plan.facts),
        reference=reference,
        want=plan.want,
        identity=read_identity(),
        chain=nothing,
        listing=nothing,
        nearby=nothing,
        mounts=Mounts(carrying=nothing, space=nothing, temp_space=nothing, temp_writable=nothing),
        image=image,
        skopeo=said,
        writers=nothing,
        command=refused,
    )


def _ask(
    registry: Registry, reference: Reference
) -> tuple[Observation[ImageFacts], Observation[SkopeoFacts], CommandOutcome | None]:
    """The image, what skopeo said of it in short, and its messages when it failed."""
    at, began = time.time_ns(), time.perf_counter()
    version = ""
    try:
        version = registry.version()
        tag = reference.tag or ""
        facts = inspect_remote(registry, None if tag.startswith("@") else tag or "latest")
    except RefusedError as error:
        message = clip(str(error))
        status = error.outcome.exit_status if error.outcome.exit_status is not None else -1
        told = SkopeoFacts(version=version, exit_status=status, message=message)
        seen = Seen[SkopeoFacts](value=told, at=at, took_ms=since_ms(began))
        failed = NotSeen(reason=_reason(error.outcome), message=message, at=at, took_ms=since_ms(began))
        return failed, seen, error.outcome
    except NoAnswer as error:
        failed = NotSeen(reason=error.reason, message=clip(str(error)), at=at, took_ms=since_ms(began))
        return failed, failed, None
    except OSError as error:
        failed = not_seen_from(error, "run skopeo", at, since_ms(began))
        return failed, failed, None
    took = since_ms(began)
    said = Seen[SkopeoFacts](value=_in_short(version, facts.selected), at=at, took_ms=took)
    return Seen[ImageFacts](value=facts, at=at, took_ms=took), said, None


def _reason(outcome: CommandOutcome) -> Reason:
    kinds = {str(failure.kind) for failure in outcome.failures}
    if "registry-denied" in kinds:
        return Reason.DENIED
    if any("manifest unknown" in failure.text or "name unknown" in failure.text for failure in outcome.failures):
        return Reason.ABSENT
    return Reason.FAILED


def _in_short(version: str, image: Image | None) -> SkopeoFacts:
    return SkopeoFacts(
        version=version,
        manifest_digest=image.manifest_digest if image is not None else None,
        config_digest=image.config.digest if image is not None and image.config is not None else None,
        diff_ids=image.diff_ids if image is not None else (),
        exit_status=0,
    )
