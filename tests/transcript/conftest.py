"""What the tests of the importer share: a text read, and what it stated of one kind."""

from __future__ import annotations

import os
import subprocess
from typing import TypeVar

import pytest

from probe.evidence.transcript import Stated, Transcript
from probe.transcript.importing import import_text

S = TypeVar("S", bound=Stated)


def transcript(text: str, file: str = "a.txt") -> Transcript:
    """The only transcript of a text."""
    (one,) = import_text(text, file)
    return one


def stated(text: str, kind: type[S]) -> list[S]:
    """What a text states of one kind, in order."""
    return [one for one in transcript(text).statements if isinstance(one, kind)]


def output(*command: str, cwd: str | None = None, code: int = 0, environment: dict[str, str] | None = None) -> str:
    """What a tool of this machine prints, standard error included. A tool that is not here skips the test."""
    try:
        ran = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", **(environment or {})},
        )
    except FileNotFoundError:
        pytest.skip(f"needs {command[0]}")
    said = ran.stdout.decode("utf-8", "replace")
    assert ran.returncode == code, said
    return said
