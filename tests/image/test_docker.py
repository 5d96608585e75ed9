"""Docker archives whose layers are compressed, and what stops their digest from being known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.images import Built, compress, digest, layer_tar, pack

from probe.evidence.image import BlobState
from probe.image.limits import Limits


def save(
    tmp_path: Path,
    layers: list[bytes],
    *,
    diff_ids: list[str] | None = None,
    names: list[str] | None = None,
    compression: str = "none",
) -> Path:
    """A docker-archive with these layer files, as `docker save` named them before version 25."""
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    names = names or [f"{number}" * 64 + ".tar" for number in range(len(layers))]
    for name, layer in zip(names, layers, strict=True):
        (work / name).write_bytes(layer)
    rootfs = {"type": "layers", "diff_ids": diff_ids or [digest(layer_tar(n)) for n in range(len(layers))]}
    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": rootfs}).encode()
    (work / "config.json").write_bytes(config)
    item = {"Config": "config.json", "RepoTags": ["localhost/app:1"], "Layers": names}
    (work / "manifest.json").write_text(json.dumps([item]))
    return pack(work, tmp_path / "save.tar", compression)


def problems(facts) -> list[tuple[str, str]]:
    return [(problem.kind, problem.role) for problem in facts.problems]


@pytest.mark.skopeo
@pytest.mark.parametrize("how", ["gzip", "bzip2", "xz", "zstd"])
@pytest.mark.parametrize("deep", [False, True])
def test_compressed_layers(look, skopeo_view, tmp_path, how, deep) -> None:
    """Sizes and digests are those of the content, as skopeo has them; unpacking verifies the layers as well."""
    path = save(tmp_path, [compress(layer_tar(0), how), layer_tar(1)])
    facts = look(f"docker-archive:{path}", deep=deep)
    assert facts.whole
    assert facts.images[0].manifest_digest == skopeo_view(Built("docker-archive", path)).digest
    plain = BlobState.VERIFIED if deep else BlobState.PRESENT
    assert [layer.state for layer in facts.images[0].layers] == [BlobState.VERIFIED, plain]


@pytest.mark.parametrize("outer", ["none", "gzip"])
@pytest.mark.parametrize("deep", [False, True])
def test_compressed_layer_of_other_content(look, tmp_path, outer, deep) -> None:
    path = save(tmp_path, [compress(layer_tar(5), "gzip")], compression=outer)
    facts = look(f"docker-archive:{path}", deep=deep)
    assert problems(facts) == [("diff-id-mismatch", "layer")]
    assert facts.images[0].layers[0].state is BlobState.CORRUPT
    assert not facts.whole


@pytest.mark.parametrize("outer", ["none", "gzip"])
@pytest.mark.parametrize("deep", [False, True])
def test_compressed_layer_that_breaks(look, tmp_path, outer, deep) -> None:
    path = save(tmp_path, [compress(layer_tar(0), "gzip")[:-100]], compression=outer)
    facts = look(f"docker-archive:{path}", deep=deep)
    assert problems(facts) == [("decompression", "layer")]
    assert facts.images[0].manifest_digest is None
    assert not facts.whole


def test_layer_too_large_to_unpack(look, tmp_path) -> None:
    path = save(tmp_path, [compress(layer_tar(0, 3 << 20), "gzip")], diff_ids=[digest(layer_tar(0, 3 << 20))])
    facts = look(f"docker-archive:{path}", limits=Limits(decompressed_bytes=1 << 20))
    assert problems(facts) == [("too-large", "layer")]
    assert facts.images[0].manifest_digest is None, "its size is not known, so neither is the manifest"
    assert facts.whole, "the layer is there all the same"
    assert look(f"docker-archive:{path}").images[0].manifest_digest


def test_one_file_for_two_diff_ids(look, tmp_path) -> None:
    name = "0" * 64 + ".tar"
    facts = look(f"docker-archive:{save(tmp_path, [layer_tar(0)] * 2, names=[name, name])}")
    assert facts.images[0].manifest_digest is None, "skopeo refuses it"


def test_diff_ids_and_layers_differ_in_number(look, tmp_path) -> None:
    facts = look(f"docker-archive:{save(tmp_path, [layer_tar(0)], diff_ids=[digest(b'a'), digest(b'b')])}")
    assert problems(facts) == [("diff-id-mismatch", "config")]
    assert (facts.whole, facts.images[0].manifest_digest) == (False, None)
