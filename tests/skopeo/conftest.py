"""A temp directory for skopeo in which whatever it leaves is seen."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    """A temp directory for skopeo, empty: what is left there afterwards was left there by it."""
    directory = tmp_path / "var-tmp"
    directory.mkdir()
    return directory
