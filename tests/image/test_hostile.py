"""Whatever the bytes are: facts, within bounds, and never an exception."""

from __future__ import annotations

import io
import json
import os
import random
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.images import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    REF_NAME,
    Layout,
    digest,
    layer_tar,
    pack,
)

from probe.evidence.image import MAX_IMAGES, MAX_LAYERS, MAX_PROBLEMS, BlobState, Container, Ending
from probe.image.limits import Limits

TRANSPORTS = ["oci-archive", "docker-archive", "oci", "dir"]


def archive(path: Path, *members: tuple[str, bytes] | tarfile.TarInfo, end: bool = True) -> Path:
    stream = io.BytesIO()
    for member in members:
        if isinstance(member, tarfile.TarInfo):
            stream.write(member.tobuf(tarfile.GNU_FORMAT))
            continue
        info = tarfile.TarInfo(member[0])
        info.size = len(member[1])
        stream.write(info.tobuf(tarfile.GNU_FORMAT) + member[1] + bytes(-len(member[1]) % 512))
    path.write_bytes(stream.getvalue() + bytes(1024 if end else 0))
    return path


def kinds(facts) -> set[str]:
    return {problem.kind for problem in facts.problems}


@pytest.mark.parametrize("transport", [*TRANSPORTS, "path"])
@pytest.mark.parametrize(
    ("data", "found", "ending"),
    [
        (b"", Container.EMPTY, Ending.EMPTY),
        (b"hello world\n", Container.FILE, Ending.BAD_HEADER),
        (bytes(4096), Container.FILE, Ending.ZEROS),
        (random.Random(1).randbytes(5000), Container.FILE, Ending.BAD_HEADER),
        (b"\x1f\x8b\x08", Container.FILE, Ending.EMPTY),
        (b"\x1f\x8b\x08" + bytes(6) + b"\x03" + b"\xff" * 100, Container.FILE, Ending.UNREADABLE),
        (b"BZh9" + bytes(100), Container.FILE, Ending.UNREADABLE),
        (b"\xfd7zXZ\x00" + bytes(100), Container.FILE, Ending.UNREADABLE),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 100, Container.FILE, Ending.UNREADABLE),
    ],
)
def test_no_archive_at_all(look, tmp_path, transport, data, found, ending) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    for deep in (False, True):
        facts = look(path if transport == "path" else f"{transport}:{path}", deep=deep)
        assert (facts.found, facts.archive.ending) == (found, ending)
        assert (facts.whole, facts.complete, facts.images) == (False, False, ())
        assert facts.readable_as_asked == (transport == "path")
        assert facts.problems or transport == "path"


def test_huge_claimed_sizes(look, tmp_path) -> None:
    member = tarfile.TarInfo("index.json")
    member.size = 1 << 62
    facts = look(f"oci-archive:{archive(tmp_path / 'x', member)}")
    assert facts.archive.ending is Ending.IN_MEMBER
    assert ("partial-blob", "index") in {(problem.kind, problem.role) for problem in facts.problems}
    big = [("index.json", b" " * (5 << 20)), ("oci-layout", b"{}")]
    facts = look(f"oci-archive:{archive(tmp_path / 'y', *big)}")
    assert kinds(facts) == {"too-large"}


def test_sparse_member_that_claims_exabytes(look, tmp_path) -> None:
    """Its size is checked before its zeros are: a look costs nothing, deep or not."""
    records = b"".join(
        b"%d %s\n" % (len(r) + 4, r)
        for r in (b"GNU.sparse.map=0,0", b"GNU.sparse.realsize=" + b"9" * 18, b"GNU.sparse.name=index.json")
    )
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, len(records)
    stream = header.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512)
    (tmp_path / "x").write_bytes(stream + tarfile.TarInfo("y").tobuf(tarfile.USTAR_FORMAT) + bytes(1024))
    for deep in (False, True):
        facts = look(f"oci-archive:{tmp_path / 'x'}", deep=deep)
        assert "too-large" in kinds(facts)
        assert facts.found is Container.OCI_ARCHIVE


