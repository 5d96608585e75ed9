"""Archives to measure on: real ones of any size, and a sparse one of 14 GB."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

_MEDIA = "application/vnd.oci.image"
_CHUNK = 1 << 20


def write_archive(path: Path, layer_bytes: int, layers: int = 1, *, sparse: bool = False) -> None:
    """An OCI archive as skopeo orders it, layers uncompressed; `sparse`: holes for bytes, digests made up."""
    blobs: list[tuple[str, int, Callable[[io.BufferedWriter], None]]] = []
    described, diff_ids = [], []
    for number in range(layers):
        seed = bytes([number + 1]) * 32
        digest = "sha256:" + (hashlib.sha256(seed).hexdigest() if sparse else _digest(seed, layer_bytes))
        blobs.append((digest, layer_bytes, _hole(layer_bytes) if sparse else _noise(seed, layer_bytes)))
        described.append({"mediaType": f"{_MEDIA}.layer.v1.tar", "digest": digest, "size": layer_bytes})
        diff_ids.append(digest)
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": f"{_MEDIA}.manifest.v1+json",
            "config": _descriptor("config.v1+json", config),
            "layers": described,
        }
    ).encode()
    index = json.dumps({"schemaVersion": 2, "manifests": [_descriptor("manifest.v1+json", manifest)]}).encode()
    blobs += [(_sha256(body), len(body), _bytes(body)) for body in (config, manifest)]
    with open(path, "wb") as stream:
        for digest, size, write in sorted(blobs, key=lambda blob: blob[0]):
            _member(stream, "blobs/sha256/" + digest.removeprefix("sha256:"), size, write)
        _member(stream, "index.json", len(index), _bytes(index))
        layout = b'{"imageLayoutVersion":"1.0.0"}'
        _member(stream, "oci-layout", len(layout), _bytes(layout))
        stream.write(bytes(1024))


def _member(stream: io.BufferedWriter, name: str, size: int, write: Callable[[io.BufferedWriter], None]) -> None:
    header = tarfile.TarInfo(name)
    header.size = size
    stream.write(header.tobuf(tarfile.USTAR_FORMAT if size < 8 << 30 else tarfile.GNU_FORMAT))
    write(stream)
    stream.write(bytes(-size % 512))


def _noise(seed: bytes, size: int) -> Callable[[io.BufferedWriter], None]:
    def write(stream: io.BufferedWriter) -> None:
        stream.writelines(_chunks(seed, size))

    return write


def _chunks(seed: bytes, size: int) -> Iterator[memoryview]:
    block = b"".join(hashlib.sha256(seed + number.to_bytes(4, "big")).digest() for number in range(_CHUNK // 32))
    view = memoryview(block)
    return (view[: min(_CHUNK, size - offset)] for offset in range(0, size, _CHUNK))


def _digest(seed: bytes, size: int) -> str:
    hasher = hashlib.sha256()
    for chunk in _chunks(seed, size):
        hasher.update(chunk)
    return hasher.hexdigest()


def _hole(size: int) -> Callable[[io.BufferedWriter], None]:
    def write(stream: io.BufferedWriter) -> None:
        stream.seek(size, os.SEEK_CUR)

    return write


def _bytes(body: bytes) -> Callable[[io.BufferedWriter], None]:
    def write(stream: io.BufferedWriter) -> None:
        stream.write(body)

    return write


def _descriptor(kind: str, body: bytes) -> dict[str, object]:
    return {"mediaType": f"{_MEDIA}.{kind}", "digest": _sha256(body), "size": len(body)}


def _sha256(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()
