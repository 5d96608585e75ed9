"""The deep check: hash every blob, unpack every layer and compare its diff_id. One read of each blob, in parallel."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from probe.evidence.image import BlobState, Verification
from probe.image.blobs import Draft, Look, Part
from probe.image.docker import digest_in_name, judge_content
from probe.image.documents import split_digest
from probe.image.measure import Measured

_HASHED = (BlobState.VERIFIED, BlobState.CORRUPT)
_Job = tuple[str, str]
_Result = Measured | OSError | None


def default_workers() -> int:
    """As many threads as this process may use processors, at most four: hashing and zlib release the interpreter."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min(4, len(affinity(0)) if affinity is not None else os.cpu_count() or 1)


def verify(
    look: Look, drafts: Sequence[Draft], workers: int, progress: Callable[[int, int], None] | None, began: float
) -> Verification:
    """Hash what is there of all images, and note what does not agree. `began` is a `time.monotonic()`.

    `progress(done, total)` is called in bytes, from the threads that read, one call at a time.
    """
    layers = [part for draft in drafts for part in draft.layers if part.blob.state is BlobState.PRESENT]
    sizes = {(part.place, _algorithm(part)): part.blob.found_size or 0 for part in layers}
    jobs = sorted(sizes, key=lambda job: -sizes[job])
    results = _run(look, jobs, workers, _reporter(progress, sum(sizes.values())))
    problems = len(look.problems)
    for part in layers:
        _judge(look, part, results[part.place, _algorithm(part)])
    small = {part.place: part for draft in drafts for part in draft.parts if part.role != "layer"}
    hashed = [part.blob.found_size or 0 for part in small.values() if part.blob.computed is not None]
    measured = [result.size for result in results.values() if isinstance(result, Measured)]
    agreed = (
        bool(drafts)
        and len(look.problems) == problems
        and all(draft.whole for draft in drafts)
        and all(part.blob.state is BlobState.VERIFIED or part.foreign for draft in drafts for part in draft.layers)
    )
    return Verification(
        blobs=len(hashed) + len(measured),
        bytes=sum(hashed) + sum(measured),
        seconds=round(time.monotonic() - began, 3),
        agreed=agreed,
    )


def _algorithm(part: Part) -> str:
    if part.by_content:
        named = digest_in_name(part.place)
        return named[0] if named else "sha256"
    return split_digest(part.blob.digest)[0]


def _run(look: Look, jobs: list[_Job], workers: int, progress: Callable[[int], None] | None) -> dict[_Job, _Result]:
    def one(job: _Job) -> _Result:
        try:
            return look.store.measure(*job, look.limits.deep_decompressed_bytes, progress)
        except OSError as error:
            return error

    if min(workers, len(jobs)) <= 1:
        return {job: one(job) for job in jobs}
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(workers, len(jobs))) as pool:
        return dict(zip(jobs, pool.map(one, jobs), strict=True))


def _reporter(progress: Callable[[int, int], None] | None, total: int) -> Callable[[int], None] | None:
    if progress is None:
        return None
    from threading import Lock

    lock, done = Lock(), 0

    def report(count: int) -> None:
        nonlocal done
        with lock:
            done += count
            progress(done, total)

    return report


def _judge(look: Look, part: Part, done: _Result) -> None:
    if isinstance(done, OSError):
        look.problems.unreadable(part.place, done, "layer")
        part.update(BlobState.UNREADABLE)
        return
    if done is None:
        look.problems.add("too-large", part.place, found="went by without being hashed", role="layer")
        part.update(BlobState.UNCHECKED)
        return
    if done.size != part.blob.found_size:
        look.problems.add(
            "partial-blob",
            part.place,
            expected=f"{part.blob.found_size} bytes",
            found=f"{done.size} bytes",
            role="layer",
        )
        part.update(BlobState.PARTIAL)
        return
    if part.by_content:
        named = digest_in_name(part.place)
        judge_content(look, part, done)
        wanted = ":".join(named) if named and part.place.startswith("blobs/") else done.digest
    else:
        wanted = part.blob.digest
        part.update(BlobState.VERIFIED if done.digest == wanted else BlobState.CORRUPT, done.digest)
    if done.digest != wanted:
        part.update(BlobState.CORRUPT)
        look.problems.add("digest-mismatch", part.place, expected=wanted, found=done.digest, role="layer")
    elif not part.by_content:
        _judge_diff_id(look, part, done)


def _judge_diff_id(look: Look, part: Part, done: Measured) -> None:
    if not part.diff_id or "+encrypted" in part.blob.media_type:
        return
    if done.trouble:
        look.problems.add(done.trouble, part.place, found=done.trouble_text, role="layer")
    elif done.content_digest != part.diff_id:
        look.problems.add(
            "diff-id-mismatch", part.place, expected=part.diff_id, found=done.content_digest or "", role="layer"
        )
