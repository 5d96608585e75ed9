"""The logs of real runs: what the notes of each run call its proof is read, with its line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from probe.evidence.base import parse_timestamp
from probe.evidence.transcript import (
    CapabilitiesStated,
    Claimed,
    CommandStated,
    DigestLevel,
    DigestStated,
    ExitStated,
    FailureStated,
    IdentityStated,
    InodeStated,
    MountStated,
    RemarkStated,
    Transcript,
    UmaskStated,
)
from probe.transcript.importing import import_text

CAPTURES = Path(__file__).parents[1] / "captures"
LOGS = sorted(CAPTURES.glob("*/logs/*.log"))
F = "/workspace/source/oci/image.tar"


def read(capture: str, container: str) -> Transcript:
    """The log of one container, by parts of the names."""
    (path,) = [log for log in LOGS if log.parts[-3].startswith(capture) and container in log.name]
    (one,) = import_text(path.read_text(), str(path))
    return one


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_every_log_is_read(path: Path) -> None:
    """Whose it is by its name, when by its lines; nearly all of it is understood."""
    (one,) = import_text(path.read_text(), str(path))
    pod, _, container = path.name.removesuffix(".log").rpartition(".")
    assert (one.source.pod, one.source.container) == (pod, container)
    assert one.first is not None
    assert one.last is not None
    assert one.first <= one.last
    assert one.statements
    assert all(statement.at is not None for statement in one.statements)
    assert one.dropped == 0
    written = [line for line in path.read_text().splitlines() if line[31:].strip()]
    archive = [line for line in written if "root/root" in line]
    assert one.unparsed_lines - len(archive) <= max(4, len(written) // 10)


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_what_is_absolute_lies_in_a_known_place(path: Path) -> None:
    (one,) = import_text(path.read_text(), str(path))
    for inode in one.statements:
        if isinstance(inode, InodeStated) and inode.path.startswith("/"):
            assert (
                inode.path.startswith(("/workspace", "/tekton", "/var/tmp", "/home/jovyan", "/home"))
                or inode.path == "/"
            )


def test_who_it_was_and_what_it_may() -> None:
    one = read("16", "push-to-internal")
    (identity,) = [s for s in one.statements if isinstance(s, IdentityStated)]
    assert (identity.uid, identity.groups, identity.line) == (0, (0, 1000970000), 11)
    sets = {s.set: s.names for s in one.statements if isinstance(s, CapabilitiesStated)}
    assert sets["effective"] == sets["bounding"] == ()
    other = read("16", "push-to-quay")
    assert any("CAP_DAC_OVERRIDE" in s.names for s in other.statements if isinstance(s, CapabilitiesStated))


def test_the_chain_of_directories() -> None:
    one = read("14", "push-to-quay")
    known = {(s.path, f"{s.mode:04o}", s.uid, s.gid) for s in one.statements if isinstance(s, InodeStated)}
    assert known >= {
        ("/", "0755", None, 0),
        ("/workspace", "2777", None, 1000970000),
        ("/workspace/source", "2775", None, 1000970000),
        ("/workspace/source/oci", "2700", None, 1000970000),
    }
    assert not any(path == F for path, *_ in known)


def test_the_umask_of_the_writer() -> None:
    assert [s.umask for s in read("14", "step-build").statements if isinstance(s, UmaskStated)] == [0o077]
    assert [s.umask for s in read("10", "step-build").statements if isinstance(s, UmaskStated)] == [0o022]


def test_a_loop_that_waits() -> None:
    one = read("14", "push-to-quay")
    claims = Counter(s.claimed for s in one.statements if isinstance(s, RemarkStated))
    assert claims == {Claimed.ABSENT: 15, Claimed.PRESENT: 1, Claimed.NOT_READABLE: 31}
    last = [s for s in one.statements if isinstance(s, RemarkStated)][-1]
    assert (last.line, last.path, last.attempt) == (47, F, 30)


def test_a_loop_that_does_not_wait() -> None:
    first = read("13", "push-to-quay").statements[0]
    assert isinstance(first, RemarkStated)
    assert (first.claimed, first.size, first.attempt) == (Claimed.READABLE, 61865984, 0)
    assert first.at == parse_timestamp("2026-11-21T17:32:55.964694971Z"), "the collector's time, not the script's own"


def test_attempts_that_end_early_and_one_that_does_not() -> None:
    one = read("12", "push-to-quay")
    kinds = [str(s.failure.kind) for s in one.statements if isinstance(s, FailureStated)]
    assert kinds == ["archive-ended"] * 8 + ["file"] * 3
    assert [s.status for s in one.statements if isinstance(s, ExitStated)] == [1] * 11 + [0]
    assert {s.program for s in one.statements if isinstance(s, ExitStated)} == {"skopeo"}
    sizes = [s.size for s in one.statements if isinstance(s, RemarkStated) and s.claimed is Claimed.SIZE]
    assert sizes == sorted(sizes)
    assert len(sizes) == 12


def test_a_writer_that_tells_what_it_does() -> None:
    remarks = [s for s in read("12", "step-build").statements if isinstance(s, RemarkStated)]
    assert [(s.claimed, s.path, s.size) for s in remarks] == [
        (Claimed.BEGUN, F, 216109568),
        (Claimed.COMPLETE, "", 216109568),
    ]


def test_two_references() -> None:
    reads = {
        name: [
            reference.text
            for s in read("11", name).statements
            if isinstance(s, CommandStated)
            for reference in s.invocation.reads
        ]
        for name in ("push-to-internal", "push-to-quay")
    }
    assert reads == {"push-to-internal": [f"oci-archive:{F}"], "push-to-quay": ["dir:/workspace/source/oci"]}


def test_access_that_goes_away() -> None:
    one = read("15", "push-to-quay")
    groups = [(s.line, s.gid) for s in one.statements if isinstance(s, InodeStated) and s.path == "oci"]
    assert groups[0] == (45, 1000970000)
    assert [gid for _, gid in groups] == [1000970000] * 9 + [1000660000] * 25
    refused = [s for s in one.statements if isinstance(s, FailureStated) and s.failure.tool == "stat"]
    assert (refused[0].line, refused[0].failure.errno, refused[0].failure.path) == (54, "EACCES", F)
    assert refused[0].at == parse_timestamp("2026-11-21T17:37:47.819368823Z")


def test_the_file_that_stat_shows() -> None:
    one = read("20", "push-to-quay")
    (inode,) = [s for s in one.statements if isinstance(s, InodeStated) and s.command == "stat"]
    assert (inode.path, inode.line, inode.lines) == (F, 25, 8)
    assert (inode.device, inode.inode, inode.size, inode.blocks, inode.links) == ("7:0", 34273962, 15763456, 30792, 1)
    assert inode.modified == parse_timestamp("2026-11-18T09:12:44Z")
    assert inode.changed == parse_timestamp("2026-11-21T17:35:24.784789527Z")
    by_ls = [s for s in one.statements if isinstance(s, InodeStated) and s.path == F and s.command == "ls"]
    assert {(s.modified, s.modified_within) for s in by_ls} == {(parse_timestamp("2026-11-18T09:12:00Z"), 60.0)}


def test_digests_of_a_push_and_of_a_build() -> None:
    build = [s for s in read("10", "step-build").statements if isinstance(s, DigestStated)]
    push = [s for s in read("10", "push-to-quay").statements if isinstance(s, DigestStated)]
    assert [s.level for s in build] == [DigestLevel.MANIFEST, *[DigestLevel.DIFF_ID] * 3]
    assert [s.level for s in push] == [*[DigestLevel.LAYER] * 3, DigestLevel.CONFIG, DigestLevel.MANIFEST]
    assert build[0].digest == push[-1].digest
    other = [s for s in read("20", "push-to-quay").statements if isinstance(s, DigestStated)]
    assert other[-1].level is DigestLevel.MANIFEST
    assert other[-1].digest != build[0].digest


def test_mounts_of_a_volume() -> None:
    found = [
        s
        for s in read("04", "push-a").statements
        if isinstance(s, MountStated) and s.mount_point == "/workspace/source"
    ]
    assert [s.filesystem for s in found] == ["xfs", "xfs"]
    assert found[0].root is None, "mount(8) does not show it"
    assert found[1].root is not None
    assert found[1].root.startswith("/csi-data")
    assert found[1].device == "7:0"
