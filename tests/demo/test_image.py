"""The demo's image: a real one, to skopeo and to the probe's own reader."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile

import pytest

from probe.demo.image import build_image


@pytest.fixture(scope="module")
def image():
    return build_image()


def test_it_is_the_same_every_time(image):
    assert build_image() == image


def test_members_stand_in_skopeos_order_and_end_with_two_blocks(image):
    with tarfile.open(fileobj=io.BytesIO(image.archive)) as archive:
        names = archive.getnames()
    blobs = names[2:-2]
    assert names[:2] == ["blobs", "blobs/sha256"]
    assert blobs == sorted(blobs)
    assert names[-2:] == ["index.json", "oci-layout"]
    assert image.archive[-1024:] == bytes(1024)
    assert image.archive[-1536:-1024] != bytes(512)


def test_every_blob_has_its_digest(image):
    with tarfile.open(fileobj=io.BytesIO(image.archive)) as archive:
        for name in archive.getnames()[2:-2]:
            body = archive.extractfile(name).read()
            digest = name.rpartition("/")[2]
            assert hashlib.sha256(body).hexdigest() == digest
            start = image.offsets[f"sha256:{digest}"]
            assert image.archive[start : start + len(body)] == body


def test_damage_is_one_bit_of_one_layer(image):
    damaged = image.damaged()
    differing = [at for at, (a, b) in enumerate(zip(image.archive, damaged, strict=True)) if a != b]
    assert len(differing) == 1
    start = image.offsets[image.layer_digests[1]]
    assert start < differing[0] < start + (4 << 20)
    assert (image.archive[differing[0]] ^ damaged[differing[0]]).bit_count() == 1


@pytest.mark.skopeo
def test_skopeo_reads_and_copies_it(image, tmp_path):
    (tmp_path / "image.tar").write_bytes(image.archive)
    source = f"oci-archive:{tmp_path}/image.tar"
    skopeo = ["skopeo", "--insecure-policy", "--tmpdir", str(tmp_path)]
    inspected = json.loads(subprocess.run([*skopeo, "inspect", source], capture_output=True, check=True).stdout)
    assert inspected["Digest"] == image.manifest_digest
    assert tuple(inspected["Layers"]) == image.layer_digests
    subprocess.run([*skopeo, "copy", "-q", source, f"dir:{tmp_path}/out"], check=True)
