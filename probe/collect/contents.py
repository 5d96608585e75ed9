"""Looking into the target: opened once, inspected, and compared before and after, as a writer may be at it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from probe.collect.attempt import NOT_OPENED, open_for_reading
from probe.collect.clock import missing, observe
from probe.collect.inode import file_type
from probe.evidence.base import path_text
from probe.evidence.image import ImageFacts
from probe.evidence.observation import NotSeen, Observation, Reason, Seen, reason_for
from probe.evidence.path import FileType
from probe.evidence.report import Reference
from probe.image.inspect import inspect_image
from probe.image.limits import Limits

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True)
class Contents:
    """The facts, and a sentence if the target changed while they were read."""

    facts: Observation[ImageFacts]
    change: str | None = None


def look_into(
    path: bytes,
    reference: Reference,
    *,
    trace: Callable[[str, str], None],
    deep: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    limits: Limits | None = None,
) -> Contents:
    """Open the target and inspect it. Special files are not opened."""
    text = path_text(path)
    trace("openat O_RDONLY", text)
    descriptor = open_contents(path)
    if isinstance(descriptor, NotSeen):
        return Contents(descriptor)
    try:
        before = os.fstat(descriptor)
        trace("read", text)
        facts = observe(
            Seen[ImageFacts],
            f"read {text}",
            lambda: inspect_image(descriptor, reference, deep=deep, workers=workers, progress=progress, limits=limits),
        )
        return Contents(facts, _difference(text, before, os.fstat(descriptor)))
    finally:
        os.close(descriptor)


def open_contents(path: bytes) -> int | NotSeen:
    """A descriptor, or why there is none. A directory is opened with O_PATH: to read files in it takes no r on it."""
    text = path_text(path)
    try:
        kind = file_type(os.stat(path).st_mode)
    except (OSError, ValueError):
        kind = None  # the open will say why
    if kind is FileType.DIRECTORY:
        opened = observe(Seen[int], f"openat O_PATH {text}", lambda: os.open(path, _DIRECTORY))
        return opened.value if isinstance(opened, Seen) else opened
    descriptor, errno = open_for_reading(path, kind)
    if descriptor is not None:
        return descriptor
    if errno == NOT_OPENED:
        return missing(Reason.SKIPPED, f"{text} is a {kind}: special files are not opened")
    return missing(reason_for(errno or ""), f"openat O_RDONLY {text}: {errno}", errno)


def _difference(text: str, before: os.stat_result, after: os.stat_result) -> str | None:
    if before.st_size != after.st_size:
        return f"{text}: size was {before.st_size} before it was read, then {after.st_size}"
    if before.st_mtime_ns != after.st_mtime_ns:
        return f"{text}: modified while it was read"
    return f"{text}: its inode changed while it was read" if before.st_ctime_ns != after.st_ctime_ns else None
