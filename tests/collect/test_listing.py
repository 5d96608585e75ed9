"""Listings and the look around: bounded, and never raising."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.images import ImageFactory
from support.stage import ROOT, Person

from probe.collect.listing import list_directory
from probe.collect.nearby import Search
from probe.evidence.observation import NotSeen, Reason, Seen
from probe.evidence.path import FileType, Listing
from probe.evidence.report import Report

Look = Callable[..., Report]


def listed(path: Path, keep: bytes | None = None) -> Listing:
    number = os.open(path, os.O_PATH)
    try:
        listing = list_directory(number, os.fsencode(path), lambda *_: None, keep)
    finally:
        os.close(number)
    assert isinstance(listing, Seen)
    return listing.value


def test_names_types_and_sizes(place: Path) -> None:
    (place / "b").mkdir()
    (place / "a").write_bytes(b"123")
    (place / "c").symlink_to("a")
    listing = listed(place)
    assert [entry.name for entry in listing.entries] == ["a", "b", "c"]
    assert (listing.counted, listing.complete) == (3, True)
    inodes = [entry.inode.value for entry in listing.entries if isinstance(entry.inode, Seen)]
    assert [inode.type for inode in inodes] == [FileType.REGULAR, FileType.DIRECTORY, FileType.SYMLINK]
    assert inodes[0].size == 3


def test_bounds(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(260):
        (place / f"f{number:03}").touch()
    listing = listed(place, b"f250")
    assert (len(listing.entries), listing.counted, listing.complete) == (200, 260, True)
    assert listing.entries[-1].name == "f250"  # the name that was looked for is among those kept
    monkeypatch.setattr("probe.collect.listing.MAX_COUNTED", 100)
    listing = listed(place)
    assert (len(listing.entries), listing.counted, listing.complete) == (100, 100, False)


def test_names_of_any_bytes_fit(place: Path) -> None:
    for name in (b"\xff" * 255, b"new\nline", b"back\\slash"):
        (place / os.fsdecode(name)).touch()
    listing = listed(place)
    assert all(len(entry.name) <= 256 for entry in listing.entries)
    assert Listing.model_validate_json(listing.model_dump_json()) == listing


def test_listing_is_that_of_the_directory_that_holds_the_target(place: Path, look: Look) -> None:
    (place / "d").mkdir()
    (place / "d/f").touch()
    for path, expected in ((place / "d/f", place / "d"), (place / "d", place / "d"), (place / "d/x/y", place / "d")):
        listing = look(path).listing
        assert isinstance(listing, Seen) and listing.value.path == str(expected)


@pytest.mark.skopeo
def test_images_are_found_near_a_path_that_holds_none(place: Path, look: Look, image_factory: ImageFactory) -> None:
    (place / "oci").mkdir()
    for transport in ("oci-archive", "docker-archive", "oci", "dir"):
        built = image_factory(transport)
        target = place / "oci" / transport
        if built.path.is_dir():
            os.system(f"cp -r {built.path} {target}")
        else:
            os.system(f"cp {built.path} {target}")
    os.system(f"gzip -k {place}/oci/oci-archive")
    (place / "oci/noise.tar").write_bytes(b"x" * 4096)
    report = look(f"oci-archive:{place}/ocj/image.tar")
    assert isinstance(report.nearby, Seen)
    found = {Path(candidate.path).name: candidate.kind for candidate in report.nearby.value}
    assert found == {
        "oci-archive": "oci-archive", "oci-archive.gz": "oci-archive", "docker-archive": "docker-archive",
        "oci": "oci", "dir": "dir",
    }  # fmt: skip
    sizes = {
        candidate.kind: candidate.size for candidate in report.nearby.value if candidate.path.endswith("/oci-archive")
    }
    assert sizes["oci-archive"] == (place / "oci/oci-archive").stat().st_size


@pytest.mark.skopeo
def test_nothing_is_looked_for_when_it_is_there(place: Path, look: Look, image_factory: ImageFactory) -> None:
    built = image_factory("oci-archive").copy_to(place)
    report = look(built.reference)
    assert isinstance(report.nearby, NotSeen) and report.nearby.reason is Reason.SKIPPED
    report = look(f"dir:{place}")  # a directory where a dir: image should be: the archive in it is named
    assert isinstance(report.nearby, Seen)
    assert [candidate.path for candidate in report.nearby.value] == [str(built.path)]


@pytest.mark.root
def test_nothing_is_looked_for_behind_a_denial(place: Path, look_as: Look) -> None:
    (place / "d").mkdir()
    (place / "d").chmod(0o700)
    report = look_as(Person(uid=4242, gid=4242, groups=()), place / "d/f")
    assert isinstance(report.nearby, NotSeen) and "EACCES" in report.nearby.message


def _oci_start(path: Path) -> None:
    os.system(
        f"mkdir -p {path.parent}/.t/blobs/sha256 && tar -C {path.parent}/.t -cf {path} blobs && rm -r {path.parent}/.t"
    )


def test_look_around_is_bounded_and_follows_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "d/1/2/3/4").mkdir(parents=True)
    _oci_start(place / "d/1/2/3/in-reach.tar")
    _oci_start(place / "d/1/2/3/4/too-deep.tar")
    (place / "elsewhere").mkdir()
    _oci_start(place / "elsewhere/e.tar")
    (place / "d/link").symlink_to(place / "elsewhere")
    (place / "d/loop").symlink_to(".")
    os.mkfifo(place / "d/fifo")
    found = Search(frozenset()).run(os.fsencode(place / "d"))
    assert isinstance(found, Seen)
    assert [Path(candidate.path).name for candidate in found.value] == ["in-reach.tar"]
    monkeypatch.setattr("probe.collect.nearby.MAX_ENTRIES", 2)
    found = Search(frozenset()).run(os.fsencode(place / "d"))
    assert isinstance(found, Seen) and found.value == ()


def test_parents_are_looked_through_when_nothing_is_near(place: Path) -> None:
    (place / "empty/deeper").mkdir(parents=True)
    _oci_start(place / "image.tar")
    found = Search(frozenset()).run(os.fsencode(place / "empty/deeper"))
    assert isinstance(found, Seen)
    assert [candidate.path for candidate in found.value] == [str(place / "image.tar")]


@pytest.mark.root
def test_other_mounts_are_not_entered(place: Path, look_as: Look) -> None:
    (place / "vol/ws").mkdir(parents=True)
    _oci_start(place / "outside.tar")

    def mount() -> None:
        assert os.system(f"mount -t tmpfs none {place}/vol && mkdir -p {place}/vol/ws {place}/vol/other") == 0
        assert os.system(f"mount --bind {place} {place}/vol/other") == 0

    report = look_as(ROOT, f"oci-archive:{place}/vol/ws/image.tar", prepare=mount)
    assert isinstance(report.nearby, Seen) and report.nearby.value == ()
