"""What the kind of a file system says about who decides there."""

from __future__ import annotations

from probe.classify.case import Reading


def decided_elsewhere(reading: Reading) -> bool:
    """Whether the file system that carries the target refuses by rules of its own."""
    return reading.mount is not None and reading.mount.remote


def shut_out_of_fuse(reading: Reading) -> str | None:
    """The uid that mounted a FUSE file system for itself alone (no allow_other), when the reader is another."""
    mount = reading.mount
    if mount is None or not mount.filesystem.startswith("fuse"):
        return None
    options = {*mount.options, *mount.super_options}
    owner = next((option[8:] for option in options if option.startswith("user_id=")), None)
    if owner is None or "allow_other" in options or owner == str(reading.credentials.uid):
        return None
    return owner
