"""Looking at containers, as the collector does: open the path, hand the descriptor over."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.images import Built, digest, skopeo

from probe.evidence.base import path_bytes
from probe.evidence.image import ImageFacts
from probe.image.inspect import inspect_image
from probe.image.reference import parse_reference


def open_and_look(what: Built | str | Path, **options: Any) -> ImageFacts:
    reference = parse_reference(what.reference if isinstance(what, Built) else str(what))
    target = os.open(path_bytes(reference.path), os.O_RDONLY | os.O_CLOEXEC)
    try:
        facts = inspect_image(target, reference, **options)
        if stat.S_ISREG(os.fstat(target).st_mode):
            assert os.lseek(target, 0, os.SEEK_CUR) == 0, "the descriptor's offset was moved"
    finally:
        os.close(target)
    assert ImageFacts.model_validate_json(facts.model_dump_json()) == facts, "the facts do not survive JSON"
    return facts


@pytest.fixture(scope="session")
def look() -> Callable[..., ImageFacts]:
    """`look(built_or_reference, deep=True, ...)` gives the facts, and checks that JSON keeps them."""
    return open_and_look


@dataclass(frozen=True)
class SkopeoView:
    """What the real skopeo says of a reference."""

    digest: str
    manifest: bytes
    config: bytes

    @property
    def config_digest(self) -> str:
        return digest(self.config)

    @property
    def diff_ids(self) -> tuple[str, ...]:
        return tuple(json.loads(self.config)["rootfs"]["diff_ids"])


@pytest.fixture(scope="session")
def skopeo_view() -> Callable[[Built], SkopeoView]:
    """Ask skopeo for digest, raw manifest and raw config."""

    def ask(built: Built) -> SkopeoView:
        return SkopeoView(
            json.loads(skopeo("inspect", built.reference))["Digest"],
            skopeo("inspect", "--raw", built.reference),
            skopeo("inspect", "--config", "--raw", built.reference),
        )

    return ask
