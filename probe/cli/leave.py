"""Evidence that is left behind: a file in a directory, or one line on standard error that `probe classify -` finds."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from typing import TYPE_CHECKING

from probe.cli.exits import warn

if TYPE_CHECKING:
    from pydantic import BaseModel

    from probe.collect.journal import Journal

_SECONDS = 10.0
"""The directory may lie on the very mount that does not answer: a child writes, and is waited for no longer."""
_FAILED = "failed"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_TRIES = 100


def to_standard_error(directory: str | None, wanted: bool | None) -> bool:
    """Whether the line on standard error is written: as told, otherwise where there is no directory and no terminal.

    A person at a terminal has just read the page; the line is for a log, from which nothing else could be had later.
    """
    if wanted is not None:
        return wanted
    return directory is None and not sys.stderr.isatty()


def leave(document: BaseModel, directory: str | None, to_stderr: bool, stem: str) -> str | None:
    """Write a document to `directory` as `probe-STEM-TIME-PID.json`, and to standard error as one line of JSON.

    Gives the path of the file. Where it cannot be written a sentence says why, and the line is written instead:
    evidence of this moment cannot be collected again.
    """
    text = _one_line(document)
    written = None
    if directory is not None:
        written = _in_child(directory, stem, text)
        to_stderr = to_stderr or written is None
    if to_stderr:
        # A standard error that is gone or full is no reason to lose the exit status.
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text + "\n")
            sys.stderr.flush()
    return written


def _one_line(document: BaseModel) -> str:
    """ASCII alone: true in every locale, and no character in it can turn a terminal or break a line."""
    tree = document.model_dump(mode="json", by_alias=True)
    return json.dumps(tree, separators=(",", ":"), allow_nan=False).replace("\x7f", "\\u007f")


def _in_child(directory: str, stem: str, text: str) -> str | None:
    from datetime import UTC, datetime

    from probe.collect.deadline import Bounds, run_child
    from probe.collect.journal import Journal

    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"[:-3] + "Z"
    base = f"probe-{_NOT_IN_NAMES.sub('-', stem)[:64]}-{moment}-{os.getpid()}"
    try:
        journal = Journal(1 << 16)
    except OSError as error:
        warn(f"{directory}: the evidence was not left there: no memory to share with a child: {error.strerror}")
        return None
    try:
        ending = run_child(lambda shared: _write(shared, directory, base, text), journal, Bounds(_SECONDS))
        said = dict(journal.entries())
    finally:
        journal.close()
    if "path" in said and ending.how == "finished":
        return os.fsdecode(said["path"])
    why = said[_FAILED].decode("utf-8", "replace") if _FAILED in said else ending.sentence
    warn(f"{directory}: the evidence was not left there: {why}")
    return None


def _write(journal: Journal, directory: str, base: str, text: str) -> None:
    """(Child.) Its umask is its own: a directory that it makes can be entered by those who are to read."""
    from probe.cli.files import write_whole
    from probe.evidence.observation import errno_name

    os.umask(0o022)
    try:
        directory = os.path.abspath(directory)
        os.makedirs(directory, exist_ok=True)
        path = next(path for path in _names(directory, base) if not os.path.lexists(path))
        write_whole(path, text + "\n")
    except OSError as error:
        journal.append(_FAILED, f"{errno_name(error.errno)} ({error.strerror})".encode("utf-8", "replace"))
    else:
        journal.append("path", os.fsencode(path))


def _names(directory: str, base: str) -> list[str]:
    """Pods that share a volume may have the same process number, and end in the same moment."""
    return [os.path.join(directory, f"{base}{f'-{number}' if number else ''}.json") for number in range(_TRIES)]
