"""Fixtures for the causes: a stage to act on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.stage import Stage

from probe.demo.image import build_image


@pytest.fixture
def stage(small_archive: Path) -> Iterator[Stage]:
    """A directory that other uids can enter, with a whole archive at hand; gone at the end."""
    if os.geteuid() != 0:
        pytest.skip("needs root: other identities and namespaces")
    root = Path(tempfile.mkdtemp(prefix="probe-stage-"))
    os.chmod(root, 0o755)
    try:
        yield Stage(root, small_archive)
    finally:
        subprocess.run(["chattr", "-R", "-i", "-a", str(root)], check=False, capture_output=True)
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def small_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole OCI archive of some megabytes, three layers, laid out as skopeo writes one."""
    path = tmp_path_factory.mktemp("archive") / "image.tar"
    path.write_bytes(build_image().archive)
    return path
