"""Fixtures for what is shown: an archive, and a directory that every identity can reach."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.demo.image import build_image


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole OCI archive. Do not change it."""
    path = tmp_path_factory.mktemp("archive") / "image.tar"
    path.write_bytes(build_image(100_000).archive)
    return path


@pytest.fixture
def public_root() -> Iterator[Path]:
    """A directory that every uid can reach (pytest's own are closed to others)."""
    folder = tempfile.mkdtemp(prefix="probe-report-")
    os.chmod(folder, 0o755)
    yield Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