def test_duplicate_members(look, tmp_path, oci_layout) -> None:
    """The last one counts for an oci-archive, because skopeo unpacks it; the first for a docker-archive."""
    good = (oci_layout / "index.json").read_bytes()
    bad = b'{"manifests":[]}'
    for first, last, selected in ((bad, good, True), (good, bad, False)):
        path = pack(oci_layout, tmp_path / "image.tar")
        rest = path.read_bytes()[:-1024]
        path.write_bytes(rest + archive(tmp_path / "tail", ("index.json", first), ("index.json", last)).read_bytes())
        facts = look(f"oci-archive:{path}")
        assert "duplicate-member" in kinds(facts)
        assert (facts.selected is not None) == selected
    path = archive(tmp_path / "docker.tar", ("manifest.json", b"[]"), ("manifest.json", b"[{}]"))
    assert "empty-index" in kinds(look(f"docker-archive:{path}"))


def test_names_that_leave_the_archive(look, tmp_path, oci_layout) -> None:
    path = archive(
        tmp_path / "x.tar",
        ("../index.json", b"{}"),
        ("blobs/../../oci-layout", b"{}"),
        ("a/../manifest.json", b"[]"),
    )
    facts = look(f"oci-archive:{path}")
    assert "no-index" in kinds(facts)
    assert not facts.readable_as_asked
    assert look(f"docker-archive:{path}").readable_as_asked


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b'{"manifests":' * 5000,
        b'{"manifests":' + b"9" * 5000 + b"}",
        b"[]",
        b"null",
        b'"text"',
        b"17",
        b"NaN",
        b"",
        b"\xff\xfe\x00",
        b'{"manifests":{}}',
        b'{"manifests":"x"}',
        b'{"manifests":[null,1,"x",[],{}]}',
        b'{"manifests":[{"digest":5}]}',
        b'{"manifests":[{"digest":"sha256:xyz","size":1}]}',
        b'{"manifests":[{"digest":"sha256:../../../etc/passwd"}]}',
        b'{"manifests":[{"digest":"md5:d41d8cd98f00b204e9800998ecf8427e","size":0}]}',
        b'{"manifests":[{"digest":"sha256:%064d","size":-1}]}' % 0,
        b'{"manifests":[{"digest":"sha256:%064d","size":1e3}]}' % 0,
        b'{"manifests":[{"digest":"sha256:%064d","size":%d}]}' % (0, 1 << 70),
        b'{"manifests":[{"digest":"\\ud800","size":1,"annotations":{"%s":"\\udfff"}}]}' % REF_NAME.encode(),
        b'{"manifests":[{"digest":"' + b"x" * 100_000 + b'"}]}',
    ],
)
def test_hostile_indexes(look, tmp_path, text) -> None:
    path = archive(tmp_path / "x.tar", ("index.json", text), ("oci-layout", b"{}"))
    for deep in (False, True):
        facts = look(f"oci-archive:{path}", deep=deep)
        assert facts.problems
        assert not facts.whole
        assert facts.found is Container.OCI_ARCHIVE
    docker = archive(tmp_path / "y.tar", ("manifest.json", text))
    facts = look(f"docker-archive:{docker}")
    assert facts.problems
    assert not facts.whole
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "manifest.json").write_bytes(text)
    facts = look(f"dir:{tmp_path / 'd'}", deep=True)
    assert facts.problems
    assert not facts.whole


