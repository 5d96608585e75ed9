"""Native manifest digest, config digest and diff_ids equal skopeo's, on every transport."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.images import OCI_INDEX, Built, Layout, compress, digest, layer_tar, pack, skopeo

from probe.evidence.image import BlobState, ImageFacts

pytestmark = pytest.mark.skopeo


def assert_agrees(facts: ImageFacts, said: object) -> None:
    image = facts.selected
    assert image is not None
    assert image.manifest_digest == said.digest
    assert image.manifest_digest == digest(said.manifest)
    assert image.config is not None
    assert image.config.digest == said.config_digest
    assert image.diff_ids == said.diff_ids
    assert (facts.whole, facts.complete, facts.problems) == (True, True, ())


@pytest.mark.parametrize("layers", [1, 2, 5])
@pytest.mark.parametrize(
    ("transport", "docker", "compression"),
    [
        (transport, docker, compression)
        for transport, docker in (
            ("oci-archive", False),
            ("oci", False),
            ("dir", False),
            ("dir", True),
            ("docker-archive", False),
        )
        for compression in ("gzip", "none", "zstd")
        if compression != "zstd" or not (docker or transport == "docker-archive")  # schema 2 has no name for zstd
    ],
)
def test_agrees(image_factory, look, skopeo_view, transport, docker, layers, compression) -> None:
    built = image_factory(transport, layers=layers, docker=docker, layer_compression=compression)
    facts = look(built)
    assert facts.found == transport
    assert facts.readable_as_asked
    assert len(facts.images) == 1
    assert_agrees(facts, skopeo_view(built))
    deep = look(built, deep=True)
    assert_agrees(deep, skopeo_view(built))
    assert deep.verification is not None
    assert deep.verification.agreed
    # docker-archive has no manifest blob of its own
    assert deep.verification.blobs == layers + 1 + (transport != "docker-archive")
    assert all(layer.state is BlobState.VERIFIED for layer in deep.images[0].layers)
    assert facts.images[0].diff_ids == tuple(digest(layer_tar(n)) for n in range(layers))


@pytest.mark.root
def test_agrees_on_what_buildah_writes(look, skopeo_view, tmp_path) -> None:
    if shutil.which("buildah") is None:
        pytest.skip("needs buildah")
    storage = ["--root", f"{tmp_path}/root", "--runroot", f"{tmp_path}/run", "--storage-driver", "vfs"]

    def buildah(*arguments: str) -> str:
        done = subprocess.run(["buildah", *storage, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    for number in range(2):
        (tmp_path / "in" / str(number)).mkdir(parents=True)
        (tmp_path / "in" / str(number) / "data").write_bytes(os.urandom(20_000))
    container = buildah("from", "scratch")
    for number in range(2):
        buildah("add", container, str(tmp_path / "in" / str(number)), f"/{number}")
        buildah("commit", "-q", container, f"localhost/app:{number}")
        if number == 0:
            container = buildah("from", "localhost/app:0")
    for transport, docker in (
        ("oci-archive", False),
        ("oci", False),
        ("dir", False),
        ("dir", True),
        ("docker-archive", False),
    ):
        built = Built(transport, tmp_path / f"{transport}-{docker}", None if transport == "dir" else "localhost/app:1")
        options = ["--format", "v2s2"] if docker else []
        buildah("push", "-q", *options, "localhost/app:1", built.reference)
        facts = look(built, deep=True)
        assert len(facts.images[0].layers) == 2
        assert_agrees(facts, skopeo_view(built))


def test_agrees_on_what_umoci_writes(look, skopeo_view, tmp_path) -> None:
    if shutil.which("umoci") is None:
        pytest.skip("needs umoci")
    layout = tmp_path / "layout"
    for command in (
        ["init", "--layout", layout],
        ["new", "--image", f"{layout}:one"],
        ["insert", "--rootless", "--image", f"{layout}:one", Path(__file__), "/f"],
        ["tag", "--image", f"{layout}:one", "two"],
        ["insert", "--rootless", "--image", f"{layout}:two", Path(__file__).parent, "/d"],
    ):
        subprocess.run(["umoci", *command], check=True, capture_output=True)
    for tag, layers in (("one", 1), ("two", 2)):
        for built in (
            Built("oci", layout, tag),
            Built("oci-archive", pack(layout, tmp_path / f"{tag}.tar"), tag),
        ):
            facts = look(built, deep=True)
            assert {image.names for image in facts.images} == {("one",), ("two",)}
            assert facts.selected is not None
            assert len(facts.selected.layers) == layers
            assert_agrees(facts, skopeo_view(built))


def several(tmp_path: Path, transport: str) -> list[Built]:
    """One container of three images with one, two and three layers."""
    built = []
    for number in (1, 2, 3):
        tag = f"localhost/app:{number}"
        layout = Layout(tmp_path / f"source{number}")
        layout.write((tag, layout.image([layer_tar(n) for n in range(number)])))
        built.append(Built(transport, tmp_path / "several", tag))
        if transport == "oci":
            skopeo("copy", "-q", f"oci:{layout.directory}", built[-1].reference)
    if transport == "oci-archive":
        for each in several(tmp_path / "layout", "oci"):
            pack(each.path, tmp_path / "several")
    return built


@pytest.mark.parametrize("transport", ["oci", "oci-archive"])
def test_several_images_in_one_container(look, skopeo_view, tmp_path, transport) -> None:
    for number, built in enumerate(several(tmp_path, transport), start=1):
        facts = look(built)
        assert len(facts.images) == 3
        assert facts.selected is not None
        assert facts.selected.names == (built.tag,)
        assert len(facts.selected.layers) == number
        assert_agrees(facts, skopeo_view(built))
    facts = look(f"{transport}:{tmp_path}/several")
    assert [problem.kind for problem in facts.problems] == ["ambiguous-reference"]
    assert "3 images" in facts.problems[0].found
    assert (facts.selected, facts.whole, facts.complete) == (None, False, False)
    facts = look(f"{transport}:{tmp_path}/several:nothing")
    assert [problem.kind for problem in facts.problems] == ["unknown-reference"]
    assert (facts.problems[0].expected, facts.selected, facts.whole) == ("nothing", None, False)
    assert "localhost/app:2" in facts.problems[0].found
    facts = look(tmp_path / "several")
    assert (facts.whole, facts.complete, facts.problems) == (True, True, ())


def test_several_images_in_a_docker_archive(look, skopeo_view, tmp_path) -> None:
    sources = []
    for number in (1, 2):
        layout = Layout(tmp_path / f"source{number}")
        layout.write((None, layout.image([layer_tar(n) for n in range(number)])))
        archive = tmp_path / f"{number}.tar"
        skopeo("copy", "-q", f"oci:{layout.directory}", f"docker-archive:{archive}:localhost/app:{number}")
        (tmp_path / "unpacked").mkdir(exist_ok=True)
        subprocess.run(["tar", "-C", tmp_path / "unpacked", "-xf", archive], check=True)
        sources.append(json.loads((tmp_path / "unpacked" / "manifest.json").read_text())[0])
        (tmp_path / "unpacked" / "manifest.json").chmod(0o644)
    (tmp_path / "unpacked" / "manifest.json").write_text(json.dumps(sources))
    path = pack(tmp_path / "unpacked", tmp_path / "several.tar")
    for tag, layers in (("localhost/app:1", 1), ("localhost/app:2", 2), ("@0", 1), ("@1", 2)):
        built = Built("docker-archive", path, tag)
        facts = look(built, deep=True)
        assert facts.selected is not None
        assert len(facts.selected.layers) == layers
        assert_agrees(facts, skopeo_view(built))
    kinds = {
        tag: [problem.kind for problem in look(f"docker-archive:{path}{tag}").problems]
        for tag in ("", ":other:1", ":@2")
    }
    assert kinds == {"": ["ambiguous-reference"], ":other:1": ["unknown-reference"], ":@2": ["unknown-reference"]}


def modern_docker_save(tmp_path: Path, compression: str) -> Path:
    """What `docker save` writes since version 25: an OCI layout with a `manifest.json` beside the index."""
    layout = Layout(tmp_path / f"layout-{compression}")
    image = layout.image([layer_tar(n) for n in range(2)], compression=compression)
    layout.write(("localhost/app:1", image))
    manifest = json.loads((layout.directory / "blobs/sha256" / image["digest"][7:]).read_bytes())
    item = {
        "Config": f"blobs/sha256/{manifest['config']['digest'][7:]}",
        "RepoTags": ["localhost/app:1"],
        "Layers": [f"blobs/sha256/{layer['digest'][7:]}" for layer in manifest["layers"]],
    }
    (layout.directory / "manifest.json").write_text(json.dumps([item]))
    return pack(layout.directory, tmp_path / f"save-{compression}.tar")


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("deep", [False, True])
def test_modern_docker_save_is_readable_as_either(look, skopeo_view, tmp_path, compression, deep) -> None:
    path = modern_docker_save(tmp_path, compression)
    for transport in ("oci-archive", "docker-archive"):
        built = Built(transport, path, "localhost/app:1")
        facts = look(built, deep=deep)
        assert facts.found == transport
        assert facts.readable_as_asked
        assert_agrees(facts, skopeo_view(built))
        compressed = path.with_suffix(".tar.zst")
        compressed.write_bytes(compress(path.read_bytes(), "zstd"))
        packed = Built(transport, compressed, "localhost/app:1")
        assert_agrees(look(packed, deep=deep), skopeo_view(packed))
    assert look(path).found == "oci-archive"


def test_old_docker_save_with_links(look, skopeo_view, tmp_path) -> None:
    """Before version 1.10 and for repeated layers: `ID/layer.tar`, one of them a symbolic link to the other."""
    work = tmp_path / "work"
    layer = layer_tar(7)
    config = json.dumps(
        {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [digest(layer)] * 2}}
    ).encode()
    for name in ("a" * 64, "b" * 64):
        (work / name).mkdir(parents=True)
    (work / ("a" * 64) / "layer.tar").write_bytes(layer)
    (work / ("b" * 64) / "layer.tar").symlink_to(f"../{'a' * 64}/layer.tar")
    (work / f"{digest(config)[7:]}.json").write_bytes(config)
    item = {
        "Config": f"{digest(config)[7:]}.json",
        "RepoTags": ["old:1"],
        "Layers": [f"{'a' * 64}/layer.tar", f"{'b' * 64}/layer.tar"],
    }
    (work / "manifest.json").write_text(json.dumps([item]))
    built = Built("docker-archive", pack(work, tmp_path / "old.tar"), "docker.io/library/old:1")
    for deep in (False, True):
        assert_agrees(look(built, deep=deep), skopeo_view(built))
    item["Layers"].reverse()  # the link comes first: skopeo then counts it as empty
    (work / "manifest.json").write_text(json.dumps([item]))
    pack(work, built.path)
    assert look(built).images[0].manifest_digest == skopeo_view(built).digest


def test_index_of_several_platforms(look, skopeo_view, tmp_path) -> None:
    layout = Layout(tmp_path / "layout")
    platforms = [("linux", "s390x"), ("linux", "amd64"), ("linux", "arm64"), ("linux", "ppc64le"), ("windows", "amd64")]
    entries = []
    for number, platform in enumerate(platforms):
        entry = layout.image([layer_tar(number)], platform=platform)
        entries.append({**entry, "platform": {"os": platform[0], "architecture": platform[1]}})
    index = layout.index(entries)
    layout.write(("multi", index))
    archive = pack(layout.directory, tmp_path / "multi.tar")
    for built in (Built("oci", layout.directory, "multi"), Built("oci-archive", archive, "multi")):
        facts = look(built, deep=True)
        said = skopeo_view(built)
        image = facts.selected
        assert image is not None
        assert image.manifest_digest == said.digest == index["digest"]
        assert image.index is not None
        assert (image.index.digest, image.index.media_type) == (index["digest"], OCI_INDEX)
        assert image.manifest is not None
        assert image.manifest.digest in {entry["digest"] for entry in entries}
        assert image.config is not None
        assert image.config.digest == said.config_digest
        assert image.diff_ids == said.diff_ids
        assert image.platform.startswith("linux/")
        assert (facts.whole, facts.complete, facts.problems) == (True, True, ())
    every = Built("dir", tmp_path / "dir")
    skopeo("copy", "-q", "--all", f"oci:{layout.directory}:multi", every.reference)
    facts, said = look(every, deep=True), skopeo_view(every)
    assert facts.images[0].manifest_digest == said.digest == index["digest"]
    assert facts.images[0].diff_ids == said.diff_ids
    assert facts.whole
    (every.path / f"{facts.images[0].manifest.digest[7:]}.manifest.json").unlink()
    facts = look(every)
    assert [(problem.kind, problem.role) for problem in facts.problems] == [("missing-blob", "manifest")]
    assert not facts.whole


def test_index_within_an_index(look, skopeo_view, tmp_path) -> None:
    layout = Layout(tmp_path / "layout")
    image = layout.image([layer_tar(1)])
    inner = layout.index([{**image, "platform": {"os": "linux", "architecture": os.uname().machine}}, image])
    outer = layout.index([inner])
    layout.write((None, outer))
    facts = look(f"oci:{layout.directory}", deep=True)
    assert facts.whole
    assert facts.images[0].manifest_digest == outer["digest"]
    (layout.directory / "blobs/sha256" / inner["digest"][7:]).unlink()
    facts = look(f"oci:{layout.directory}")
    assert [(problem.kind, problem.role) for problem in facts.problems] == [("missing-blob", "index")]
    assert not facts.whole


def test_index_without_an_image_for_this_machine(look, tmp_path) -> None:
    layout = Layout(tmp_path / "layout")
    image = layout.image([layer_tar(1)])
    layout.write((None, layout.index([{**image, "platform": {"os": "plan9", "architecture": "mips"}}])))
    facts = look(f"oci:{layout.directory}")
    assert [(problem.kind, problem.found) for problem in facts.problems] == [("unsupported", "plan9/mips")]
    assert facts.problems[0].expected.startswith("an image for linux/")
    assert facts.readable_as_asked
    assert not facts.whole


def test_corrupt_manifest_gets_the_digest_that_skopeo_reports(image_factory, look, skopeo_view, tmp_path) -> None:
    built = image_factory("oci").copy_to(tmp_path)
    index = json.loads((built.path / "index.json").read_text())
    blob = built.path / "blobs/sha256" / index["manifests"][0]["digest"][7:]
    blob.write_bytes(blob.read_bytes().replace(b'"schemaVersion"', b'"schemaVersiom"'))
    facts = look(built)
    assert facts.images[0].manifest_digest == digest(blob.read_bytes())
    assert json.loads(skopeo("inspect", built.reference))["Digest"] == facts.images[0].manifest_digest
    assert [(problem.kind, problem.role) for problem in facts.problems] == [("digest-mismatch", "manifest")]
    assert not facts.whole
