"""What the tests of the hand-over share: a place that every identity reaches, and an archive to copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.stage import Stage

from probe.demo.image import DemoImage, build_image


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every identity may enter; gone at the end."""
    root = Path(tempfile.mkdtemp(prefix="probe-handoff-"))
    root.chmod(0o755)
    yield root
    subprocess.run(["chattr", "-R", "-i", "-a", str(root)], check=False, capture_output=True)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def demo_image() -> DemoImage:
    """A whole OCI archive of 200 kB, with its digest."""
    return build_image(200_000)


@pytest.fixture
def archive(place: Path, demo_image: DemoImage) -> Path:
    """It, in a directory of its own: `oci/image.tar`."""
    path = place / "oci" / "image.tar"
    path.parent.mkdir()
    path.write_bytes(demo_image.archive)
    return path


@pytest.fixture
def people(place: Path) -> Stage:
    """`people.run(act, by=Person(...))`: something done by another identity."""
    if os.geteuid() != 0:
        pytest.skip("needs root: other identities and namespaces")
    return Stage(place, Path())
