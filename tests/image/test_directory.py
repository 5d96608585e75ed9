"""Directories: what this identity may not read, what is no regular file, and where links lead."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from support.images import Built

from probe.evidence.image import BlobState, Container, ImageFacts
from probe.image.inspect import inspect_image
from probe.image.reference import parse_reference

STRANGER = 1000970000


def look_as(uid: int, built: Built, deep: bool = False) -> ImageFacts:
    """The facts that a process of another uid without capabilities gets from a descriptor that it was handed."""
    target = os.open(built.path, os.O_RDONLY)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            facts = inspect_image(target, parse_reference(built.reference), deep=deep)
            os.write(writer, facts.model_dump_json().encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.close(target)
    with os.fdopen(reader, "rb") as stream:
        text = stream.read()
    os.waitpid(pid, 0)
    return ImageFacts.model_validate_json(text)


@pytest.fixture
def layout(oci_layout: Path, tmp_path: Path) -> Built:
    built = Built("oci", oci_layout, "localhost/app:1").copy_to(tmp_path)
    for path in [built.path, *built.path.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return built


def blob(built: Built, number: int) -> Path:
    """The file of the image's layer."""
    manifest = json.loads((built.path / "index.json").read_text())["manifests"][0]["digest"][7:]
    layers = json.loads((built.path / "blobs/sha256" / manifest).read_text())["layers"]
    return built.path / "blobs/sha256" / layers[number]["digest"][7:]


def problems(facts: ImageFacts) -> list[tuple[str, str, str]]:
    return [(problem.kind, problem.role, problem.found.partition(" ")[0]) for problem in facts.problems]


@pytest.mark.root
@pytest.mark.parametrize("deep", [False, True])
def test_a_layer_that_only_its_owner_reads(layout, deep) -> None:
    assert look_as(STRANGER, layout, deep).whole
    blob(layout, 1).chmod(0o600)
    facts = look_as(STRANGER, layout, deep)
    assert problems(facts) == [("unreadable", "layer", "EACCES")]
    assert facts.images[0].layers[1].state is BlobState.UNREADABLE
    assert facts.images[0].layers[1].found_size == blob(layout, 1).stat().st_size
    assert facts.readable_as_asked
    assert not facts.whole
    assert look_as(0, layout, deep).whole


@pytest.mark.root
def test_an_index_that_only_its_owner_reads(layout) -> None:
    (layout.path / "index.json").chmod(0o600)
    facts = look_as(STRANGER, layout)
    assert problems(facts) == [("unreadable", "index", "EACCES")]
    assert (facts.found, facts.readable_as_asked, facts.whole) == (Container.OCI, True, False)


@pytest.mark.root
def test_blobs_that_cannot_be_searched(layout) -> None:
    (layout.path / "blobs").chmod(0o700)
    facts = look_as(STRANGER, layout)
    assert problems(facts) == [("unreadable", "manifest", "EACCES")]
    assert facts.images[0].manifest.state is BlobState.UNCHECKED
    assert not facts.whole


@pytest.mark.root
def test_a_directory_that_can_be_opened_but_not_searched(layout) -> None:
    layout.path.chmod(0o744)
    facts = look_as(STRANGER, layout)
    assert (facts.found, facts.readable_as_asked) == (Container.DIRECTORY, False)
    assert problems(facts) == [("unreadable", "", "EACCES")]


@pytest.mark.parametrize("where", ["index.json", "oci-layout", "manifest.json", "version", "layer"])
def test_a_fifo_does_not_hang(layout, look, where) -> None:
    path = blob(layout, 0) if where == "layer" else layout.path / where
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    signal.alarm(10)
    try:
        facts = look(layout, deep=True)
    finally:
        signal.alarm(0)
    if where in ("index.json", "layer"):
        assert not facts.whole
        assert facts.problems[0].found == "a FIFO in place of a regular file"
    else:
        assert facts.whole


