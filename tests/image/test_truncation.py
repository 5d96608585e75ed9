"""A small archive cut at every block boundary and at random bytes: never an exception, never wrongly whole."""

from __future__ import annotations

import json
import os
import random
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.images import Built

from probe.evidence.image import BlobState, Container, Ending

SEED = 20240607


@dataclass(frozen=True)
class Oracle:
    """What is true of each length, from the standard library's reading of the whole archive."""

    size: int
    spans: dict[str, tuple[int, int]]
    needed: tuple[str, ...]
    marker: str
    end_of_members: int

    @classmethod
    def of(cls, path: Path, docker: bool) -> Oracle:
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            end = max(member.offset_data + -(-member.size // 512) * 512 for member in members)
            spans = {m.name: (m.offset_data, m.offset_data + m.size) for m in members if m.isreg()}

            def load(name: str) -> object:
                return json.loads(tar.extractfile(name).read())

            if docker:
                item = load("manifest.json")[0]
                needed = [item["Config"], *item["Layers"]]
            else:
                manifest = "blobs/sha256/" + load("index.json")["manifests"][0]["digest"][7:]
                document = load(manifest)
                needed = [
                    manifest,
                    *(f"blobs/sha256/{d['digest'][7:]}" for d in (document["config"], *document["layers"])),
                ]
        return cls(path.stat().st_size, spans, tuple(needed), "manifest.json" if docker else "index.json", end)

    def there(self, name: str, length: int) -> bool:
        """Whether all bytes of a member lie within the first `length`."""
        return self.spans[name][1] <= length

    def has_header(self, name: str, length: int) -> bool:
        return self.spans[name][0] <= length


@pytest.mark.skopeo
@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
def test_cut_anywhere(image_factory, look, tmp_path, transport) -> None:
    built = image_factory(transport, layers=3).copy_to(tmp_path)
    oracle = Oracle.of(built.path, transport == "docker-archive")
    lengths = {*range(0, oracle.size, 512), *random.Random(SEED).sample(range(oracle.size), 300), oracle.size - 1}
    for length in sorted(lengths, reverse=True):
        os.truncate(built.path, length)
        judge(look(built), oracle, length, built)
        judge(look(built, deep=True), oracle, length, built)


def judge(facts: object, oracle: Oracle, length: int, built: Built) -> None:
    where = f"cut at {length} of {oracle.size} (seed {SEED})"
    marker = oracle.there(oracle.marker, length)
    whole = marker and all(oracle.there(name, length) for name in oracle.needed)
    assert facts.whole == whole, where
    assert not facts.complete, where
    assert facts.readable_as_asked == marker, where
    assert facts.problems or length == 0, where
    archive = facts.archive
    assert archive.size == length, where
    assert archive.end_offset <= length, where
    if length == 0:
        assert (facts.found, archive.ending) == (Container.EMPTY, Ending.EMPTY)
    elif length >= oracle.end_of_members:
        expected = Ending.MEMBER_BOUNDARY if length == oracle.end_of_members else Ending.HALF_END
        assert archive.ending is expected, where
    else:
        assert archive.ending in (Ending.MEMBER_BOUNDARY, Ending.IN_MEMBER, Ending.IN_HEADER, Ending.BAD_HEADER), where
        assert archive.ending is not Ending.BAD_HEADER or length < 100, where
    if length >= 1024:
        assert facts.found == built.transport, where
    if marker:
        image = facts.selected
        assert image is not None, where
        for blob in image.blobs:
            name = next((n for n in oracle.needed if blob.digest[7:] in n), None)
            assert name is not None, where
            present = blob.state in (BlobState.PRESENT, BlobState.VERIFIED)
            assert present == oracle.there(name, length), (where, name)
            if blob.state is BlobState.PARTIAL:
                assert blob.found_size == length - oracle.spans[name][0], where
            assert blob.state is not BlobState.MISSING or not oracle.has_header(name, length), where
    if facts.verification is not None:
        assert facts.verification.agreed == whole, where


@pytest.mark.skopeo
def test_whole_again(image_factory, look) -> None:
    """The same judgement fails for an archive that is not cut: the oracle does see a difference."""
    for transport in ("oci-archive", "docker-archive"):
        built = image_factory(transport, layers=3)
        facts = look(built, deep=True)
        assert (facts.whole, facts.complete, facts.problems) == (True, True, ())
        with pytest.raises(AssertionError):
            judge(facts, Oracle.of(built.path, transport == "docker-archive"), built.path.stat().st_size, built)
