"""The skopeo program: its environment, its bounds, and why it gave no answer or a refusal."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Mapping

from probe.evidence.observation import Reason
from probe.skopeo.run import Finished, run_bounded

MAX_STDOUT = 8 << 20
"""Bytes that one answer may have: containers/image itself reads no manifest or config above 4 MiB."""
MAX_STDERR = 1 << 18
_VERSION_SECONDS = 5.0


class NoAnswer(Exception):  # noqa: N818 - often a decision, not an error
    """Why skopeo said nothing."""

    def __init__(self, reason: Reason, why: str) -> None:
        super().__init__(why)
        self.reason = reason


class Program:
    """skopeo, with the home and the global options that it gets for one question.

    `largest` bounds any file that it writes, in bytes; `until` is the moment (CLOCK_MONOTONIC) at which it is killed.
    `given` is put into its environment: where its credentials are, which only a question to a registry needs.
    """

    def __init__(
        self,
        binary: str,
        home: str,
        options: tuple[str, ...],
        largest: int | None,
        until: float,
        given: Mapping[str, str] | None = None,
    ) -> None:
        self._binary = binary
        self._given = given or {}
        self._home = home
        self._options = options
        self._largest = largest
        self._until = until

    def version(self) -> str:
        """Its version, empty when it does not say. Raises OSError when it cannot be started."""
        done = self._bounded((self._binary, "--version"), _VERSION_SECONDS)
        found = re.search(rb"version ([0-9A-Za-z.+~-]{1,64})", done.stdout)
        return found[1].decode() if found else ""

    def run(self, *arguments: bytes | str) -> Finished:
        """One command, to its end. Raises NoAnswer when that does not come, OSError when it cannot be started."""
        seconds = self._left()
        done = self._bounded((self._binary, *self._options, *arguments), seconds)
        if done.ending == "deadline":
            stuck = "; it is asleep in the kernel and could not be ended" if done.abandoned else ""
            raise NoAnswer(Reason.TIMEOUT, f"skopeo did not answer within the {seconds:.1f} s that were left{stuck}")
        if done.ending == "flood":
            raise NoAnswer(Reason.FAILED, f"skopeo printed more than an answer can have ({MAX_STDOUT} bytes)")
        return done

    def _left(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def _bounded(self, argv: tuple[bytes | str, ...], seconds: float) -> Finished:
        return run_bounded(
            argv,
            env={**_environment(self._home), **self._given},
            seconds=min(seconds, self._left()),
            stdout_limit=MAX_STDOUT,
            stderr_limit=MAX_STDERR,
            file_limit=self._largest,
        )


def _environment(home: str) -> dict[str, str]:
    """All that skopeo needs to read files; nothing of ours: no credential reaches it. A random uid has no home."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": home,
        "TMPDIR": home if home != "/" else "/tmp",
        "LC_ALL": "C",
    }


def status_of(done: Finished) -> int:
    """The exit status, negative for a signal."""
    return done.status if done.status is not None else -1


def message_of(done: Finished) -> str:
    """The first failure in its standard error, secrets masked."""
    if done.status is not None and done.status < 0:
        name = str(-done.status)
        with contextlib.suppress(ValueError):
            name = signal.Signals(-done.status).name
        return f"skopeo was ended by {name}" + (" (out of memory, or somebody killed it)" if name == "SIGKILL" else "")
    from probe.skopeo.messages import parse_messages  # its expressions take a while to compile

    outcome = parse_messages(os.fsdecode(done.stderr), source="skopeo inspect")
    return outcome.failures[0].text if outcome.failures else f"exit status {done.status} without a message"
