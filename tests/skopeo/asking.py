"""Asking skopeo as the collector does, and what every answer has to keep."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

from probe.evidence.base import path_bytes
from probe.evidence.image import Archive, Container, Ending, ImageFacts, SkopeoFacts
from probe.evidence.observation import NotSeen, Observation, Seen
from probe.image.inspect import inspect_image
from probe.image.reference import parse_reference
from probe.skopeo.inspect import inspect_with_skopeo


def look(text: str) -> ImageFacts:
    reference = parse_reference(text)
    target = os.open(path_bytes(reference.path), os.O_RDONLY)
    try:
        return inspect_image(target, reference)
    finally:
        os.close(target)


def ask(text: str, temp: Path, facts: ImageFacts | None = None, **options: object) -> Observation[SkopeoFacts]:
    answer = inspect_with_skopeo(
        parse_reference(text),
        facts,
        temp_directory=str(temp),
        **{"mode": "always", **options},  # type: ignore[arg-type]
    )
    assert os.listdir(temp) == [], "something was left in the temp directory"
    assert type(answer).model_validate_json(answer.model_dump_json()) == answer
    return answer


def seen(answer: Observation[SkopeoFacts]) -> SkopeoFacts:
    assert isinstance(answer, Seen), answer
    return answer.value


def not_seen(answer: Observation[SkopeoFacts]) -> NotSeen:
    assert isinstance(answer, NotSeen), answer
    return answer


def script(directory: Path, body: str) -> str:
    program = directory / "fake-skopeo"
    program.write_text("#!/bin/sh\n" + textwrap.dedent(body))
    program.chmod(0o755)
    return str(program)


def archive_facts(**changes: object) -> ImageFacts:
    archive = Archive(members=5, size=10_000, ending=Ending.END_BLOCKS, end_offset=9_000)
    return ImageFacts(
        found=Container.OCI_ARCHIVE,
        archive=archive.model_copy(update=changes),
        readable_as_asked=True,
        whole=True,
        complete=True,
    )
