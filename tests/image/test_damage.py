"""Damage that skopeo inspect reports as success is named, with both sides and the blob's role."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from support.images import Built, Layout, compress, digest, layer_tar, pack, skopeo

from probe.evidence.image import BlobState, Ending

pytestmark = pytest.mark.skopeo


def problems(facts) -> list[tuple[str, str]]:
    return [(problem.kind, problem.role) for problem in facts.problems]


def members(path: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(path) as tar:
        return {member.name: member for member in tar}


def roles(path: Path) -> dict[str, tarfile.TarInfo]:
    """The members of an oci-archive of one image by role; `layer` is the first."""
    with tarfile.open(path) as tar:
        index = tar.getmember("index.json")
        manifest = tar.getmember("blobs/sha256/" + json.load(tar.extractfile(index))["manifests"][0]["digest"][7:])
        document = json.load(tar.extractfile(manifest))
        return {
            "index": index,
            "manifest": manifest,
            "config": tar.getmember("blobs/sha256/" + document["config"]["digest"][7:]),
            "layer": tar.getmember("blobs/sha256/" + document["layers"][0]["digest"][7:]),
            "layout": tar.getmember("oci-layout"),
        }


def flip(path: Path, offset: int, bit: int = 1) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes([byte ^ bit]))


def without(path: Path, member: tarfile.TarInfo) -> None:
    """Cut one member out: its header and its data."""
    data = path.read_bytes()
    start = member.offset
    path.write_bytes(data[:start] + data[member.offset_data + -(-member.size // 512) * 512 :])


@pytest.fixture
def built(image_factory, tmp_path) -> Built:
    """A whole oci-archive that skopeo still inspects successfully after the damage, as each test asserts."""
    return image_factory("oci-archive", layers=2).copy_to(tmp_path)


def looked(look, built: Built, accepted: bool = True):
    if accepted:
        assert b"Digest" in skopeo("inspect", built.reference)
    return look(built, deep=True)


def test_missing_layer(built, look) -> None:
    without(built.path, roles(built.path)["layer"])
    facts = looked(look, built)
    assert problems(facts) == [("missing-blob", "layer")]
    assert (facts.whole, facts.complete, facts.verification.agreed) == (False, False, False)
    assert facts.images[0].layers[0].state is BlobState.MISSING
    assert facts.images[0].layers[1].state is BlobState.VERIFIED
    assert problems(look(built)) == [("missing-blob", "layer")]


def test_flipped_layer_byte(built, look) -> None:
    layer = roles(built.path)["layer"]
    flip(built.path, layer.offset_data + layer.size // 2)
    facts = looked(look, built)
    assert ("digest-mismatch", "layer") in problems(facts)
    first = facts.problems[0]
    assert (first.expected, first.found) == ("sha256:" + layer.name[13:], facts.images[0].layers[0].computed)
    assert facts.images[0].layers[0].state is BlobState.CORRUPT
    assert (facts.whole, facts.complete, facts.verification.agreed) == (False, False, False)
    assert look(built).whole, "without deep the bytes of a layer are not read"


def test_flipped_manifest_byte(built, look) -> None:
    manifest = roles(built.path)["manifest"]
    data = built.path.read_bytes()
    at = data.index(b'"schemaVersion"', manifest.offset_data)
    flip(built.path, at + 3)
    for facts in (looked(look, built), look(built)):
        assert problems(facts) == [("digest-mismatch", "manifest")]
        assert facts.images[0].manifest.state is BlobState.CORRUPT
        assert not facts.whole


def test_flipped_config_byte(built, look) -> None:
    config = roles(built.path)["config"]
    at = built.path.read_bytes().index(b"PATH=/bin", config.offset_data)
    flip(built.path, at)
    facts = looked(look, built, accepted=False)
    assert problems(facts) == [("digest-mismatch", "config")]
    assert not facts.whole


@pytest.mark.parametrize("deep", [False, True])
def test_every_byte_of_the_index(built, look, deep) -> None:
    """A flipped byte is either harmless to a reader, or named."""
    index = roles(built.path)["index"]
    whole = built.path.read_bytes()
    text = whole[index.offset_data : index.offset_data + index.size]
    reference = look(built, deep=deep)
    for number in range(index.size):
        flip(built.path, index.offset_data + number)
        facts = look(built, deep=deep)
        if facts.whole:
            same = facts.images[0].manifest_digest == reference.images[0].manifest_digest
            assert same, f"byte {number} of {text!r}"
        else:
            assert facts.problems, f"byte {number} of {text!r}"
        flip(built.path, index.offset_data + number)
    assert look(built, deep=deep).whole


def test_broken_index(built, look) -> None:
    flip(built.path, roles(built.path)["index"].offset_data)
    facts = looked(look, built, accepted=False)
    assert problems(facts) == [("bad-json", "index")]
    assert facts.readable_as_asked
    assert not facts.whole


def test_index_that_names_another_digest(built, look) -> None:
    index = roles(built.path)["index"]
    at = built.path.read_bytes().index(b"sha256:", index.offset_data) + 8
    byte = built.path.read_bytes()[at : at + 1]
    with built.path.open("r+b") as stream:
        stream.seek(at)
        stream.write(b"0" if byte != b"0" else b"1")
    facts = looked(look, built, accepted=False)
    assert problems(facts) == [("missing-blob", "manifest")]


def test_bytes_after_the_index(built, look, tmp_path) -> None:
    """skopeo stops reading after the first JSON value: so does this, but it says what follows."""
    with tarfile.open(built.path) as tar:
        tar.extractall(tmp_path / "unpacked")
    index = tmp_path / "unpacked" / "index.json"
    index.write_bytes(index.read_bytes() + b"}garbage")
    pack(tmp_path / "unpacked", built.path)
    facts = looked(look, built)
    assert problems(facts) == [("bad-json", "index")]
    assert facts.whole


@pytest.mark.parametrize(
    ("cut", "ending"), [(1024, Ending.MEMBER_BOUNDARY), (512, Ending.HALF_END), (1023, Ending.HALF_END)]
)
def test_no_end_blocks(built, look, cut, ending) -> None:
    data = built.path.read_bytes()
    built.path.write_bytes(data[:-cut])
    facts = looked(look, built, accepted=cut % 512 == 0)
    assert problems(facts) == [("no-end-blocks", "")]
    assert facts.archive.ending is ending
    assert (facts.whole, facts.complete, facts.verification.agreed) == (True, False, True)
    assert facts.problems[0].expected == "two zero blocks of 512 bytes"
    assert f"of {len(data) - cut} bytes" in facts.problems[0].found


def test_missing_oci_layout(built, look) -> None:
    without(built.path, roles(built.path)["layout"])
    facts = looked(look, built)
    assert problems(facts) == [("no-layout", "")]
    assert facts.problems[0].subject == "oci-layout"
    assert (facts.whole, facts.complete) == (True, False)


def test_missing_index(built, look) -> None:
    without(built.path, roles(built.path)["index"])
    facts = looked(look, built, accepted=False)
    assert problems(facts) == [("no-index", "")]
    assert (facts.found, facts.readable_as_asked, facts.whole) == ("oci-archive", False, False)


@pytest.mark.parametrize("role", ["manifest", "config"])
def test_missing_small_blob(built, look, role) -> None:
    without(built.path, roles(built.path)[role])
    facts = looked(look, built, accepted=False)
    assert problems(facts) == [("missing-blob", role)]
    assert not facts.whole


def test_a_hole_where_the_rest_should_be(built, look) -> None:
    """A writer that preallocates, or a copy that lost its second half: zeros from the middle on."""
    data = built.path.read_bytes()
    layer = roles(built.path)["layer"]
    built.path.write_bytes(data[: layer.offset_data] + bytes(len(data) - layer.offset_data))
    facts = looked(look, built, accepted=False)
    assert facts.archive.ending is Ending.END_BLOCKS
    assert facts.archive.end_offset < len(data) - 1024
    assert ("no-index", "") in problems(facts)
    built.path.write_bytes(bytes(len(data)))
    facts = look(built)
    assert (facts.found, facts.archive.ending, facts.archive.end_offset) == ("file", Ending.ZEROS, 0)
    assert ("no-index", "") in problems(facts)


def test_wrong_size_in_a_directory(image_factory, look, tmp_path) -> None:
    for transport in ("oci", "dir"):
        built = image_factory(transport).copy_to(tmp_path / transport if transport == "oci" else tmp_path)
        layer = look(built).images[0].layers[1]
        name = f"blobs/sha256/{layer.digest[7:]}" if transport == "oci" else layer.digest[7:]
        (built.path / name).write_bytes((built.path / name).read_bytes()[:-10])
        facts = looked(look, built)
        assert problems(facts) == [("wrong-size", "layer")]
        assert facts.images[0].layers[1].state is BlobState.WRONG_SIZE
        assert facts.images[0].layers[1].found_size == layer.size - 10
        assert not facts.whole


def test_diff_id_mismatch(look, tmp_path) -> None:
    """Every blob matches its digest, but the config speaks of another layer: a pull would fail."""
    layout = Layout(tmp_path / "layout")
    image = layout.image([layer_tar(1)], settings={"rootfs": {"type": "layers", "diff_ids": [digest(layer_tar(2))]}})
    layout.write((None, image))
    facts = looked(look, Built("oci", layout.directory))
    assert problems(facts) == [("diff-id-mismatch", "layer")]
    assert (facts.problems[0].expected, facts.problems[0].found) == (digest(layer_tar(2)), digest(layer_tar(1)))
    assert not facts.verification.agreed


def test_more_diff_ids_than_layers(look, tmp_path) -> None:
    layout = Layout(tmp_path / "layout")
    image = layout.image(
        [layer_tar(1)], settings={"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64] * 2}}
    )
    layout.write((None, image))
    assert problems(look(f"oci:{layout.directory}")) == [("diff-id-mismatch", "config")]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_layer_that_does_not_unpack(look, tmp_path, compression) -> None:
    layout = Layout(tmp_path / "layout")
    good = compress(layer_tar(1), compression)
    image = layout.image([layer_tar(1)])
    manifest = json.loads((layout.directory / "blobs/sha256" / image["digest"][7:]).read_bytes())
    manifest["layers"] = [layout.blob(good[: len(good) // 2], manifest["layers"][0]["mediaType"])]
    layout.write((None, layout.blob(json.dumps(manifest).encode(), image["mediaType"])))
    facts = looked(look, Built("oci", layout.directory))
    assert facts.problems[0].kind in ("decompression", "diff-id-mismatch")
    assert facts.images[0].layers[0].state is BlobState.VERIFIED, "its digest does agree"
    assert not facts.verification.agreed


def test_docker_archive(image_factory, look, tmp_path) -> None:
    built = image_factory("docker-archive").copy_to(tmp_path)
    names = members(built.path)
    layers = [member for name, member in names.items() if name.endswith(".tar") and "/" not in name]
    flip(built.path, layers[0].offset_data + layers[0].size // 2)
    facts = looked(look, built)
    assert problems(facts) == [("diff-id-mismatch", "layer")]
    assert facts.images[0].layers[0].state is BlobState.CORRUPT
    assert look(built).whole
    flip(built.path, layers[0].offset_data + layers[0].size // 2)
    config = next(member for name, member in names.items() if name.endswith(".json") and len(name) == 69)
    flip(built.path, built.path.read_bytes().index(b"PATH=/bin", config.offset_data))
    facts = looked(look, built)
    assert problems(facts) == [("digest-mismatch", "config")]
    built = image_factory("docker-archive").copy_to(tmp_path)
    without(built.path, layers[1])
    facts = looked(look, built, accepted=False)
    assert ("missing-blob", "layer") in problems(facts)
    assert facts.images[0].manifest_digest is None
    assert facts.images[0].layers[1].state is BlobState.MISSING
    assert not facts.whole


def test_the_wrong_container(image_factory, look) -> None:
    for asked, made, missing in (
        ("docker-archive", "oci-archive", "no-manifest"),
        ("oci-archive", "docker-archive", "no-index"),
        ("oci-archive", "oci", None),
        ("oci-archive", "dir", "no-index"),
        ("oci", "dir", "no-index"),
        ("dir", "oci", "no-manifest"),
        ("dir", "oci-archive", "no-manifest"),
        ("oci", "oci-archive", None),
    ):
        built = image_factory(made)
        facts = look(f"{asked}:{built.path}")
        assert (facts.found, facts.readable_as_asked) == (made, False), (asked, made)
        assert [problem.kind for problem in facts.problems] == ([missing] if missing else []), (asked, made)
        assert len(facts.images) == 1, "what is there is told all the same"
        assert facts.images[0].manifest_digest
