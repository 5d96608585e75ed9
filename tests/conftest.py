"""What every area's tests share: what the markers need, and real images."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.images import ImageFactory

if TYPE_CHECKING:
    from support.situations import Situation


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, saying why, what this machine cannot show."""
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root: other identities, mounts or namespaces")
    if item.get_closest_marker("skopeo") and shutil.which("skopeo") is None:
        pytest.skip("needs skopeo (apt-get install skopeo)")


@pytest.fixture(scope="session")
def image_factory(tmp_path_factory: pytest.TempPathFactory) -> ImageFactory:
    """Containers that the real skopeo wrote: `image_factory("oci-archive", layers=3)` gives a `Built`.

    Each is made once in a session: `built.copy_to(tmp_path)` before changing it. Needs skopeo for every transport
    but `layout`; see `support.images.ImageFactory` for what can be chosen.
    """
    return ImageFactory(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def oci_layout(image_factory: ImageFactory) -> Path:
    """An OCI image layout of two layers, tagged `localhost/app:1`, made without skopeo. Do not change it."""
    return image_factory.layout()


@pytest.fixture(scope="session")
def situations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Situation]:
    """Verdict documents of some twenty real situations, by name; see `support.situations`. Needs root."""
    if os.geteuid() != 0:
        pytest.skip("needs root: other identities, mounts or namespaces")
    from support.situations import play_all

    from probe.demo.image import build_image

    archive = tmp_path_factory.mktemp("situations") / "image.tar"
    archive.write_bytes(build_image().archive)
    return play_all(archive)
