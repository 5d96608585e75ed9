"""A seal is read whatever lies there, and fits what was sealed and nothing else."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.evidence.path import FileType, Inode
from probe.evidence.seal import Seal, SealedImage, seal_path
from probe.handoff.seal.reading import MAX_SEAL, matches, read_seal, seal_file
from probe.handoff.seal.sealing import seal
from probe.image.reference import parse_reference

DIGEST = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64


@pytest.fixture
def sealed(archive: Path) -> Seal:
    return seal(parse_reference(f"oci-archive:{archive}"))


def test_what_was_written_is_read(sealed: Seal, archive: Path) -> None:
    path = seal_path(str(archive))
    assert os.fsencode(path) == seal_file(os.fsencode(archive))
    assert read_seal(path) == read_seal(os.fsencode(path)) == sealed


def test_a_directory_is_sealed_beside_it() -> None:
    assert seal_file(b"/w/image/") == b"/w/image.seal.json"


def _with(**changed: object) -> Callable[[str], str]:
    return lambda text: json.dumps({**json.loads(text), **changed})


def _inode(**changed: object) -> Callable[[str], str]:
    return lambda text: json.dumps({**json.loads(text), "inode": {**json.loads(text)["inode"], **changed}})


HOSTILE: dict[str, Callable[[str], str | bytes]] = {
    "empty": lambda _: "",
    "half of one": lambda text: text[: len(text) // 2],
    "not text": lambda _: b"\xff\xfe\x00\x80",
    "not JSON": lambda _: "sealed, I swear",
    "deep": lambda _: '{"schema": "pod-probe/seal/v1", "tool": ' + "[" * 200_000,
    "deep and closed": lambda _: '{"schema": "pod-probe/seal/v1", "tool": ' + "[" * 5000 + "]" * 5000 + "}",
    "many digits": lambda _: '{"schema": "pod-probe/seal/v1", "monotonic": ' + "9" * 5000 + "}",
    "a list": lambda text: f"[{text}]",
    "a word": lambda _: '"pod-probe/seal/v1"',
    "another schema": _with(schema="pod-probe/report/v1"),
    "a later schema": _with(schema="pod-probe/seal/v2"),
    "a schema that is a list": _with(schema=["pod-probe/seal/v1"]),
    "no inode": _with(inode=None),
    "not a number": _with(monotonic=float("nan")),
    "a mode that is none": _inode(mode="rwx"),
    "a time that is none": _inode(modified="2024-13-45T00:00:00Z"),
    "a size in words": _inode(size="many"),
    "too long a text": _with(published_from="x" * 5000),
    "too many changes": _with(changes=["x"] * 600),
    "a lone surrogate": lambda text: text.replace("image.tar", "\\ud800"),
    "too large": lambda text: text + " " * MAX_SEAL,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_seal_is_a_sentence(name: str, sealed: Seal, archive: Path) -> None:
    path = Path(seal_path(str(archive)))
    made = HOSTILE[name](path.read_text())
    path.write_bytes(made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass"))
    with pytest.raises(ValueError, match="no seal: ") as caught:
        read_seal(str(path))
    assert str(caught.value).startswith(f"{path}: no seal: ")
    assert len(str(caught.value)) < 1100
    assert "swear" not in str(caught.value)


def test_what_a_later_version_adds_is_passed_over(sealed: Seal, archive: Path) -> None:
    path = Path(seal_path(str(archive)))
    path.write_text(_with(later={"a": 1})(path.read_text()))
    assert read_seal(str(path)) == sealed


def test_what_would_hang_or_act_is_not_opened(place: Path) -> None:
    began = time.monotonic()
    os.mkfifo(place / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place / "socket"))
        (place / "to-fifo").symlink_to("fifo")
        for name in ("fifo", "socket", "to-fifo"):
            with pytest.raises(ValueError, match="no seal: not a regular file"):
                read_seal(str(place / name))
    with pytest.raises(ValueError, match="not a regular file"):
        read_seal("/dev/tty")
    assert time.monotonic() - began < 5


def test_what_cannot_be_opened_is_an_oserror(place: Path) -> None:
    (place / "loop").symlink_to("loop")
    (place / "nowhere").symlink_to("absent")
    for name, error in (
        ("loop", OSError),
        ("nowhere", FileNotFoundError),
        ("absent", FileNotFoundError),
        (".", IsADirectoryError),
    ):
        with pytest.raises(error):
            read_seal(str(place / name))
    with pytest.raises(ValueError, match="null byte"):
        read_seal(b"/tmp/a\0b")


def _found(seal: Seal, **changed: object) -> Inode:
    return seal.inode.model_copy(update=changed)


def _of(seal: Seal, digest: str | None, **inode: object) -> Seal:
    image = None if digest is None else SealedImage(found="oci-archive", manifest_digest=digest)
    return seal.model_copy(update={"image": image, "inode": seal.inode.model_copy(update=inode)})


@pytest.mark.parametrize(
    ("changed", "digest", "fits", "words"),
    [
        ({}, DIGEST, True, "is as it was sealed"),
        ({}, None, True, "is as it was sealed"),
        ({"mode": 0o600, "uid": 7, "gid": 7, "changed": 5}, DIGEST, True, "as it was sealed"),
        ({}, OTHER, False, f"the image {DIGEST} was sealed, and {OTHER} lies there"),
        ({"size": 1}, DIGEST, False, "bytes were sealed, and 1 lie there"),
        ({"modified": 5}, DIGEST, False, "was modified after it was sealed"),
        ({"type": FileType.DIRECTORY}, DIGEST, False, "a regular was sealed, and a directory lies there"),
        ({"inode": 1}, DIGEST, True, "another inode than the sealed one, the same image"),
        ({"inode": 1, "modified": 5}, DIGEST, True, "the same image"),
        ({"inode": 1}, None, False, "the digest of its image was not read"),
        ({"inode": 1}, OTHER, False, "lies there"),
        ({"device": "0:99"}, DIGEST, True, "the same image"),
        ({"device": "0:99"}, None, True, "seen through another mount"),
        ({"device": "0:99", "modified": 5}, None, False, "was not read"),
    ],
)
def test_a_seal_of_an_archive(
    changed: dict[str, object], digest: str | None, fits: bool, words: str, sealed: Seal
) -> None:
    answer, sentence = matches(_of(sealed, DIGEST), _found(sealed, **changed), digest)
    assert answer is fits, sentence
    assert words in sentence


@pytest.mark.parametrize(
    ("changed", "fits"),
    [
        ({}, True),
        ({"modified": 5}, False),
        ({"size": 1}, False),
        ({"inode": 1}, False),
        ({"device": "0:99"}, True),
        ({"device": "0:99", "modified": 5}, False),
    ],
)
def test_a_seal_of_a_file_that_is_no_image(changed: dict[str, object], fits: bool, sealed: Seal) -> None:
    answer, sentence = matches(_of(sealed, None), _found(sealed, **changed), None)
    assert answer is fits, sentence
    # A digest that somebody read there proves nothing either way.
    assert matches(_of(sealed, None), _found(sealed, **changed), DIGEST)[0] is fits


@pytest.mark.parametrize(
    ("changed", "digest", "fits"),
    [
        ({}, DIGEST, True),
        ({}, None, False),
        ({}, OTHER, False),
        ({"modified": 5}, DIGEST, False),
        ({"size": 99, "inode": 1}, DIGEST, True),
        ({"inode": 1}, None, False),
        ({"device": "0:99"}, None, False),
    ],
)
def test_a_seal_of_an_image_directory(changed: dict[str, object], digest: str | None, fits: bool, sealed: Seal) -> None:
    """What is written in a directory does not show in its own inode: without a digest nothing is sure."""
    directory = _of(sealed, DIGEST, type=FileType.DIRECTORY)
    answer, sentence = matches(directory, directory.inode.model_copy(update=changed), digest)
    assert answer is fits, sentence
