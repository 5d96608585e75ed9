"""A seal beside a target: read, whatever somebody may have put there, and held against what lies there now."""

from __future__ import annotations

import errno
import json
import os
import stat

from pydantic import ValidationError

from probe.evidence.base import clip, path_text
from probe.evidence.path import FileType, Inode
from probe.evidence.seal import SUFFIX, Seal

MAX_SEAL = 1 << 20
"""Bytes of a seal."""
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_SCHEMA = "pod-probe/seal/v1"


def seal_file(path: bytes) -> bytes:
    """Where the seal of the target at `path` stands, as a file name."""
    return (path.rstrip(b"/") or b"/") + os.fsencode(SUFFIX)


def read_seal(path: bytes | str) -> Seal:
    """The seal in a file. Raises OSError where there is none to be opened, ValueError for what is no seal.

    Nothing but a regular file is opened, and none is waited for. The message of a ValueError names the path and what is
    wrong, and shows nothing of the file's contents.
    """
    name = os.fsencode(path)
    text = path_text(name)
    if b"\0" in name:
        raise ValueError(f"{text}: a path cannot hold a null byte")
    _refuse_special(text, os.stat(name))  # before the open, which may act on a device
    descriptor = os.open(name, _OPEN)
    try:
        _refuse_special(text, os.fstat(descriptor))
        raw = _read(descriptor)
    finally:
        os.close(descriptor)
    if len(raw) > MAX_SEAL:
        raise ValueError(f"{text}: no seal: larger than {MAX_SEAL >> 20} MiB")
    return _parse(text, raw)


def _refuse_special(text: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), text)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{text}: no seal: not a regular file")


def _read(descriptor: int) -> bytes:
    pieces, left = [], MAX_SEAL + 1
    while left > 0 and (piece := os.read(descriptor, left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _parse(text: str, raw: bytes) -> Seal:
    if not raw:
        raise ValueError(f"{text}: no seal: the file is empty")
    try:
        document = json.loads(raw)
    except RecursionError:
        raise ValueError(f"{text}: no seal: nested too deeply") from None
    except ValueError:  # not UTF-8, not JSON, or a number of too many digits
        raise ValueError(f"{text}: no seal: not JSON") from None
    if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
        raise ValueError(f"{text}: no seal: not a document of {_SCHEMA}")
    try:
        return Seal.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = "/".join(str(part)[:40] for part in first["loc"])
        raise ValueError(clip(f"{text}: no seal: not valid at /{where} ({first['type']})", 1024)) from None
    except RecursionError:
        raise ValueError(f"{text}: no seal: nested too deeply") from None


def matches(seal: Seal, inode: Inode, manifest_digest: str | None) -> tuple[bool, str]:
    """Whether what lies there now is what was sealed, and a sentence that says why, with both sides.

    `inode` is the target's (the directory's, for an image directory), `manifest_digest` that of the image that the
    reference names, None where it was not read. The same inode has to be unchanged. Another one, or the same seen
    through another mount (device numbers of a network file system differ from node to node), has to hold the same
    image. Times of another file system say nothing, so a file without a digest is told by inode number, size and time.
    """
    sealed, digest = seal.inode, seal.image.manifest_digest if seal.image is not None else None
    if inode.type is not sealed.type:
        return False, f"a {sealed.type} was sealed, and a {inode.type} lies there"
    directory = inode.type is FileType.DIRECTORY
    if not directory and inode.size != sealed.size:
        return False, f"{sealed.size} bytes were sealed, and {inode.size} lie there"
    if digest is not None and manifest_digest is not None and digest != manifest_digest:
        return False, f"the image {digest} was sealed, and {manifest_digest} lies there"
    compared = digest is not None and manifest_digest is not None
    same_number, same_time = inode.inode == sealed.inode, inode.modified == sealed.modified
    if same_number and inode.device == sealed.device:
        if not same_time:
            return False, f"inode {inode.inode} was modified after it was sealed"
        # What is written inside a directory does not show in its own inode.
        if directory and not compared:
            return False, f"inode {inode.inode} was sealed, and whether its image is still the same was not read"
        return True, f"inode {inode.inode} is as it was sealed"
    if compared:
        return True, f"another inode than the sealed one, the same image {digest}"
    if same_number and same_time and not directory:
        return True, f"inode {inode.inode} is as it was sealed, seen through another mount"
    why = "there is no digest to compare" if digest is None else "the digest of its image was not read"
    return False, f"another inode than the sealed one lies there, and {why}"