VALUES: list[object] = [None, 0, -1, 1 << 80, 1.5, True, "", "x", "\ud800", [], [[]], {}, {"digest": "x"}, [None] * 3]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_any_value_in_any_field(look, tmp_path, value) -> None:
    good = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": "sha256:" + "0" * 64, "size": 2},
        "layers": [{"mediaType": OCI_LAYER, "digest": "sha256:" + "1" * 64, "size": 3}],
    }
    settings = {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "2" * 64]},
    }
    docker = {"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["l.tar"]}

    def variants(document, where=()):
        yield where
        for key, below in document.items() if isinstance(document, dict) else enumerate(document):
            yield from variants(below, (*where, key)) if isinstance(below, dict | list) else ((*where, key),)

    def replaced(document, where):
        if not where:
            return value
        copy = json.loads(json.dumps(document))
        at = copy
        for key in where[:-1]:
            at = at[key]
        at[where[-1]] = value
        return copy

    number = 0
    for document, role in ((good, "manifest"), (settings, "config"), ([docker], "docker")):
        for where in variants(document):
            number += 1
            work = tmp_path / str(number)
            text = json.dumps(replaced(document, where)).encode()
            if role == "docker":
                path = archive(
                    work, ("manifest.json", text), ("c.json", json.dumps(settings).encode()), ("l.tar", b"x")
                )
                look(f"docker-archive:{path}:a:1", deep=True)
                continue
            layout = Layout(work)
            config = layout.blob(text if role == "config" else json.dumps(settings).encode(), OCI_CONFIG)
            layer = layout.blob(b"layer", OCI_LAYER)
            manifest = (
                text if role == "manifest" else json.dumps({**good, "config": config, "layers": [layer]}).encode()
            )
            layout.write((None, layout.blob(manifest, OCI_MANIFEST)))
            facts = look(f"oci:{work}", deep=True)
            assert facts.found is Container.OCI
            if role == "manifest":
                assert not facts.whole
                (work / "manifest.json").write_bytes(text)  # here nothing beside the document says what it is
                assert not look(f"dir:{work}", deep=True).whole


def test_index_cycles_and_depth(look, tmp_path) -> None:
    layout = Layout(tmp_path / "cycle")
    name = "sha256:" + "a" * 64
    entry = {"mediaType": OCI_INDEX, "digest": name, "size": 10}
    (layout.directory / "blobs/sha256" / ("a" * 64)).write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    layout.write((None, entry))
    facts = look(f"oci:{layout.directory}", deep=True)
    assert "unsupported" in kinds(facts)
    assert any("holds itself" in problem.found for problem in facts.problems)
    deep = Layout(tmp_path / "deep")
    below = deep.image([layer_tar(1)])
    for _ in range(7):
        below = deep.index([below])
    deep.write((None, below))
    assert look(f"oci:{deep.directory}").whole
    for _ in range(20):
        below = deep.index([below])
    deep.write((None, below))
    facts = look(f"oci:{deep.directory}")
    assert kinds(facts) == {"unsupported"}
    assert not facts.whole


def test_more_than_evidence_can_hold(look, tmp_path) -> None:
    layout = Layout(tmp_path / "layout")
    image = layout.image([layer_tar(1)])
    layout.write(*((f"tag{number}", image) for number in range(100)))
    facts = look(f"oci:{layout.directory}:tag77")
    assert len(facts.images) == MAX_IMAGES
    assert facts.truncated
    assert facts.selected.names == ("tag77",)
    assert facts.whole
    many = Layout(tmp_path / "many")
    many.write((None, many.image([layer_tar(1, 10)] * 600)))
    facts = look(f"oci:{many.directory}")
    assert (len(facts.images[0].layers), facts.truncated, facts.whole) == (MAX_LAYERS, True, True)
    manifest = json.loads((many.directory / "blobs/sha256" / facts.images[0].manifest.digest[7:]).read_bytes())
    manifest["layers"] = [{"digest": f"sha256:{number:064x}", "size": 1} for number in range(600)]
    many.write((None, many.blob(json.dumps(manifest).encode(), OCI_MANIFEST)))
    facts = look(f"oci:{many.directory}")
    assert (len(facts.problems), facts.truncated, facts.whole) == (MAX_PROBLEMS, True, False)


def test_a_missing_layer_beyond_what_evidence_holds_counts(look, tmp_path) -> None:
    layout = Layout(tmp_path / "layout")
    layout.write((None, layout.image([layer_tar(n, 10) for n in range(520)])))
    assert look(f"oci:{layout.directory}").whole
    manifest = json.loads((layout.directory / "index.json").read_text())["manifests"][0]["digest"][7:]
    last = json.loads((layout.directory / "blobs/sha256" / manifest).read_bytes())["layers"][-1]["digest"][7:]
    (layout.directory / "blobs/sha256" / last).unlink()
    assert not look(f"oci:{layout.directory}").whole


def test_many_members(look, tmp_path) -> None:
    path = tmp_path / "many.tar"
    template = tarfile.TarInfo("usr/lib/0000000")
    block = bytearray(template.tobuf(tarfile.USTAR_FORMAT))
    base = sum(block) - sum(block[148:156]) + 8 * 32 - sum(block[8:15])
    with path.open("wb") as stream:
        for number in range(100_000):
            name = b"%07d" % number
            block[8:15] = name
            block[148:156] = b"%06o\0 " % (base + sum(name))
            stream.write(block)
        stream.write(bytes(1024))
    tracemalloc.start()
    facts = look(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (facts.archive.members, facts.archive.ending) == (100_000, Ending.END_BLOCKS)
    assert facts.found is Container.TAR
    assert peak < 16 << 20
    assert kinds(facts) == {"too-large"}, "not every name was remembered"
    facts = look(f"oci-archive:{path}", limits=Limits(headers=1000))
    assert facts.archive.ending is Ending.CAPPED


def test_what_was_not_seen_is_not_called_missing(look, tmp_path, oci_layout) -> None:
    path = pack(oci_layout, tmp_path / "image.tar")
    facts = look(f"oci-archive:{path}", limits=Limits(kept_members=1))
    states = {blob.state for image in facts.images for blob in image.blobs}
    assert BlobState.UNCHECKED in states
    assert BlobState.MISSING not in states
    assert not facts.whole
    assert kinds(facts) == {"too-large"}


def test_json_beyond_its_bounds_is_not_read(look, tmp_path) -> None:
    layout = Layout(tmp_path / "layout")
    big = layout.blob(b" " * (5 << 20), OCI_MANIFEST)
    layout.write((None, big))
    facts = look(f"oci:{layout.directory}")
    assert kinds(facts) == {"too-large"}
    assert facts.images[0].manifest.state is BlobState.UNCHECKED
    several = Layout(tmp_path / "several")
    several.write(*((f"t{n}", several.blob(b" " * (4 << 20) + b"%d" % n, OCI_MANIFEST)) for n in range(1, 4)))
    facts = look(f"oci:{several.directory}", limits=Limits(json_bytes=8 << 20, json_bytes_total=9 << 20))
    assert [image.manifest.state for image in facts.images][-1] is BlobState.UNCHECKED


def test_layer_bomb(look, tmp_path) -> None:
    layout = Layout(tmp_path / "layout")
    layout.write((None, layout.image([bytes(50 << 20)])))
    facts = look(f"oci:{layout.directory}", deep=True, limits=Limits(deep_decompressed_bytes=10 << 20))
    assert kinds(facts) == {"too-large"}
    assert facts.images[0].layers[0].state is BlobState.VERIFIED
    assert not facts.verification.agreed


def test_schema_1_is_not_guessed_at(look, tmp_path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"schemaVersion": 1, "fsLayers": [], "signatures": []}))
    (tmp_path / "version").write_text("Directory Transport Version: 1.1\n")
    facts = look(f"dir:{tmp_path}")
    assert kinds(facts) == {"unsupported"}
    assert not facts.whole


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutations(look, oci_layout, tmp_path, data) -> None:
    """Random bytes anywhere in an archive, its files compressed or not: facts, and what is whole is what was made."""
    kind = data.draw(st.sampled_from(["none", "gzip", "zstd", "xz"]))
    path = pack(oci_layout, tmp_path / "image.tar", kind)
    content = bytearray(path.read_bytes())
    good = digest(bytes(content))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        change = data.draw(st.sampled_from(["flip", "set", "delete", "insert", "zero"]))
        if change == "flip":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        elif change == "set":
            piece = data.draw(st.binary(max_size=20))
            content[at : at + len(piece)] = piece
        elif change == "delete":
            del content[at : at + data.draw(st.integers(1, 600))]
        elif change == "insert":
            content[at:at] = data.draw(st.binary(max_size=600))
        else:
            content[at : at + 512] = bytes(512)
        if not content:
            content = bytearray(b"x")
    path.write_bytes(content)
    transport = data.draw(st.sampled_from(["oci-archive", "docker-archive", "path"]))
    facts = look(path if transport == "path" else f"{transport}:{path}", deep=data.draw(st.booleans()))
    if digest(bytes(content)) == good:
        return
    if facts.whole and facts.verification is not None and facts.verification.agreed:
        assert {layer.state for image in facts.images for layer in image.layers} <= {BlobState.VERIFIED}
        assert facts.images[0].diff_ids == tuple(digest(layer_tar(n)) for n in range(2))


def test_special_files(look, tmp_path) -> None:
    os.mkfifo(tmp_path / "fifo")
    keeper = os.open(tmp_path / "fifo", os.O_RDWR)
    try:
        facts = look(f"oci-archive:{tmp_path / 'fifo'}")
    finally:
        os.close(keeper)
    assert (facts.found, facts.archive) == (Container.FILE, None)
    assert [(problem.kind, problem.found) for problem in facts.problems] == [("unsupported", "a FIFO")]
    facts = look("oci-archive:/dev/null")
    assert facts.problems[0].found == "a character device"
