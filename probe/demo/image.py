"""A small OCI image as an archive, made without any container tool, laid out as skopeo writes one.

OCI image-spec (image-layout.md, manifest.md, config.md); POSIX ustar. The same bytes on every run.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass

_MEDIA = "application/vnd.oci.image"
_WEIGHTS_BYTES = 4 << 20
_END = bytes(1024)


@dataclass(frozen=True)
class DemoImage:
    """The archive, and where its parts lie in it."""

    archive: bytes
    manifest_digest: str
    layer_digests: tuple[str, ...]
    offsets: Mapping[str, int]
    """First byte of each blob in the archive, by digest."""

    def damaged(self) -> bytes:
        """The archive with one bit turned in the middle of the largest layer; every header still fits."""
        data = bytearray(self.archive)
        data[self.offsets[self.layer_digests[1]] + _WEIGHTS_BYTES // 2] ^= 0x10
        return bytes(data)


def build_image(weights_bytes: int = _WEIGHTS_BYTES) -> DemoImage:
    """Three layers: a little system, some megabytes of weights that do not compress, an entry point."""
    weights = random.Random(2501).randbytes(weights_bytes)
    layers = [
        _layer({"etc/os-release": b"NAME=demo\nID=demo\n", "usr/share/doc/readme": b"nothing to run\n" * 64}),
        _layer({"models/weights.safetensors": weights}),
        _layer({"entrypoint": b"#!/bin/sh\nexec true\n"}),
    ]
    packed = [gzip.compress(layer, compresslevel=1, mtime=0) for layer in layers]
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "2025-10-27T18:34:10Z",
            "config": {"Entrypoint": ["/entrypoint"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_MEDIA}.manifest.v1+json",
            "config": _descriptor("config.v1+json", config),
            "layers": [_descriptor("layer.v1.tar+gzip", layer) for layer in packed],
        }
    )
    index = _json({"schemaVersion": 2, "manifests": [_descriptor("manifest.v1+json", manifest)]})
    blobs = {_digest(blob): blob for blob in (config, manifest, *packed)}
    archive, offsets = _archive(blobs, index)
    return DemoImage(archive, _digest(manifest), tuple(_digest(layer) for layer in packed), offsets)


def _archive(blobs: Mapping[str, bytes], index: bytes) -> tuple[bytes, dict[str, int]]:
    """Members in skopeo's order: directories, blobs by digest, then the two files that mark a layout, then the end."""
    stream, offsets = io.BytesIO(), {}
    for directory in ("blobs/", "blobs/sha256/"):
        stream.write(_header(directory, 0, tarfile.DIRTYPE, 0o755))
    for digest in sorted(blobs):
        stream.write(_header("blobs/sha256/" + digest.removeprefix("sha256:"), len(blobs[digest])))
        offsets[digest] = stream.tell()
        stream.write(_padded(blobs[digest]))
    for name, body in (("index.json", index), ("oci-layout", _json({"imageLayoutVersion": "1.0.0"}))):
        stream.write(_header(name, len(body)) + _padded(body))
    stream.write(_END)
    return stream.getvalue(), offsets


def _layer(files: Mapping[str, bytes]) -> bytes:
    return b"".join(_header(name, len(body)) + _padded(body) for name, body in files.items()) + _END


def _header(name: str, size: int, kind: bytes = tarfile.REGTYPE, mode: int = 0o644) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.mode = size, kind, mode
    return member.tobuf(tarfile.USTAR_FORMAT)


def _padded(body: bytes) -> bytes:
    return body + bytes(-len(body) % tarfile.BLOCKSIZE)


def _descriptor(kind: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": f"{_MEDIA}.{kind}", "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
