"""A small file is there whole or not at all, and readable, whatever the umask, the disk and the moment."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from support.stage import Stage

from probe.handoff.seal.durable import Draft, write_file


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_everybody_may_read_it_whatever_the_umask(umask: int, place: Path) -> None:
    before = os.umask(umask)
    try:
        write_file(os.fsencode(place / "seal"), b"{}\n")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(place / "seal").st_mode) == 0o644
    assert os.listdir(place) == ["seal"]


def test_the_old_one_stays_until_the_new_one_has_its_name(place: Path) -> None:
    path = place / "seal"
    path.write_bytes(b"old")
    with Draft(os.fsencode(path)) as draft:
        draft.write(b"new and longer")
        (temporary,) = set(os.listdir(place)) - {"seal"}
        assert stat.S_IMODE(os.stat(place / temporary).st_mode) == 0o600
        assert path.read_bytes() == b"old"
        draft.write(b"new")
        draft.publish()
        assert path.read_bytes() == b"new"
    assert os.listdir(place) == ["seal"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.EIO, "x"), SystemExit])
def test_a_draft_that_is_given_up_leaves_nothing(error: BaseException | type[BaseException], place: Path) -> None:
    with pytest.raises(BaseException), Draft(os.fsencode(place / "seal")) as draft:  # noqa: B017
        draft.write(b"half")
        raise error
    assert os.listdir(place) == []


def test_a_link_at_the_name_is_replaced_and_what_it_leads_to_stays(place: Path) -> None:
    (place / "elsewhere").write_bytes(b"precious")
    (place / "seal").symlink_to("elsewhere")
    write_file(os.fsencode(place / "seal"), b"{}")
    assert not (place / "seal").is_symlink()
    assert (place / "elsewhere").read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["absent/seal", "file/seal", "directory", ""])
def test_what_cannot_be_written_is_an_oserror_and_leaves_nothing(name: str, place: Path) -> None:
    (place / "file").write_bytes(b"")
    (place / "directory").mkdir()
    with pytest.raises(OSError):
        write_file(os.path.join(os.fsencode(place), os.fsencode(name)), b"{}")
    assert sorted(os.listdir(place)) == ["directory", "file"]
    assert os.listdir(place / "directory") == []


def test_a_relative_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    write_file(b"seal", b"{}")
    assert (place / "seal").read_bytes() == b"{}"


@pytest.mark.root
def test_a_directory_that_may_be_written_and_not_listed(place: Path, people: Stage) -> None:
    """Nothing but the sync of the name asks for r on it."""
    place.chmod(0o733)

    def act() -> str:
        write_file(os.fsencode(place / "seal"), b"{}")
        return (place / "seal").read_text()

    assert people.run(act) == "{}"


@pytest.mark.root
@pytest.mark.parametrize("size", ["4k", "8k"])
def test_a_full_disk(size: str, place: Path, people: Stage) -> None:
    def act() -> str:
        (place / "seal").write_bytes(b"old")
        with pytest.raises(OSError) as caught:
            write_file(os.fsencode(place / "seal"), bytes(100_000))
        assert caught.value.errno == errno.ENOSPC
        assert os.listdir(place) == ["seal"]
        return (place / "seal").read_text()

    def prepare() -> None:
        assert os.system(f"mount -t tmpfs -o size={size} tmpfs {place} && chmod 777 {place}") == 0

    assert people.run(act, prepare=prepare) == "old"
