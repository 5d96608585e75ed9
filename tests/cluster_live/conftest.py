"""A server with a certificate, as many as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.kubeapi import TOKEN, Certificate, Server, World, make_certificate, serve
from support.program import Ran

from probe.cli.app import run
from probe.cluster import client

Call = Callable[..., Ran]
Serve = Callable[..., Server]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def serving(certificate: Certificate, tmp_path: Path) -> Iterator[Serve]:
    """Start a server for a world: over TLS, without `plain=True`."""
    with ExitStack() as stack:

        def start(world: World, *, plain: bool = False) -> Server:
            return stack.enter_context(serve(world, tmp_path, None if plain else certificate))

        yield start


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run a command line in this process, where the server runs, too."""
    monkeypatch.setenv("COLUMNS", "80")

    def call_it(*arguments: str | Path) -> Ran:
        status = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert TOKEN not in said.out + said.err
        return Ran(status, said.out, said.err)

    return call_it


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again sooner than a person would."""
    monkeypatch.setattr(client, "_PAUSES", (0.01, 0.02, 0.05))


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No kubeconfig and no proxy of this machine."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
