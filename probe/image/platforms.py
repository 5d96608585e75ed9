"""Which instance of a multi-platform index is read on this machine: containers/image, `pkg/platform`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from probe.image.documents import OCI_INDEX, Descriptor

_ARCHITECTURES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "armv8l": "arm",
    "armv7l": "arm",
    "armv6l": "arm",
    "i386": "386",
    "i686": "386",
    "loongarch64": "loong64",
}
"""GOARCH for what uname(2) says, where the two differ or an alias exists."""
_ARM_VARIANTS = {"aarch64": "v8", "arm64": "v8", "armv8l": "v8", "armv7l": "v7", "armv6l": "v6"}
_COMPATIBLE = {"arm": ("v8", "v7", "v6", "v5"), "arm64": ("v8",)}


def wanted_platforms(system: str = sys.platform, machine: str | None = None) -> list[tuple[str, str, str]]:
    """Operating system, architecture and variant in the order of preference; `machine` as uname(2) names it."""
    machine = os.uname().machine if machine is None else machine
    architecture = _ARCHITECTURES.get(machine, machine)
    variants: list[str] = [""]
    if machine in _ARM_VARIANTS:
        order = _COMPATIBLE[architecture]
        variants = [*order[order.index(_ARM_VARIANTS[machine]) :], ""]
    return [(system, architecture, variant) for variant in variants]


def choose_instance(
    media_type: str, instances: Sequence[Descriptor], wanted: Sequence[tuple[str, str, str]]
) -> Descriptor | None:
    """The instance for the first platform of `wanted` that is offered; an OCI index may hold one for any platform."""
    for platform in wanted:
        for instance in instances:
            if instance.platform == platform:
                return instance
    if media_type != OCI_INDEX:
        return None
    return next((instance for instance in instances if instance.platform is None), None)
