"""A temporary file takes its final name whole and sealed, or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.stage import BARE_ROOT, PUSHER, Stage

from probe.demo.image import DemoImage
from probe.evidence.seal import Seal, seal_path
from probe.handoff.seal.reading import matches, read_seal
from probe.handoff.seal.refused import Misused, Refused, Unable
from probe.handoff.seal.sealing import Wish, seal
from probe.image.reference import parse_reference

OLD = b"what was there before"


@pytest.fixture
def temporary(archive: Path) -> Path:
    """A finished temporary file beside the final name, which is taken by something old."""
    made = archive.with_name("image.tar.tmp")
    os.rename(archive, made)
    archive.write_bytes(OLD)
    return made


def published(temporary: Path | str, reference: str, **wish: object) -> Seal:
    return seal(parse_reference(reference), Wish(publish=os.fsencode(temporary), **wish))  # type: ignore[arg-type]


def test_it_takes_the_name_of_the_old_one(temporary: Path, demo_image: DemoImage) -> None:
    final = temporary.with_name("image.tar")
    with open(final, "rb") as reader:
        made = published(temporary, f"oci-archive:{final}")
        assert reader.read() == OLD, "who had it open keeps it"
    assert final.read_bytes() == demo_image.archive
    assert sorted(os.listdir(final.parent)) == ["image.tar", "image.tar.seal.json"]
    assert read_seal(seal_path(str(final))) == made
    status = os.stat(final)
    assert (made.inode.inode, made.inode.changed) == (status.st_ino, status.st_ctime_ns), "as of after the rename"
    assert (made.reference.path, made.published_from) == (str(final), str(temporary))


def test_from_a_directory_of_its_own(temporary: Path) -> None:
    aside = temporary.parent.with_name("aside")
    aside.mkdir()
    os.rename(temporary, aside / "x")
    final = temporary.with_name("new.tar")
    made = published(aside / "x", str(final))
    assert read_seal(seal_path(str(final))) == made
    assert os.listdir(aside) == []


def test_an_image_directory(oci_layout: Path, place: Path) -> None:
    shutil.copytree(oci_layout, place / "tmp")
    made = published(f"{place}/tmp/", f"oci:{place}/image/")
    assert sorted(os.listdir(place)) == ["image", "image.seal.json"]
    assert made.image is not None
    status = os.stat(place / "image")
    now = made.inode.model_copy(update={"inode": status.st_ino, "modified": status.st_mtime_ns})
    assert matches(made, now, made.image.manifest_digest)[0]


def test_an_image_directory_over_an_empty_one(oci_layout: Path, place: Path) -> None:
    shutil.copytree(oci_layout, place / "tmp")
    (place / "image").mkdir()
    published(place / "tmp", f"oci:{place}/image")
    assert (place / "image/index.json").is_file()


def test_a_link_at_the_final_name_is_replaced(temporary: Path, demo_image: DemoImage) -> None:
    final = temporary.with_name("latest.tar")
    final.symlink_to("image.tar")
    published(temporary, f"oci-archive:{final}")
    assert not final.is_symlink() and final.read_bytes() == demo_image.archive
    assert temporary.with_name("image.tar").read_bytes() == OLD


def test_what_is_not_whole_is_not_published(temporary: Path, demo_image: DemoImage) -> None:
    temporary.write_bytes(demo_image.archive[:-512])
    final = temporary.with_name("image.tar")
    with pytest.raises(Refused, match=rf"{temporary}: not sealed: truncated"):
        published(temporary, f"oci-archive:{final}")
    assert final.read_bytes() == OLD
    assert sorted(os.listdir(final.parent)) == ["image.tar", "image.tar.tmp"]


def test_names_that_cannot_be_meant(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    final = temporary.with_name("image.tar")
    monkeypatch.chdir(temporary.parent)
    for same in (str(final), f"{final.parent}/./image.tar"):
        with pytest.raises(Misused, match="the final name itself"):
            published(same, f"oci-archive:{final}")
    os.link(final, "link")
    with pytest.raises(Misused, match="the same file"):
        published("link", f"oci-archive:{final}")
    Path("symbolic").symlink_to(temporary.name)
    with pytest.raises(Misused, match="a symbolic link: a rename would publish the link"):
        published("symbolic", f"oci-archive:{final}")
    assert final.read_bytes() == OLD and temporary.exists()


def test_nothing_to_publish_and_nowhere_to(temporary: Path) -> None:
    final = temporary.with_name("image.tar")
    with pytest.raises(Refused, match=r"absent: nothing to publish: ENOENT"):
        published(temporary.with_name("absent"), f"oci-archive:{final}")
    with pytest.raises(Refused, match=rf"ENOENT .*make it first: mkdir -p {temporary.parent}/new/one"):
        published(temporary, f"oci-archive:{temporary.parent}/new/one/image.tar")
    with pytest.raises(Refused, match=r"no directory: ENOTDIR|ENOTDIR"):
        published(temporary, f"oci-archive:{final}/image.tar")


def test_a_directory_in_the_way(temporary: Path, oci_layout: Path, place: Path) -> None:
    shutil.copytree(oci_layout, place / "tmp")
    shutil.copytree(oci_layout, place / "image")
    with pytest.raises(Refused, match=r"not empty has the name \(ENOTEMPTY\).*publish under a new name"):
        published(place / "tmp", f"oci:{place}/image")
    with pytest.raises(Refused, match="a directory has the name"):
        published(temporary, f"oci-archive:{place}/image")
    with pytest.raises(Refused, match="is a directory, and what has the name is none"):
        published(place / "tmp", f"oci:{temporary}")
    assert (place / "image/index.json").is_file() and (place / "tmp/index.json").is_file()


def _assert_elsewhere(temporary: Path, final: Path) -> str:
    with pytest.raises(Refused) as caught:
        published(temporary, f"oci-archive:{final}")
    assert temporary.exists() and not os.path.lexists(final)
    return str(caught.value)


@pytest.mark.root
@pytest.mark.parametrize("mount", ["-t tmpfs -o mode=777 tmpfs", "--bind {0}"])
def test_another_mount(mount: str, temporary: Path, place: Path, people: Stage) -> None:
    """A bind mount of the same file system has the same device number, and is another mount to rename(2)."""
    (place / "volume").mkdir()

    def prepare() -> None:
        assert os.system(f"mount {mount.format(temporary.parent)} {place}/volume") == 0

    final = place / "volume/new.tar"
    said = people.run(lambda: _assert_elsewhere(temporary, final), by=BARE_ROOT, prepare=prepare)
    assert f"{temporary} lies on another file system or mount (EXDEV)" in said
    assert f"write it beside its final name, as {place}/volume/.new.tar.tmp" in said


@pytest.mark.root
def test_a_full_disk_before_anything_has_a_new_name(archive: Path, place: Path, people: Stage) -> None:
    small = place / "small"
    small.mkdir()

    def prepare() -> None:
        assert os.system(f"mount -t tmpfs -o size=400k,mode=777 tmpfs {small}") == 0

    def act() -> str:
        (small / "image.tar").write_bytes(OLD)
        shutil.copyfile(archive, small / "tmp")
        with open(small / "filler", "wb", buffering=0) as stream, pytest.raises(OSError):
            while stream.write(bytes(4096)):
                pass
        with pytest.raises(Unable) as caught:
            published(small / "tmp", f"oci-archive:{small}/image.tar")
        assert (small / "image.tar").read_bytes() == OLD
        assert sorted(os.listdir(small)) == ["filler", "image.tar", "tmp"]
        return str(caught.value)

    assert "ENOSPC" in people.run(act, prepare=prepare)


@pytest.mark.root
def test_a_name_that_may_not_be_taken(temporary: Path, people: Stage) -> None:
    """In a sticky directory the old file can be replaced by its owner only."""
    folder = temporary.parent
    folder.chmod(0o1777)
    os.chown(temporary, PUSHER.uid, 0)

    def act() -> str:
        with pytest.raises(Unable) as caught:
            published(temporary, f"oci-archive:{folder}/image.tar")
        return str(caught.value)

    said = people.run(act, by=PUSHER)
    assert "cannot be published: rename" in said and "EPERM" in said
    assert sorted(os.listdir(folder)) == ["image.tar", "image.tar.tmp"]
    assert (folder / "image.tar").read_bytes() == OLD


def test_what_is_replaced_again_before_it_is_sealed_is_not_sealed(temporary: Path) -> None:
    final = temporary.with_name("image.tar")

    def meddle(sentence: str) -> None:
        if sentence.startswith("published "):
            final.unlink()
            final.write_bytes(OLD)

    with pytest.raises(Refused, match=rf"{final}: not sealed: archive-in-progress: replaced or changed"):
        published(temporary, f"oci-archive:{final}", tell=meddle)
    assert sorted(os.listdir(final.parent)) == ["image.tar"]
