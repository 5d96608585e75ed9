"""Remedies that are pasted into a shell say what they were meant to say, whatever a file is called."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.access.quote import quote_path
from probe.classify.remedy import publish, reference_words
from probe.classify.verdict import Fix
from probe.evidence.base import path_text

_NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"/" not in name and b"\0" not in name)
_PATHS = st.lists(_NAMES, min_size=1)


def words(text: str) -> list[bytes]:
    """What sh(1) makes of it."""
    ran = subprocess.run(["sh", "-c", f"printf '%s\\0' {text}"], capture_output=True, check=True)
    return ran.stdout.split(b"\0")[:-1]


@settings(max_examples=150, deadline=None)
@given(_PATHS)
def test_a_path_is_one_word_again(names: list[bytes]) -> None:
    path = b"/" + b"/".join(names)
    assert words(quote_path(path_text(path))) == [path]
    assert words(reference_words("oci-archive", path_text(path))) == [b"oci-archive:" + path]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=30))
def test_a_name_inside_an_archive_is_part_of_that_word(name: str) -> None:
    assert words(reference_words("oci-archive", "/a", name)) == [f"oci-archive:/a:{name}".encode()]


def test_a_usual_reference_is_written_as_usual() -> None:
    assert reference_words("oci-archive", "/w/oci/image.tar") == "oci-archive:/w/oci/image.tar"
    assert reference_words("docker-archive", "/w/a.tar", "app:1") == "docker-archive:/w/a.tar:app:1"


def test_the_publishing_recipe_works(tmp_path: Path) -> None:
    target = tmp_path / "it's an image.tar"
    command = publish(str(target)).command
    assert command is not None
    made = command.replace("skopeo copy SOURCE oci-archive:", "echo whole > ")
    assert made != command
    subprocess.run(["sh", "-ec", made], check=True)
    assert target.read_text() == "whole\n"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("length", [4096, 65_536, 65_537])
def test_a_command_is_whole_or_not_there(length: int) -> None:
    fix = Fix(sentence="s" * 9000, command="c" * length, yaml="y" * length)
    expected = length if length <= 65_536 else None
    assert (fix.command and len(fix.command)) == (fix.yaml and len(fix.yaml)) == expected
    assert len(fix.sentence) == 4096
