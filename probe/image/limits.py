"""Bounds on what one look at a container may read, keep and decompress: hostile input costs no more than this."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Counts and bytes. What lies beyond a bound is reported as not looked at, never as missing."""

    headers: int = 200_000
    """Tar headers walked, those of extensions included."""
    kept_members: int = 16_384
    """Members remembered by name; the files by which a container is known are always remembered."""
    header_bytes: int = MIB
    """Of one pax or long-name payload, as Go's archive/tar."""
    header_bytes_total: int = 16 * MIB
    json_bytes: int = 4 * MIB
    """Of one index, manifest or config, as registries and skopeo have it."""
    json_bytes_total: int = 32 * MIB
    decompressed_bytes: int = 512 * MIB
    """Of a compressed archive, and of compressed layers inside a docker-archive, when the look is not deep."""
    deep_decompressed_bytes: int = 256 * GIB
    """Of a compressed archive, and of each layer, when it is."""
    index_depth: int = 8
    """How deep one index may lie inside another."""
