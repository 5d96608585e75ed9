"""What every area's tests share: what the markers need, and real images."""

from __future__ import annotations

import fcntl
import json
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
    """Verdict documents of some twenty real situations, by name; see `support.situations`. Needs root.

    Played once in a run: the first worker that needs them plays them for all.
    """
    if os.geteuid() != 0:
        pytest.skip("needs root: other identities, mounts or namespaces")
    from support.situations import Situation, play_all

    from probe.demo.image import build_image

    base = tmp_path_factory.getbasetemp()
    played = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "situations.json"
    with played.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not played.exists():
            archive = tmp_path_factory.mktemp("situations") / "image.tar"
            archive.write_bytes(build_image().archive)
            texts = {name: one.text for name, one in play_all(archive).items()}
            played.write_text(json.dumps(texts))
        return {name: Situation(name, text) for name, text in json.loads(played.read_text()).items()}
