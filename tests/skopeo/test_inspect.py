"""The real skopeo beside the native reader: where it agrees, what it refuses, when it is not asked."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from skopeo.asking import archive_facts, ask, look, not_seen, script, seen
from support.images import Built, ImageFactory, Layout, digest, layer_tar

from probe.evidence.image import Ending
from probe.evidence.observation import Reason
from probe.image.reference import parse_reference
from probe.skopeo.inspect import SMALL_ARCHIVE, inspect_with_skopeo
from probe.skopeo.workspace import MARGIN

# -- agreement


@pytest.mark.skopeo
@pytest.mark.parametrize("mode", ["auto", "always"])
@pytest.mark.parametrize(
    ("transport", "options"),
    [
        ("oci", {}),
        ("oci", {"layers": 1, "tag": None}),
        ("dir", {}),
        ("dir", {"docker": True}),
        ("oci-archive", {}),
        ("oci-archive", {"compression": "gzip"}),
        ("oci-archive", {"layer_compression": "none"}),
        ("docker-archive", {}),
    ],
)
def test_digests_agree(
    image_factory: ImageFactory, temp: Path, transport: str, options: dict[str, object], mode: str
) -> None:
    built = image_factory(transport, **options)  # type: ignore[arg-type]
    facts = look(built.reference)
    told = seen(ask(built.reference, temp, facts, mode=mode))
    image = facts.selected
    assert image is not None and image.config is not None
    assert told.exit_status == 0 and told.message == ""
    assert told.manifest_digest == image.manifest_digest
    assert told.config_digest == image.config.digest
    assert told.diff_ids == image.diff_ids and len(told.diff_ids) == options.get("layers", 2)
    assert told.agrees is True
    assert told.version == skopeo_version()


def skopeo_version() -> str:
    return subprocess.run(["skopeo", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]


@pytest.mark.skopeo
def test_compressed_docker_archive_agrees_or_is_refused(image_factory: ImageFactory, temp: Path) -> None:
    """skopeo 1.9.3 ends early in every compressed docker-archive; older and newer ones read it."""
    built = image_factory("docker-archive", compression="gzip")
    told = seen(ask(built.reference, temp, look(built.reference)))
    if told.exit_status == 0:
        assert told.agrees is True
    else:
        assert told.agrees is None and "unexpected EOF" in told.message


@pytest.mark.skopeo
@pytest.mark.parametrize("field", ["manifest_digest", "config", "diff_ids"])
def test_any_difference_is_told(image_factory: ImageFactory, temp: Path, field: str) -> None:
    built = image_factory("oci")
    facts = look(built.reference)
    image = facts.images[0]
    other = digest(b"another")
    assert image.config is not None
    changes = {
        "manifest_digest": other,
        "config": image.config.model_copy(update={"digest": other}),
        "diff_ids": (other, *image.diff_ids[1:]),
    }
    changed = facts.model_copy(update={"images": (image.model_copy(update={field: changes[field]}),)})
    assert seen(ask(built.reference, temp, changed)).agrees is False
    assert seen(ask(built.reference, temp, None)).agrees is None


@pytest.mark.skopeo
def test_index_of_many_platforms_goes_by_its_own_bytes(tmp_path: Path, temp: Path) -> None:
    layout = Layout(tmp_path / "layout")
    platforms = []
    for number, name in enumerate(("amd64", "arm64", "ppc64le", "s390x", "riscv64", "386", "arm")):
        entry = layout.image([layer_tar(number)], platform=("linux", name))
        platforms.append({**entry, "platform": {"os": "linux", "architecture": name}})
    index = layout.index(platforms)
    text = f"oci:{layout.write(('many', index))}:many"
    facts = look(text)
    told = seen(ask(text, temp, facts))
    assert told.manifest_digest == index["digest"]
    assert len(told.diff_ids) == 1
    assert told.agrees is True


# -- what is skipped


def test_never_asks_nobody(tmp_path: Path, temp: Path) -> None:
    answer = not_seen(ask(f"oci:{tmp_path}", temp, mode="never", binary="/nonexistent"))
    assert answer.reason is Reason.SKIPPED


def test_plain_path_is_no_question(tmp_path: Path, temp: Path) -> None:
    answer = not_seen(ask(str(tmp_path / "image.tar"), temp, binary="/nonexistent"))
    assert answer.reason is Reason.SKIPPED and "plain path" in answer.message


def test_skopeo_that_is_not_installed_is_absent(tmp_path: Path, temp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not_seen(ask(f"oci:{tmp_path}", temp)).reason is Reason.ABSENT
    assert not_seen(ask(f"oci:{tmp_path}", temp, binary=str(tmp_path / "none"))).reason is Reason.ABSENT
    (tmp_path / "plain").touch()
    answer = not_seen(ask(f"oci:{tmp_path}", temp, binary=str(tmp_path / "plain")))
    assert (answer.reason, answer.errno) == (Reason.DENIED, "EACCES")


@pytest.mark.parametrize("transport", ["oci-archive", "oci", "docker-archive"])
def test_path_with_a_colon_cannot_be_named(temp: Path, transport: str) -> None:
    reference = parse_reference(f"{transport}:/w/image.tar").model_copy(update={"path": "/w/we:ird.tar"})
    answer = not_seen(
        inspect_with_skopeo(reference, None, mode="always", temp_directory=str(temp), binary="/nonexistent")
    )
    assert answer.reason is Reason.SKIPPED and "colon" in answer.message


def test_auto_leaves_large_archives_alone(temp: Path) -> None:
    for changes in ({"size": SMALL_ARCHIVE}, {"compression": "gzip", "end_offset": SMALL_ARCHIVE}):
        answer = not_seen(
            ask("oci-archive:/w/i.tar", temp, archive_facts(**changes), mode="auto", binary="/nonexistent")
        )
        assert answer.reason is Reason.SKIPPED and str(SMALL_ARCHIVE) in answer.message
    small = not_seen(ask("oci-archive:/w/i.tar", temp, archive_facts(), mode="auto", binary="/nonexistent"))
    assert small.reason is Reason.ABSENT  # it went on to run it
    unread = not_seen(ask("oci-archive:/w/i.tar", temp, None, mode="auto", binary="/nonexistent"))
    assert unread.reason is Reason.SKIPPED


def test_compressed_archive_of_unknown_size_is_left_alone(temp: Path) -> None:
    facts = archive_facts(compression="gzip", ending=Ending.CAPPED)
    answer = not_seen(ask("oci-archive:/w/i.tar", temp, facts, binary="/nonexistent"))
    assert answer.reason is Reason.SKIPPED and "gzip" in answer.message


def test_room_is_asked_for_the_unpacked_size(temp: Path) -> None:
    facts = archive_facts(compression="gzip", size=1000, end_offset=1 << 60)
    answer = not_seen(ask("oci-archive:/w/i.tar", temp, facts, binary="/nonexistent"))
    assert answer.reason is Reason.SKIPPED and str((1 << 60) + MARGIN) in answer.message
    # a docker-archive is read in place
    in_place = archive_facts(size=1 << 60)
    assert not_seen(ask("docker-archive:/w/i.tar", temp, in_place, binary="/nonexistent")).reason is Reason.ABSENT


# -- refusals


@pytest.mark.skopeo
def test_refusal_is_seen_with_its_first_message(temp: Path, tmp_path: Path) -> None:
    told = seen(ask(f"oci-archive:{tmp_path}/missing.tar", temp))
    assert told.exit_status != 0
    assert "missing.tar" in told.message
    assert (told.manifest_digest, told.config_digest, told.diff_ids, told.agrees) == (None, None, (), None)


@pytest.mark.skopeo
def test_refusal_half_way_keeps_the_manifest(temp: Path, image_factory: ImageFactory, tmp_path: Path) -> None:
    built = image_factory("oci").copy_to(tmp_path)
    facts = look(built.reference)
    image = facts.selected
    assert image is not None and image.config is not None
    (built.path / "blobs" / "sha256" / image.config.digest.split(":")[1]).unlink()
    told = seen(ask(built.reference, temp, facts))
    assert (told.manifest_digest, told.config_digest, told.agrees) == (image.manifest_digest, None, None)
    assert told.exit_status != 0 and "no such file or directory" in told.message


@pytest.mark.skopeo
def test_truncated_archive_is_refused(temp: Path, image_factory: ImageFactory, tmp_path: Path) -> None:
    built = image_factory("oci-archive").copy_to(tmp_path)
    os.truncate(built.path, built.path.stat().st_size // 2)
    told = seen(ask(built.reference, temp, look(built.reference)))
    assert told.exit_status != 0 and "unexpected EOF" in told.message


@pytest.mark.skopeo
def test_names_that_are_no_utf8_and_blanks(temp: Path, image_factory: ImageFactory, tmp_path: Path) -> None:
    for transport in ("dir", "oci-archive"):
        source = image_factory(transport)
        there = Built(transport, Path(os.fsdecode(os.fsencode(tmp_path) + b"/a \\ b\xff-" + transport.encode())))
        os.symlink(source.path, there.path)
        facts = look(there.reference)
        told = seen(ask(there.reference, temp, facts))
        assert (told.exit_status, told.agrees) == (0, True), told.message


def test_masked_message_and_weird_answers(temp: Path, tmp_path: Path) -> None:
    program = script(
        tmp_path,
        """
        [ "$1" = --version ] && { echo "skopeo version 9.9.9-dev commit: abc"; exit 0; }
        echo 'time="2026-11-21T16:51:42Z" level=fatal msg="docker://robot:hunter2@quay.example/a: denied"' >&2
        exit 7
        """,
    )
    told = seen(ask(f"oci:{tmp_path}", temp, binary=program))
    assert (told.version, told.exit_status) == ("9.9.9-dev", 7)
    assert told.message == "docker://***@quay.example/a: denied"
    silent = seen(ask(f"oci:{tmp_path}", temp, binary=script(tmp_path, "kill -9 $$")))
    assert (silent.version, silent.exit_status) == ("", -9)
    assert "SIGKILL" in silent.message
    mute = seen(ask(f"oci:{tmp_path}", temp, binary=script(tmp_path, "exit 1")))
    assert mute.message == "exit status 1 without a message"


@pytest.mark.parametrize(
    "config",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"rootfs": 1}',
        '{"rootfs": {"diff_ids": [1, null, "x", {}]}}',
        '{"rootfs": {"diff_ids": {}}}',
    ],
)
def test_config_of_any_shape(temp: Path, tmp_path: Path, config: str) -> None:
    (tmp_path / "config").write_text(config)
    program = script(
        tmp_path,
        f"""
        case "$*" in *--config*) cat {tmp_path}/config;; *) printf x;; esac
        """,
    )
    told = seen(ask(f"oci:{tmp_path}", temp, binary=program))
    assert told.manifest_digest == digest(b"x")
    assert told.config_digest == digest(config.encode())
    assert told.diff_ids == ()


def test_no_more_diff_ids_than_a_report_holds(temp: Path, tmp_path: Path) -> None:
    config = json.dumps({"rootfs": {"diff_ids": [digest(b"%d" % number) for number in range(2000)]}})
    (tmp_path / "config").write_text(config)
    told = seen(ask(f"oci:{tmp_path}", temp, binary=script(tmp_path, f"cat {tmp_path}/config")))
    assert len(told.diff_ids) == 512
