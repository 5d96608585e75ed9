"""Both sides of one hand-over: pods with a volume each at one path, and what the producer says of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.stage import FS_GROUP, ROOT, Person, Stage, volume

from probe.demo.image import build_image
from probe.evidence.report import Report
from probe.evidence.seal import Seal
from probe.handoff.seal.sealing import Wish, seal
from probe.image.reference import parse_reference

OLD = build_image(300_000).archive
"""Another image than the stage's."""


def second_volume(stage: Stage, archive: bytes | None = None) -> Path:
    """Another volume with the same names in it, and the same image unless another one is given."""
    workspace, other = stage.root / "source", stage.root / "other"
    shutil.copytree(workspace, other)
    if archive is not None:
        (other / "oci/image.tar").write_bytes(archive)
    for path in (other, other / "oci", other / "oci/image.tar"):
        os.chown(path, 0, FS_GROUP)
    return other


def mounted(what: Path, at: Path) -> Callable[[], None]:
    """Mount one directory at another's path: a claim (or a part of one) in a pod."""

    def prepare() -> None:
        if os.system(f"mount --bind {what} {at}") != 0:
            raise OSError("mount failed")

    return prepare


def look_in_pod(stage: Stage, task: str, reference: str, what: Path, at: Path, **facts: str) -> Report:
    """One look by a pod that has `what` mounted at `at`."""
    told = {"task": task, **{key.replace("_", "-"): value for key, value in facts.items()}}
    (report,) = stage.looks(reference, prepare=mounted(what, at), container=True, facts=told)
    return report


def seal_in_pod(stage: Stage, reference: str, workspace: Path, by: Person = ROOT, **facts: str) -> Seal:
    """A seal by the producer's pod."""
    told = {key.replace("_", "-"): value for key, value in facts.items()}
    options: dict[str, Any] = volume(workspace)
    (text,) = stage.visit(lambda: seal(parse_reference(reference), Wish(facts=told)), by=by, **options)
    return Seal.model_validate_json(text)
