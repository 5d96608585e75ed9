"""A real registry on this machine, for as long as a test needs it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.images import skopeo

USER, PASSWORD = "pusher", "open-sesame"
_BCRYPT = "$2b$05$abcdefghijklmnopqrstuutXu9KzOt.1yBoZUeFWoT/914/JfszCO"
_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""
_LOGIN = "auth: {{htpasswd: {{realm: here, path: {path}}}}}\n"


@dataclass(frozen=True)
class LocalRegistry:
    """Where it listens, without TLS."""

    host: str
    login: bool

    def name(self, repository: str) -> str:
        """The reference of an image in it."""
        return f"docker://{self.host}/{repository}"

    def push(self, source: str, repository: str, *options: str) -> str:
        """Copy an image there by the real skopeo, and give its reference."""
        credentials = ("--dest-creds", f"{USER}:{PASSWORD}") if self.login else ()
        skopeo("copy", "-q", "--dest-tls-verify=false", *credentials, *options, source, self.name(repository))
        return self.name(repository)


@contextmanager
def local_registry(*, login: bool = False) -> Iterator[LocalRegistry]:
    """A registry that listens on a free port; with `login` it wants a user name and a password for everything."""
    binary = shutil.which("docker-registry") or shutil.which("registry")
    if binary is None:
        pytest.skip("needs a registry (apt-get install docker-registry)")
    with tempfile.TemporaryDirectory(prefix="probe-registry-") as folder:
        port = _free_port()
        text = _CONFIG.format(root=f"{folder}/data", port=port)
        if login:
            Path(folder, "htpasswd").write_text(f"{USER}:{_BCRYPT}\n")
            text += _LOGIN.format(path=f"{folder}/htpasswd")
        Path(folder, "config.yml").write_text(text)
        served = subprocess.Popen(
            [binary, "serve", f"{folder}/config.yml"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},  # it takes REGISTRY_AUTH_FILE for a setting of its own
        )
        try:
            _await(port)
            yield LocalRegistry(f"127.0.0.1:{port}", login)
        finally:
            served.kill()
            served.wait()


def _free_port() -> int:
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        port: int = any_socket.getsockname()[1]
        return port


def _await(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1).close()
        except urllib.error.HTTPError:  # 401 is an answer too
            return
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.fail("the registry did not start")
