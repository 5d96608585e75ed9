"""What is wrong inside a container, collected within bounds; and text from hostile places made fit for evidence."""

from __future__ import annotations

import os

from probe.evidence.base import clip, path_text
from probe.evidence.image import MAX_PROBLEMS, Problem
from probe.evidence.observation import errno_name

SHORT = 256


def clean(text: str | bytes, limit: int = 4096) -> str:
    """Text as evidence takes it: bounded, and without the lone surrogates that JSON escapes and file names bring."""
    if isinstance(text, bytes):
        return clip(path_text(text), limit)
    return clip(text.encode("utf-8", "backslashreplace").decode("utf-8"), limit)


def error_text(error: OSError) -> str:
    """`EIO (Input/output error)`."""
    name = errno_name(error.errno)
    return f"{name} ({os.strerror(error.errno)})" if error.errno else f"{name} ({error})"


class Problems:
    """A list of at most `MAX_PROBLEMS`, each once; `truncated` says that more were found."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}
        self.truncated = False

    def add(self, kind: str, subject: str | bytes, *, expected: str = "", found: str = "", role: str = "") -> None:
        """Note one problem, as `Problem` has it."""
        problem = Problem(
            kind=kind, subject=clean(subject), expected=clean(expected), found=clean(found), role=clean(role, SHORT)
        )
        if problem in self._found:
            return
        if len(self._found) >= MAX_PROBLEMS:
            self.truncated = True
            return
        self._found[problem] = None

    def unreadable(self, subject: str | bytes, error: OSError, role: str = "") -> None:
        """Note that reading failed, with the errno by name."""
        self.add("unreadable", subject, found=error_text(error), role=role)

    def __len__(self) -> int:
        return len(self._found)

    def any(self, kind: str) -> bool:
        """Whether a problem of this kind was found."""
        return any(problem.kind == kind for problem in self._found)

    def listed(self) -> tuple[Problem, ...]:
        """All of them, in the order in which they were found."""
        return tuple(self._found)
