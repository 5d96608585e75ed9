from __future__ import annotations

import hashlib
import json

import pytest
from support.images import Layout, compress, layer_tar, pack

from probe.evidence.image import BlobState
from probe.image.documents import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    DocumentError,
    guess_media_type,
    parse,
    parse_first,
)


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST}, DOCKER_MANIFEST),
        ({"schemaVersion": 2, "config": {"mediaType": OCI_CONFIG}}, OCI_MANIFEST),
        ({"schemaVersion": 2, "config": {"mediaType": DOCKER_CONFIG}}, DOCKER_MANIFEST),
        ({"schemaVersion": 2, "config": {"mediaType": "application/vnd.helm"}}, OCI_MANIFEST),
        ({"schemaVersion": 2, "manifests": [{}]}, OCI_INDEX),
        ({"schemaVersion": 2, "manifests": []}, OCI_MANIFEST),
        ({"schemaVersion": 1, "signatures": []}, ""),
        ({"mediaType": ["x"]}, ""),
        ({}, ""),
    ],
)
def test_guess(document, kind) -> None:
    assert guess_media_type(document) == kind


def test_parse() -> None:
    assert parse(b' {"a": "\xff"}\n') == {"a": "\ufffd"}
    assert parse_first(b"[1] rest ") == ([1], 4)
    for text, why in (
        (b"", "no bytes"),
        (bytes(9), "9 zero bytes"),
        (b"[1] 2", "1 characters after"),
        (b"{", "at character 1 of 1"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5000, "4300 digits"),
        (b"\xef\xbb\xbf{}", "character 0"),
        (b"[Infinity]", "Infinity is not JSON"),
    ):
        with pytest.raises(DocumentError, match=why):
            parse(text)


def test_other_algorithms_and_artifacts(look, tmp_path) -> None:
    """A layer under a sha512 digest, and a config that is no image config: hashed, not judged by diff_ids."""
    layout = Layout(tmp_path / "layout")
    data = compress(layer_tar(1), "gzip")
    name = hashlib.sha512(data).hexdigest()
    (layout.directory / "blobs/sha512").mkdir()
    (layout.directory / "blobs/sha512" / name).write_bytes(data)
    layer = {"mediaType": "application/x", "digest": f"sha512:{name}", "size": len(data)}
    config = layout.blob(b"not JSON", "application/vnd.example.config")
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}
    layout.write(("artifact", layout.blob(json.dumps(manifest).encode(), OCI_MANIFEST)))
    for reference in (
        f"oci:{layout.directory}",
        f"oci-archive:{pack(layout.directory, tmp_path / 'a')}",
        f"oci-archive:{pack(layout.directory, tmp_path / 'b', 'xz')}",
    ):
        facts = look(reference, deep=True)
        assert (facts.whole, facts.verification.agreed, facts.problems) == (True, True, ())
        assert facts.images[0].layers[0].computed == f"sha512:{name}"
    (layout.directory / "blobs/sha512" / name).write_bytes(b"x" + data[1:])
    facts = look(f"oci:{layout.directory}", deep=True)
    assert [problem.kind for problem in facts.problems] == ["digest-mismatch"]


def test_layers_that_lie_elsewhere(look, tmp_path) -> None:
    """A layer with URLs may be absent: its reader fetches it from there."""
    layout = Layout(tmp_path / "layout")
    image = layout.image([layer_tar(1)])
    blob = layout.directory / "blobs/sha256" / image["digest"][7:]
    manifest = json.loads(blob.read_text())
    manifest["layers"][0]["urls"] = ["https://example.com/layer"]
    layout.write((None, layout.blob(json.dumps(manifest).encode(), OCI_MANIFEST)))
    layer = layout.directory / "blobs/sha256" / manifest["layers"][0]["digest"][7:]
    assert look(f"oci:{layout.directory}", deep=True).images[0].layers[0].state is BlobState.VERIFIED
    layer.unlink()
    facts = look(f"oci:{layout.directory}", deep=True)
    assert (facts.whole, facts.problems) == (True, ())
    assert facts.images[0].layers[0].state is BlobState.UNCHECKED
