"""Real, small images for tests: an OCI layout written by hand, and everything else by skopeo from it."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import random
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_PLAIN = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
REF_NAME = "org.opencontainers.image.ref.name"
DIRECTORIES = ("oci", "dir")
"""The transports whose container is a directory."""


@dataclass(frozen=True)
class Built:
    """A container on disk. `reference` is the argument that names it, `path` its file or directory."""

    transport: str
    path: Path
    tag: str | None = None

    @property
    def reference(self) -> str:
        """`transport:path[:tag]`."""
        return f"{self.transport}:{self.path}" + (f":{self.tag}" if self.tag else "")

    def copy_to(self, directory: Path) -> Built:
        """A copy to damage, in `directory`."""
        target = directory / self.path.name
        if self.path.is_dir():
            shutil.copytree(self.path, target, symlinks=True)
        else:
            shutil.copyfile(self.path, target)
        return Built(self.transport, target, self.tag)


def digest(data: bytes) -> str:
    """The sha256 of some bytes as a digest."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer_tar(number: int, size: int = 1500) -> bytes:
    """A layer of one file of incompressible bytes: the same for the same number."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        member = tarfile.TarInfo(f"layer{number}/data")
        member.size = size
        tar.addfile(member, io.BytesIO(random.Random(number).randbytes(size)))
    return stream.getvalue()


def compress(data: bytes, how: str) -> bytes:
    """`data` as one stream of gzip, bzip2, xz or zstd; `none` as it is."""
    if how == "zstd":
        import zstandard

        return zstandard.ZstdCompressor().compress(data)
    if how == "gzip":
        return gzip.compress(data, mtime=0)
    return {"none": bytes, "bzip2": bz2.compress, "xz": partial(lzma.compress, preset=1)}[how](data)


class Layout:
    """An OCI image layout under construction: `blob`, `image` and `index` give descriptors, `write` finishes it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "blobs" / "sha256").mkdir(parents=True)

    def blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        """Store a blob."""
        name = digest(data)
        (self.directory / "blobs" / "sha256" / name.split(":")[1]).write_bytes(data)
        return {"mediaType": media_type, "digest": name, "size": len(data)}

    def image(
        self,
        layers: Sequence[bytes],
        *,
        compression: str = "gzip",
        platform: tuple[str, str] = ("linux", "amd64"),
        settings: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Store an image of these layers (uncompressed tars)."""
        media_type = {"none": OCI_LAYER_PLAIN, "zstd": OCI_LAYER_ZSTD}.get(compression, OCI_LAYER)
        stored = [self.blob(compress(layer, compression), media_type) for layer in layers]
        config = {
            "created": "2024-01-01T00:00:00Z",
            "os": platform[0],
            "architecture": platform[1],
            "config": {"Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
            "history": [{"created": "2024-01-01T00:00:00Z", "created_by": f"layer {n}"} for n in range(len(layers))],
            **(settings or {}),
        }
        return self.blob(
            json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": OCI_MANIFEST,
                    "config": self.blob(json.dumps(config).encode(), OCI_CONFIG),
                    "layers": stored,
                }
            ).encode(),
            OCI_MANIFEST,
        )

    def index(self, manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Store an index of these descriptors."""
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(manifests)}
        return self.blob(json.dumps(document).encode(), OCI_INDEX)

    def write(self, *named: tuple[str | None, Mapping[str, Any]]) -> Path:
        """Write `index.json` with these names and descriptors, and `oci-layout`."""
        manifests = [{**entry, **({"annotations": {REF_NAME: name}} if name else {})} for name, entry in named]
        (self.directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
        (self.directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        return self.directory


def pack(directory: Path, archive: Path, compression: str = "none") -> Path:
    """An archive of a directory as skopeo writes it: sorted members, two zero blocks at the end, nothing more."""
    stream = io.BytesIO()
    for path in sorted(directory.rglob("*")):
        member = tarfile.TarInfo(str(path.relative_to(directory)))
        data = b""
        if path.is_dir():
            member.type = tarfile.DIRTYPE
        elif path.is_symlink():
            member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
        else:
            data = path.read_bytes()
            member.size = len(data)
        stream.write(member.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512))
    archive.write_bytes(compress(stream.getvalue() + bytes(1024), compression))
    return archive


def skopeo(*arguments: str) -> bytes:
    """Run the real skopeo; its standard output. Fails the test with its standard error."""
    command = ["skopeo", "--insecure-policy", *arguments]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


class ImageFactory:
    """Makes each kind of container once in a session; take a `copy_to` before changing one."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: dict[tuple[object, ...], Built] = {}

    def __call__(
        self,
        transport: str,
        *,
        layers: int = 2,
        docker: bool = False,
        compression: str = "none",
        tag: str | None = "localhost/app:1",
        layer_compression: str = "gzip",
    ) -> Built:
        """A container that skopeo wrote from an image of `layers` layers.

        `docker`: with a Docker schema 2 manifest (`dir` only: skopeo writes none into an OCI layout, and a
        docker-archive has no other). `compression`: of the whole archive, as an afterthought.
        """
        key = (transport, layers, docker, compression, tag, layer_compression)
        if key not in self._made:
            self._made[key] = self._make(transport, layers, docker, compression, tag, layer_compression)
        return self._made[key]

    def layout(self, layers: int = 2, compression: str = "gzip", tag: str | None = "localhost/app:1") -> Path:
        """The hand-written OCI layout from which skopeo makes the rest."""
        return self("layout", layers=layers, tag=tag, layer_compression=compression).path

    def _make(
        self, transport: str, layers: int, docker: bool, compression: str, tag: str | None, layer_compression: str
    ) -> Built:
        directory = Path(tempfile.mkdtemp(dir=self._root))
        if transport == "layout":
            layout = Layout(directory / "layout")
            image = layout.image([layer_tar(n) for n in range(layers)], compression=layer_compression)
            return Built("oci", layout.write((tag, image)), tag)
        source = self.layout(layers, layer_compression, tag)
        path = directory / ("image" if transport in DIRECTORIES else "image.tar")
        built = Built(transport, path, tag if transport != "dir" else None)
        options = ["--format", "v2s2"] if docker else []
        skopeo("copy", "-q", *options, f"oci:{source}" + (f":{tag}" if tag else ""), built.reference)
        if compression != "none":
            path.write_bytes(compress(path.read_bytes(), compression))
        return built
