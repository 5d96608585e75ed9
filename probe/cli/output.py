"""The two streams: standard output for one document or one page, standard error for messages."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from probe.cli.exits import ExitStatus, fail


def open_streams() -> None:
    """Make the standard streams such that no text can fail on them: called once, before anything is said.

    A stream that the caller closed is as /dev/null: Python has None there, and would print messages for standard error
    on standard output. A character that the encoding of the locale lacks is written as an escape.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open as long as the process
    _configure(errors="backslashreplace")


def print_document(text: str) -> None:
    """Print the one document of a run: in UTF-8, which JSON is in whatever the locale (RFC 8259, section 8.1)."""
    with page() as stream:
        _configure(encoding="utf-8")
        print(text, file=stream)


@contextmanager
def page() -> Iterator[IO[str]]:
    """Standard output, to be written to in the block.

    A reader that goes away early (`probe check ... | head`) changes nothing: the run goes on to its own exit status.
    Any other failure to write ends it with status 4.
    """
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        _discard()
    except OSError as error:
        _discard()
        fail(f"standard output: cannot write: {error.strerror or error}", ExitStatus.PROBE_FAILED)


def _discard() -> None:
    """What is still buffered goes nowhere: nobody is to meet the same failure again at the end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _configure(*, encoding: str | None = None, errors: str | None = None) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding, errors=errors)
