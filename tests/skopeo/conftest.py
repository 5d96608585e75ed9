"""Directories for skopeo: one in which whatever it leaves is seen, and one that other identities reach."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    """A temp directory for skopeo, empty: what is left there afterwards was left there by it."""
    directory = tmp_path / "var-tmp"
    directory.mkdir()
    return directory


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every identity may enter; gone at the end."""
    root = Path(tempfile.mkdtemp(prefix="probe-skopeo-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root, ignore_errors=True)