def test_links_are_followed_as_skopeo_does(layout, look, tmp_path) -> None:
    target = tmp_path / "elsewhere"
    blob(layout, 0).rename(target)
    blob(layout, 0).symlink_to(target)
    assert look(layout, deep=True).verification.agreed
    target.unlink()
    assert [problem.kind for problem in look(layout).problems] == ["missing-blob"]
    blob(layout, 0).unlink()
    blob(layout, 0).symlink_to(blob(layout, 0).name)
    facts = look(layout)
    assert problems(facts) == [("unreadable", "layer", "ELOOP")]
    assert not facts.whole


def test_what_is_no_image(look, tmp_path) -> None:
    (tmp_path / "sub").mkdir()
    for transport in ("oci", "dir", "oci-archive", "docker-archive"):
        facts = look(f"{transport}:{tmp_path}")
        assert (facts.found, facts.readable_as_asked, facts.whole) == (Container.DIRECTORY, False, False)
        assert [problem.kind for problem in facts.problems] in (["no-index"], ["no-manifest"])
    facts = look(tmp_path)
    assert (facts.found, facts.readable_as_asked, facts.problems) == (Container.DIRECTORY, True, ())


def test_in_the_making(look, tmp_path, oci_layout) -> None:
    (tmp_path / "blobs" / "sha256").mkdir(parents=True)
    facts = look(f"oci:{tmp_path}")
    assert (facts.found, facts.readable_as_asked) == (Container.OCI, False)
    assert {problem.kind for problem in facts.problems} == {"no-index", "no-layout"}
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "version").write_text("Directory Transport Version: 1.1\n")
    facts = look(f"dir:{tmp_path / 'd'}")
    assert (facts.found, facts.readable_as_asked) == (Container.DIR, False)
    assert [problem.kind for problem in facts.problems] == ["no-manifest"]


@pytest.mark.skopeo
def test_a_directory_of_both_kinds_is_what_was_asked_for(image_factory, look, tmp_path) -> None:
    built = image_factory("dir").copy_to(tmp_path)
    layout = image_factory.layout()
    for name in ("index.json", "oci-layout"):
        (built.path / name).write_bytes((layout / name).read_bytes())
    (built.path / "blobs").symlink_to(layout / "blobs")
    for transport in ("dir", "oci"):
        facts = look(f"{transport}:{built.path}", deep=True)
        assert (facts.found, facts.readable_as_asked, facts.complete) == (transport, True, True)
    assert look(built.path).found is Container.OCI


@pytest.mark.skopeo
def test_an_unpacked_docker_archive_is_no_dir(image_factory, look, tmp_path) -> None:
    import subprocess

    subprocess.run(["tar", "-C", tmp_path, "-xf", image_factory("docker-archive").path], check=True)
    facts = look(f"dir:{tmp_path}")
    assert (facts.found, facts.readable_as_asked) == (Container.DIRECTORY, False)
    assert [problem.kind for problem in facts.problems] == ["no-manifest"]


def test_a_packed_dir_is_no_docker_archive(look, tmp_path) -> None:
    from support.images import pack

    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "manifest.json").write_text('{"schemaVersion":2}')
    (tmp_path / "d" / "version").write_text("Directory Transport Version: 1.1\n")
    facts = look(f"docker-archive:{pack(tmp_path / 'd', tmp_path / 'x.tar')}")
    assert (facts.found, facts.readable_as_asked) == (Container.TAR, False)
    assert [problem.kind for problem in facts.problems] == ["no-manifest"]


@pytest.mark.skopeo
def test_missing_version_file(image_factory, look, tmp_path) -> None:
    built = image_factory("dir").copy_to(tmp_path)
    (built.path / "version").unlink()
    facts = look(built)
    assert (facts.whole, facts.complete) == (True, False)
    assert [(problem.kind, problem.subject) for problem in facts.problems] == [("no-layout", "version")]


def test_leaves_no_descriptor_open(layout, look) -> None:
    blob(layout, 0).unlink()
    os.mkfifo(blob(layout, 0))
    before: Callable[[], int] = lambda: len(os.listdir("/proc/self/fd"))  # noqa: E731
    look(layout, deep=True)
    count = before()
    for _ in range(5):
        look(layout, deep=True)
    assert before() == count
