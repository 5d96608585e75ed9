"""Fixtures for the command line: it called in this process, and an archive to name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from causes.conftest import small_archive, stage
from support.program import Ran

from probe.cli.app import run
from probe.demo.image import build_image

Call = Callable[..., Ran]
__all__ = ["small_archive", "stage"]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command line in this process: the same code as the program's, without its start."""
    monkeypatch.setenv("COLUMNS", "80")

    def call_it(*arguments: str | Path) -> Ran:
        status = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Ran(status, said.out, said.err)

    return call_it


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole OCI archive. Do not change it."""
    path = tmp_path_factory.mktemp("archive") / "image.tar"
    path.write_bytes(build_image().archive)
    return path


@pytest.fixture
def truncated(archive: Path, tmp_path: Path) -> Path:
    """The same, ended early long ago."""
    path = tmp_path / "cut.tar"
    path.write_bytes(archive.read_bytes()[:300_000])
    return path


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that every uid can reach (pytest's own are closed to others)."""
    with tempfile.TemporaryDirectory(prefix="probe-cli-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)
