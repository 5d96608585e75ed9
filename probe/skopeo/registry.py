"""Manifests and configs out of a registry, by skopeo: with the login that it finds by itself, and without an unpacking.

What a registry refuses is told by skopeo's own words, which come back as parsed messages.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, field

from probe.evidence.command import CommandOutcome
from probe.evidence.observation import Reason
from probe.skopeo.program import NoAnswer, Program, status_of
from probe.skopeo.run import Finished

_LOGIN = ("HOME", "XDG_RUNTIME_DIR", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE")
_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Names of variables by which skopeo finds its login and its way; their values go to it, and into no evidence."""


class RefusedError(Exception):
    """skopeo could not fetch it: what it said, and how it ended."""

    def __init__(self, outcome: CommandOutcome) -> None:
        said = outcome.failures[0].text if outcome.failures else f"exit status {outcome.exit_status} without a message"
        super().__init__(said)
        self.outcome = outcome


@dataclass
class Registry:
    """One image name in a registry: `//HOST/REPOSITORY`, with a tag or `@DIGEST`.

    Every call ends by `until` (CLOCK_MONOTONIC). They raise `RefusedError`, `NoAnswer` when there is no answer in
    time or no skopeo, and OSError when it cannot be started.
    """

    repository: str
    tag: str | None
    until: float
    verify: bool = True
    """Whether a registry needs a certificate that can be checked; without, plain HTTP will do too."""
    binary: str | None = None
    _program: Program | None = field(default=None, init=False)

    def version(self) -> str:
        """skopeo's version; empty when it does not say."""
        return self._skopeo().version()

    def manifest(self, digest: str | None) -> bytes:
        """The bytes of the manifest or index that the name leads to, or of one by its digest."""
        return self._inspect("--raw", digest=digest)

    def config(self, manifest: str | None) -> bytes:
        """The bytes of the config of an image, by the digest of its manifest."""
        return self._inspect("--config", "--raw", digest=manifest)

    def _inspect(self, *options: str, digest: str | None) -> bytes:
        tail = f"@{digest}" if digest is not None else self.tag or ""
        argument = f"docker:{self.repository}{tail if tail.startswith('@') or not tail else ':' + tail}"
        lax = () if self.verify else ("--tls-verify=false",)
        done = self._skopeo().run("inspect", *lax, *options, argument)
        if done.status != 0:
            raise RefusedError(_outcome(done))
        return done.stdout

    def _skopeo(self) -> Program:
        if self._program is None:
            binary = self.binary or shutil.which("skopeo")
            if binary is None:
                raise NoAnswer(Reason.ABSENT, "skopeo is not installed: nothing of that name on PATH")
            self._program = Program(binary, "/", (), None, self.until, _given())
        return self._program


def _given() -> dict[str, str]:
    """What of our environment goes to skopeo. A home that a random uid cannot enter would only stop it."""
    names = (*_LOGIN, *_NETWORK, *(name.lower() for name in _NETWORK))
    given = {name: os.environ[name] for name in names if os.environ.get(name)}
    if not os.access(given.get("HOME", "/"), os.R_OK | os.X_OK):
        given["HOME"] = "/"
    return given


def _outcome(done: Finished) -> CommandOutcome:
    from probe.skopeo.messages import parse_messages  # its expressions take a while to compile

    said = parse_messages(os.fsdecode(done.stderr), source="skopeo inspect")
    return said.model_copy(update={"program": "skopeo", "exit_status": status_of(done), "ended": time.time_ns()})
